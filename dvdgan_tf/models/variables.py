"""Making a network's variables without running it, however large it is."""

import tensorflow as tf
import tf_keras as keras


def make_variables(network: keras.Model, *inputs: tf.TensorSpec) -> None:
    """Traces `network(*inputs)`, which builds every layer; call it inside `strategy.scope()`."""
    tf.function(network, autograph=False).get_concrete_function(*inputs)


def latent_spec(batch: int, size: int) -> tf.TensorSpec:
    """Latents `[batch, size]`."""
    return tf.TensorSpec([batch, size], tf.float32)


def label_spec(batch: int) -> tf.TensorSpec:
    """Labels `[batch]`."""
    return tf.TensorSpec([batch], tf.int32)


def clip_spec(batch: int, num_frames: int, size: int, channels: int) -> tf.TensorSpec:
    """Clips `[batch, num_frames, size, size, channels]`."""
    return tf.TensorSpec([batch, num_frames, size, size, channels], tf.float32)
