"""Memory for time: a layer whose inner results are not kept for the backward pass but computed again in it.

`tf.recompute_grad` does the same, but the graph optimiser sees through the dependency by which it makes the second
computation wait, and runs both at once.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Callable

import tensorflow as tf

from dvdgan_tf.layers import state


def recomputed(layer: Callable[..., tf.Tensor], *inputs: tf.Tensor) -> tf.Tensor:
    """Calls `layer(*inputs)`, of which only inputs and outputs stay in memory until the backward pass.

    Its state moves once. A caller that takes gradients must not let state move before (`state.collected`): the second
    computation begins with what it finds.
    """
    moved: list[tf.Variable] = []

    @tf.custom_gradient
    def compute(*inputs: tf.Tensor) -> tuple:
        with state.collected() as updates:
            outputs = layer(*inputs)
        moved[:] = [variable for variable, _ in updates]

        def gradient(upstream: tf.Tensor, *unused: tf.Tensor, variables: Sequence[tf.Variable] = ()) -> tuple:
            with tf.GradientTape() as tape:
                again = [_after(upstream, value) for value in inputs]
                tape.watch([*again, *(variable for variable in variables if variable.trainable)])
                with state.collected():
                    outputs = layer(*again)
            none = tf.UnconnectedGradients.ZERO
            found = tape.gradient(outputs, [*again, *variables], upstream, unconnected_gradients=none)
            return found[: len(again)], found[len(again) :]

        return (outputs, *(value for _, value in updates)), gradient

    outputs, *values = compute(*inputs)
    for variable, value in zip(moved, values):
        state.update(variable, tf.stop_gradient(value))
    return outputs


def _after(first: tf.Tensor, value: tf.Tensor) -> tf.Tensor:
    """`value`, which no optimiser can have before `first`: neither a graph's nor XLA's knows that this adds zero."""
    zero = tf.minimum(tf.abs(tf.reshape(first, [-1])[0]), 0)
    return value + tf.cast(zero, value.dtype)
