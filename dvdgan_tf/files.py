"""Files that are there whole or not at all, on local disks and on object stores. Every writer of the package ends here.

On a disk a file is written under another name, forced to the disk, and renamed; a kill leaves the old file, and at most
a `.writing` beside it. An object of gs://, s3:// or az:// appears whole when it is closed, so it needs no other name.
"""

from __future__ import annotations

import contextlib
import errno
import os
import re
import secrets
import shutil
import time
from collections.abc import Iterator
from typing import BinaryIO

from dvdgan_tf.errors import InputError

_SUFFIX = '.writing'
_STORES = ('gs://', 's3://', 'az://')
_SECONDS_ABANDONED = 3600  # no file takes so long to write


def is_remote(path: str) -> bool:
    """Whether the path names an object store or a network's file system rather than a file of this machine."""
    return '://' in path


def write_atomically(path: str, content: bytes | str) -> None:
    """Replaces a file by these bytes, or this text in UTF-8.

    Raises:
        InputError: there is no room, no permission or no such folder; what was there before is untouched.
    """
    with replacing(path) as temporary:
        with create(temporary) as file:
            file.write(content.encode() if isinstance(content, str) else content)


def create(path: str) -> BinaryIO:
    """A new file, open for writing bytes."""
    if not is_remote(path):
        return open(path, 'wb')
    import tensorflow as tf

    return tf.io.gfile.GFile(path, 'wb')


@contextlib.contextmanager
def replacing(path: str) -> Iterator[str]:
    """Yields a name to write a file under, which takes the place of `path` when the block ends.

    Raises:
        InputError: there is no room, no permission or no such folder; what was there before is untouched.
    """
    temporary = path if path.startswith(_STORES) else temporary_name(path)
    try:
        try:
            yield temporary
            if temporary != path:
                put_in_place(temporary, path)
                _remove_abandoned(path)
        finally:
            if temporary != path:
                remove(temporary)
    except Exception as error:
        if not is_of_a_disk(error):
            raise
        raise InputError(f'could not write {path} ({reason(error)}); make room or choose another place.') from error


def temporary_name(path: str) -> str:
    """A name beside `path` that no other process writes under and that `remove_orphans` knows."""
    return f'{path}.{secrets.token_hex(4)}{_SUFFIX}'


def put_in_place(temporary: str, path: str) -> None:
    """Gives a finished file or folder its name; a file is on the disk before that, for the power may fail too."""
    if is_remote(path):
        import tensorflow as tf

        tf.io.gfile.rename(temporary, path, overwrite=True)
        return
    if os.path.isfile(temporary):
        _force(temporary)
    os.replace(temporary, path)
    _force(os.path.dirname(path) or '.')


def remove(path: str) -> None:
    """Removes a file or a whole folder; one that is not there, or that cannot be removed, is left alone."""
    if not is_remote(path):
        with contextlib.suppress(OSError):
            shutil.rmtree(path) if os.path.isdir(path) else os.remove(path)
        return
    import tensorflow as tf

    with contextlib.suppress(tf.errors.OpError):
        tf.io.gfile.rmtree(path) if tf.io.gfile.isdir(path) else tf.io.gfile.remove(path)


def make_folder(path: str) -> None:
    """Makes a folder and those above it, where they are missing."""
    if not is_remote(path):
        os.makedirs(path, exist_ok=True)
        return
    import tensorflow as tf

    tf.io.gfile.makedirs(path)


def names_in(folder: str) -> list[str]:
    """What lies in a folder; nothing where there is no folder."""
    if not is_remote(folder):
        return os.listdir(folder) if os.path.isdir(folder) else []
    import tensorflow as tf

    names = tf.io.gfile.listdir(folder) if tf.io.gfile.isdir(folder) else []
    return [name.rstrip('/') for name in names]


def remove_orphans(folder: str) -> list[str]:
    """Removes what killed writers left in a folder; only for one who knows that nobody writes there now.

    Returns:
        the names that were removed.
    """
    orphans = sorted(name for name in names_in(folder) if name.endswith(_SUFFIX))
    for name in orphans:
        remove(os.path.join(folder, name))
    return orphans


def _remove_abandoned(path: str) -> None:
    """Removes what killed writers of this file left on a disk, long enough ago that it is nobody's work now."""
    if is_remote(path):
        return
    folder, name = os.path.split(path)
    pattern = re.compile(re.escape(name) + r'\.[0-9a-f]{8}' + re.escape(_SUFFIX))
    for found in filter(pattern.fullmatch, os.listdir(folder or '.')):
        with contextlib.suppress(OSError):  # another writer may have taken it away
            if time.time() - os.path.getmtime(os.path.join(folder, found)) > _SECONDS_ABANDONED:
                remove(os.path.join(folder, found))


def reason(error: Exception) -> str:
    """Why a file could not be read or written, without the names of TensorFlow's operations and temporary files."""
    said = str(getattr(error, 'message', None) or getattr(error, 'strerror', None) or error).strip()
    line = said.splitlines()[0] if said else type(error).__name__
    return re.sub(r'^{{.*?}} *|\S*\.(?:writing|tempstate\d)\S*; *| *\[Op:.*?\]', '', line)


def _force(path: str) -> None:
    """Waits until a file, or a folder's list of names, is on the disk, where the file system can say so."""
    handle = os.open(path, os.O_RDONLY)
    try:
        os.fsync(handle)
    except OSError as error:
        if error.errno not in (errno.EINVAL, errno.ENOTSUP):
            raise
    finally:
        os.close(handle)


def is_of_a_disk(error: Exception) -> bool:
    """Whether reading or writing raised it. By name of the module, because not every program needs TensorFlow."""
    return isinstance(error, OSError) or type(error).__module__ == 'tensorflow.python.framework.errors_impl'
