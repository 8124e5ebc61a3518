"""Streaming statistics of features in float64.

Each is exact for any split into batches, any order of merging and a last batch of any size, and its memory does not
depend on the number of clips (8 MB at 1024 features).
"""

from __future__ import annotations

import io
import json
import zipfile
from collections.abc import Mapping

import numpy as np
import tensorflow as tf

from dvdgan_tf import files
from dvdgan_tf.errors import InputError


def _rows(values: np.ndarray, valid: np.ndarray | None) -> np.ndarray:
    """[n, d] float64 of the valid rows; half floats become float32 first, so nothing overflows on the way."""
    rows = np.asarray(values)
    if rows.ndim != 2:
        raise InputError(f'features have shape {rows.shape}; give a matrix [clips, features].')
    rows = rows.astype(np.float64)
    if valid is not None:
        rows = rows[np.asarray(valid, bool)]
    if not np.isfinite(rows).all():
        raise InputError('features hold NaN or infinity; check that the clips are finite and in [-1, 1].')
    return rows


class Moments:
    """Mean and covariance of a stream of feature vectors.

    Sums are taken of the difference from the first batch's mean: features far from zero lose no digits.
    """

    def __init__(self, size: int):
        self.count = 0
        self.shift = np.zeros(size, np.float64)
        self.total = np.zeros(size, np.float64)
        self.outer = np.zeros((size, size), np.float64)

    @property
    def size(self) -> int:
        """Number of features."""
        return self.total.size

    def update(self, features: np.ndarray, valid: np.ndarray | None = None) -> None:
        """Adds features [n, size]; rows whose `valid` is False do not count."""
        rows = _rows(features, valid)
        if rows.shape[1] != self.size:
            raise InputError(f'features have {rows.shape[1]} columns where {self.size} are expected; use one network.')
        if not len(rows):
            return
        if not self.count:
            self.shift = rows.mean(0)
        rows = rows - self.shift
        self.count += len(rows)
        self.total += rows.sum(0)
        self.outer += rows.T @ rows

    def merge(self, other: Moments) -> None:
        """Adds everything that `other` has seen."""
        if other.size != self.size:
            raise InputError(f'statistics of {other.size} and {self.size} features cannot be merged; use one network.')
        if not other.count:
            return
        if not self.count:
            self.shift = other.shift.copy()
        apart = other.shift - self.shift
        crossed = np.outer(apart, other.total)
        self.count += other.count
        self.total += other.total + other.count * apart
        self.outer += other.outer + crossed + crossed.T + other.count * np.outer(apart, apart)

    def mean(self) -> np.ndarray:
        """[size] float64."""
        if self.count < 1:
            raise InputError('a mean needs at least one clip and none was given.')
        return self.shift + self.total / self.count

    def covariance(self, ddof: int = 1) -> np.ndarray:
        """[size, size] float64; the sums are divided by the number of clips less ddof."""
        if self.count < 2:
            raise InputError(f'a covariance needs at least two clips and {self.count} was given.')
        return (self.outer - np.outer(self.total, self.total) / self.count) / (self.count - ddof)

    def state(self) -> dict[str, np.ndarray]:
        """The sums as arrays, for an npz file."""
        return {'count': np.int64(self.count), 'shift': self.shift, 'total': self.total, 'outer': self.outer}

    def restore(self, state: Mapping[str, np.ndarray]) -> None:
        """The inverse of `state`."""
        self.count = int(state['count'])
        self.shift, self.total, self.outer = (np.array(state[name]) for name in ('shift', 'total', 'outer'))


class ClassEntropies:
    """What the Inception score needs of a stream of class probabilities: n, sum p and sum p log(p + epsilon).

    Args:
        classes: columns of the probabilities.
        epsilon: what a protocol adds inside its logarithms; 0 is exact, with 0 log 0 = 0.
    """

    def __init__(self, classes: int, epsilon: float = 0.0):
        self.epsilon = epsilon
        self.count = 0
        self.total = np.zeros(classes, np.float64)
        self.plogp = 0.0

    @property
    def size(self) -> int:
        """Number of classes."""
        return self.total.size

    def update(self, probabilities: np.ndarray, valid: np.ndarray | None = None) -> None:
        """Adds probabilities [n, classes]; rows whose `valid` is False do not count."""
        rows = _rows(probabilities, valid)
        if rows.shape[1] != self.size:
            raise InputError(f'predictions have {rows.shape[1]} classes, expected are {self.size}; use one network.')
        self.count += len(rows)
        self.total += rows.sum(0)
        self.plogp += self.entropy_sum(rows)

    def entropy_sum(self, probabilities: np.ndarray) -> float:
        """sum p log(p + epsilon)."""
        shifted = probabilities + self.epsilon
        return float(np.sum(probabilities * np.log(np.where(shifted > 0, shifted, 1.0))))

    def merge(self, other: ClassEntropies) -> None:
        """Adds everything that `other` has seen."""
        if other.size != self.size or other.epsilon != self.epsilon:
            raise InputError(f'predictions of {other.size} and {self.size} classes cannot be merged; use one protocol.')
        self.count += other.count
        self.total += other.total
        self.plogp += other.plogp

    def state(self) -> dict[str, np.ndarray]:
        """The sums as arrays, for an npz file."""
        return {'count': np.int64(self.count), 'total': self.total, 'plogp': np.float64(self.plogp)}

    def restore(self, state: Mapping[str, np.ndarray]) -> None:
        """The inverse of `state`."""
        self.count, self.total = int(state['count']), np.array(state['total'], np.float64)
        self.plogp = float(state['plogp'])


def save(path: str, arrays: Mapping[str, np.ndarray], key: Mapping[str, object]) -> None:
    """Writes arrays and the protocol key that they belong to as one npz file.

    Raises:
        InputError: the file cannot be written.
    """
    stream = io.BytesIO()
    np.savez(stream, protocol_key=np.array(json.dumps(key, sort_keys=True)), **arrays)
    files.write_atomically(path, stream.getvalue())


def load(path: str, key: Mapping[str, object]) -> dict[str, np.ndarray]:
    """Reads the arrays of `save`.

    Raises:
        InputError: the file cannot be read, or was computed under another protocol key.
    """
    try:
        with tf.io.gfile.GFile(path, 'rb') as file:
            content = file.read()
        with np.load(io.BytesIO(content), allow_pickle=False) as stored:
            arrays = {name: stored[name] for name in stored.files}
        found = json.loads(str(arrays.pop('protocol_key')))
    except (tf.errors.OpError, zipfile.BadZipFile, ValueError, KeyError, EOFError) as error:
        raise InputError(f'statistics in {path} cannot be read ({error}); delete the file to compute anew.') from error
    check_key(found, key, path)
    return arrays


def check_key(found: Mapping[str, object], expected: Mapping[str, object], where: str) -> None:
    """Refuses statistics that were computed under another protocol.

    Raises:
        InputError: names every entry that differs.
    """
    expected = json.loads(json.dumps(expected, sort_keys=True))
    names = sorted(name for name in {*found, *expected} if found.get(name) != expected.get(name))
    if names:
        differences = ', '.join(f'{name}: {found.get(name)!r} for {expected.get(name)!r}' for name in names)
        raise InputError(f'statistics in {where} belong to another protocol ({differences}); compute them anew.')
