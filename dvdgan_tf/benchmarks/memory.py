"""What each option saves in memory and costs in time, each measured in a process of its own.

Two numbers tell memory: the estimate that the dry run gives for the results alive at one time, and how much the process
grows, the working memory of convolutions included. Time is CPU time too, which other programs disturb less than the
clock.
"""

import functools
import multiprocessing
import os
import resource
import time
from collections.abc import Iterator
from typing import Callable, NamedTuple

import tensorflow as tf
import tf_keras as keras

from dvdgan_tf.models import (
    DiscriminatorInputs,
    Generator,
    Groups,
    Networks,
    SpatialDiscriminator,
    TemporalDiscriminator,
)
from dvdgan_tf.planning import graph_cost
from dvdgan_tf.training.precision import set_precision
from dvdgan_tf.training.step import GanStep

_MEGA = 1e6
_CLASSES = 4


class Options(NamedTuple):
    """What is compared."""

    recompute: bool = False
    micro_batches: int = 1
    precision: str = 'float32'


class Cost(NamedTuple):
    """Of one update: estimated bytes of results, what the process has grown by after it, CPU seconds, seconds."""

    results: int
    growth: int
    cpu: float
    seconds: float


OPTIONS = {
    'as it is': Options(),
    '`recompute`': Options(recompute=True),
    '`micro_batches = 2`': Options(micro_batches=2),
    '`micro_batches = 4`': Options(micro_batches=4),
    '`recompute`, `micro_batches = 4`': Options(recompute=True, micro_batches=4),
    '`mixed_bfloat16`': Options(precision='mixed_bfloat16'),
    '`mixed_bfloat16`, `recompute`': Options(recompute=True, precision='mixed_bfloat16'),
}
_Sizes = tuple[int, int, int, int]  # resolution, frames, ch, batch


def measure(options: Options, sizes: _Sizes, times: int) -> dict[str, Cost]:
    """The cost of each update under these options; this process should do nothing else.

    Args:
        options: what is measured.
        sizes: resolution, frames, ch and batch.
        times: how often each update is timed, after a first call; 0 to trace it only.
    """
    set_precision(options.precision)
    step = make_step(options, *sizes)
    resolution, frames, _, batch = sizes
    clip = tf.random.stateless_uniform([batch, frames, resolution, resolution, 3], [0, 0], -1, 1)
    pair = clip, tf.zeros([batch], tf.int32)
    updates = {
        'discriminators': tf.function(lambda: step.update_discriminators(pair, 0), autograph=False),
        'generator': tf.function(lambda: step.update_generator(pair), autograph=False),
    }
    results = {name: graph_cost.peak_bytes(update.get_concrete_function().graph) for name, update in updates.items()}
    before, costs = _resident_bytes(), {}
    for name, update in updates.items():
        cpu, seconds = _fastest(update, times) if times else (0.0, 0.0)
        growth = 1024 * resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before
        costs[name] = Cost(results[name], growth if times else 0, cpu, seconds)
    return costs


def make_step(options: Options, resolution: int, frames: int, ch: int, batch: int) -> GanStep:
    """A step of the usual networks under these options."""
    adam = functools.partial(keras.optimizers.Adam, 1e-4, beta_1=0.0, jit_compile=False)
    return GanStep(
        networks=Networks(
            functools.partial(Generator, resolution, frames, _CLASSES, ch, groups=Groups(recompute=options.recompute)),
            functools.partial(SpatialDiscriminator, resolution, _CLASSES, ch),
            functools.partial(TemporalDiscriminator, resolution, _CLASSES, ch),
        ),
        generator_optimizer=adam,
        discriminator_optimizer=adam,
        global_batch=batch,
        seed=0,
        discriminator_inputs=DiscriminatorInputs(min(8, frames)),
        micro_batches=options.micro_batches,
    )


def _fastest(update: Callable[[], dict[str, tf.Tensor]], times: int) -> tuple[float, float]:
    """CPU seconds and seconds of the fastest of so many calls after the first."""
    measured = []
    for _ in range(times + 1):
        cpu, clock = time.process_time(), time.perf_counter()
        tf.nest.map_structure(lambda value: value.numpy(), update())
        measured.append((time.process_time() - cpu, time.perf_counter() - clock))
    cpus, clocks = zip(*measured[1:])
    return min(cpus), min(clocks)


def _resident_bytes() -> int:
    with open('/proc/self/statm') as file:
        return int(file.read().split()[1]) * os.sysconf('SC_PAGE_SIZE')


def _measure_alone(options: Options, sizes: _Sizes, times: int) -> dict[str, Cost]:
    with multiprocessing.get_context('spawn').Pool(1) as process:
        return process.apply(measure, (options, sizes, times))


def report(resolution: int = 64, num_frames: int = 48, ch: int = 16, batch: int = 4, times: int = 2) -> Iterator[str]:
    """Lines of a table: for each option the results alive in an update of D and in one of G, what the process has grown
    by after each, and the time of a step, also as a multiple of the first option's.
    """
    yield f'{resolution}x{resolution}, {num_frames} frames, ch {ch}, batch {batch}; a step is 2 updates of D and 1 of G'
    yield '| options | results: D, G | growth: after D, after G | CPU seconds of a step | seconds of a step |'
    yield '|---|---|---|---|---|'
    first: dict[str, float] = {}
    for name, options in OPTIONS.items():
        costs = _measure_alone(options, (resolution, num_frames, ch, batch), times)
        judging, making = costs['discriminators'], costs['generator']
        cells = [f'{judging.results / _MEGA:,.0f}, {making.results / _MEGA:,.0f} MB']
        cells.append(f'{judging.growth / _MEGA:,.0f}, {making.growth / _MEGA:,.0f} MB')
        for kind in ('cpu', 'seconds'):
            spent = 2 * getattr(judging, kind) + getattr(making, kind)
            ratio = spent / first.setdefault(kind, spent) if spent else 0.0
            cells.append(f'{spent:.1f} ({ratio:.2f})')
        yield f'| {name} | ' + ' | '.join(cells) + ' |'
