"""Gradients summed over micro-batches."""

from __future__ import annotations

from typing import Callable

import tensorflow as tf

from dvdgan_tf.layers import state


def accumulated(count: int, of_part: Callable[[int], object]) -> object:
    """Sums what `of_part` returns for every micro-batch, one after the other, so that only one is in memory.

    State moves once, at the end, by the mean of what the parts would have done: they all begin with the same. Nor does
    it move before the gradients of a part are made, so that they may compute a layer again.

    Args:
        count: micro-batches, at least 1.
        of_part: number of a micro-batch to a structure of tensors.

    Returns:
        the same structure of their sums.
    """
    total, moves = None, []
    for number in range(count):
        with tf.control_dependencies(tf.nest.flatten(total) if number else []), state.collected() as updates:
            values = tf.nest.map_structure(tf.convert_to_tensor, of_part(number))  # an embedding's gradient is sparse
            total = tf.nest.map_structure(tf.add, total, values) if number else values
        moves.append(updates)
    for of_parts in zip(*moves):
        state.update(of_parts[0][0], tf.add_n([value for _, value in of_parts]) / count)
    return total
