"""One pass over clips: features of every network once, summed for every protocol that asked, resumable after a kill."""

from __future__ import annotations

import hashlib
import json
import time
from collections.abc import Iterable, Mapping, Sequence
from typing import Callable

import numpy as np
import tensorflow as tf

from dvdgan_tf.errors import InputError
from dvdgan_tf.metrics import statistics
from dvdgan_tf.metrics.statistics import ClassEntropies, Moments

GROUPS = 10
MAX_ROWS = 10_000
_SAVE_EVERY_SECONDS = 30.0


class Collector:
    """What one protocol needs of one feature: the sums of the first `limit` clips, in groups, and some of the rows.

    Clips are dealt out to ten groups in turn: their union is the score, leaving one out gives its standard error.

    Args:
        network: of the feature.
        feature: of that network.
        size: columns of the feature.
        limit: clips to take.
        kind: moments, entropies or rows; rows keeps at most MAX_ROWS clips, so memory does not depend on `limit`.
        epsilon: of the entropies.
    """

    def __init__(self, network: str, feature: str, size: int, limit: int, kind: str, epsilon: float = 0.0):
        self.network, self.feature, self.size, self.limit, self.kind = network, feature, size, limit, kind
        self.epsilon = epsilon
        self.count = 0
        self.moments = [Moments(size) for _ in range(GROUPS)] if kind == 'moments' else []
        self.entropies = [ClassEntropies(size, epsilon) for _ in range(GROUPS)] if kind == 'entropies' else []
        self.rows = np.zeros((0, size), np.float32)

    @property
    def key(self) -> dict[str, object]:
        """What distinguishes this collector from others."""
        names = ('network', 'feature', 'size', 'limit', 'kind', 'epsilon')
        return {name: getattr(self, name) for name in names}

    @property
    def full(self) -> bool:
        """Whether it has all the clips that it takes."""
        return self.count >= self.limit

    def update(self, features: np.ndarray) -> None:
        """Adds features [n, size] of the next n clips."""
        features = features[: self.limit - self.count]
        if self.kind == 'rows':
            self.rows = np.concatenate([self.rows, features[: MAX_ROWS - len(self.rows)].astype(np.float32)])
            self.count += len(features)
            return
        groups = self.moments or self.entropies
        group = (self.count + np.arange(len(features))) % GROUPS
        for index in np.unique(group):
            groups[index].update(features[group == index])
        self.count += len(features)

    def merged(self, without: int | None = None) -> Moments | ClassEntropies:
        """The union of the groups, one of them left out if asked."""
        parts = [part for index, part in enumerate(self.moments or self.entropies) if index != without]
        total = Moments(self.size) if self.moments else ClassEntropies(self.size, self.epsilon)
        for part in parts:
            total.merge(part)
        return total

    def state(self) -> dict[str, np.ndarray]:
        """Everything as arrays, for an npz file."""
        arrays = {'count': np.int64(self.count), 'rows': self.rows}
        for index, group in enumerate(self.moments or self.entropies):
            arrays.update({f'{index}/{name}': value for name, value in group.state().items()})
        return arrays

    def restore(self, state: Mapping[str, np.ndarray]) -> None:
        """The inverse of `state`."""
        self.count, self.rows = int(state['count']), state['rows']
        groups = self.moments or self.entropies
        for index, group in enumerate(groups):
            prefix = f'{index}/'
            own = {name[len(prefix) :]: value for name, value in state.items() if name.startswith(prefix)}
            groups[index] = type(group).from_state(own)


def short_hash(key: Mapping[str, object]) -> str:
    """12 hexadecimal digits of a key."""
    return hashlib.sha256(json.dumps(key, sort_keys=True).encode()).hexdigest()[:12]


def save(path: str, collectors: Sequence[Collector], batches: int, key: Mapping[str, object]) -> None:
    """Writes the state of the collectors after so many batches."""
    arrays = {'batches': np.int64(batches)}
    for index, collector in enumerate(collectors):
        arrays.update({f'{index}:{name}': value for name, value in collector.state().items()})
    statistics.save(path, arrays, key)


def restore(path: str, collectors: Sequence[Collector], key: Mapping[str, object]) -> int:
    """Reads what `save` wrote; returns the batches already seen.

    Raises:
        InputError: the file is unreadable or of another key.
    """
    arrays = statistics.load(path, key)
    for index, collector in enumerate(collectors):
        prefix = f'{index}:'
        own = {name[len(prefix) :]: value for name, value in arrays.items() if name.startswith(prefix)}
        collector.restore(own)
    return int(arrays['batches'])


def run_pass(
    what: str,
    batches: Callable[[int], Iterable[Mapping[str, Mapping[str, np.ndarray]]]],
    collectors: Sequence[Collector],
    path: str,
    key: Mapping[str, object],
    log: Callable[[str], None],
) -> None:
    """Fills the collectors, going on where a killed pass of the same key stopped.

    Args:
        what: said in the progress lines.
        batches: from a batch number on, the features by network and name [b, d].
        collectors: to fill.
        path: where the state is kept between batches; it is complete when the function returns.
        key: everything that the clips and features depend on.
        log: takes progress lines.

    Raises:
        InputError: the clips end before every collector has its number.
    """
    key = {**key, 'collectors': [collector.key for collector in collectors]}
    done = restore(path, collectors, key) if tf.io.gfile.exists(path) else 0
    if done:
        log(f'{what}: going on after {collectors[0].count} clips')
    total, at_start = max(collector.limit for collector in collectors), max(collector.count for collector in collectors)
    started = saved = time.monotonic()
    if not all(collector.full for collector in collectors):
        for features in batches(done):
            for collector in collectors:
                collector.update(features[collector.network][collector.feature])
            done += 1
            now = time.monotonic()
            finished = all(collector.full for collector in collectors)
            if now - saved > _SAVE_EVERY_SECONDS or finished:
                seen = max(collector.count for collector in collectors)
                rate = (seen - at_start) / max(now - started, 1e-9)
                log(f'{what}: {seen} of {total} clips, {rate:.1f} clips/s, {(total - seen) / rate:.0f} s left')
                saved = now
                save(path, collectors, done, key)
            if finished:
                break
    short = min(collectors, key=lambda collector: collector.count - collector.limit)
    if not short.full:
        raise InputError(f'{what}: only {short.count} clips where the protocol needs {short.limit}; lower the number')
