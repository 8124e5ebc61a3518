"""One pass over clips: their features once, added to everything that wants them; resumable, shared by processes."""

from __future__ import annotations

import hashlib
import json
import os
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import tensorflow as tf

from dvdgan_tf.distribute.strategy import Processes
from dvdgan_tf.errors import InputError
from dvdgan_tf.evaluation.extraction import Batches, View
from dvdgan_tf.metrics import statistics
from dvdgan_tf.metrics.samples import Parts, RandomRows
from dvdgan_tf.progress import progress_line

SAVE_EVERY_SECONDS = 30.0
_ROWS_AT_ONCE = 256  # added to the sums together: a product of few rows costs as much as writing the whole matrix


@dataclass
class Wanted:
    """What one protocol keeps of one feature.

    Attributes:
        view: of the network.
        feature: of that view.
        sums: what the features are added to.
        kind: its name, such as moments; with the parameters it was made with it is part of keys.
        parameters: see kind.
    """

    view: View
    feature: str
    sums: Parts | RandomRows
    kind: str
    parameters: Mapping[str, object]

    @property
    def key(self) -> dict[str, object]:
        """What distinguishes it from others."""
        return {'view': list(self.view), 'feature': self.feature, 'kind': self.kind, **self.parameters}


@dataclass
class Pass:
    """Clips, and what is wanted of their features.

    Attributes:
        what: said in the lines of progress.
        count: clips in the pass.
        batches: this process's batches of features from a batch number on.
        wanted: what the features are added to.
        key: everything that the clips and features depend on.
    """

    what: str
    count: int
    batches: Callable[[int], Batches]
    wanted: Sequence[Wanted]
    key: Mapping[str, object]

    def path(self, folder: str, host: int, hosts: int) -> str:
        """Where a process keeps its unfinished sums."""
        name = short_hash({**self._whole_key, 'hosts': hosts})
        return os.path.join(folder, f'partial-{name}-{host + 1}of{hosts}.npz')

    @property
    def _whole_key(self) -> dict[str, object]:
        return {**self.key, 'count': self.count, 'wanted': [wanted.key for wanted in self.wanted]}

    def save(self, path: str, batches: int) -> None:
        """Writes the sums after so many batches."""
        arrays = {'batches': np.int64(batches)}
        for index, wanted in enumerate(self.wanted):
            arrays.update({f'{index}:{name}': value for name, value in wanted.sums.state().items()})
        statistics.save(path, arrays, self._whole_key)

    def restore(self, path: str) -> int:
        """Reads what `save` wrote; returns the batches already seen.

        Raises:
            InputError: the file is unreadable or of another key.
        """
        arrays = statistics.load(path, self._whole_key)
        for index, wanted in enumerate(self.wanted):
            prefix = f'{index}:'
            own = {name[len(prefix) :]: value for name, value in arrays.items() if name.startswith(prefix)}
            wanted.sums.restore(own)
        return int(arrays['batches'])


def run(pass_: Pass, folder: str, processes: Processes, log: Callable[[str], None]) -> None:
    """Adds every clip of the pass to what wants it, going on where a killed pass of the same key stopped.

    Afterwards every process has the sums over all; the files in the folder are left, complete.

    Raises:
        InputError: the clips cannot be scored.
    """
    path = pass_.path(folder, processes.index, processes.count)
    done = 0
    if tf.io.gfile.exists(path):
        done = pass_.restore(path)
        log(f'{pass_.what}: going on after {_seen(pass_)} clips')
    _fill(pass_, path, done, processes, log)
    if processes.several:
        _merge(pass_, folder, processes)


def forget(pass_: Pass, folder: str, processes: Processes) -> None:
    """Removes the sums that `run` left in the folder; all processes call this, once what came of them is written."""
    processes.wait()
    if processes.is_chief:
        for host in range(processes.count):
            tf.io.gfile.remove(pass_.path(folder, host, processes.count))


def _fill(pass_: Pass, path: str, done: int, processes: Processes, log: Callable[[str], None]) -> None:
    """Adds this process's clips."""
    started, at_start, saved_at, saved = time.monotonic(), _seen(pass_), time.monotonic(), done
    waiting: list[tuple] = []
    for numbers, features in pass_.batches(done):
        waiting.append((numbers, features))
        done += 1
        if sum(len(numbers) for numbers, _ in waiting) >= _ROWS_AT_ONCE:
            _add(pass_, waiting)
        if time.monotonic() - saved_at > SAVE_EVERY_SECONDS:
            _add(pass_, waiting)
            pass_.save(path, done)
            saved, saved_at, seen = done, time.monotonic(), processes.count * _seen(pass_)
            rate = processes.count * (seen / processes.count - at_start) / max(saved_at - started, 1e-9)
            left = (pass_.count - seen) / max(rate, 1e-9)
            log(progress_line(f'{pass_.what}: clip', seen, pass_.count, f'{rate:.1f} clips/s', left))
    _add(pass_, waiting)
    if saved != done or not tf.io.gfile.exists(path):
        pass_.save(path, done)
        log(f'{pass_.what}: {pass_.count} clips, {time.monotonic() - started:.0f} s')


def _seen(pass_: Pass) -> int:
    return max(wanted.sums.count for wanted in pass_.wanted)


def _add(pass_: Pass, waiting: list[tuple]) -> None:
    """Adds the batches that wait, together, and forgets them."""
    if not waiting:
        return
    numbers = np.concatenate([numbers for numbers, _ in waiting])
    for wanted in pass_.wanted:
        rows = np.concatenate([features[wanted.view][wanted.feature] for _, features in waiting])
        wanted.sums.update(numbers, rows)
    waiting.clear()


def _merge(pass_: Pass, folder: str, processes: Processes) -> None:
    """Makes this process's sums those over all processes, in one order everywhere."""
    processes.wait()
    own = [wanted.sums for wanted in pass_.wanted]
    totals = [wanted.sums.empty() for wanted in pass_.wanted]
    for host in range(processes.count):
        for wanted, total in zip(pass_.wanted, totals):
            wanted.sums = total.empty()
        pass_.restore(pass_.path(folder, host, processes.count))
        for wanted, total in zip(pass_.wanted, totals):
            total.merge(wanted.sums)
    if any(total.count < sums.count for total, sums in zip(totals, own)):
        raise InputError(f'the processes do not see the same {folder}; give them a folder on storage that they share.')
    for wanted, total in zip(pass_.wanted, totals):
        wanted.sums = total
    processes.wait()


def short_hash(key: Mapping[str, object]) -> str:
    """16 hexadecimal digits of a key."""
    return hashlib.sha256(json.dumps(key, sort_keys=True).encode()).hexdigest()[:16]


def kept_path(folder: str, wanted: Wanted, key: Mapping[str, object]) -> str:
    """Where complete sums of real clips are kept."""
    whole = {**key, 'wanted': wanted.key}
    return os.path.join(folder, f'real-{wanted.view.network}-{wanted.feature}-{wanted.kind}-{short_hash(whole)}.npz')


def keep(folder: str, wanted: Wanted, key: Mapping[str, object]) -> None:
    """Writes complete sums, to be found by `find_kept`."""
    statistics.save(kept_path(folder, wanted, key), wanted.sums.state(), {**key, 'wanted': wanted.key})


def find_kept(folder: str, wanted: Wanted, key: Mapping[str, object]) -> bool:
    """Restores sums that were kept under this key; whether there are any.

    Raises:
        InputError: the file is unreadable or of another key.
    """
    path = kept_path(folder, wanted, key)
    if not tf.io.gfile.exists(path):
        return False
    wanted.sums.restore(statistics.load(path, {**key, 'wanted': wanted.key}))
    return True
