"""What a data set is before it is prepared: a list of clips, and the rules by which their frames are stored."""

from __future__ import annotations

import dataclasses
import math
from collections.abc import Sequence
from typing import NamedTuple

import numpy as np

from dvdgan_tf.errors import InputError

TRAIN, TEST = 'train', 'test'
_MOST_PIXELS = 64_000_000  # a frame of 8K has 33 million; what claims more is damaged


class BadClip(Exception):
    """This clip cannot be stored; the others can. The message is the reason, without the clip's name."""


@dataclasses.dataclass(frozen=True)
class Part:
    """A part of a longer video.

    Attributes:
        start: seconds after the first frame.
        end: seconds after the first frame; infinity is the end of the video.
        skip: this many frames from there on are left out.
        frames: exactly so many are taken; None takes all.
        may_be_cut_already: a video that is not longer than the part is taken whole, whatever the times say.
    """

    start: float = 0.0
    end: float = math.inf
    skip: int = 0
    frames: int | None = None
    may_be_cut_already: bool = False


class Frame(NamedTuple):
    """A decoded frame.

    Attributes:
        pixels: [height, width, channels].
        fps: frames per second, 0 where the source has no rate.
        damaged: the decoder reports damage.
        enlarged: the source is smaller than what is stored.
    """

    pixels: np.ndarray
    fps: float = 0.0
    damaged: bool = False
    enlarged: bool = False


@dataclasses.dataclass(frozen=True)
class SourceClip:
    """One clip as it lies in the source.

    Attributes:
        name: unique within the data set and stable over machines, mostly the path below the input folder.
        path: what to open: a video, a folder of images, an array file, a TFRecord file.
        kind: how to read it, one of 'video', 'images', 'strip', 'array', 'radar', 'bair'.
        label: class number.
        split: which part of the data set it belongs to, such as 'train'.
        group: clips of one group (a person, a recording) must not lie in two splits.
        part: what of the video is the clip; None is the whole.
        place: where in the file the clip is, as the kind's reader understands it: names of frames in a folder of
            images, (number, array's name, layout) of an array, (unit, minutes between frames, ((file, number), ...)) of
            radar, (byte offset, camera) of a BAIR record.
    """

    name: str
    path: str
    kind: str = 'video'
    label: int = 0
    split: str = TRAIN
    group: str = ''
    part: Part | None = None
    place: tuple = ()


@dataclasses.dataclass(frozen=True)
class Listing:
    """A data set before it is prepared.

    Attributes:
        clips: everything that there is to store.
        class_names: by class number.
        absent: (name, reason) of what the lists name and the folder does not hold, and of what cannot be used.
        lossless: the frames are exact and should stay so.
        dtype: of the frames, 'uint8' or 'float32'.
        missing: pixels may be NaN, not known.
        unit: of the numbers in frames, where one is known.
    """

    clips: tuple[SourceClip, ...]
    class_names: tuple[str, ...]
    absent: tuple[tuple[str, str], ...] = ()
    lossless: bool = False
    dtype: str = 'uint8'
    missing: bool = False
    unit: str = ''


@dataclasses.dataclass(frozen=True)
class Rules:
    """How frames are stored.

    Attributes:
        encoding: 'jpeg', 'png' or 'raw'.
        short_side: pixels of the shorter side after resizing; None keeps the size.
        channels: 1 (grey) or 3 (colour); None keeps what the source has.
        fps: resample videos to this rate by their time stamps; None keeps every frame.
        quality: of JPEG.
        decoder: 'pyav' or 'tfio'.
    """

    encoding: str = 'jpeg'
    short_side: int | None = None
    channels: int | None = None
    fps: float | None = None
    quality: int = 95
    decoder: str = 'pyav'

    def scaled_size(self, width: float, height: float) -> tuple[int, int]:
        """(width, height) in whole pixels after resizing, with the aspect kept.

        Raises:
            BadClip: they are not the sizes of a picture.
        """
        factor = 1.0 if self.short_side is None else self.short_side / min(width, height)
        size = max(1, round(width * factor)), max(1, round(height * factor))
        if size[0] * size[1] > _MOST_PIXELS:
            raise BadClip(f'would have frames of {size[0]}x{size[1]} pixels, more than {_MOST_PIXELS // 10**6} million')
        return size

    def enlarges(self, width: float, height: float) -> bool:
        """Whether frames of this size become larger."""
        return self.short_side is not None and self.short_side > min(width, height)


def printable(listing: Listing) -> Listing:
    """The same with names that can be written as UTF-8: bytes that are no letters read as in \\xff."""

    def text(name: str) -> str:
        try:
            return name.encode('utf-8', 'surrogateescape').decode('utf-8', 'backslashreplace')
        except UnicodeEncodeError:
            return name.encode('utf-8', 'backslashreplace').decode()

    clips = tuple(
        dataclasses.replace(clip, name=text(clip.name), group=text(clip.group), split=text(clip.split))
        for clip in listing.clips
    )
    absent = tuple((text(name), text(reason)) for name, reason in listing.absent)
    return dataclasses.replace(listing, clips=clips, class_names=tuple(map(text, listing.class_names)), absent=absent)


def parse_range(words: Sequence[str]) -> tuple[float, float]:
    """(lowest, highest) from two words.

    Raises:
        InputError: they are not two increasing numbers.
    """
    try:
        low, high = map(float, words)
    except ValueError:
        low = high = 0.0
    if not low < high:
        raise InputError(f'--value_range={",".join(words)} is not two increasing numbers: give --value_range=LOW,HIGH.')
    return low, high
