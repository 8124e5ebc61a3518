"""Frames out of video files, upright, with square pixels and in the wanted size, by PyAV."""

from __future__ import annotations

import itertools
import math
import re
from collections.abc import Iterator
from typing import BinaryIO

import numpy as np

from dvdgan_tf.prepare.decoders.scaling import av, scaled
from dvdgan_tf.prepare.listing import BadClip, Frame, Part, Rules

_TOLERATED_LOSS = 0.05  # containers round their frame counts and durations
_LONGEST_PICTURE_SECONDS = 60.0  # resampled by time; a longer one is a fault of the time stamps


def video_frames(file: str | BinaryIO, rules: Rules, part: Part | None = None) -> Iterator[Frame]:
    """Decodes a video.

    Args:
        file: path of the video, or the video open for reading and seekable.
        rules: size, channels and frame rate.
        part: what to take; None takes all.

    Yields:
        Frames, uint8.

    Raises:
        BadClip: no video, cut short, or damaged beyond decoding.
    """
    with open_video(file) as container:
        stream = container.streams.video[0]
        stream.thread_type = 'NONE'  # clips are decoded in parallel by processes
        rate = average_rate(stream)
        if part is None or (part.may_be_cut_already and duration(container, stream) <= 1.5 * (part.end - part.start)):
            part = Part()
        if (part.start, part.end) == (0.0, math.inf):
            frames = _complete(_decoded(container, stream), container, stream, rate)
        else:
            frames = _between(container, stream, part, rate)
        if rules.fps is not None:
            frames = _resampled(frames, rules.fps, rate)
            rate = rules.fps
        for frame in _counted(frames, part):
            yield _picture(frame, stream, rules, rate)


def open_video(file: str | BinaryIO) -> av.container.InputContainer:
    """The video, which has a video stream.

    Raises:
        BadClip: it is none.
    """
    try:
        container = av.open(file)
    except (FileNotFoundError, PermissionError):
        raise
    except (av.FFmpegError, OSError, IndexError, ValueError) as error:
        raise BadClip(f'is not a video that can be opened ({_reason(error)})') from None
    if not container.streams.video:
        container.close()
        raise BadClip('holds no video stream')
    return container


def average_rate(stream: av.VideoStream) -> float:
    """Frames per second; 25 where the file does not say."""
    return float(stream.average_rate or stream.guessed_rate or 0) or 25.0


def duration(container: av.container.InputContainer, stream: av.VideoStream) -> float:
    """Seconds of the video stream; 0 where the file does not say."""
    if stream.duration:
        return float(stream.duration * stream.time_base)
    first = float((stream.start_time or 0) * stream.time_base)
    # Matroska notes where the stream ends, not how long it is; some writers note no time of a clock there.
    tag = re.fullmatch(r'(\d+):(\d+):(\d+(?:\.\d+)?)', stream.metadata.get('DURATION', ''))
    if tag:
        return max(0.0, 3600 * int(tag[1]) + 60 * int(tag[2]) + float(tag[3]) - first)
    if container.duration and len(container.streams) == 1:
        return max(0.0, container.duration / av.time_base - first)
    return 0.0


def _reason(error: Exception) -> str:
    return getattr(error, 'strerror', None) or str(error) or type(error).__name__


def _decoded(container: av.container.InputContainer, stream: av.VideoStream) -> Iterator[av.VideoFrame]:
    """The frames in the order of presentation."""
    count = 0
    try:
        for frame in container.decode(stream):
            count += 1
            yield frame
    except (av.FFmpegError, OSError, ValueError) as error:
        raise BadClip(f'is damaged: decoding stops after {count} frames ({_reason(error)})') from None


def _between(
    container: av.container.InputContainer, stream: av.VideoStream, part: Part, rate: float
) -> Iterator[av.VideoFrame]:
    """The frames between two times; raises BadClip at the end if the video ends before the part."""
    first = float((stream.start_time or 0) * stream.time_base)
    start, end = first + part.start, first + part.end
    whole = duration(container, stream)
    try:
        container.seek(int(start / stream.time_base), stream=stream)
    except (av.FFmpegError, OSError, ValueError, OverflowError) as error:
        raise BadClip(f'cannot be entered at {part.start:g} seconds ({_reason(error)})') from None
    last = None
    for frame in _decoded(container, stream):
        if frame.time is not None:
            if frame.time < start - 1e-6:
                continue
            if frame.time >= end - 1e-6:
                return
            last = frame.time
        yield frame
    held = 0.0 if last is None else last + 1 / rate - start
    wanted = min(part.end, whole or part.end) - part.start
    if held <= 0 or (wanted < math.inf and held < wanted * (1 - _TOLERATED_LOSS) - 1 / rate):
        raise BadClip(f'ends {held:.2f} seconds into the part that starts at second {part.start:g}')


def _complete(
    frames: Iterator[av.VideoFrame], container: av.container.InputContainer, stream: av.VideoStream, rate: float
) -> Iterator[av.VideoFrame]:
    """The same frames; raises BadClip at the end if there were fewer than the container declares."""
    count, first = 0, 0.0
    for frame in frames:
        if count == 0:
            first = frame.time
        count += 1
        yield frame
    if count == 0:
        raise BadClip('holds no frame')
    lasted = count if frame.time is None or first is None else max(count, (frame.time - first) * rate + 1)
    seconds = duration(container, stream) * rate
    declared, held = (float(stream.frames), float(count)) if stream.frames else (seconds, lasted)
    if 'mp4' in container.format.name and 0 < seconds < declared:
        # What was cut out of another mp4 may declare frames before its beginning, which are not shown.
        declared, held = seconds, lasted
    if held < declared * (1 - _TOLERATED_LOSS) - 1:
        raise BadClip(f'is cut short: {count} frames of about {round(declared)}')


def _counted(frames: Iterator[av.VideoFrame], part: Part) -> Iterator[av.VideoFrame]:
    """The frames that a part counts."""
    if part.frames is None:
        yield from itertools.islice(frames, part.skip, None)
        return
    count = 0
    for frame in itertools.islice(frames, part.skip, part.skip + part.frames):
        count += 1
        yield frame
    if count < part.frames:
        raise BadClip(f'ends after {count} of the {part.frames} frames of this part')


def _resampled(frames: Iterator[av.VideoFrame], fps: float, rate: float) -> Iterator[av.VideoFrame]:
    """At every 1/fps seconds the frame that is on screen then."""
    shown, shown_at, first, emitted = None, 0.0, 0.0, 0
    for number, frame in enumerate(frames):
        time = number / rate if frame.time is None else frame.time
        if shown is None:
            first = time
        elif time <= shown_at:
            raise BadClip(f'has time stamps that do not increase at frame {number}: it cannot be resampled by time')
        elif time - shown_at > _LONGEST_PICTURE_SECONDS:
            gap = time - shown_at
            raise BadClip(f'shows nothing new for {gap:.0f} seconds at frame {number}: it cannot be resampled by time')
        else:
            while first + emitted / fps < time - 1e-6:
                yield shown
                emitted += 1
        shown, shown_at = frame, time
    while shown is not None and first + emitted / fps < shown_at + 1 / rate - 1e-6:
        yield shown
        emitted += 1


def _picture(frame: av.VideoFrame, stream: av.VideoStream, rules: Rules, rate: float) -> Frame:
    """uint8 [height, width, channels], upright and with square pixels."""
    shown_width = frame.width * float(stream.sample_aspect_ratio or 1)
    width, height = rules.scaled_size(shown_width, frame.height)
    grey = rules.channels == 1
    array = scaled(frame, width, height, 'gray' if grey else 'rgb24')
    if frame.rotation:
        array = np.rot90(array, round(frame.rotation / 90))
    pixels = array[..., None] if grey else array
    return Frame(pixels, rate, frame.is_corrupt, rules.enlarges(shown_width, frame.height))
