"""How fast the training step is: against its plain form in the same process, and against the matrix product of the same
machine, counting the operations of the plain form.
"""

from __future__ import annotations

import resource
import time
from collections.abc import Iterator
from typing import Callable

import tensorflow as tf

from dvdgan_tf.benchmarks import plain, profile
from dvdgan_tf.benchmarks.preset import Preset, check_fits
from dvdgan_tf.benchmarks.record import Record
from dvdgan_tf.benchmarks.timing import finish, side_by_side
from dvdgan_tf.models.variables import clip_spec
from dvdgan_tf.planning import graph_cost
from dvdgan_tf.training.step import GanStep

_GIGA = 1e9
_AS_IT_IS, _PLAIN = 'step', 'step in the plain form'


def matmul_flops_per_second(size: int = 2048, times: int = 10) -> float:
    """The rate of a float32 matrix product in this process: best of three rounds."""
    matrix = tf.random.stateless_normal([size, size], [0, 0])
    tf.matmul(matrix, matrix)
    best = 0.0
    for _ in range(3):
        started = time.perf_counter()
        for _ in range(times):
            product = tf.matmul(matrix, matrix)
        product.numpy()
        best = max(best, 2.0 * size**3 * times / (time.perf_counter() - started))
    return best


def on_fixed_clips(step: GanStep) -> Callable[[], dict[str, tf.Tensor]]:
    """A function that trains once on random clips, always the same, and returns the metrics."""
    generator = step.generator
    frames = generator.context_frames + generator.num_frames
    spec = clip_spec(step.global_batch, frames, generator.resolution, generator.video_channels)
    clip = tf.random.stateless_uniform(spec.shape, [0, 0], -1, 1)
    pair = clip, tf.zeros([step.global_batch], tf.int32)
    return tf.function(lambda: step([pair] * step.batches_per_step), autograph=False)


def report(record: Record, preset: Preset, times: int) -> Iterator[str]:
    """Lines of text: the start, the step, its plain form, each rewrite undone alone, the matrix product, memory, and
    where the time goes.

    Args:
        record: keeps the numbers.
        preset: whose step.
        times: steps of each, of which the median is told.
    """
    check_fits(preset)
    started = time.process_time()
    step = preset.gan_step()
    function = on_fixed_clips(step)
    finish(function())
    yield record.line('networks, tracing and first step', time.process_time() - started, 'CPU s')
    functions, flops = {_AS_IT_IS: function}, 0
    variants = {_PLAIN: tuple(plain.REWRITES), **{f'step without {each}': (each,) for each in plain.REWRITES}}
    for name, undone in variants.items():
        with plain.without(undone):
            functions[name] = on_fixed_clips(step)
            graph = functions[name].get_concrete_function().graph
        flops = flops or graph_cost.flops(graph)
    found = side_by_side(functions, times)
    for name, spent in found.items():
        yield record.line(f'{name}, seconds', spent.seconds, 's')
        yield record.line(f'{name}, CPU', spent.cpu, 'CPU s')
        yield record.line(f'step / {name}, CPU', found[_AS_IT_IS].cpu / spent.cpu, '')
    rate, peak = flops / found[_AS_IT_IS].seconds, matmul_flops_per_second()
    yield record.line('operations of the plain form', flops / _GIGA, 'GFLOP')
    yield record.line('counted as the plain form', rate / _GIGA, 'GFLOP/s')
    yield record.line('matrix product of 2048, float32', peak / _GIGA, 'GFLOP/s')
    yield record.line('ratio to the matrix product', rate / peak, '')
    yield record.line('peak memory of the process', resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1e6, 'GB')
    yield from profile.table(profile.operations(function))
