"""How fast and lean the metrics are: FVD features against a bare loop, one distance, memory over 20,000 clips."""

from __future__ import annotations

import os
import resource
import time
from collections.abc import Iterator

import numpy as np
import tensorflow as tf

from dvdgan_tf.evaluation.collecting import Collector
from dvdgan_tf.evaluation.streaming import RealClips, Streams
from dvdgan_tf.metrics import preprocessing, scores
from dvdgan_tf.metrics.networks import features
from dvdgan_tf.metrics.networks.i3d import InceptionI3D
from dvdgan_tf.metrics.statistics import Moments


class _Clips:
    """Random clips, made on the fly in the time it takes to read them from memory."""

    def __init__(self, num_clips: int, num_frames: int, resolution: int):
        self.num_clips, self.num_frames, self.resolution, self.video_channels = num_clips, num_frames, resolution, 3

    def evaluation(self, batch_size: int, window: str) -> tf.data.Dataset:
        """Batches of (clip, label, valid)."""
        del window
        shape = (batch_size, self.num_frames, self.resolution, self.resolution, 3)
        batch = tf.constant(np.random.RandomState(0).uniform(-1, 1, shape), tf.float32)
        rows = (batch, tf.zeros(batch_size, tf.int32), tf.ones(batch_size, tf.bool))
        return tf.data.Dataset.from_tensors(rows).repeat(-(-self.num_clips // batch_size))


def i3d_against_bare_loop(batch_size: int = 4, batches: int = 4, rounds: int = 3) -> dict[str, float]:
    """Clips/s of 16x64x64 clips through the FVD pipeline, and of the same I3D graph fed one ready batch, in turns."""
    network = InceptionI3D(400)
    bare = tf.function(network, autograph=False)
    ready = preprocessing.i3d_input(tf.random.stateless_uniform([batch_size, 16, 64, 64, 3], [0, 0], -1, 1))

    def with_preprocessing(clips: tf.Tensor) -> dict[str, tf.Tensor]:
        return network(preprocessing.i3d_input(clips))

    wrapped = features.FeatureNetwork('i3d', with_preprocessing, {'logits': 400, 'avgpool': 1024}, {})
    streams, source = Streams({'i3d': wrapped}, batch_size), _Clips(batch_size * batches, 16, 64)
    real = RealClips(source, 'first', source.num_clips)

    def collected() -> Iterator[int]:
        collector = Collector('i3d', 'logits', 400, source.num_clips, 'moments')
        for found in streams.real(real, 0, ('i3d',)):
            collector.update(found['i3d']['logits'])
            yield 1

    def looped() -> Iterator[int]:
        for _ in range(batches):
            bare(ready)['logits'].numpy()
            yield 1

    best = {'bare': 0.0, 'pipeline': 0.0}
    next(looped())
    next(collected())
    for _ in range(rounds):
        for name, run in (('bare', looped), ('pipeline', collected)):
            started = time.perf_counter()
            done = sum(run())
            best[name] = max(best[name], done * batch_size / (time.perf_counter() - started))
    return {
        'bare loop, clips/s': best['bare'],
        'FVD features, clips/s': best['pipeline'],
        'ratio': best['pipeline'] / best['bare'],
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


def offline_memory(clips: int = 10_000, batch_size: int = 50) -> dict[str, float]:
    """Clips/s and the growth of resident memory over two times `clips` offline features of 12x32x32 clips."""
    streams = Streams({'offline': features.offline_network()}, batch_size)
    source = _Clips(clips, 12, 32)
    real = RealClips(source, 'first', clips)
    sides, resident = [], []
    started = time.perf_counter()
    for _ in range(2):
        collector = Collector('offline', 'offline', 256, clips, 'moments')
        for number, found in enumerate(streams.real(real, 0, ('offline',))):
            collector.update(found['offline']['offline'])
            if number * batch_size % 1000 == 0:
                resident.append(_resident_megabytes())
        sides.append(collector.merged())
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
    yield f'Frechet distance of 1024 features: {distance_seconds():.2f} s'
    for name, value in offline_memory().items():
        yield f'offline network 12x32x32: {name} {value:.4g}'
