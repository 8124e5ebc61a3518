"""Normalisation of the generator's features: class-conditional in its blocks, plain before its last convolution.

Paper B.3.

Differences from the paper: none. Epsilon is not stated there [inferred, as BigGAN].
"""

from __future__ import annotations

import tensorflow as tf
import tf_keras as keras

from dvdgan_tf.layers.moments import MomentsClass, TimestepMoments
from dvdgan_tf.layers.spectral_norm import SpectralDense

EPSILON = 1e-4


class _Normalization(keras.layers.Layer):
    """Normalises frames `[B*T, H, W, C]` by moments, then scales and shifts them."""

    def __init__(self, num_frames: int, moments: MomentsClass, name: str | None) -> None:
        super().__init__(name=name)
        self.num_frames = num_frames
        self.moments = moments(num_frames, name='moments')

    def _gain_and_shift(
        self, frames: tf.Tensor, scale: tf.Tensor, offset: tf.Tensor, training: bool
    ) -> tuple[tf.Tensor, tf.Tensor]:
        """Such that `frames * gain + shift` is `scale * (frames - mean) / sqrt(variance + epsilon) + offset`.

        One multiplication and one addition per element: everything else is done on what this returns.

        Args:
            frames: `[B*T, H, W, C]`.
            scale: and offset, `[B or 1, C]`.

        Returns:
            both `[B or 1, T or 1, C]`, of the frames' type.
        """
        mean, variance = tf.unstack(self.moments(frames, training=training))
        gain = tf.cast(scale, mean.dtype)[:, tf.newaxis] * tf.math.rsqrt(variance + EPSILON)
        shift = tf.cast(offset, mean.dtype)[:, tf.newaxis] - mean * gain
        return tf.cast(gain, frames.dtype), tf.cast(shift, frames.dtype)

    def get_config(self) -> dict:
        return {**super().get_config(), 'num_frames': self.num_frames}


class ConditionalNormalization(_Normalization):
    """Normalisation whose scale (1 + linear) and offset (linear) are spectrally normalised functions of the condition.

    Call: frames `[B*T, H, W, C]` and condition `[B, D]` to frames of the same shape.

    Args:
        num_frames: T; frame t of clip b is row b*T + t.
        moments: the class that takes mean and variance.
    """

    def __init__(self, num_frames: int, moments: MomentsClass = TimestepMoments, name: str | None = None) -> None:
        super().__init__(num_frames, moments, name)

    def build(self, input_shape: tf.TensorShape) -> None:
        self.scale = SpectralDense(input_shape[-1], use_bias=False, name='scale')
        self.offset = SpectralDense(input_shape[-1], use_bias=False, name='offset')
        self.built = True

    def call(self, frames: tf.Tensor, condition: tf.Tensor, training: bool = False) -> tf.Tensor:
        scale = 1.0 + self.scale(condition, training=training)
        gain, shift = self._gain_and_shift(frames, scale, self.offset(condition, training=training), training)
        return frames * self._by_row(gain) + self._by_row(shift)

    def _by_row(self, values: tf.Tensor) -> tf.Tensor:
        """`[B, T or 1, C]` to `[B*T, 1, 1, C]`.

        The frames are not reshaped instead, for a block reads them twice: TFLite without XNNPACK would write the
        product over a reshaped tensor, and with it over the tensor itself.
        """
        if values.shape[1] != self.num_frames:
            values *= tf.ones([1, self.num_frames, 1], values.dtype)
        return tf.reshape(values, [-1, 1, 1, values.shape[-1]])


class LearnedNormalization(_Normalization):
    """Normalisation with one learned scale and offset per channel, as before the generator's last convolution.

    Args: as `ConditionalNormalization`.
    """

    def __init__(self, num_frames: int, moments: MomentsClass = TimestepMoments, name: str | None = None) -> None:
        super().__init__(num_frames, moments, name)

    def build(self, input_shape: tf.TensorShape) -> None:
        channels = input_shape[-1]
        self.scale = self.add_weight('scale', (1, channels), initializer='ones', experimental_autocast=False)
        self.offset = self.add_weight('offset', (1, channels), initializer='zeros', experimental_autocast=False)
        self.built = True

    def call(self, frames: tf.Tensor, training: bool = False) -> tf.Tensor:
        scale, offset = tf.convert_to_tensor(self.scale), tf.convert_to_tensor(self.offset)
        gain, shift = (value[:, :, tf.newaxis] for value in self._gain_and_shift(frames, scale, offset, training))
        height, width, channels = frames.shape[1:]
        clips = tf.reshape(frames, [-1, self.num_frames, height * width, channels])
        return tf.reshape(clips * gain + shift, [-1, height, width, channels])
