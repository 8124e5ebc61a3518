"""Folders that are there whole or not at all; versions for servers, each with a larger number than those before."""

from __future__ import annotations

import contextlib
import errno
import os
from collections.abc import Iterator
from typing import Callable

import tensorflow as tf

from dvdgan_tf import files
from dvdgan_tf.errors import InputError

_DISK_ERRORS = (
    OSError,
    tf.errors.FailedPreconditionError,
    tf.errors.NotFoundError,
    tf.errors.PermissionDeniedError,
    tf.errors.ResourceExhaustedError,
)
_TAKEN = (errno.EEXIST, errno.ENOTEMPTY)


def write_version(output: str, step: int, marker: str, write: Callable[[str], None]) -> str:
    """Writes a version and returns its folder, which gets its name when it is whole.

    It is named by the step, or where `output` holds that number or a larger one, by one more than the largest: servers
    take the largest, and what was exported last is to be served, also of a run that was trained anew with fewer steps.

    Args:
        output: made if it is missing.
        step: of the checkpoint.
        marker: a file that every version in this format holds; a pattern.
        write: is given the folder to write to; if it fails, nothing is left.

    Raises:
        InputError: output holds versions in another format, or cannot be written.
    """
    with _unfinished(os.path.join(output, str(step))) as temporary:
        _next_version(output, step, marker)
        tf.io.gfile.makedirs(temporary)
        write(temporary)
        while True:
            place = os.path.join(output, str(_next_version(output, step, marker)))
            try:
                files.put_in_place(temporary, place)
                return place
            except OSError as error:
                if error.errno not in _TAKEN:  # else by another export, in this moment
                    raise


@contextlib.contextmanager
def whole_folder(place: str) -> Iterator[str]:
    """Yields a folder to write to, which gets its name when the block ends, and is removed when the block fails.

    Args:
        place: the name; folders above it are made.

    Raises:
        InputError: it is there already, or cannot be written.
    """
    if tf.io.gfile.exists(place):
        raise InputError(f'{place} exists already; remove it or choose another --output.')
    with _unfinished(place) as temporary:
        tf.io.gfile.makedirs(temporary)
        yield temporary
        files.put_in_place(temporary, place)


@contextlib.contextmanager
def _unfinished(place: str) -> Iterator[str]:
    """Yields a name beside a place, removes what is left there, and turns errors of the disk into a sentence."""
    temporary = files.temporary_name(place)
    try:
        yield temporary
    except _DISK_ERRORS as error:
        reason = getattr(error, 'message', None) or getattr(error, 'strerror', None) or str(error)
        reason = reason.rpartition('}} ')[2]  # without the name of the op
        raise InputError(f'could not write {place} ({reason}); make room or choose another place.') from error
    finally:
        files.remove(temporary)


def _next_version(output: str, step: int, marker: str) -> int:
    names = tf.io.gfile.listdir(output) if tf.io.gfile.exists(output) else []
    versions = [int(name) for name in (name.rstrip('/') for name in names) if name.isdecimal()]
    if not versions:
        return step
    newest = max(versions)
    if not tf.io.gfile.glob(os.path.join(output, str(newest), marker)):
        raise InputError(f'{output} holds exports in another format, {newest} the newest; choose another --output.')
    return max(step, newest + 1)
