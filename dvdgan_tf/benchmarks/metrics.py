"""How fast and lean the metrics are: FVD features against a bare loop, one distance, memory over 20,000 clips."""

from __future__ import annotations

import functools
import os
import resource
import time
from collections.abc import Iterator, Sequence

import numpy as np
import tensorflow as tf

from dvdgan_tf.data.stream import ClipSource
from dvdgan_tf.evaluation.clips import RealClips
from dvdgan_tf.evaluation.extraction import Extractor, View
from dvdgan_tf.metrics import preprocessing, scores
from dvdgan_tf.metrics.networks import features
from dvdgan_tf.metrics.networks.i3d import InceptionI3D
from dvdgan_tf.metrics.samples import Parts
from dvdgan_tf.metrics.statistics import Moments


class _Clips(ClipSource):
    """Random clips, made on the fly in the time it takes to read them from memory."""

    def __init__(self, num_clips: int, num_frames: int, resolution: int):
        self.num_clips, self.num_frames, self.resolution, self.video_channels = num_clips, num_frames, resolution, 3

    def evaluation(
        self, batch_size: int, window: str = 'first', crop: str = 'center', numbers: Sequence[int] | None = None
    ) -> tf.data.Dataset:
        """Batches of (clip, label, valid)."""
        del window, crop
        shape = (batch_size, self.num_frames, self.resolution, self.resolution, 3)
        batch = tf.constant(np.random.RandomState(0).uniform(-1, 1, shape), tf.float32)
        rows = (batch, tf.zeros(batch_size, tf.int32), tf.ones(batch_size, tf.bool))
        count = self.num_clips if numbers is None else len(numbers)
        return tf.data.Dataset.from_tensors(rows).repeat(-(-count // batch_size))


def i3d_against_bare_loop(batch_size: int = 4, batches: int = 4, rounds: int = 3) -> dict[str, float]:
    """Clips/s of 16x64x64 clips through the FVD pipeline, and of the same I3D graph fed one ready batch, in turns.

    Also the CPU time of a clip in the pipeline, which tells little where I3D runs on a GPU.
    """
    network = InceptionI3D(400)
    bare = tf.function(network, autograph=False)
    ready = preprocessing.i3d_input(tf.random.stateless_uniform([batch_size, 16, 64, 64, 3], [0, 0], -1, 1))

    def with_preprocessing(clips: tf.Tensor) -> dict[str, tf.Tensor]:
        return network(preprocessing.i3d_input(clips))

    wrapped = features.FeatureNetwork('i3d', with_preprocessing, {'logits': 400, 'avgpool': 1024}, {})
    extractor, source = Extractor({'i3d': wrapped}, batch_size), _Clips(batch_size * batches, 16, 64)
    real, view = RealClips(source, 'first', 'center'), View('i3d')

    def collected() -> Iterator[int]:
        sums = Moments(400)
        for _, found in extractor.real(real, source.num_clips, (view,)):
            sums.update(found[view]['logits'])
            yield 1

    def looped() -> Iterator[int]:
        for _ in range(batches):
            bare(ready)['logits'].numpy()
            yield 1

    best, least = {'bare': 0.0, 'pipeline': 0.0}, {'bare': np.inf, 'pipeline': np.inf}
    next(looped())
    next(collected())
    for _ in range(rounds):
        for name, run in (('bare', looped), ('pipeline', collected)):
            started, spent = time.perf_counter(), time.process_time()
            done = batch_size * sum(run())
            best[name] = max(best[name], done / (time.perf_counter() - started))
            least[name] = min(least[name], (time.process_time() - spent) / done)
    return {
        'bare loop, clips/s': best['bare'],
        'FVD features, clips/s': best['pipeline'],
        'ratio': best['pipeline'] / best['bare'],
        'FVD features, CPU-ms a clip': 1000 * least['pipeline'],
    }


def distance_seconds(size: int = 1024, clips: int = 2048) -> float:
    """Seconds of one Frechet distance from moments."""
    sides = []
    for seed in range(2):
        moments = Moments(size)
        moments.update(np.random.RandomState(seed).standard_normal((clips, size)))
        sides.append(moments)
    started = time.perf_counter()
    scores.frechet_distance(*sides)
    return time.perf_counter() - started


def milliseconds_a_row(size: int = 1024, rows: int = 4096, batch: int = 16) -> dict[str, float]:
    """CPU-milliseconds that sums of ten parts take for each clip: added batch by batch, and 256 rows together."""
    values = np.random.RandomState(0).standard_normal((rows, size))
    found = {}
    for name, together in (('one batch at a time', batch), ('256 rows together, as a pass does', 256)):
        parts = Parts(functools.partial(Moments, size), np.linspace(0, rows, 11)[1:])
        started = time.process_time()
        for first in range(0, rows, together):
            parts.update(np.arange(first, first + together), values[first : first + together])
        found[name] = 1000 * (time.process_time() - started) / rows
    return found


def offline_memory(clips: int = 10_000, batch_size: int = 50) -> dict[str, float]:
    """Clips/s and the growth of resident memory over two times `clips` offline features of 12x32x32 clips."""
    extractor, view = Extractor({'offline': features.offline_network()}, batch_size), View('offline')
    real = RealClips(_Clips(clips, 12, 32), 'first', 'center')
    sides, resident = [], []
    started = time.perf_counter()
    for _ in range(2):
        sums = Moments(256)
        for number, (_, found) in enumerate(extractor.real(real, clips, (view,))):
            sums.update(found[view]['offline'])
            if number * batch_size % 1000 == 0:
                resident.append(_resident_megabytes())
        sides.append(sums)
    seconds = time.perf_counter() - started
    return {
        'clips': float(sum(side.count for side in sides)),
        'clips/s': sum(side.count for side in sides) / seconds,
        'resident after 1,000 clips, MB': resident[1],
        'resident at the end, MB': resident[-1],
        'growth, MB': resident[-1] - resident[1],
    }


def _resident_megabytes() -> float:
    if os.path.exists('/proc/self/statm'):
        with open('/proc/self/statm') as file:
            return int(file.read().split()[1]) * resource.getpagesize() / 1e6
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1e3


def report() -> Iterator[str]:
    """Everything measured here, as lines of text."""
    for name, value in i3d_against_bare_loop().items():
        yield f'I3D 16x224x224, batch 4: {name} {value:.3g}'
    for name, value in milliseconds_a_row().items():
        yield f'sums of 1024 features, {name}: {value:.3f} ms a clip'
    yield f'Frechet distance of 1024 features: {distance_seconds():.2f} s'
    for name, value in offline_memory().items():
        yield f'offline network 12x32x32: {name} {value:.4g}'
