"""What is kept of a stream of numbered clips beside plain sums: a random sample of rows, and sums of parts."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence

import numpy as np

from dvdgan_tf.metrics.statistics import ClassEntropies, Moments

MAX_ROWS = 10_000


class RandomRows:
    """At most so many rows of a stream, each equally likely to be kept: those whose numbers draw the smallest lots.

    A clip's lot follows from its number and the seed alone, so neither order, batch size nor merging changes the
    sample, and its order is random too.

    Args:
        size: columns.
        end: clips whose number is this or higher do not count; None where all do.
        seed: of the lots.
        limit: most rows kept.
    """

    def __init__(self, size: int, end: int | None = None, seed: int = 0, limit: int = MAX_ROWS):
        self.end, self.limit, self._seed = end, limit, seed
        self._rows = np.zeros((0, size), np.float32)
        self._lots = np.zeros(0, np.uint64)
        self.count = 0

    @property
    def rows(self) -> np.ndarray:
        """[at most limit, size] float32, in random order."""
        return self._rows[np.argsort(self._lots)]

    def update(self, numbers: np.ndarray, features: np.ndarray) -> None:
        """Adds features [n, size] of the clips with these numbers [n], all different."""
        if self.end is not None:
            numbers, features = numbers[numbers < self.end], features[numbers < self.end]
        self.count += len(numbers)
        self._keep(lots(self._seed, numbers), np.asarray(features, np.float32))

    def empty(self) -> RandomRows:
        """One that has seen nothing."""
        return RandomRows(self._rows.shape[1], self.end, self._seed, self.limit)

    def merge(self, other: RandomRows) -> None:
        """Adds everything that `other` has seen."""
        self.count += other.count
        self._keep(other._lots, other._rows)

    def state(self) -> dict[str, np.ndarray]:
        """Everything as arrays, for an npz file."""
        return {'count': np.int64(self.count), 'rows': self._rows, 'lots': self._lots}

    def restore(self, state: Mapping[str, np.ndarray]) -> None:
        """The inverse of `state`."""
        self.count, self._rows, self._lots = int(state['count']), state['rows'], state['lots']

    def _keep(self, drawn: np.ndarray, rows: np.ndarray) -> None:
        if len(self._lots) >= self.limit:
            better = drawn < self._lots.max()
            drawn, rows = drawn[better], rows[better]
        drawn, rows = np.concatenate([self._lots, drawn]), np.concatenate([self._rows, rows])
        if len(drawn) > self.limit:
            kept = np.argpartition(drawn, self.limit)[: self.limit]
            drawn, rows = drawn[kept], rows[kept]
        self._lots, self._rows = drawn, rows


def lots(seed: int, numbers: np.ndarray) -> np.ndarray:
    """Random uint64 [n], a function of the seed and each number alone (the mixing of SplitMix64)."""
    with np.errstate(over='ignore'):
        mixed = np.asarray(numbers).astype(np.uint64) + np.uint64(1)
        mixed = mixed * np.uint64(0x9E3779B97F4A7C15) + np.uint64(seed) * np.uint64(0xD1B54A32D192ED03)
        mixed = (mixed ^ (mixed >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
        mixed = (mixed ^ (mixed >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
    return mixed ^ (mixed >> np.uint64(31))


class Parts:
    """Sums of consecutive parts of a stream of numbered clips: [0, ends[0]), [ends[0], ends[1]) and so on.

    The union of parts is a score, leaving one out tells its standard error, and two disjoint unions make a floor.

    Args:
        make: makes the sums of one part.
        ends: the number after the last of each part, rising; clips with higher numbers do not count.
    """

    def __init__(self, make: Callable[[], Moments | ClassEntropies], ends: Sequence[int]):
        self._make, self.ends = make, tuple(map(int, ends))
        self.parts = [make() for _ in self.ends]

    @property
    def count(self) -> int:
        """Clips seen."""
        return sum(part.count for part in self.parts)

    def update(self, numbers: np.ndarray, features: np.ndarray) -> None:
        """Adds features [n, d] of the clips with these numbers [n]."""
        places = np.searchsorted(self.ends, numbers, side='right')
        for place in np.unique(places[places < len(self.parts)]):
            self.parts[place].update(features[places == place])

    def union(self, which: Sequence[int] | None = None) -> Moments | ClassEntropies:
        """The sums of some parts, of all where none are named."""
        total = self._make()
        for index in range(len(self.parts)) if which is None else which:
            total.merge(self.parts[index])
        return total

    def empty(self) -> Parts:
        """One that has seen nothing."""
        return Parts(self._make, self.ends)

    def merge(self, other: Parts) -> None:
        """Adds everything that `other`, with the same ends, has seen."""
        for part, more in zip(self.parts, other.parts):
            part.merge(more)

    def state(self) -> dict[str, np.ndarray]:
        """Everything as arrays, for an npz file."""
        arrays = {}
        for index, part in enumerate(self.parts):
            arrays.update({f'{index}/{name}': value for name, value in part.state().items()})
        return arrays

    def restore(self, state: Mapping[str, np.ndarray]) -> None:
        """The inverse of `state`."""
        for index, part in enumerate(self.parts):
            prefix = f'{index}/'
            part.restore({name[len(prefix) :]: state[name] for name in state if name.startswith(prefix)})
