"""Creating a network's variables without running it, however large it is."""

from __future__ import annotations

import tensorflow as tf
import tf_keras as keras


def make_variables(network: keras.Model, *inputs: tf.TensorSpec) -> None:
    """Traces `network(*inputs)`, which builds every layer; call it inside `strategy.scope()`."""
    traced = []

    def build(*inputs: tf.Tensor | None) -> None:
        if not traced:  # a function that makes variables is traced again, to see that it then makes none
            network(*inputs)
            traced.append(True)

    tf.function(build, autograph=False).get_concrete_function(*inputs)


def generator_specs(generator: keras.Model) -> list[tf.TensorSpec | None]:
    """One row of what a generator is called with: latent, label, and for prediction context in place of the label."""
    latent = latent_spec(1, generator.latent_size)
    if not generator.context_frames:
        return [latent, label_spec(1)]
    return [latent, None, clip_spec(1, generator.context_frames, generator.resolution, generator.video_channels)]


def latent_spec(batch: int, size: int) -> tf.TensorSpec:
    """Latents `[batch, size]`."""
    return tf.TensorSpec([batch, size], tf.float32)


def label_spec(batch: int) -> tf.TensorSpec:
    """Labels `[batch]`."""
    return tf.TensorSpec([batch], tf.int32)


def clip_spec(batch: int, num_frames: int, size: int, channels: int) -> tf.TensorSpec:
    """Clips `[batch, num_frames, size, size, channels]`."""
    return tf.TensorSpec([batch, num_frames, size, size, channels], tf.float32)
