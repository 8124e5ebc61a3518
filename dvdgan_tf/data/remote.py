"""Files here or on an object store. The only place that imports tensorflow_io.

Processes that decode local files never import TensorFlow through this module: that would cost each of them seconds.
"""

from __future__ import annotations

import io
import os
from collections.abc import Iterator
from typing import Any, BinaryIO

from dvdgan_tf import files
from dvdgan_tf.errors import InputError

# TensorFlow itself opens gs://; these come with tensorflow_io.
_TENSORFLOW_IO_SCHEMES = ('s3://', 'az://', 'hdfs://', 'viewfs://')
_INSTEAD = 'elsewhere use gs://, a bucket mounted as a folder, and --decoder=pyav'


def tensorflow_io() -> Any:
    """The tensorflow_io module; importing it registers its file systems.

    Raises:
        InputError: it is not installed.
    """
    try:
        import tensorflow_io
    except ImportError as error:
        raise InputError(
            f'tensorflow_io cannot be loaded ({error}): pip install tensorflow-io==0.36.0 where Python is 3.9 to 3.11 '
            f'and TensorFlow 2.15; {_INSTEAD}.'
        ) from None
    return tensorflow_io


def register(*paths: str) -> None:
    """Makes TensorFlow able to open these paths. A program that registered s3 must leave through `os._exit`.

    Raises:
        InputError: tensorflow_io is not installed, or its library does not fit this TensorFlow, of which it only warns.
    """
    wanted = {path.split('://')[0] for path in paths if path.startswith(_TENSORFLOW_IO_SCHEMES)}
    if wanted:
        import tensorflow as tf

        tensorflow_io()
        missing = wanted - set(tf.io.gfile.get_registered_schemes())
        if missing:
            raise InputError(
                f'tensorflow_io does not open {missing.pop()}:// with TensorFlow {tf.__version__}: it needs version '
                f'0.36.0 with 2.15; {_INSTEAD}.'
            )


def open_input(path: str) -> BinaryIO:
    """The file, open for reading bytes, seekable."""
    if not files.is_remote(path):
        return open(path, 'rb')
    import tensorflow as tf

    register(path)
    return tf.io.gfile.GFile(path, 'rb')


def file_size(path: str) -> int:
    """Bytes of a file."""
    if not files.is_remote(path):
        return os.path.getsize(path)
    import tensorflow as tf

    register(path)
    return tf.io.gfile.stat(path).length


def size_of(path: str) -> int | None:
    """Bytes of a file, None where there is none."""
    if not files.is_remote(path):
        return os.path.getsize(path) if os.path.isfile(path) else None
    import tensorflow as tf

    try:
        return file_size(path)
    except tf.errors.NotFoundError:
        return None


def list_files(folder: str) -> list[str]:
    """The paths below a folder, relative to it, with '/' between the parts, sorted; hidden files are left out.

    Raises:
        InputError: there is no such folder, or it may not be read.
    """
    if files.is_remote(folder):
        found = _list_remote(folder)
    elif not os.path.isdir(folder):
        raise InputError(f'there is no folder {folder}: give the folder that holds the data set.')
    elif not os.access(folder, os.R_OK | os.X_OK):
        raise InputError(f'the folder {folder} may not be read: change its permissions.')
    else:
        found = list(_walk(folder, '', ()))
    return sorted(path for path in found if not any(part.startswith('.') for part in path.split('/')))


def _walk(folder: str, below: str, above: tuple[tuple[int, int], ...]) -> Iterator[str]:
    """Paths of files below a folder; links are followed, but not into a folder that the path is in already."""
    place = os.stat(folder)
    if (place.st_dev, place.st_ino) in above:
        return
    above += ((place.st_dev, place.st_ino),)
    try:
        entries = list(os.scandir(folder))
    except PermissionError:
        raise InputError(f'the folder {folder} may not be read: change its permissions.') from None
    for entry in entries:
        if entry.name.startswith('.'):
            continue
        if entry.is_dir():
            yield from _walk(entry.path, f'{below}{entry.name}/', above)
        else:
            yield below + entry.name


def _list_remote(folder: str) -> list[str]:
    import tensorflow as tf

    register(folder)
    folder = folder.rstrip('/')
    try:
        found = [f'{parent.rstrip("/")}/{file}' for parent, _, files in tf.io.gfile.walk(folder) for file in files]
    except tf.errors.OpError as error:
        raise InputError(f'{folder} cannot be listed ({error.message}): check the path and the credentials.') from None
    if not found:
        raise InputError(f'there is nothing at {folder}: give the folder that holds the data set.')
    return [path[len(folder) + 1 :] for path in found]


def read_text(path: str, errors: str = 'strict') -> str:
    """The whole of a text file in UTF-8, with or without a byte order mark; `errors` as bytes.decode takes it."""
    with open_input(path) as file:
        return file.read().decode('utf-8-sig', errors)


class Section(io.RawIOBase):
    """A part of a file as a file of its own."""

    def __init__(self, file: BinaryIO, offset: int, size: int):
        self._file = file
        self._offset = offset
        self._size = size
        self._at = 0

    def readable(self) -> bool:
        return True

    def seekable(self) -> bool:
        return True

    def seek(self, offset: int, whence: int = io.SEEK_SET) -> int:
        base = {io.SEEK_SET: 0, io.SEEK_CUR: self._at, io.SEEK_END: self._size}[whence]
        self._at = max(0, base + offset)
        return self._at

    def tell(self) -> int:
        return self._at

    def readinto(self, buffer: Any) -> int:
        count = max(0, min(len(buffer), self._size - self._at))
        self._file.seek(self._offset + self._at)
        data = self._file.read(count)
        buffer[: len(data)] = data
        self._at += len(data)
        return len(data)
