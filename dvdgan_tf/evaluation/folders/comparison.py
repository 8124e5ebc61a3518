"""Two folders of clips from any code base, compared: the reference implementation for others."""

from __future__ import annotations

import os
import tempfile
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass

import numpy as np
import tensorflow as tf

from dvdgan_tf.errors import InputError
from dvdgan_tf.evaluation import passes, protocols
from dvdgan_tf.evaluation.extraction import Extractor, View
from dvdgan_tf.evaluation.folders.clips import FolderClips
from dvdgan_tf.evaluation.jobs import entropies_for, find_network, real_ends, sums_for, tenths
from dvdgan_tf.evaluation.passes import Pass, Wanted
from dvdgan_tf.evaluation.protocols import Protocol
from dvdgan_tf.evaluation.results import report, scoring

_FEATURES = {'i3d-400': 'logits', 'i3d-600': 'avgpool', 'offline': 'offline'}
_DISTANCES = ('frechet', 'kernel', 'precision_recall')
_EPSILON = {'c3d-tgan': 1e-7, 'c3d-tgan2': 1e-20}


@dataclass(frozen=True)
class Comparison:
    """How two folders are compared.

    Attributes:
        names: protocols fvd_<n>_<T>f or offline_<n>; none for every network on all clips.
        seed: of the choice of clips.
        ddof: of covariances.
        kept: folder in which the sums of both sides are kept, to be gone on with and taken again; with None none are.
    """

    names: Sequence[str] = ()
    seed: int = 0
    ddof: int = 1
    kept: str | None = None


def compare(
    folders: tuple[FolderClips, FolderClips],
    extractor: Extractor,
    how: Comparison = Comparison(),
    log: Callable[[str], None] = print,
) -> list[dict[str, object]]:
    """Frechet and kernel distance, precision, recall and IS of the second folder against the first.

    I3D-400 gives FVD (logits), I3D-600 the paper's FID (avgpool), C3D the IS of UCF-101 alone. Everything that can be
    checked without decoding is, before the first clip goes through a network. Of several processes each takes its rows
    of every batch, and all get the same results.

    Returns:
        One result per network or protocol, written like those of `evaluate.evaluate`.

    Raises:
        InputError: a folder holds one clip or none, or clips that differ in shape or that a network cannot read.
    """
    chosen = [_protocol(name) for name in how.names] or [_of_network(name) for name in extractor.networks]
    for folder in folders:
        if folder.count < 2:
            raise InputError(f'{folder.folder} holds {folder.count} clip; a distribution needs at least 2.')
    _check_lengths(folders)
    sides = [_Side(protocol, folders, extractor) for protocol in chosen]
    if extractor.processes.several and how.kept is None:
        raise InputError('several processes merge their sums in a folder that all see; give --statistics_dir.')
    with tempfile.TemporaryDirectory() as temporary:
        place = how.kept or temporary
        os.makedirs(place, exist_ok=True)
        for index, folder in enumerate(folders):
            _fill(folder, [side.sums[index] for side in sides], extractor, (place, how.seed), log)
    _check_lengths(folders)  # those that had to be decoded
    return [side.result(folders, extractor, how) for side in sides]


def _protocol(name: str) -> Protocol:
    protocol = protocols.find(name)
    if protocol.real_clips is None or protocol.context_frames is not None:
        raise InputError(
            f'{name} is for a run and not for folders; with --files give fvd_<clips>_<frames>f or offline_<clips>, or '
            'no protocol for all clips.'
        )
    return protocol


def _of_network(name: str) -> Protocol:
    scores = (*(_DISTANCES if name in _FEATURES else ()), *(() if name in ('i3d-400', 'offline') else ('inception',)))
    feature, epsilon = _FEATURES.get(name, ''), _EPSILON.get(name, 0.0)
    return Protocol(f'files {name}', 'two folders, all clips', name, scores, feature, epsilon=epsilon)


def _check_lengths(folders: tuple[FolderClips, FolderClips]) -> None:
    shapes = [folder.shape for folder in folders]
    if all(shapes) and shapes[0][0] != shapes[1][0]:
        raise InputError(
            f'clips have {shapes[0][0]} frames in {folders[0].folder} and {shapes[1][0]} in {folders[1].folder}; '
            'give --num_frames for a common length.'
        )


class _Side:
    """One protocol on both folders: its sums, and the result."""

    def __init__(self, protocol: Protocol, folders: tuple[FolderClips, FolderClips], extractor: Extractor):
        self.protocol, self.network = protocol, find_network(protocol, extractor)
        counts = [protocol.real_clips or folder.count for folder in folders]
        for folder, count in zip(folders, counts):
            if count > folder.count:
                raise InputError(f'{protocol.name} needs {count} clips and {folder.folder} holds {folder.count}.')
            if folder.shape is not None:
                self._check_shape(folder)
        self.counts = counts
        ends = real_ends(counts[0], folders[0].count, counts[1]), tenths(counts[1])
        frames = protocol.frames if protocol.prefix else None
        view = View(protocol.network, frames, protocol.every)
        self.sums = [sums_for(protocol, self.network, view, *each) for each in zip(ends, counts)]
        if 'inception' in protocol.scores:
            self.sums[1]['entropies'] = entropies_for(protocol, self.network, view, ends[1])

    def _check_shape(self, folder: FolderClips) -> None:
        frames = -(-folder.shape[0] // self.protocol.every)
        if self.protocol.frames and frames < self.protocol.frames:
            needed = f'{self.protocol.frames} frames, every {self.protocol.every}'
            raise InputError(f'{self.protocol.name} needs {needed}, and {folder.folder} has {folder.shape[0]}.')
        self.network.check((self.protocol.frames or frames, *folder.shape[1:]))

    def result(
        self, folders: tuple[FolderClips, FolderClips], extractor: Extractor, how: Comparison
    ) -> dict[str, object]:
        """The JSON line."""
        real, fake = self.sums
        found = scoring.of_features(self.protocol.scores, real, [fake], self.counts[0], how.ddof)
        return {
            'protocol': self.protocol.name,
            'source': self.protocol.source,
            'scores': found,
            'network': self.network.identity,
            'feature': self.protocol.feature or None,
            'real_clips': self.counts[0],
            'fake_clips': self.counts[1],
            'frames': self.protocol.frames or folders[0].shape[0],
            'every': self.protocol.every,
            'sizes': [list(folder.shape[1:]) for folder in folders],
            'encodings': [folder.encodings for folder in folders],
            'value_ranges': [folder.value_range for folder in folders],
            'quantized': extractor.quantize,
            'ddof': how.ddof,
            'seed': how.seed,
            'truncation': None,
            'standing_statistics': None,
            'versions': report.versions(),
            'warnings': self._notes(folders),
        }

    def _notes(self, folders: tuple[FolderClips, FolderClips]) -> list[str]:
        counts = self.counts
        notes = scoring.cautions(self.protocol, self.network, min(counts))
        if counts[0] != counts[1]:
            notes.append(f'{counts[0]} clips against {counts[1]}: compare only with the same numbers')
        first, second = (folder.shape[1:] for folder in folders)
        if first != second:
            notes.append(f'clips are {first} in one folder and {second} in the other (height, width, channels)')
        return notes


def _fill(
    folder: FolderClips,
    sums: Sequence[dict[str, Wanted]],
    extractor: Extractor,
    place: tuple[str, int],
    log: Callable[[str], None],
) -> None:
    """Adds the clips of a folder to every sum; what was kept of it before is taken."""
    kept, seed = place
    next(folder.clips([0]), None)  # its shape and range go into the result, and are those that every process expects
    order = np.random.RandomState(seed).permutation(folder.count)  # the clips' numbers in a pass
    key = {'folder': folder.key(), 'seed': seed, 'quantized': extractor.quantize}
    missing: list[tuple[Wanted, dict]] = []
    for wanted in (wanted for own in sums for wanted in own.values()):
        own_key = {**key, 'network': extractor.networks[wanted.view.network].identity}
        if not passes.find_kept(kept, wanted, own_key):
            missing.append((wanted, own_key))
    if not missing:
        return
    count = max(_last(wanted, folder.count) for wanted, _ in missing)
    chosen = np.flatnonzero(order < count)
    views = tuple(dict.fromkeys(wanted.view for wanted, _ in missing))

    def batches(first: int) -> Iterator:
        rows = extractor.share.numbers(len(chosen), first)
        clips = folder.clips(chosen[rows[rows >= 0]])
        for row in rows[(rows >= 0).any(1)]:
            places = chosen[row[row >= 0]]
            yield order[places], extractor.of(tf.constant(np.stack([next(clips) for _ in places])), views)

    whole_key = {**key, 'rows': extractor.share.batch_size}
    pass_ = Pass(folder.folder, count, batches, [wanted for wanted, _ in missing], whole_key)
    passes.run(pass_, kept, extractor.processes, log)
    for wanted, own_key in missing if extractor.processes.is_chief else ():
        passes.keep(kept, wanted, own_key)
    passes.forget(pass_, kept, extractor.processes)


def _last(wanted: Wanted, count: int) -> int:
    return wanted.sums.ends[-1] if hasattr(wanted.sums, 'ends') else wanted.sums.end or count
