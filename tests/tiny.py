"""The smallest networks that the training step takes, so that tests of the loop need not trace the real ones."""

import functools

import tensorflow as tf
import tf_keras as keras

from dvdgan_tf.models import DiscriminatorInputs, Networks
from dvdgan_tf.training.step import GanStep

CLIP = (2, 16, 16, 3)
CLASSES = 9


class Generator(keras.Model):
    """One dense layer to a clip of 2 frames of 16x16."""

    resolution, num_frames, num_classes, video_channels, latent_size, context_frames = 16, 2, CLASSES, 3, 120, 0

    def __init__(self) -> None:
        super().__init__(name='generator')
        self.dense = keras.layers.Dense(2 * 16 * 16 * 3, activation='tanh')

    def call(self, latent, label, context=None, training=False):
        return tf.reshape(self.dense(tf.concat([latent, tf.one_hot(label, CLASSES)], 1)), (-1, *CLIP))


class Discriminator(keras.Model):
    """One dense layer to a score."""

    def __init__(self) -> None:
        super().__init__(name='discriminator')
        self.dense = keras.layers.Dense(1)

    def call(self, clip, label, training=False):
        pixels = tf.reshape(clip, [clip.shape[0], clip.shape[1:].num_elements()])
        return self.dense(tf.concat([pixels, tf.one_hot(label, CLASSES)], 1))[:, 0]


NETWORKS = Networks(Generator, Discriminator, Discriminator)
_ADAM = functools.partial(keras.optimizers.Adam, 1e-3, beta_1=0.0, jit_compile=False)

gan_step = functools.partial(
    GanStep,
    networks=NETWORKS,
    generator_optimizer=_ADAM,
    discriminator_optimizer=_ADAM,
    global_batch=2,
    seed=0,
    discriminator_inputs=DiscriminatorInputs(1),
)
