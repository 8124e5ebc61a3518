"""Weight files: reading arrays, and the hash that names them."""

from __future__ import annotations

import hashlib
import zipfile
from collections.abc import Mapping

import numpy as np

from dvdgan_tf.errors import InputError


def read_arrays(path: str, what: str) -> dict[str, np.ndarray]:
    """All arrays of an npz file.

    Raises:
        InputError: it cannot be read; `what` says in the message what was expected.
    """
    try:
        with np.load(path, allow_pickle=False) as stored:
            return {name: stored[name] for name in stored.files}
    except (OSError, ValueError, EOFError, zipfile.BadZipFile, AttributeError) as error:
        raise InputError(f'{what} in {path} cannot be read ({error}); fetch it again.') from error


def digest(arrays: Mapping[str, np.ndarray]) -> str:
    """SHA-256 over names, shapes and float32 values in order of names: the same from every kind of file."""
    sha = hashlib.sha256()
    for name in sorted(arrays):
        sha.update(f'{name}{arrays[name].shape}'.encode())
        sha.update(np.ascontiguousarray(arrays[name], '<f4').tobytes())
    return sha.hexdigest()
