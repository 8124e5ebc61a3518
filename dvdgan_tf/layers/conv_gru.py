"""Convolutional gated recurrent unit (paper B.2).

    r = sigmoid(Wr * [h; x] + br)      u = sigmoid(Wu * [h; x] + bu)
    c = relu(Wc * [x; r.h] + bc)       h' = u.h + (1 - u).c

with 3x3 kernels; note the ReLU, and that u multiplies the old state. A convolution is linear in [h; x], so the x part
of all gates and all frames is one convolution before the loop; each kernel is still normalised as one matrix over
[h; x].

Differences from the paper: none.
"""

from __future__ import annotations

import contextlib
from collections.abc import Iterator, Sequence
from typing import Callable

import tensorflow as tf
import tf_keras as keras

from dvdgan_tf.layers.spectral_norm import SpectralKernel

_KERNEL_SIZE = 3
_Gates = Sequence[tf.Tensor]
_watchers: list[list[tf.Tensor]] = []


@contextlib.contextmanager
def watched() -> Iterator[list[tf.Tensor]]:
    """Keeps the states `[B, T, H, W, units]` of every ConvGRU that runs in the block in the list it yields."""
    _watchers.append([])
    try:
        yield _watchers[-1]
    finally:
        _watchers.pop()


class ConvGRU(keras.layers.Layer):
    """Runs a ConvGRU over the frames of each clip and returns every state.

    Call: frames `[B*T, H, W, in]`, batch-major, or `[B, H, W, in]` for an input that is the same at every frame;
    optionally the initial state `[B, H, W, units]` (zeros when None). Returns the states `[B*T, H, W, units]`.

    Args:
        units: width of the state.
        num_frames: T.
        unroll: whether the graph holds T copies of the cell (for export, and faster on a CPU) instead of one
            `tf.while_loop` (compile time independent of T).
    """

    def __init__(self, units: int, num_frames: int, unroll: bool = False, name: str | None = None) -> None:
        super().__init__(name=name)
        self.units = units
        self.num_frames = num_frames
        self.unroll = unroll

    def build(self, input_shape: tf.TensorShape) -> None:
        shape = (_KERNEL_SIZE, _KERNEL_SIZE, self.units + input_shape[-1], self.units)
        self.reset, self.update, self.candidate = (
            SpectralKernel(shape, name=name) for name in ('reset', 'update', 'candidate')
        )
        for kernel in (self.reset, self.update, self.candidate):
            kernel.build()
        self.bias = self.add_weight('bias', (3 * self.units,), initializer='zeros')
        self.built = True

    def call(
        self, frames: tf.Tensor, constant: bool = False, initial: tf.Tensor | None = None, training: bool = False
    ) -> tf.Tensor:
        gates, cell = self._prepare(frames, training)
        if not self.unroll:
            clips = self._loop(cell, gates, constant, initial)
        else:
            by_frame = [self._repeated(part, training) if constant else self._by_frame(part) for part in gates]
            steps = list(zip(*by_frame))
            states = [cell(steps[0], initial)]
            for step in steps[1:]:
                states.append(cell(step, states[-1]))
            clips = tf.stack(states, 1)
        for seen in _watchers:
            seen.append(clips)
        return tf.reshape(clips, [-1, *clips.shape[2:]])

    def _prepare(self, frames: tf.Tensor, training: bool) -> tuple[_Gates, Callable]:
        """The input's part of gates and candidate for all frames, and the cell that goes on from there."""
        units, width = self.units, frames.shape[-1]
        reset, update, candidate = (
            tf.cast(kernel(None, training=training), self.compute_dtype)
            for kernel in (self.reset, self.update, self.candidate)
        )
        reset, update = (tf.split(kernel, [units, width], 2) for kernel in (reset, update))
        candidate, of_reset_state = tf.split(candidate, [width, units], 2)
        of_input = tf.concat([reset[1], update[1], candidate], -1)
        of_state = tf.concat([reset[0], update[0]], -1)

        def cell(inputs: _Gates, state: tf.Tensor | None) -> tf.Tensor:
            """The input's part of gates and candidate, and the old state (None for zeros), to the new state."""
            gates, new = inputs
            if state is None:
                return (1.0 - tf.sigmoid(tf.split(gates, 2, -1)[1])) * tf.nn.relu(new)
            gates = tf.sigmoid(gates + tf.nn.conv2d(state, of_state, 1, 'SAME'))
            reset, keep = tf.split(gates, 2, -1)
            new = tf.nn.relu(new + tf.nn.conv2d(reset * state, of_reset_state, 1, 'SAME'))
            return new + keep * (state - new)

        inputs = tf.nn.bias_add(tf.nn.conv2d(frames, of_input, 1, 'SAME'), self.bias)
        return tuple(tf.split(inputs, [2 * units, units], -1)), cell

    def _repeated(self, part: tf.Tensor, training: bool) -> list[tf.Tensor]:
        """T times the same; in training their gradients are summed in one order.

        TensorFlow sums them by AddN, which begins with whichever it may write over: that is chance.
        """
        if not training:
            return [part] * self.num_frames

        @tf.custom_gradient
        def copies(part: tf.Tensor) -> tuple[tuple[tf.Tensor, ...], Callable]:
            return (part,) * self.num_frames, lambda *gradients: tf.reduce_sum(tf.stack(gradients), 0)

        return list(copies(part))

    def _by_frame(self, frames: tf.Tensor) -> list[tf.Tensor]:
        """`[B*T, H, W, C]` to T tensors `[B, H, W, C]`."""
        return tf.unstack(tf.reshape(frames, [-1, self.num_frames, *frames.shape[1:]]), axis=1)

    def _loop(self, cell: Callable, gates: _Gates, constant: bool, initial: tf.Tensor | None) -> tf.Tensor:
        """The cell over all frames as a while loop, its first step apart; returns the states `[B, T, H, W, units]`."""
        if constant:
            first = cell(gates, initial)
        else:
            queues = []
            for part in gates:
                clips = tf.reshape(part, [-1, self.num_frames, *part.shape[1:]])
                steps = tf.transpose(clips, [1, 0, 2, 3, 4])  # T slices would make XLA's time depend on T
                queues.append(tf.TensorArray(part.dtype, self.num_frames, element_shape=steps.shape[1:]).unstack(steps))
            first = cell([queue.read(0) for queue in queues], initial)
        states = tf.TensorArray(first.dtype, self.num_frames, element_shape=first.shape).write(0, first)

        def body(step: tf.Tensor, state: tf.Tensor, states: tf.TensorArray) -> tuple[tf.Tensor, ...]:
            state = cell(gates if constant else [queue.read(step) for queue in queues], state)
            return step + 1, state, states.write(step, state)

        *_, states = tf.while_loop(
            lambda step, *_: step < self.num_frames,
            body,
            (1, first, states),
            maximum_iterations=self.num_frames - 1,
        )
        return tf.transpose(states.stack(), [1, 0, 2, 3, 4])

    def get_config(self) -> dict:
        return {**super().get_config(), 'units': self.units, 'num_frames': self.num_frames, 'unroll': self.unroll}
