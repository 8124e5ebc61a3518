"""Frames out of video files, upright, with square pixels and in the wanted size.

PyAV decodes; without it the import of this module raises an InputError. One reformatter per process scales and
converts, many times faster than a new one for every frame. The flags for exact rounding and full chroma are needed:
without them swscale darkens pictures by one level in 255.
"""

import functools
import operator
from fractions import Fraction
from typing import BinaryIO, Callable, Iterator, Optional, Union

import numpy as np

from dvdgan_tf.errors import InputError
from dvdgan_tf.prepare.listing import BadClip, Rules

try:
    import av
    from av.video.reformatter import Interpolation, VideoReformatter
except ImportError as error:
    raise InputError(f'videos are read by PyAV, and {error}: pip install "dvdgan_tf[video]".') from None

# swscale widens the bilinear kernel where it shrinks a picture: it is antialiased.
_FLAGS = ('BILINEAR', 'ACCURATE_RND', 'BITEXACT', 'FULL_CHR_H_INT', 'FULL_CHR_H_INP')
_TOLERATED_LOSS = 0.05  # containers round their frame counts and durations


@functools.lru_cache(maxsize=1)
def _reformatter() -> Optional[Callable[..., av.VideoFrame]]:
    """Scales and converts frames; None before PyAV 18, whose reformatter does not take the flags."""
    if not hasattr(Interpolation, 'ACCURATE_RND'):
        return None
    flags = functools.reduce(operator.or_, (getattr(Interpolation, flag) for flag in _FLAGS))
    return functools.partial(VideoReformatter().reformat, interpolation=flags, threads=1)


@functools.lru_cache(maxsize=4)
def _graph(source: tuple[int, int, str], width: int, height: int, pixels: str) -> av.filter.Graph:
    """The same by a filter graph, a little slower, for frames of one size and format."""
    graph = av.filter.Graph()
    start = graph.add_buffer(width=source[0], height=source[1], format=source[2], time_base=Fraction(1, 1000))
    scale = graph.add('scale', f'{width}:{height}:flags={"+".join(_FLAGS).lower().replace("chr_h", "chroma")}')
    ends = graph.add('format', f'pix_fmts={pixels}'), graph.add('buffersink')
    for first, second in zip((start, scale, *ends), (scale, *ends)):
        first.link_to(second)
    graph.configure()
    return graph


def _scaled(frame: av.VideoFrame, width: int, height: int, pixels: str) -> np.ndarray:
    reformat = _reformatter()
    if reformat is not None:
        return reformat(frame, width=width, height=height, format=pixels).to_ndarray()
    graph = _graph((frame.width, frame.height, frame.format.name), width, height, pixels)
    graph.push(frame)
    return graph.pull().to_ndarray()


def video_frames(
    file: Union[str, BinaryIO], rules: Rules, seconds: Optional[tuple[float, float]] = None
) -> Iterator[tuple[np.ndarray, float, bool]]:
    """Decodes a video.

    Args:
        file: path of the video, or the video open for reading and seekable.
        rules: size, channels and frame rate.
        seconds: the part to take; taken whole where the video is not longer than that part.

    Yields:
        (frame uint8 [height, width, channels], frames per second, whether the decoder reports damage).

    Raises:
        BadClip: no video, cut short, or damaged beyond decoding.
    """
    try:
        container = av.open(file)
    except (FileNotFoundError, PermissionError):
        raise
    except (av.FFmpegError, OSError, IndexError, ValueError) as error:
        raise BadClip(f'is not a video that can be opened ({_reason(error)})') from None
    with container:
        if not container.streams.video:
            raise BadClip('holds no video stream')
        stream = container.streams.video[0]
        stream.thread_type = 'NONE'  # clips are decoded in parallel by processes
        rate = float(stream.average_rate or stream.guessed_rate or 0) or 25.0
        whole = seconds is None or _duration(container, stream) <= 1.5 * (seconds[1] - seconds[0])
        frames = _decoded(container, stream, None if whole else seconds)
        if whole:
            frames = _complete(frames, container, stream, rate)
        if rules.fps is not None:
            frames = _resampled(frames, rules.fps, rate)
            rate = rules.fps
        for frame in frames:
            yield _picture(frame, stream, rules), rate, frame.is_corrupt


def _reason(error: Exception) -> str:
    return getattr(error, 'strerror', None) or str(error) or type(error).__name__


def _decoded(
    container: av.container.InputContainer, stream: av.VideoStream, seconds: Optional[tuple[float, float]]
) -> Iterator[av.VideoFrame]:
    """The frames in the order of presentation."""
    count = 0
    try:
        if seconds is not None:
            container.seek(int(seconds[0] / stream.time_base), stream=stream)
        for frame in container.decode(stream):
            if seconds is not None and frame.time is not None:
                if frame.time < seconds[0]:
                    continue
                if frame.time >= seconds[1]:
                    return
            count += 1
            yield frame
    except (av.FFmpegError, OSError, ValueError) as error:
        raise BadClip(f'is damaged: decoding stops after {count} frames ({_reason(error)})') from None


def _complete(
    frames: Iterator[av.VideoFrame], container: av.container.InputContainer, stream: av.VideoStream, rate: float
) -> Iterator[av.VideoFrame]:
    """The same frames; raises BadClip at the end if there were fewer than the container declares."""
    count = 0
    for frame in frames:
        count += 1
        yield frame
    if count == 0:
        raise BadClip('holds no frame')
    if stream.frames:
        declared, held = float(stream.frames), float(count)
    else:
        declared = _duration(container, stream) * rate
        first = float((stream.start_time or 0) * stream.time_base)
        held = count if frame.time is None else max(count, (frame.time - first) * rate + 1)
    if held < declared * (1 - _TOLERATED_LOSS) - 1:
        raise BadClip(f'is cut short: {count} frames of about {round(declared)}')


def _duration(container: av.container.InputContainer, stream: av.VideoStream) -> float:
    """Seconds of the video stream; 0 where the file does not say."""
    if stream.duration:
        return float(stream.duration * stream.time_base)
    tag = stream.metadata.get('DURATION')  # Matroska
    if tag:
        hours, minutes, seconds = tag.split(':')
        return 3600 * int(hours) + 60 * int(minutes) + float(seconds)
    if container.duration and len(container.streams) == 1:
        return container.duration / av.time_base
    return 0.0


def _resampled(frames: Iterator[av.VideoFrame], fps: float, rate: float) -> Iterator[av.VideoFrame]:
    """At every 1/fps seconds the frame that is on screen then."""
    shown, shown_at, first, emitted = None, 0.0, 0.0, 0
    for number, frame in enumerate(frames):
        time = number / rate if frame.time is None else frame.time
        if shown is None:
            first = time
        elif time <= shown_at:
            raise BadClip(f'has time stamps that do not increase at frame {number}: it cannot be resampled by time')
        else:
            while first + emitted / fps < time - 1e-6:
                yield shown
                emitted += 1
        shown, shown_at = frame, time
    while shown is not None and first + emitted / fps < shown_at + 1 / rate - 1e-6:
        yield shown
        emitted += 1


def _picture(frame: av.VideoFrame, stream: av.VideoStream, rules: Rules) -> np.ndarray:
    """uint8 [height, width, channels], upright and with square pixels."""
    aspect = float(stream.sample_aspect_ratio or 1)
    width, height = rules.scaled_size(frame.width * aspect, frame.height)
    grey = rules.channels == 1
    array = _scaled(frame, width, height, 'gray' if grey else 'rgb24')
    if frame.rotation:
        array = np.rot90(array, round(frame.rotation / 90))
    return array[..., None] if grey else array
