"""Clips as pictures and films: animated GIF, MP4 and contact sheets.

Everything takes uint8 in [0, 255] or float in [-1, 1]; `to_uint8` is the one place that converts.
"""
import fractions
import io
import math
import os
from typing import List, Mapping, Optional, Sequence

import numpy as np
import tensorflow as tf
from PIL import Image

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


def tile_clips(clips: np.ndarray, columns: Optional[int] = None, gap: int = 0) -> np.ndarray:
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
    frames = [Image.fromarray(frame) for frame in _as_rgb(to_uint8(clip))]
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
    write_whole(path, encode_gif(clip, fps))


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
    clip = _as_rgb(to_uint8(clip))
    clip = np.pad(clip, [(0, 0), (0, clip.shape[1] % 2), (0, clip.shape[2] % 2), (0, 0)], mode='edge')
    buffer = io.BytesIO()
    with av.open(buffer, mode='w', format='mp4') as container:
        stream = container.add_stream('libx264', rate=fractions.Fraction(fps).limit_denominator(1001))
        stream.height, stream.width, stream.pix_fmt = clip.shape[1], clip.shape[2], 'yuv420p'
        stream.options = {'crf': '12', 'preset': 'slow'}
        for frame in clip:
            container.mux(stream.encode(av.VideoFrame.from_ndarray(np.ascontiguousarray(frame), format='rgb24')))
        container.mux(stream.encode())
    write_whole(path, buffer.getvalue())


def contact_sheet(path: str, clips: np.ndarray, max_frames: int = 16, factor: Optional[int] = None) -> None:
    """Writes a PNG whose rows are clips and whose columns are frames.

    Args:
        path: the file to write; its folder exists.
        clips: [N, T, H, W, C], C = 1 or 3.
        max_frames: longer clips show this many frames, evenly spread, the first and the last among them.
        factor: magnification; None brings small clips to a size that eyes can judge.
    """
    clips = to_uint8(clips)
    count, frames, height, width, channels = clips.shape
    shown = np.unique(np.rint(np.linspace(0, frames - 1, min(frames, max_frames))).astype(int))
    cells = clips[:, shown].reshape([count * len(shown), 1, height, width, channels])
    factor = factor or max(1, viewing_factor(height) // 2)
    sheet = tile_clips(magnify(cells, factor), columns=len(shown), gap=2)
    buffer = io.BytesIO()
    Image.fromarray(_as_rgb(sheet)[0]).save(buffer, format='PNG')
    write_whole(path, buffer.getvalue())


def write_all(folder: str, name: str, clips: np.ndarray, fps: float) -> List[str]:
    """Writes clips as a GIF and an MP4 that play all of them in a grid, and as a contact sheet.

    Args:
        folder: made if it is missing.
        name: of the files, without ending.
        clips: [N, T, H, W, C], uint8 or float in [-1, 1].
        fps: frames per second.

    Returns:
        the paths written. GIF and contact sheet are magnified by a whole factor where clips are small; the MP4 is not.

    Raises:
        InputError: the folder cannot be written.
    """
    factor = viewing_factor(clips.shape[-2])
    return [*write_films(folder, name, tile_clips(clips), fps, factor), write_sheet(folder, name, clips)]


def write_films(folder: str, name: str, film: np.ndarray, fps: float, factor: int) -> List[str]:
    """Writes one film [T, H, W, C] as a GIF, magnified by a whole factor, and as an MP4; see `write_all`."""
    make_folder(folder)
    paths = [os.path.join(folder, f'{name}.{ending}') for ending in ('gif', 'mp4')]
    write_gif(paths[0], magnify(film, factor), fps)
    write_mp4(paths[1], film, fps)
    return paths


def write_sheet(folder: str, name: str, clips: np.ndarray, max_frames: int = 16) -> str:
    """Writes clips as a contact sheet into a folder; see `write_all`."""
    make_folder(folder)
    path = os.path.join(folder, f'{name}.png')
    contact_sheet(path, clips, max_frames)
    return path


def make_folder(folder: str) -> None:
    """Makes a folder unless it exists.

    Raises:
        InputError: it cannot be made.
    """
    try:
        tf.io.gfile.makedirs(folder)
    except tf.errors.OpError as error:
        raise InputError(f'could not make the folder {folder} ({error.message}); choose another place.') from error


def write_values(path: str, arrays: Mapping[str, np.ndarray], value_range: Sequence[float]) -> None:
    """Writes clips as float32 in the units of their data to an .npz.

    Args:
        path: the file to write; its folder exists.
        arrays: name to clips in [-1, 1].
        value_range: what -1 and 1 stand for.
    """
    low, high = value_range
    buffer = io.BytesIO()
    np.savez(buffer, **{name: (low + (high - low) * (clips + 1) / 2).astype('f4') for name, clips in arrays.items()})
    write_whole(path, buffer.getvalue())


def _as_rgb(clip: np.ndarray) -> np.ndarray:
    """Repeats a single channel three times."""
    return np.repeat(clip, 3, axis=-1) if clip.shape[-1] == 1 else clip


def write_whole(path: str, content: bytes) -> None:
    """Writes under another name first, so that the path never holds half a file.

    Raises:
        InputError: there is no room, no permission or no such folder.
    """
    temporary = f'{path}.writing'
    try:
        with tf.io.gfile.GFile(temporary, 'wb') as file:
            file.write(content)
        tf.io.gfile.rename(temporary, path, overwrite=True)
    except tf.errors.OpError as error:
        raise InputError(f'could not write {path} ({error.message}); make room or choose another place.') from error
