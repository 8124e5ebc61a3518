"""Standing statistics: the generator's normalisation with moments computed anew for the latents that it will see.

Moving averages of training are off-distribution for truncated latents (sigma below 1); BigGAN recomputes them by
forward passes (Brock et al. 2019, section 3.1). The paper does not say whether its truncation curve does.

Differences from the paper: not stated there [inferred, as BigGAN].
"""

import contextlib
from typing import Callable, Iterator, Tuple

import tensorflow as tf
import tf_keras as keras

from dvdgan_tf.errors import InputError
from dvdgan_tf.layers import state
from dvdgan_tf.layers.moments import DECAY, TimestepMoments


@contextlib.contextmanager
def standing_statistics(
    generator: keras.Model, sample: Callable[[int], Tuple[tf.Tensor, ...]], batches: int = 16
) -> Iterator[None]:
    """Inside the block the generator normalises by the mean moments of so many batches; after it, as before.

    Forward passes only: spectral vectors and weights are left alone.

    Args:
      generator: with its variables made.
      sample: batch number to the generator's inputs: latents, labels and for prediction the context.
      batches: forward passes, at least 1.

    Raises:
      InputError: batches is below 1.
    """
    if batches < 1:
        raise InputError(f'standing statistics over {batches} batches are none; give at least 1.')
    layers = [layer for layer in generator.submodules if isinstance(layer, TimestepMoments)]
    averages = [average for layer in layers for average in (layer.moving_mean, layer.moving_variance)]
    before = [tf.identity(average) for average in averages]
    sums = [tf.Variable(tf.zeros_like(value), trainable=False) for value in before]

    @tf.function(autograph=False)
    def add(*inputs: tf.Tensor) -> None:
        with state.collected() as updates:
            generator(*inputs, training=True)
        values = {variable.ref(): value for variable, value in updates}
        for average, total in zip(averages, sums):
            # The update is a step of the moving average: undone, it is the moment of this batch.
            total.assign_add((values[average.ref()] - DECAY * average) / (1.0 - DECAY))

    try:
        for average in averages:
            average.assign(tf.zeros_like(average))  # nothing is lost to rounding when the step is undone
        for batch in range(batches):
            add(*sample(batch))
        for average, total in zip(averages, sums):
            average.assign(total / batches)
        yield
    finally:
        for average, value in zip(averages, before):
            average.assign(value)
