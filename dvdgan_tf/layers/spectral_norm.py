"""Spectral normalisation of Dense, Conv2D, Conv3D and Embedding kernels (Miyato et al. 2018; paper B.3).

A layer here keeps its raw kernel W and uses W / sigma(W), sigma being the largest singular value of W seen as a matrix
of [everything else, outputs]. With u an estimate of the leading right-hand vector (outputs), sigma = |W u|, whose
gradient is the exact gradient of the singular value where u is exact. A call with `training=True` first refines u by
one power iteration.

Differences from the paper: none.
"""

from __future__ import annotations

from collections.abc import Sequence

import tensorflow as tf
import tf_keras as keras

from dvdgan_tf.layers import state

_EPSILON = 1e-12


class SpectralKernel(keras.layers.Layer):
    """A kernel that is divided by its largest singular value; calling the layer returns it.

    Args:
        shape: shape of the kernel; the last axis counts as outputs, the others are flattened.

    Returns (of a call): the normalised kernel, float32 (or the layer's variable dtype), whatever the compute dtype.
    """

    def __init__(self, shape: Sequence[int], name: str | None = None) -> None:
        super().__init__(name=name)
        self.shape = tuple(int(size) for size in shape)

    def build(self, input_shape: object = None) -> None:
        self.kernel = self.add_weight(
            f'{self.name}/kernel', self.shape, initializer='orthogonal', experimental_autocast=False
        )
        self.u = self.add_weight(
            f'{self.name}/u',
            (self.shape[-1],),
            initializer=_random_direction,
            trainable=False,
            experimental_autocast=False,
            synchronization=tf.VariableSynchronization.ON_READ,
            aggregation=tf.VariableAggregation.ONLY_FIRST_REPLICA,
        )
        self.built = True

    def call(self, inputs: object = None, training: bool = False) -> tf.Tensor:
        kernel = tf.convert_to_tensor(self.kernel)
        matrix = self._matrix(kernel)
        u = self._refined(matrix) if training else self._column()
        return kernel / (_length(tf.matmul(matrix, u)) + _EPSILON)

    def refine(self) -> None:
        """One power iteration: updates `u`."""
        self._refined(self._matrix(tf.convert_to_tensor(self.kernel)))

    def sigma(self) -> tf.Tensor:
        """The present estimate of the largest singular value, a scalar."""
        return _length(tf.matmul(self._matrix(tf.convert_to_tensor(self.kernel)), self._column()))

    def _refined(self, matrix: tf.Tensor) -> tf.Tensor:
        """One power iteration: updates `u` and returns it as a column, a constant for gradients."""
        matrix = tf.stop_gradient(matrix)
        u = tf.matmul(matrix, tf.matmul(matrix, self._column()), transpose_a=True)
        u /= _length(u) + _EPSILON
        state.update(self.u, tf.reshape(u, [-1]))
        return u

    def _column(self) -> tf.Tensor:
        return tf.reshape(self.u, [-1, 1])

    def _matrix(self, kernel: tf.Tensor) -> tf.Tensor:
        return tf.reshape(kernel, [-1, self.shape[-1]])

    def get_config(self) -> dict:
        return {**super().get_config(), 'shape': self.shape}


def _length(column: tf.Tensor) -> tf.Tensor:
    """The Euclidean length of a vector, in the fewest operations with the fewest for its gradient."""
    half = tf.nn.l2_loss(column)
    return tf.sqrt(half + half)


def _random_direction(shape: Sequence[int], dtype: tf.DType = tf.float32, **unused: object) -> tf.Tensor:
    """A random vector of length 1."""
    direction = tf.random.normal(shape, dtype=dtype)
    return direction / tf.norm(direction)


class NormalisedLayer(keras.layers.Layer):
    """A layer with one spectrally normalised kernel and, if asked, a bias."""

    def __init__(self, units: int, use_bias: bool, name: str | None, dtype: str | None = None) -> None:
        super().__init__(name=name, dtype=dtype)
        self.units = units
        self.use_bias = use_bias

    def _add_kernel(self, shape: Sequence[int]) -> None:
        self.spectral = SpectralKernel(shape, name='spectral')
        self.spectral.build()
        self.bias = self.add_weight('bias', (self.units,), initializer='zeros') if self.use_bias else None
        self.built = True

    def _kernel(self, training: bool) -> tf.Tensor:
        return tf.cast(self.spectral(None, training=training), self.compute_dtype)

    def _with_bias(self, outputs: tf.Tensor) -> tf.Tensor:
        return outputs if self.bias is None else tf.nn.bias_add(outputs, self.bias)

    def get_config(self) -> dict:
        return {**super().get_config(), 'units': self.units, 'use_bias': self.use_bias}


class SpectralDense(NormalisedLayer):
    """`[B, in] -> [B, units]` by a spectrally normalised matrix."""

    def __init__(
        self, units: int, use_bias: bool = True, name: str | None = None, dtype: str | None = None
    ) -> None:
        super().__init__(units, use_bias, name, dtype)

    def build(self, input_shape: tf.TensorShape) -> None:
        self._add_kernel((input_shape[-1], self.units))

    def call(self, inputs: tf.Tensor, training: bool = False) -> tf.Tensor:
        return self._with_bias(tf.matmul(inputs, self._kernel(training)))


class SpectralEmbedding(NormalisedLayer):
    """`[B] int -> [B, units]`, rows of a spectrally normalised table of `num_classes` rows."""

    def __init__(self, num_classes: int, units: int, name: str | None = None, dtype: str | None = None) -> None:
        super().__init__(units, False, name, dtype)
        self.num_classes = num_classes

    def build(self, input_shape: tf.TensorShape) -> None:
        self._add_kernel((self.num_classes, self.units))

    def call(self, inputs: tf.Tensor, training: bool = False) -> tf.Tensor:
        return tf.gather(self._kernel(training), inputs)

    def get_config(self) -> dict:
        config = super().get_config()
        del config['use_bias']
        return {**config, 'num_classes': self.num_classes}
