"""Exponential moving average of the generator and its statistics (paper B.3: decay 0.9999, from 20,000 steps on).

The paper does not say how the averaged generator normalises [inferred, as BigGAN's standing statistics]. Averages of
the trained generator's moments do not fit averaged weights: early in a run they leave its clips grey.
"""

from __future__ import annotations

import dataclasses
from typing import Callable

import tensorflow as tf
import tf_keras as keras

from dvdgan_tf.layers.spectral_norm import SpectralKernel
from dvdgan_tf.models.standing import StandingStatistics


@dataclasses.dataclass(frozen=True)
class MovingAverage:
    """How the average of the generator follows it.

    Attributes:
        decay: weight of the old average.
        start_step: until this generator step the average equals the generator.
    """

    decay: float = 0.9999
    start_step: int = 20_000


def averaged_copy(make_generator: Callable[[], keras.Model]) -> keras.Model:
    """Makes a generator whose variables every replica may assign: each keeps the same values without communication."""

    def creator(next_creator: Callable, **kwargs: object) -> tf.Variable:
        kwargs.update(
            trainable=False,
            synchronization=tf.VariableSynchronization.ON_READ,
            aggregation=tf.VariableAggregation.ONLY_FIRST_REPLICA,
        )
        return next_creator(**kwargs)

    with tf.variable_creator_scope(creator):
        return make_generator()


class ExponentialMovingAverage:
    """Keeps the average of a generator's weights in another generator.

    Its spectral vectors are not averaged: they follow its own kernels, one power iteration an update. Nor are its
    moving statistics, which `AverageStatistics` recomputes.

    Args:
        source: the generator that is trained.
        average: a copy from `averaged_copy`, both with their variables made.
        settings: how it follows.
    """

    def __init__(self, source: keras.Model, average: keras.Model, settings: MovingAverage) -> None:
        self._settings = settings
        self._kernels = [layer for layer in average.submodules if isinstance(layer, SpectralKernel)]
        self._pairs = tuple(zip(average.trainable_variables, source.trainable_variables))

    def update(self, step: tf.Tensor) -> None:
        """Moves the average towards the source, in replica context, once a generator step, with that step's number."""
        decay = tf.where(step < self._settings.start_step, 0.0, self._settings.decay)
        rest = 1.0 - decay
        for average, value in self._pairs:
            old, new = tf.cast(decay, average.dtype), tf.cast(rest, average.dtype)
            average.assign(old * tf.convert_to_tensor(average) + new * tf.convert_to_tensor(value))
        for kernel in self._kernels:
            kernel.refine()


class AverageStatistics:
    """Recomputes the moving statistics of the averaged generator, those of its own weights, before a look or a save.

    Args:
        generator: the moving average of the generator.
        real: endless batches (clip [standing.TOGETHER, T, H, W, C], label), whose first frames a generator that
            continues clips gets.
        seed: the latents and labels depend on this alone, so equal weights have equal statistics.
        truncation: sigma of the latents.
    """

    def __init__(self, generator: keras.Model, real: tf.data.Dataset, seed: int, truncation: float = 1.0) -> None:
        self._truncation = truncation
        self._standing = StandingStatistics(generator, seed, real)
        self._step: int | None = None

    def refresh(self, step: int) -> None:
        """Recomputes the statistics, unless that is done for this step."""
        if step != self._step:
            self._standing.recompute(self._truncation)
            self._step = step
