"""Clips out of .npy and .npz files. Of a .npy only the clip that is asked for is read."""

import functools
import zipfile
import zlib
from collections.abc import Iterator
from typing import BinaryIO

import numpy as np

from dvdgan_tf.data import remote
from dvdgan_tf.prepare.listing import BadClip

_READ_HEADER = {(1, 0): np.lib.format.read_array_header_1_0, (2, 0): np.lib.format.read_array_header_2_0}


def header(path: str) -> tuple[tuple[int, ...], np.dtype]:
    """(shape, dtype) of the array in a .npy file.

    Raises:
        BadClip: the file is damaged, cut short, or not laid out so that clips can be read one by one.
    """
    with remote.open_input(path) as file:
        shape, dtype = _read_header(file)
        held = remote.file_size(path) - file.tell()
    if held < int(np.prod(shape)) * dtype.itemsize:
        raise BadClip(f'is cut short: {held} bytes for an array of {shape} {dtype}')
    return shape, dtype


def _read_header(file: BinaryIO) -> tuple[tuple[int, ...], np.dtype]:
    try:
        shape, fortran, dtype = _READ_HEADER[np.lib.format.read_magic(file)](file)
    except (ValueError, EOFError, KeyError) as error:
        raise BadClip(f'is no .npy file that can be read ({error})') from None
    if fortran and len(shape) > 1:
        raise BadClip('is stored in Fortran order: save it again after numpy.ascontiguousarray')
    if dtype.hasobject:
        raise BadClip('holds Python objects, not numbers')
    return shape, dtype


@functools.lru_cache(maxsize=1)
def read_archive(path: str) -> dict[str, np.ndarray]:
    """All arrays of an .npz file.

    Raises:
        BadClip: the file is damaged.
    """
    try:
        with remote.open_input(path) as file, np.load(file) as archive:
            return dict(archive)
    except (ValueError, EOFError, KeyError, zipfile.BadZipFile, zlib.error, AttributeError) as error:
        raise BadClip(f'is no .npz file that can be read ({error})') from None


def clip_frames(path: str, name: str, number: int, layout: str) -> Iterator[np.ndarray]:
    """The frames [H, W, C] of one clip, read one by one.

    Args:
        path: of the .npy or .npz file.
        name: of the array in an .npz.
        number: of the clip.
        layout: order of the axes, such as 'NTHWC'.

    Raises:
        BadClip: the file is damaged.
    """
    if path.lower().endswith('.npz'):
        array = read_archive(path)[name]
        frames = array[:, number] if layout.startswith('TN') else array[number]
    else:
        frames = _stored_frames(path, number, layout)
    axes = layout[2:]
    for frame in frames:
        if 'C' not in axes:
            yield frame[..., None]
        else:
            yield np.moveaxis(frame, axes.index('C'), -1)


def _stored_frames(path: str, number: int, layout: str) -> Iterator[np.ndarray]:
    """The same from a .npy, with the axes of a frame as they are stored."""
    with remote.open_input(path) as file:
        shape, dtype = _read_header(file)
        start, frame = file.tell(), int(np.prod(shape[2:])) * dtype.itemsize
        clips, times = (shape[layout.index(axis)] for axis in 'NT')
        for time in range(times):
            place = time * clips + number if layout.startswith('TN') else number * times + time
            file.seek(start + place * frame)
            block = file.read(frame)
            if len(block) != frame:
                raise BadClip('is cut short')
            yield np.frombuffer(block, dtype).reshape(shape[2:])
