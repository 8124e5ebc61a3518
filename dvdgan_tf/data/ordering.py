"""Which clip each example of the endless stream is: every clip once an epoch, or every class as often as any other."""

from __future__ import annotations

import numpy as np
import tensorflow as tf

from dvdgan_tf.data import stream


def every_clip(number: tf.Tensor, num_clips: int, seed: int, purpose: int) -> tf.Tensor:
    """The clip of example `number`: each of 0 to num_clips - 1 once an epoch, in another order in each."""
    epoch = stream.stateless_seed(seed, purpose, number // num_clips)
    return tf.random.experimental.index_shuffle(number % num_clips, epoch, num_clips - 1)


class EvenClasses:
    """Draws every class equally often, however many clips it has.

    Each run of as many examples as there are classes with clips holds every such class once, in another order in each;
    the clips of a class follow each other as in `every_clip`.

    Args:
        labels: [clips] class of each clip.
    """

    def __init__(self, labels: np.ndarray) -> None:
        _, counts = np.unique(labels, return_counts=True)
        self._clips = tf.constant(np.argsort(labels, kind='stable'))
        self._counts = tf.constant(counts)
        self._firsts = tf.constant(np.cumsum(counts) - counts)
        self._num_classes = len(counts)

    def __call__(self, number: tf.Tensor, seed: int, purpose: int) -> tf.Tensor:
        """The clip of example `number`."""
        turn = number // self._num_classes
        chosen = every_clip(number, self._num_classes, seed, purpose)
        count = self._counts[chosen]
        lap = stream.stateless_seed(seed, purpose, -1 - chosen)
        lap = tf.random.experimental.stateless_fold_in(lap, turn // count)
        return self._clips[self._firsts[chosen] + tf.random.experimental.index_shuffle(turn % count, lap, count - 1)]
