"""How fast the generator samples: the latency of the paper's two clips at once (B.3), and the throughput of a batch."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Callable

import tensorflow as tf
import tf_keras as keras

from dvdgan_tf.benchmarks import plain
from dvdgan_tf.benchmarks.preset import Preset
from dvdgan_tf.benchmarks.record import Record
from dvdgan_tf.benchmarks.timing import side_by_side
from dvdgan_tf.planning import graph_cost

LATENCY_CLIPS = 2  # "two videos of 48 frames at 64x64 in under 150 ms" on the paper's device
_THROUGHPUT_CLIPS = 16
_GIGA = 1e9


def report(record: Record, preset: Preset, times: int) -> Iterator[str]:
    """Lines of text: latency at batch 2, beside the plain form, and throughput at batch 16.

    Args:
        record: keeps the numbers.
        preset: whose generator; it has to make clips of nothing.
        times: samples of each, of which the median is told.
    """
    generator = preset.gan_step().ema_generator
    latency = sampler(generator, LATENCY_CLIPS)
    with plain.without():
        in_plain_form = sampler(generator, LATENCY_CLIPS)
        flops = graph_cost.flops(in_plain_form.get_concrete_function().graph)
    functions = {'sampling 2': latency, 'sampling 2 in the plain form': in_plain_form}
    functions['sampling 16'] = sampler(generator, _THROUGHPUT_CLIPS)
    found = side_by_side(functions, times)
    for name, spent in found.items():
        yield record.line(f'{name}, seconds', spent.seconds, 's')
        yield record.line(f'{name}, CPU', spent.cpu, 'CPU s')
    ours, theirs, many = found.values()
    yield record.line('sampling 2 / plain form, CPU', ours.cpu / theirs.cpu, '')
    yield record.line('operations of the plain form', flops / _GIGA, 'GFLOP')
    yield record.line('throughput', _THROUGHPUT_CLIPS / many.seconds, 'clips/s')


def sampler(generator: keras.Model, clips: int) -> Callable[[], tf.Tensor]:
    """A function that makes so many clips from fixed latents, and continues still ones in prediction."""
    latent = tf.random.stateless_normal([clips, generator.latent_size], [0, 0])
    label, context = tf.zeros([clips], tf.int32), None
    if generator.context_frames:
        size = generator.resolution
        context = tf.zeros([clips, generator.context_frames, size, size, generator.video_channels])
    return tf.function(lambda: generator(latent, label, context, training=False), autograph=False)
