"""Several training steps in one call: a compiled function that runs them on every replica."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Callable

import tensorflow as tf

from dvdgan_tf.data.stream import ClipSource
from dvdgan_tf.distribute.strategy import distribute, sum_over_replicas
from dvdgan_tf.training.step import GanStep

_REPORTED = (
    *(f'{what}/{network}' for what in ('loss', 'gradient_norm') for network in ('generator', 'spatial', 'temporal')),
    *(f'logits/{network}_{kind}' for network in ('spatial', 'temporal') for kind in ('real', 'fake')),
)

Totals = dict[str, tf.Tensor]


def training_batches(distribution: tf.distribute.Strategy, step: GanStep, data: ClipSource, first: int) -> Iterator:
    """Global batches of real clips, each replica's share on its device, from where step `first` needs them."""
    first_example = first * step.batches_per_step * step.global_batch
    return iter(
        distribute(
            distribution,
            lambda rows, host, hosts: data.training(first_example, step.global_batch, rows, host, hosts),
            step.global_batch,
        )
    )


def make_device_loop(distribution: tf.distribute.Strategy, step: GanStep) -> Callable:
    """Makes the compiled function that runs a number of steps.

    Returns:
        `(iterator, count)` to the sums over the steps and replicas of what the step reports, and the first step at
        which one of them was not finite, -1 if none.
    """

    # AutoGraph would rewrite Keras and every layer on the way: minutes of start-up for nothing.
    @tf.function(autograph=False)
    def device_loop(iterator: tf.distribute.DistributedIterator, count: tf.Tensor) -> tuple[Totals, tf.Tensor]:
        def one_step(
            done: tf.Tensor, totals: Totals, broken_at: tf.Tensor
        ) -> tuple[tf.Tensor, Totals, tf.Tensor]:
            batches = tuple([iterator.get_next() for _ in range(step.batches_per_step)])
            values = sum_over_replicas(distribution, distribution.run(step, args=(batches,)))
            finite = tf.reduce_all([tf.math.is_finite(value) for value in values.values()])
            broken_at = tf.where(finite | (broken_at >= 0), broken_at, step.step)
            return done + 1, {name: totals[name] + values[name] for name in totals}, broken_at

        start = tf.constant(0, tf.int64), {name: tf.constant(0.0) for name in _REPORTED}, tf.constant(-1, tf.int64)
        _, totals, broken_at = tf.while_loop(lambda done, *_: done < count, one_step, start, parallel_iterations=1)
        return totals, broken_at

    return device_loop
