"""Two folders of clips from any code base, compared: the reference implementation for others."""

from __future__ import annotations

import itertools
import os
import sys
from collections.abc import Mapping, Sequence
from typing import Callable

import numpy as np
import tensorflow as tf

from dvdgan_tf.errors import InputError
from dvdgan_tf.evaluation import report, scoring
from dvdgan_tf.evaluation.collecting import Collector
from dvdgan_tf.evaluation.scoring import Scores
from dvdgan_tf.evaluation.streaming import Streams
from dvdgan_tf.metrics.networks.features import FeatureNetwork

ARRAYS = ('.npz', '.npy')
VIDEOS = ('.mp4', '.avi', '.mkv', '.mov', '.webm', '.gif')
_FEATURES = {'i3d-400': 'logits', 'i3d-600': 'avgpool', 'offline': 'offline'}
_DISTANCES = ('frechet', 'kernel', 'precision_recall')
_SCORES = {
    'i3d-400': _DISTANCES,
    'i3d-600': (*_DISTANCES, 'inception'),
    'c3d-tgan': ('inception',),
    'c3d-tgan2': ('inception',),
    'offline': _DISTANCES,
}


class FileClips:
    """Clips of a folder: videos, one clip a file, and npz or npy arrays [N, T, H, W, C] or [T, H, W, C] uint8.

    Files are opened one at a time, in order of names.

    Args:
        folder: looked through with all folders inside.
        decode: path of a video to frames uint8 [T, H, W, C].
        num_frames: the first so many frames of each clip; None where all have the same number.

    Raises:
        InputError: the folder holds no clips.
    """

    def __init__(self, folder: str, decode: Callable[[str], np.ndarray], num_frames: int | None = None):
        self.folder, self._decode, self._num_frames = folder, decode, num_frames
        if not os.path.isdir(folder):
            raise InputError(f'there is no folder {folder}; give two folders of videos or npz files')
        found = [os.path.join(place, name) for place, _, names in os.walk(folder) for name in names]
        self.paths = sorted(path for path in found if path.lower().endswith((*ARRAYS, *VIDEOS)))
        if not self.paths:
            raise InputError(f'{folder} holds no videos and no npz or npy files; give a folder of clips')
        self.encodings = sorted({os.path.splitext(path)[1].lower() for path in self.paths})

    def __iter__(self):
        """Clips uint8 [T, H, W, C], all of one shape."""
        expected = None
        for path in self.paths:
            for clip in self._clips(path):
                if self._num_frames is not None:
                    if len(clip) < self._num_frames:
                        raise InputError(f'{path} has {len(clip)} frames; lower --num_frames={self._num_frames}')
                    clip = clip[: self._num_frames]
                expected = expected or clip.shape
                if clip.shape != expected:
                    raise InputError(
                        f'{path} is {clip.shape} where the clips before it are {expected} (frames, height, width, '
                        'channels); make them equal, or give --num_frames for a common length'
                    )
                yield clip

    def _clips(self, path: str) -> Sequence[np.ndarray]:
        if not path.lower().endswith(ARRAYS):
            return [self._decode(path)]
        try:
            stored = np.load(path, allow_pickle=False)
            arrays = [stored[name] for name in stored.files] if path.lower().endswith('.npz') else [stored]
        except Exception as error:  # damaged archives raise whatever zip, zlib or NumPy think of first
            raise InputError(f'{path} cannot be read ({error}); write it again') from error
        clips = []
        for array in arrays:
            if array.dtype != np.uint8 or array.ndim not in (4, 5) or array.shape[-1] not in (1, 3):
                raise InputError(
                    f'{path} holds {array.dtype} {array.shape}; give uint8 [clips, frames, height, width, 1 or 3]'
                )
            clips.extend(array if array.ndim == 5 else [array])
        return clips


def compare(
    folders: tuple[FileClips, FileClips],
    networks: Mapping[str, FeatureNetwork],
    batch_size: int = 8,
    log: Callable[[str], None] = print,
) -> list[dict[str, object]]:
    """Frechet and kernel distance, precision, recall and IS of the second folder against the first, by every network.

    I3D-400 gives FVD (logits), I3D-600 the paper's FID (avgpool), C3D the IS of UCF-101 alone.

    Returns:
        One result per network, written like those of `evaluation.evaluate`.

    Raises:
        InputError: a folder holds one clip or none, or clips that differ in shape or that a network cannot read.
    """
    sides, shapes = zip(*(_collect(folder, networks, batch_size, log) for folder in folders))
    if shapes[0][0] != shapes[1][0]:
        raise InputError(
            f'clips have {shapes[0][0]} frames in {folders[0].folder} and {shapes[1][0]} in {folders[1].folder}; '
            'give --num_frames for a common length'
        )
    results = []
    for name, network in networks.items():
        real, fake = (side[name] for side in sides)
        found: Scores = {}
        for score in _SCORES[name]:
            found.update(scoring.COMPUTE[score](real, [fake]))
        counts = [next(iter(side.values())).count for side in (real, fake)]
        results.append(_result(network, found, counts, shapes, folders))
    return results


def _collectors(network: FeatureNetwork) -> dict[str, Collector]:
    name, sizes, found = network.name, network.sizes, {}
    if name in _FEATURES:
        feature = _FEATURES[name]
        for kind in ('moments', 'rows'):
            found[kind] = Collector(name, feature, sizes[feature], sys.maxsize, kind)
    if 'softmax' in sizes:
        found['entropies'] = Collector(name, 'softmax', sizes['softmax'], sys.maxsize, 'entropies')
    return found


def _collect(
    folder: FileClips, networks: Mapping[str, FeatureNetwork], batch_size: int, log: Callable[[str], None]
) -> tuple[dict[str, dict[str, Collector]], tuple[int, ...]]:
    """Statistics of every clip of a folder by network, and the clips' shape."""
    streams, wanted = Streams(networks, batch_size), tuple(networks)
    found = {name: _collectors(network) for name, network in networks.items()}
    clips, count, shape = iter(folder), 0, ()
    while batch := list(itertools.islice(clips, batch_size)):
        features = streams.of(tf.constant(np.stack(batch).astype(np.float32) / 127.5 - 1), wanted)
        for collector in (collector for own in found.values() for collector in own.values()):
            collector.update(features[collector.network][collector.feature])
        count, shape = count + len(batch), batch[0].shape
        log(f'{folder.folder}: {count} clips')
    if count < 2:
        raise InputError(f'{folder.folder} holds {count} clip; a distribution needs at least 2')
    return found, shape


def _result(
    network: FeatureNetwork,
    found: Scores,
    counts: Sequence[int],
    shapes: Sequence[tuple[int, ...]],
    folders: tuple[FileClips, FileClips],
) -> dict[str, object]:
    warnings = []
    if not network.identity['published_weights']:
        warnings.append(f'{network.identity["network"]} weights {network.identity["weights"]}')
    size = network.sizes.get(_FEATURES.get(network.name, ''), 0)
    if min(counts) <= size:
        warnings.append(
            f'{min(counts)} clips for {size} features: the covariance has no full rank and the distance is far too '
            'large; compare only at equal numbers of clips'
        )
    return {
        'protocol': f'files {network.name}',
        'scores': found,
        'network': network.identity,
        'feature': _FEATURES.get(network.name),
        'real_clips': counts[0],
        'fake_clips': counts[1],
        'frames': shapes[0][0],
        'sizes': [list(shape[1:]) for shape in shapes],
        'encodings': [folder.encodings for folder in folders],
        'truncation': None,
        'standing_statistics': False,
        'versions': report.versions(),
        'warnings': warnings,
    }
