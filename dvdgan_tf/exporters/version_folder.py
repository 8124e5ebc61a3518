"""Folders that are there whole or not at all: `output/1606` for the generator of step 1606."""

import contextlib
import os
from typing import Iterator, Union

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


@contextlib.contextmanager
def version_folder(output: str, version: Union[int, str]) -> Iterator[str]:
    """Yields a folder to write to, which gets its name when the block ends, and is removed when the block fails.

    Args:
        output: made if it is missing.
        version: names the folder.

    Raises:
        InputError: output already holds this version, or cannot be written.
    """
    place = os.path.join(output, str(version))
    if tf.io.gfile.exists(place):
        raise InputError(f'{place} exists already; remove it or choose another --output.')
    temporary = os.path.join(output, f'.{version}.writing')
    try:
        files.remove(temporary)
        tf.io.gfile.makedirs(temporary)
        yield temporary
        files.put_in_place(temporary, place)
    except _DISK_ERRORS as error:
        reason = getattr(error, 'message', None) or getattr(error, 'strerror', None) or str(error)
        reason = reason.rpartition('}} ')[2]  # without the name of the op
        raise InputError(f'could not write {place} ({reason}); make room or choose another place.') from error
    finally:
        files.remove(temporary)
