"""Films into clips: parts of one length, or scenes. All parts of a film are one group, which no split tears apart."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterator
from typing import Callable

from dvdgan_tf.data import remote
from dvdgan_tf.errors import InputError
from dvdgan_tf.prepare.listing import BadClip, Listing, Part, SourceClip


@dataclasses.dataclass(frozen=True)
class Cutting:
    """How films are cut.

    Attributes:
        seconds: length of a clip.
        frames: or the length in frames, after resampling if there is some.
        stride: from the start of a clip to that of the next, in the same unit; None is the length.
        scenes: cut at changes of the scene first: a clip lies in one scene; without a length it is the scene.
        fps: the rate to which frames are resampled; None is the film's own.
    """

    seconds: float | None = None
    frames: int | None = None
    stride: float | None = None
    scenes: bool = False
    fps: float | None = None

    def __post_init__(self) -> None:
        if self.seconds and self.frames:
            raise InputError('--clip_seconds and --clip_frames were both given: choose one.')
        if self.stride and not self.length:
            raise InputError('--clip_stride was given without a length: give --clip_seconds or --clip_frames too.')
        if self.frames and self.stride and self.stride != int(self.stride):
            raise InputError(f'--clip_stride={self.stride} with --clip_frames is in frames: give a whole number.')

    @property
    def length(self) -> float | None:
        """Of a clip, in its unit."""
        return self.seconds or self.frames

    @property
    def cuts(self) -> bool:
        """Whether anything is to be cut."""
        return bool(self.length or self.scenes)


def cut(listing: Listing, cutting: Cutting, report: Callable[[int, int], None] = lambda done, total: None) -> Listing:
    """The same listing with every video cut into clips.

    Args:
        listing: of videos.
        cutting: how.
        report: called with how many films of how many have been looked at.

    Raises:
        InputError: something is no video file, or PyAV, or what finds scenes, is not installed.
    """
    if not cutting.cuts:
        return listing
    clips, absent = [], list(listing.absent)
    for number, clip in enumerate(listing.clips):
        report(number, len(listing.clips))
        if clip.kind != 'video':
            raise InputError(f'{clip.name} is no video file: only these can be cut into clips.')
        try:
            parts = list(_parts(clip, cutting))
        except BadClip as reason:
            absent.append((clip.name, str(reason)))
            continue
        clips += [dataclasses.replace(clip, name=name, part=part) for name, part in parts]
        if not parts:
            absent.append((clip.name, f'is shorter than a clip of {cutting.length:g} {_unit(cutting)}'))
    return dataclasses.replace(listing, clips=tuple(clips), absent=tuple(absent))


def _unit(cutting: Cutting) -> str:
    return 'frames' if cutting.frames else 'seconds'


def _parts(clip: SourceClip, cutting: Cutting) -> Iterator[tuple[str, Part]]:
    """(name, part) of every clip of one film."""
    rate, length = film_facts(clip)
    whole = clip.part or Part()
    first, last = whole.start, min(whole.end, length)
    scenes = [(first, last)]
    if cutting.scenes:
        from dvdgan_tf.prepare.sources import scenes as finder

        cuts = [time for time in finder.scene_cuts(clip.path) if first < time < last]
        scenes = list(zip([first, *cuts], [*cuts, last]))
    half_a_frame = 0.5 / rate
    scale = (cutting.fps or rate) if cutting.frames else 1.0  # of the unit to a second
    for start, end in scenes:
        if cutting.length is None:
            yield f'{clip.name}#{start:.2f}-{end:.2f}', Part(start, end)
            continue
        room = (end - start + half_a_frame) * scale - cutting.length
        for number in range(int(room // (cutting.stride or cutting.length)) + 1):
            time = start + number * (cutting.stride or cutting.length) / scale
            if cutting.frames:
                part = Part(max(0.0, time - half_a_frame), frames=cutting.frames)
            else:
                part = Part(time, time + cutting.seconds)
            yield f'{clip.name}#{time:.2f}', part


def film_facts(clip: SourceClip) -> tuple[float, float]:
    """(frames per second, seconds) of a video as its file declares them.

    Raises:
        BadClip: it cannot be opened, or does not say how long it is.
        InputError: PyAV is not installed.
    """
    from dvdgan_tf.prepare.decoders import pyav  # raises where PyAV is missing

    try:
        with remote.open_input(clip.path) as file, pyav.open_video(file) as container:
            stream = container.streams.video[0]
            rate = pyav.average_rate(stream)
            seconds = pyav.duration(container, stream) or stream.frames / rate
    except FileNotFoundError:
        raise BadClip('is missing') from None
    except OSError as error:
        raise BadClip(f'may not be read ({error})') from None
    if not seconds:
        raise BadClip('does not say how long it is, so that it cannot be cut into clips')
    return rate, seconds
