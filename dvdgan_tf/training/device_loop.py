"""Several training steps in one call: a compiled function that runs them on every replica."""

from __future__ import annotations

import math
import time
from collections.abc import Iterator
from typing import Callable

import tensorflow as tf
from tensorflow.python.framework.config import is_op_determinism_enabled

from dvdgan_tf.data.stream import ClipSource
from dvdgan_tf.distribute.strategy import distribute, sum_over_replicas
from dvdgan_tf.training.step import GanStep

_CLOCK = 2.0**24  # milliseconds after which the clock of batches begins again; float32 holds whole ones until then

Totals = dict[str, tf.Tensor]


def training_batches(distribution: tf.distribute.Strategy, step: GanStep, data: ClipSource, first: int) -> Iterator:
    """Global batches of real clips, each replica's share on its device, from where step `first` needs them.

    Each is (clip, label, when it was read by the clock of `age_seconds`).
    """
    first_example = first * step.batches_per_step * step.global_batch
    return iter(
        distribute(
            distribution,
            lambda rows, host, hosts: dated(data.training(first_example, step.global_batch, rows, host, hosts)),
            step.global_batch,
        )
    )


@tf.autograph.experimental.do_not_convert
def dated(batches: tf.data.Dataset) -> tf.data.Dataset:
    """The same batches (clip, label), each with the time at which it was read; NaN where a run is deterministic.

    TensorFlow then refuses to look at the clock.
    """
    if is_op_determinism_enabled():
        return batches.map(lambda clip, label: (clip, label, math.nan))
    return batches.map(lambda clip, label: (clip, label, tf.cast(tf.timestamp() * 1e3 % _CLOCK, tf.float32)))


def age_seconds(read_at: float) -> float:
    """How long ago a batch was read; hours at most."""
    return (time.time() * 1e3 - read_at) % _CLOCK / 1e3


def make_device_loop(distribution: tf.distribute.Strategy, step: GanStep, jit_compile: bool = False) -> Callable:
    """Makes the compiled function that runs a number of steps.

    Args:
        distribution: where they run.
        step: what they do.
        jit_compile: whether XLA compiles a step as one program, on one device.

    Returns:
        `(iterator, count)` to the sums over the steps and replicas of what the step reports, the first step at which
        one of them was not finite, -1 if none, and when the last batch was read.
    """
    on_a_replica = tf.function(step, autograph=False, jit_compile=True) if jit_compile else step

    # AutoGraph would rewrite Keras and every layer on the way: minutes of start-up for nothing.
    @tf.function(autograph=False)
    def device_loop(
        iterator: tf.distribute.DistributedIterator, count: tf.Tensor
    ) -> tuple[Totals, tf.Tensor, tf.Tensor]:
        def one_step(
            done: tf.Tensor, totals: Totals, broken_at: tf.Tensor, _: tf.Tensor
        ) -> tuple[tf.Tensor, Totals, tf.Tensor, tf.Tensor]:
            batches = [iterator.get_next() for _ in range(step.batches_per_step)]
            clips = tuple((clip, label) for clip, label, _ in batches)
            values = sum_over_replicas(distribution, distribution.run(on_a_replica, args=(clips,)))
            finite = tf.reduce_all([tf.math.is_finite(value) for value in values.values()])
            broken_at = tf.where(finite | (broken_at >= 0), broken_at, step.step)
            read_at = distribution.experimental_local_results(batches[-1][2])[0]
            return done + 1, {name: totals[name] + values[name] for name in totals}, broken_at, read_at

        totals = {name: tf.constant(0.0) for name in step.reported}
        start = tf.constant(0, tf.int64), totals, tf.constant(-1, tf.int64), tf.constant(0.0)
        _, *results = tf.while_loop(lambda done, *_: done < count, one_step, start, parallel_iterations=1)
        return tuple(results)

    return device_loop
