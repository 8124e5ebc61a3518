"""Steps without coming back to Python: the function that runs a number of them on every replica."""

import time
from typing import Callable, Dict, Protocol, Tuple

import tensorflow as tf

from dvdgan_tf.distribute.strategy import distribute, sum_over_replicas
from dvdgan_tf.training.step import GanStep

_REPORTED = (
    *(f'{what}/{network}' for what in ('loss', 'gradient_norm') for network in ('generator', 'spatial', 'temporal')),
    *(f'logits/{network}_{kind}' for network in ('spatial', 'temporal') for kind in ('real', 'fake')),
)

_Totals = Dict[str, tf.Tensor]


class Clips(Protocol):
    """What training asks of its data; clips are float32 [T, R, R, C] in [-1, 1]."""

    resolution: int
    num_frames: int
    video_channels: int
    num_classes: int
    class_names: Tuple[str, ...]
    value_range: Tuple[float, float]
    stride: int

    def training(
        self, first_example: int, global_batch: int, replica_batch: int, host_index: int = 0, host_count: int = 1
    ) -> tf.data.Dataset:
        """Endless (clip [replica_batch, T, R, R, C], label [replica_batch]) from an example number on."""


def make_host_loop(distribution: tf.distribute.Strategy, step: GanStep) -> Callable:
    """Makes the function that runs a number of steps without coming back to Python.

    Returns:
        `(iterator, count)` to the sums over the steps and replicas of what the step reports, and the first step at
        which one of them was not finite, -1 if none.
    """

    # AutoGraph would rewrite Keras and every layer on the way: minutes of start-up for nothing.
    @tf.function(autograph=False)
    def host_loop(iterator: tf.distribute.DistributedIterator, count: tf.Tensor) -> Tuple[_Totals, tf.Tensor]:
        def one_step(
            done: tf.Tensor, totals: _Totals, broken_at: tf.Tensor
        ) -> Tuple[tf.Tensor, _Totals, tf.Tensor]:
            batches = tuple([iterator.get_next() for _ in range(step.batches_per_step)])
            values = sum_over_replicas(distribution, distribution.run(step, args=(batches,)))
            finite = tf.reduce_all([tf.math.is_finite(value) for value in values.values()])
            broken_at = tf.where(finite | (broken_at >= 0), broken_at, step.step)
            return done + 1, {name: totals[name] + values[name] for name in totals}, broken_at

        start = tf.constant(0, tf.int64), {name: tf.constant(0.0) for name in _REPORTED}, tf.constant(-1, tf.int64)
        _, totals, broken_at = tf.while_loop(lambda done, *_: done < count, one_step, start, parallel_iterations=1)
        return totals, broken_at

    return host_loop


def make_loop_call(
    distribution: tf.distribute.Strategy,
    step: GanStep,
    data: Clips,
    first: int,
    take: Callable[[_Totals, tf.Tensor, int, float], None],
) -> Callable[[int], None]:
    """Makes the function that trains for a number of steps, from step `first` on.

    Args:
        distribution: the strategy.
        step: what is run.
        data: where the batches come from.
        first: the step at which the data begin.
        take: is given what each call of the host loop returned, its steps, and when it began on the monotonic clock.
    """
    first_example = first * step.batches_per_step * step.global_batch
    batches = iter(
        distribute(
            distribution,
            lambda rows, host, hosts: data.training(first_example, step.global_batch, rows, host, hosts),
            step.global_batch,
        )
    )
    host_loop = make_host_loop(distribution, step)

    def call(count: int) -> None:
        called_at = time.monotonic()
        take(*host_loop(batches, tf.constant(count, tf.int64)), count, called_at)

    return call
