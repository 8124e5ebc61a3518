"""A small classifier of clips, trained on the clips that it will judge: what the protocol `recognition` looks with.

Three 3-D convolutions, the means and maxima of their 64 channels, which are its features, a hidden layer, a class. It
needs no download and learns in a minute or two on a CPU. It is this project's own: its numbers compare only with those
of the same data and clip size.
"""

from __future__ import annotations

import math
from collections.abc import Mapping

import numpy as np
import tensorflow as tf
import tf_keras as keras

SIDE = 32

_WIDTHS = (16, 32, 64)
_HIDDEN = 64
_BATCH = 32
_RATE = 2e-3
_SHIFT, _NOISE = 2, 0.05  # pixels; of a range of 2


def looked_at(clips: tf.Tensor) -> tf.Tensor:
    """What the classifier sees: `[B, T, H, W, C]` in [-1, 1] as uint8 `[B, T, s, s, C]`, at most 32 pixels wide."""
    factor = max(1, clips.shape[2] // SIDE)
    frames = tf.reshape(clips, [-1, *clips.shape[2:]])
    if factor > 1:
        frames = tf.nn.avg_pool2d(frames, factor, factor, 'VALID')
    levels = tf.clip_by_value(tf.round((frames + 1.0) * 127.5), 0.0, 255.0)
    return tf.cast(tf.reshape(levels, [-1, clips.shape[1], *frames.shape[1:]]), tf.uint8)


class Recognizer:
    """The classifier.

    Args:
        shape: (T, s, s, C) of the clips that `looked_at` gives.
        num_classes: how many classes they are of.
        seed: of its first weights, and of the order and the small changes of the clips that it is trained on.
    """

    def __init__(self, shape: tuple[int, int, int, int], num_classes: int, seed: int = 0) -> None:
        initial = [keras.initializers.HeNormal(seed + number) for number in range(len(_WIDTHS) + 2)]
        self._seed = seed
        self._convolutions = [
            keras.layers.Conv3D(width, 3, (1, 2, 2) if i == 0 else 2, 'same', kernel_initializer=initial[i])
            for i, width in enumerate(_WIDTHS)
        ]
        self._hidden = keras.layers.Dense(_HIDDEN, 'relu', kernel_initializer=initial[-2], name='hidden')
        self._logits = keras.layers.Dense(num_classes, kernel_initializer=initial[-1], name='logits')
        self._call(tf.zeros([1, *shape]))
        self._compute = tf.function(
            lambda clips: self._call(_scaled(clips)),
            input_signature=[tf.TensorSpec([None, *shape], tf.uint8)],
            autograph=False,
        )

    @property
    def variables(self) -> list[tf.Variable]:
        """Its weights, in an order that never changes."""
        layers = [*self._convolutions, self._hidden, self._logits]
        return [variable for layer in layers for variable in layer.trainable_variables]

    def train(self, clips: np.ndarray, labels: np.ndarray, steps: int) -> float:
        """Fits the classifier.

        Args:
            clips: uint8 [N, T, s, s, C].
            labels: [N], every class about as often as any other.
            steps: batches of 32 clips.

        Returns:
            the mean loss over the last tenth of the steps.
        """
        rate = keras.optimizers.schedules.CosineDecay(_RATE, steps)
        optimizer = keras.optimizers.Adam(rate, jit_compile=False)

        @tf.function(autograph=False)
        def step(batch: tf.Tensor, label: tf.Tensor, number: tf.Tensor) -> tf.Tensor:
            with tf.GradientTape() as tape:
                _, logits = self._call(_varied(_scaled(batch), tf.stack([self._seed, number])))
                each = tf.nn.sparse_softmax_cross_entropy_with_logits(label, logits)
                loss = tf.reduce_mean(each)
            optimizer.apply_gradients(zip(tape.gradient(loss, self.variables), self.variables))
            return loss

        random = np.random.RandomState(self._seed)
        turns = math.ceil(steps * _BATCH / len(labels))
        order = np.concatenate([random.permutation(len(labels)) for _ in range(turns)])
        losses = []
        for number in range(steps):
            rows = order[number * _BATCH : (number + 1) * _BATCH]
            losses.append(float(step(clips[rows], labels[rows].astype(np.int32), tf.constant(number))))
        return float(np.mean(losses[-max(1, steps // 10) :]))

    def look(self, clips: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Features [N, 128] and recognised classes [N] of uint8 clips [N, T, s, s, C]."""
        found = [self._compute(clips[first : first + _BATCH]) for first in range(0, len(clips), _BATCH)]
        features, logits = (np.concatenate([pair[i].numpy() for pair in found]) for i in range(2))
        return features, logits.argmax(-1)

    def state(self) -> dict[str, np.ndarray]:
        """Its weights by number."""
        return {f'weight_{number}': variable.numpy() for number, variable in enumerate(self.variables)}

    def restore(self, state: Mapping[str, np.ndarray]) -> None:
        """Takes the weights of `state`."""
        for number, variable in enumerate(self.variables):
            variable.assign(state[f'weight_{number}'])

    def _call(self, clips: tf.Tensor) -> tuple[tf.Tensor, tf.Tensor]:
        for convolution in self._convolutions:
            clips = tf.nn.relu(convolution(clips))
        axes = [1, 2, 3]
        features = tf.concat([tf.reduce_mean(clips, axes), tf.reduce_max(clips, axes)], -1)
        return features, self._logits(self._hidden(features))


def _scaled(clips: tf.Tensor) -> tf.Tensor:
    return tf.cast(clips, tf.float32) / 127.5 - 1.0


def _varied(clips: tf.Tensor, seed: tf.Tensor) -> tf.Tensor:
    """Clips with other brightness and contrast, moved by a pixel or two, and with noise."""
    shape = clips.shape
    draws = tf.random.stateless_uniform([2, tf.shape(clips)[0], 1, 1, 1, 1], seed, -1.0, 1.0)
    clips = clips * (1.0 + 0.2 * draws[0]) + 0.1 * draws[1]
    clips += tf.random.stateless_normal(tf.shape(clips), seed + 1, 0.0, _NOISE)
    place = tf.random.stateless_uniform([2], seed + 2, 0, 2 * _SHIFT + 1, tf.int32)
    padding = [[0, 0], [0, 0], [_SHIFT, _SHIFT], [_SHIFT, _SHIFT], [0, 0]]
    clips = tf.pad(clips, padding, 'SYMMETRIC')
    return clips[:, :, place[0] : place[0] + shape[2], place[1] : place[1] + shape[3]]
