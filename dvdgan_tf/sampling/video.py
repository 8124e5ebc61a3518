"""Clips as films: animated GIF and MP4. Sheets of frames are in `sheets`.

Everything takes uint8 in [0, 255] or float in [-1, 1]; `to_uint8` is the one place that converts.
"""
from __future__ import annotations

import fractions
import io
import math
import os
from collections.abc import Mapping

import numpy as np
import tensorflow as tf
from PIL import Image

from dvdgan_tf import files
from dvdgan_tf.data.scales import Scale
from dvdgan_tf.errors import InputError

_SMALLEST_VIEW_PIXELS = 96


def to_uint8(clips: np.ndarray) -> np.ndarray:
    """Converts pixels to uint8.

    Args:
        clips: any shape; uint8 in [0, 255], returned as it is, or float in [-1, 1]; values outside are clipped.

    Returns:
        uint8 of the same shape; -1 becomes 0 and 1 becomes 255, rounded to the nearest.

    Raises:
        InputError: another dtype, or a NaN among the pixels.
    """
    clips = np.asarray(clips)
    if clips.dtype == np.uint8:
        return clips
    if not np.issubdtype(clips.dtype, np.floating):
        raise InputError(f'pixels are {clips.dtype}; give uint8 in [0, 255] or float in [-1, 1].')
    if np.isnan(clips).any():
        raise InputError('the clips contain NaN; the checkpoint they come from cannot be used.')
    return np.rint((np.clip(clips.astype(np.float32), -1.0, 1.0) + 1.0) * 127.5).astype(np.uint8)


def tile_clips(clips: np.ndarray, columns: int | None = None, gap: int = 0) -> np.ndarray:
    """Arranges clips in a grid that plays as one clip.

    Args:
        clips: [N, T, H, W, C], C = 1 or 3.
        columns: clips beside each other; the grid is about square when None.
        gap: pixels of white between clips.

    Returns:
        uint8 [T, rows * (H + gap) - gap, columns * (W + gap) - gap, C]; places without a clip are white.
    """
    clips = to_uint8(clips)
    count, frames, height, width, channels = clips.shape
    columns = min(columns or math.ceil(math.sqrt(count)), count)
    rows = math.ceil(count / columns)
    grid = np.full([frames, rows * (height + gap) - gap, columns * (width + gap) - gap, channels], 255, np.uint8)
    for index, clip in enumerate(clips):
        top, left = (index // columns) * (height + gap), (index % columns) * (width + gap)
        grid[:, top : top + height, left : left + width] = clip
    return grid


def magnify(clip: np.ndarray, factor: int) -> np.ndarray:
    """Repeats every pixel `factor` times in height and width: [..., H, W, C] to [..., H * factor, W * factor, C]."""
    return clip.repeat(factor, axis=-3).repeat(factor, axis=-2)


def viewing_factor(resolution: int) -> int:
    """The whole factor that brings a clip of this resolution to a size that eyes can judge."""
    return max(1, math.ceil(_SMALLEST_VIEW_PIXELS / resolution))


def encode_gif(clip: np.ndarray, fps: float) -> bytes:
    """Encodes one clip as an endlessly looping animated GIF, every frame with its own palette of 256 colours.

    Args:
        clip: [T, H, W, C], C = 1 or 3.
        fps: frames per second; GIF counts in hundredths of a second and players refuse less than two.

    Returns:
        the file's bytes.
    """
    frames = [Image.fromarray(frame) for frame in as_rgb(to_uint8(clip))]
    frames = [frame.quantize(256, method=Image.Quantize.MEDIANCUT, dither=Image.Dither.NONE) for frame in frames]
    buffer = io.BytesIO()
    frames[0].save(
        buffer,
        format='GIF',
        save_all=True,
        append_images=frames[1:],
        duration=10 * max(2, round(100 / fps)),
        loop=0,
        disposal=1,
        optimize=False,
    )
    return buffer.getvalue()


def write_gif(path: str, clip: np.ndarray, fps: float) -> None:
    """Writes one clip [T, H, W, C] as an endlessly looping animated GIF; a failed write leaves no file."""
    files.write_atomically(path, encode_gif(clip, fps))


def write_mp4(path: str, clip: np.ndarray, fps: float) -> None:
    """Writes one clip as H.264 in 4:2:0, which every player opens, without rescaling.

    Args:
        path: the file to write; its folder exists.
        clip: [T, H, W, C], C = 1 or 3; an odd height or width is padded by repeating its last row or column.
        fps: frames per second.

    Raises:
        InputError: PyAV is not installed.
    """
    try:
        import av
    except ImportError as error:
        raise InputError('writing MP4 needs PyAV; install it with pip install "dvdgan_tf[video]".') from error
    clip = as_rgb(to_uint8(clip))
    clip = np.pad(clip, [(0, 0), (0, clip.shape[1] % 2), (0, clip.shape[2] % 2), (0, 0)], mode='edge')
    buffer = io.BytesIO()
    with av.open(buffer, mode='w', format='mp4') as container:
        stream = container.add_stream('libx264', rate=fractions.Fraction(fps).limit_denominator(1001))
        stream.height, stream.width, stream.pix_fmt = clip.shape[1], clip.shape[2], 'yuv420p'
        stream.options = {'crf': '12', 'preset': 'slow'}
        for frame in clip:
            container.mux(stream.encode(av.VideoFrame.from_ndarray(np.ascontiguousarray(frame), format='rgb24')))
        container.mux(stream.encode())
    files.write_atomically(path, buffer.getvalue())


def write_films(folder: str, name: str, film: np.ndarray, fps: float, factor: int) -> list[str]:
    """Writes one film as a GIF, magnified, and as an MP4, which is not.

    Args:
        folder: made if it is missing.
        name: of the files, without ending.
        film: [T, H, W, C], uint8 or float in [-1, 1].
        fps: frames per second.
        factor: whole magnification of the GIF.

    Returns:
        the paths written.

    Raises:
        InputError: the folder cannot be written.
    """
    make_folder(folder)
    paths = [os.path.join(folder, f'{name}.{ending}') for ending in ('gif', 'mp4')]
    write_gif(paths[0], magnify(film, factor), fps)
    write_mp4(paths[1], film, fps)
    return paths


def make_folder(folder: str) -> None:
    """Makes a folder unless it exists.

    Raises:
        InputError: it cannot be made.
    """
    try:
        tf.io.gfile.makedirs(folder)
    except tf.errors.OpError as error:
        raise InputError(f'could not make the folder {folder} ({error.message}); choose another place.') from error


def write_arrays(path: str, clips: Mapping[str, np.ndarray], scale: Scale, beside: Mapping[str, np.ndarray]) -> None:
    """Writes clips to an .npz in the units of their data: uint8 for pictures, float32 for other numbers.

    Args:
        path: the file to write; its folder exists.
        clips: name to clips in [-1, 1]; `context` and `truth` are real ones, whose missing pixels become NaN.
        scale: of their numbers.
        beside: name to what else is written, as it is.
    """
    buffer = io.BytesIO()
    real = ('context', 'truth')
    numbers = {name: in_units(values, scale, name in real) for name, values in clips.items()}
    np.savez_compressed(buffer, **numbers, **beside)
    files.write_atomically(path, buffer.getvalue())


def in_units(clips: np.ndarray, scale: Scale, real: bool = False) -> np.ndarray:
    """Clips in [-1, 1], any shape, in the units of their data: uint8 for pictures, float32 for other numbers.

    Args:
        clips: any shape.
        scale: of their numbers.
        real: whether pixels may be missing, which become NaN; what is generated has none.
    """
    if scale.is_of_pictures:
        return to_uint8(clips)
    return scale.measured(clips) if real else scale.to_numbers(clips).numpy()


def from_units(clips: np.ndarray, scale: Scale) -> np.ndarray:
    """The inverse of `in_units`, but for rounding: float32 in [-1, 1]."""
    return scale.to_clip(clips).numpy()


def as_rgb(clip: np.ndarray) -> np.ndarray:
    """Repeats a single channel three times: [..., 1] to [..., 3]; three stay as they are."""
    return np.repeat(clip, 3, axis=-1) if clip.shape[-1] == 1 else clip
