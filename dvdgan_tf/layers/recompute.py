"""Memory for time: a layer whose inner results are not kept for the backward pass but computed again in it."""

from typing import Callable, List

import tensorflow as tf

from dvdgan_tf.layers import state


def recomputed(layer: Callable[..., tf.Tensor], *inputs: tf.Tensor) -> tf.Tensor:
    """Calls `layer(*inputs)`, of which only inputs and outputs stay in memory until the backward pass.

    Its state moves once. A caller that takes gradients must not let state move before (`state.collected`): the second
    computation begins with what it finds.
    """
    moved: List[tf.Variable] = []

    @tf.recompute_grad
    def compute(*inputs: tf.Tensor) -> tuple:
        with state.collected() as updates:
            outputs = layer(*inputs)
        moved[:] = [variable for variable, _ in updates]
        return (outputs, *(value for _, value in updates))

    outputs, *values = compute(*inputs)
    for variable, value in zip(moved, values):
        state.update(variable, tf.stop_gradient(value))
    return outputs
