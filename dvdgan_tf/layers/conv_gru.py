"""Convolutional gated recurrent unit (paper B.2).

    r = sigmoid(Wr * [h; x] + br)      u = sigmoid(Wu * [h; x] + bu)
    c = relu(Wc * [x; r.h] + bc)       h' = u.h + (1 - u).c

with 3x3 kernels; note the ReLU, and that u multiplies the old state. A convolution is linear in [h; x], so the x part of all
gates and all frames is one convolution before the loop; each kernel is still normalised as one matrix over [h; x].

Differences from the paper: none.
"""

from typing import Callable, Optional, Tuple

import tensorflow as tf
import tf_keras as keras

from dvdgan_tf.layers.spectral_norm import SpectralKernel

_KERNEL_SIZE = 3


class ConvGRU(keras.layers.Layer):
    """Runs a ConvGRU over the frames of each clip and returns every state.

    Call: frames `[B*T, H, W, in]`, batch-major, or `[B, H, W, in]` for an input that is the same at every frame; optionally the
    initial state `[B, H, W, units]` (zeros when None). Returns the states, batch-major `[B*T, H, W, units]`.

    Args:
      units: width of the state.
      num_frames: T.
      unroll: whether the graph holds T copies of the cell (for export, and faster on a CPU) instead of one `tf.while_loop`
        (compile time independent of T).
    """

    def __init__(self, units: int, num_frames: int, unroll: bool = False, name: Optional[str] = None) -> None:
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
        self, frames: tf.Tensor, constant: bool = False, initial: Optional[tf.Tensor] = None, training: bool = False
    ) -> tf.Tensor:
        inputs, cell = self._prepare(frames, constant, training)
        if not self.unroll:
            clips = self._loop(cell, inputs, constant, initial)
        else:
            steps = [inputs[:, 0]] * self.num_frames if constant else tf.unstack(inputs, axis=1)
            states = [cell(steps[0], initial)]
            for step in steps[1:]:
                states.append(cell(step, states[-1]))
            clips = tf.stack(states, 1)
        return tf.reshape(clips, [-1, *clips.shape[2:]])

    def _prepare(self, frames: tf.Tensor, constant: bool, training: bool) -> Tuple[tf.Tensor, Callable]:
        """The part of all gates that comes from the input, `[B, T or 1, H, W, 3*units]`, and the cell."""
        units, width = self.units, frames.shape[-1]
        reset, update, candidate = (
            tf.cast(kernel(None, training=training), self.compute_dtype)
            for kernel in (self.reset, self.update, self.candidate)
        )
        of_input = tf.concat([reset[:, :, units:], update[:, :, units:], candidate[:, :, :width]], -1)
        of_state = tf.concat([reset[:, :, :units], update[:, :, :units]], -1)
        of_reset_state = candidate[:, :, width:]
        gates = tf.nn.bias_add(tf.nn.conv2d(frames, of_input, 1, 'SAME'), self.bias)

        def cell(gates: tf.Tensor, state: Optional[tf.Tensor]) -> tf.Tensor:
            """One step: the input's part of (reset, update, candidate) and the old state (None for zeros) to the new state."""
            if state is None:
                _, keep, new = tf.split(gates, 3, -1)
                return (1.0 - tf.sigmoid(keep)) * tf.nn.relu(new)
            reset, keep = tf.split(tf.sigmoid(gates[..., : 2 * units] + tf.nn.conv2d(state, of_state, 1, 'SAME')), 2, -1)
            new = tf.nn.relu(gates[..., 2 * units :] + tf.nn.conv2d(reset * state, of_reset_state, 1, 'SAME'))
            return new + keep * (state - new)

        steps = 1 if constant else self.num_frames
        return tf.reshape(gates, [-1, steps, *gates.shape[1:]]), cell

    def _loop(self, cell: Callable, inputs: tf.Tensor, constant: bool, initial: Optional[tf.Tensor]) -> tf.Tensor:
        """The cell over all frames as a while loop, its first step apart; returns the states `[B, T, H, W, units]`."""
        first = cell(inputs[:, 0], initial)
        states = tf.TensorArray(first.dtype, self.num_frames, element_shape=first.shape).write(0, first)
        queue = None
        if not constant:
            queue = tf.TensorArray(inputs.dtype, self.num_frames).unstack(tf.transpose(inputs, [1, 0, 2, 3, 4]))

        def body(step: tf.Tensor, state: tf.Tensor, states: tf.TensorArray) -> Tuple[tf.Tensor, ...]:
            state = cell(inputs[:, 0] if constant else queue.read(step), state)
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
