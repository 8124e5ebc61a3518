"""Sampling by batch statistics: what appendix D says that moments over all frames need.

Differences from the paper: none.
"""

from __future__ import annotations

import tensorflow as tf
import tf_keras as keras

from dvdgan_tf.layers import state


class BatchNormalised:
    """A generator whose clips are normalised by the moments of the batch that they are made in, as in training.

    Call: as the generator; nothing in it changes, whatever `training` says.

    Args:
        generator: for synthesis.
    """

    def __init__(self, generator: keras.Model) -> None:
        self._generator = generator
        self.context_frames, self.latent_size = generator.context_frames, generator.latent_size

    def __call__(self, latent: tf.Tensor, label: tf.Tensor, training: bool = False) -> tf.Tensor:
        del training
        with state.collected():
            return self._generator(latent, label, training=True)
