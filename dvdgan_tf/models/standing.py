"""Standing statistics: the generator's normalisation with moments computed anew for the latents that it will see.

Moving averages of training are off-distribution for truncated latents (sigma below 1) and for averaged weights, whose
activations have other moments than those of the weights that were averaged; BigGAN recomputes them by forward passes
(Brock et al. 2019, section 3.1). The paper does not say how it normalises when it samples.

Differences from the paper: not stated there [inferred, as BigGAN].
"""

import contextlib
from typing import Callable, Iterator, Tuple

import tensorflow as tf
import tf_keras as keras

from dvdgan_tf.errors import InputError
from dvdgan_tf.layers import state
from dvdgan_tf.layers.moments import DECAY, TimestepMoments


class StandingStatistics:
    """Recomputes the moving averages of a generator as the mean moments of forward passes.

    Args:
      generator: with its variables made.
    """

    def __init__(self, generator: keras.Model) -> None:
        layers = [layer for layer in generator.submodules if isinstance(layer, TimestepMoments)]
        self.averages = [average for layer in layers for average in (layer.moving_mean, layer.moving_variance)]
        self._sums = [tf.Variable(tf.zeros_like(average), trainable=False) for average in self.averages]
        self._generator = generator
        self._add = tf.function(self._added, autograph=False)

    def recompute(self, sample: Callable[[int], Tuple[tf.Tensor, ...]], batches: int) -> None:
        """Makes the moving averages the mean moments of so many batches; nothing else changes.

        Args:
          sample: batch number to the generator's inputs: latents, labels and for prediction the context.
          batches: forward passes, at least 1.

        Raises:
          InputError: batches is below 1.
        """
        if batches < 1:
            raise InputError(f'standing statistics over {batches} batches are none; give at least 1.')
        for variable in (*self.averages, *self._sums):
            variable.assign(tf.zeros_like(variable))  # nothing is lost to rounding when an average's step is undone
        for batch in range(batches):
            self._add(*sample(batch))
        for average, total in zip(self.averages, self._sums):
            average.assign(total / batches)

    def _added(self, *inputs: tf.Tensor) -> None:
        with state.collected() as updates:
            self._generator(*inputs, training=True)
        values = {variable.ref(): value for variable, value in updates}
        for average, total in zip(self.averages, self._sums):
            # The update is a step of the moving average: undone, it is the moment of this batch.
            total.assign_add((values[average.ref()] - DECAY * average) / (1.0 - DECAY))


@contextlib.contextmanager
def standing_statistics(
    generator: keras.Model, sample: Callable[[int], Tuple[tf.Tensor, ...]], batches: int = 16
) -> Iterator[None]:
    """Inside the block the generator normalises by the mean moments of so many batches; after it, as before.

    Args: as `StandingStatistics.recompute`.
    """
    standing = StandingStatistics(generator)
    before = [tf.identity(average) for average in standing.averages]
    try:
        standing.recompute(sample, batches)
        yield
    finally:
        for average, value in zip(standing.averages, before):
            average.assign(value)
