"""Spectrally normalised convolutions, plain and with a change of resolution folded in.

Differences from the paper: none.
"""

from __future__ import annotations

from collections.abc import Sequence

import tensorflow as tf

from dvdgan_tf.layers import resample
from dvdgan_tf.layers.spectral_norm import NormalisedLayer

# oneDNN in TensorFlow 2.15 returns garbage, or crashes, for the filter's gradient of bfloat16 volumes with 2 frames
# under a kernel of 3 or with 2 rows under one of 4. Volumes that small are convolved in float32.
_SAFE_EXTENT = 3


class SpectralConvolution(NormalisedLayer):
    """Convolution with stride 1 and zero padding that keeps the size: `[N, (T,) H, W, in] -> [N, (T,) H, W, units]`.

    Args:
        units: output width.
        kernel_size: extent of the kernel along every axis.
        rank: 2 or 3 convolved axes.
        use_bias: whether a bias is added.
    """

    def __init__(
        self, units: int, kernel_size: int = 3, rank: int = 2, use_bias: bool = True, name: str | None = None
    ) -> None:
        super().__init__(units, use_bias, name)
        self.kernel_size = kernel_size
        self.rank = rank

    def build(self, input_shape: tf.TensorShape) -> None:
        self._add_kernel((self.kernel_size,) * self.rank + (input_shape[-1], self.units))

    def call(self, inputs: tf.Tensor, training: bool = False) -> tf.Tensor:
        kernel = self._kernel(training)
        volumes = self.rank == 3 and self.kernel_size > 1
        if volumes and inputs.dtype == tf.bfloat16 and min(inputs.shape[1:4]) < _SAFE_EXTENT:
            outputs = self._convolve(tf.cast(inputs, tf.float32), tf.cast(kernel, tf.float32))
            return self._with_bias(tf.cast(outputs, inputs.dtype))
        return self._with_bias(self._convolve(inputs, kernel))

    def _convolve(self, inputs: tf.Tensor, kernel: tf.Tensor) -> tf.Tensor:
        return resample.convolution(inputs, kernel)

    def get_config(self) -> dict:
        return {**super().get_config(), 'kernel_size': self.kernel_size, 'rank': self.rank}


class UpsampleConvolution(SpectralConvolution):
    """Nearest-neighbour x2, then a 3x3 convolution: `[N, H, W, in] -> [N, 2H, 2W, units]`."""

    def _convolve(self, inputs: tf.Tensor, kernel: tf.Tensor) -> tf.Tensor:
        return resample.upsample_convolution(inputs, kernel)


class ConvolutionPool(SpectralConvolution):
    """A convolution of size 3, then the average over cells of `window` (1 or 2 along each convolved axis)."""

    def __init__(self, units: int, window: Sequence[int], name: str | None = None) -> None:
        super().__init__(units, rank=len(window), name=name)
        self.window = tuple(window)

    def _convolve(self, inputs: tf.Tensor, kernel: tf.Tensor) -> tf.Tensor:
        return resample.convolution_pool(inputs, kernel, self.window)

    def get_config(self) -> dict:
        config = super().get_config()
        return {'name': config['name'], 'units': self.units, 'window': self.window}
