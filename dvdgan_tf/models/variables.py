"""Making a network's variables without running it, however large it is."""

from typing import Callable, ContextManager

import tensorflow as tf
import tf_keras as keras


def make_variables(network: keras.Model, *inputs: tf.TensorSpec) -> None:
    """Traces `network(*inputs)`, which builds every layer; call it inside `strategy.scope()`."""
    tf.function(network, autograph=False).get_concrete_function(*inputs)


def zero_variables() -> ContextManager[None]:
    """A scope in which variables start as zeros: orthogonal matrices of the paper's size take minutes to make."""

    def creator(next_creator: Callable, **arguments: object) -> tf.Variable:
        if callable(arguments['initial_value']) and arguments.get('shape') is not None:
            arguments['initial_value'] = tf.zeros(arguments['shape'], arguments['dtype'])
        return next_creator(**arguments)

    return tf.variable_creator_scope(creator)


def latent_spec(batch: int, size: int) -> tf.TensorSpec:
    """Latents `[batch, size]`."""
    return tf.TensorSpec([batch, size], tf.float32)


def label_spec(batch: int) -> tf.TensorSpec:
    """Labels `[batch]`."""
    return tf.TensorSpec([batch], tf.int32)


def clip_spec(batch: int, num_frames: int, size: int, channels: int) -> tf.TensorSpec:
    """Clips `[batch, num_frames, size, size, channels]`."""
    return tf.TensorSpec([batch, num_frames, size, size, channels], tf.float32)
