"""Clips out of .npy and .npz files, frame by frame.

Of a .npy, and of an .npz that is not compressed, only the clip that is asked for is read. A compressed array of clips
one after the other is unpacked as they are asked for in their order. What has to be held whole is held up to a bound.
"""

from __future__ import annotations

import contextlib
import functools
import math
import struct
import threading
import zipfile
import zlib
from collections.abc import Iterator
from typing import BinaryIO, NamedTuple

import numpy as np

from dvdgan_tf.data import remote
from dvdgan_tf.prepare.listing import BadClip

LARGEST_HELD = 1 << 30
_READ_HEADER = {(1, 0): np.lib.format.read_array_header_1_0, (2, 0): np.lib.format.read_array_header_2_0}
# What zipfile raises for damage, for compressions that it does not know and for passwords.
_DAMAGE = (zipfile.BadZipFile, zlib.error, ValueError, EOFError, KeyError, struct.error, RuntimeError)


class Stored(NamedTuple):
    """An array as its header describes it.

    Attributes:
        shape: of all axes.
        dtype: of its numbers.
        start: the byte of its .npy at which they begin.
        fortran: the first axis changes fastest.
        compressed: it can only be read from its beginning.
    """

    shape: tuple[int, ...]
    dtype: np.dtype
    start: int
    fortran: bool
    compressed: bool

    @property
    def bytes(self) -> int:
        """Of all numbers."""
        return math.prod(self.shape) * self.dtype.itemsize

    def is_scattered(self, layout: str) -> bool:
        """Whether clips can only be read when all of the array is in memory."""
        return self.fortran or (self.compressed and layout.startswith('TN'))


def headers(path: str) -> dict[str, Stored]:
    """The arrays of a file by their names; that of a .npy is ''.

    Raises:
        BadClip: the file is damaged, cut short, or holds something else.
    """
    if not _is_archive(path):
        with _opened(path, '') as (_, stored):
            return {'': stored}
    try:
        with remote.open_input(path) as file, zipfile.ZipFile(file) as archive:
            damaged = archive.testzip()
            if damaged:
                raise BadClip(f'is damaged: the checksum of {damaged} differs')
            names = [name[:-4] for name in archive.namelist() if name.endswith('.npy')]
        return {name: _member(path, name)[1] for name in names}
    except _DAMAGE as error:
        raise BadClip(f'is no .npz file that can be read ({error})') from None


def _is_archive(path: str) -> bool:
    return path.lower().endswith('.npz')


def _header(file: BinaryIO, size: int, compressed: bool = False) -> Stored:
    try:
        shape, fortran, dtype = _READ_HEADER[np.lib.format.read_magic(file)](file)
    except Exception as error:  # a header is Python's text: its parser raises of many kinds
        raise BadClip(f'is no .npy file that can be read ({error})') from None
    if dtype.hasobject:
        raise BadClip('holds Python objects, not numbers')
    stored = Stored(shape, dtype, file.tell(), fortran and len(shape) > 1, compressed)
    if size - stored.start < stored.bytes:
        raise BadClip(f'is cut short: {size - stored.start} bytes for an array of {shape} {dtype}')
    return stored


@contextlib.contextmanager
def _opened(path: str, name: str) -> Iterator[tuple[BinaryIO, Stored]]:
    """An array as a .npy file, and what its header says."""
    if _is_archive(path):
        yield _member(path, name)
    else:
        with remote.open_input(path) as file:
            yield file, _header(file, remote.file_size(path))


class _Member(threading.local):
    """The array of an .npz that this thread has open, until it asks for another.

    Clips follow each other: what is compressed is unpacked once, and not from its beginning for each.
    """

    def __init__(self) -> None:
        self._key, self._found, self._files = None, None, contextlib.ExitStack()

    def __call__(self, path: str, name: str) -> tuple[BinaryIO, Stored]:
        if self._key != (path, name):
            self._key = None
            self._files.close()
            self._found = self._enter(path, name)
            self._key = path, name
        return self._found

    def _enter(self, path: str, name: str) -> tuple[BinaryIO, Stored]:
        file = self._files.enter_context(remote.open_input(path))
        archive = self._files.enter_context(zipfile.ZipFile(file))
        member = archive.getinfo(f'{name}.npy')
        compressed = member.compress_type != zipfile.ZIP_STORED
        if compressed:
            opened = self._files.enter_context(archive.open(member))
        else:
            file.seek(member.header_offset + 26)
            names, extra = struct.unpack('<HH', file.read(4))  # how long the two fields before the content are
            opened = remote.Section(file, member.header_offset + 30 + names + extra, member.file_size)
        return opened, _header(opened, member.file_size, compressed)


_member = _Member()


@functools.lru_cache(maxsize=1)
def whole(path: str, name: str) -> np.ndarray:
    """All of an array."""
    with _opened(path, name) as (file, _):
        file.seek(0)
        return np.lib.format.read_array(file)


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
    axes = layout[2:]
    for frame in _stored_frames(path, name, number, layout):
        yield frame[..., None] if 'C' not in axes else np.moveaxis(frame, axes.index('C'), -1)


def _stored_frames(path: str, name: str, number: int, layout: str) -> Iterator[np.ndarray]:
    """The same with the axes of a frame as they are stored."""
    time_first = layout.startswith('TN')
    with _opened(path, name) as (file, stored):
        if stored.is_scattered(layout):
            array = whole(path, name)
            yield from array[:, number] if time_first else array[number]
            return
        times, row, frame = stored.shape[layout.index('T')], stored.shape[1], stored.shape[2:]
        size = math.prod(frame) * stored.dtype.itemsize
        for time in range(times):
            file.seek(stored.start + size * (time * row + number if time_first else number * row + time))
            block = file.read(size)
            if len(block) != size:
                raise BadClip('is cut short')
            yield np.frombuffer(block, stored.dtype).reshape(frame)
