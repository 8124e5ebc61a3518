"""Residual blocks of the generator and of the discriminators (paper B.2, figure 7; BigGAN's).

Skip convolutions are done on the smaller side: a 1x1 convolution commutes with nearest upsampling and with average
pooling.

Differences from the paper: none. Bilinear upsampling is not in it, and not used unless asked for.
"""

from __future__ import annotations

from collections.abc import Sequence

import tensorflow as tf
import tf_keras as keras

from dvdgan_tf.errors import InputError
from dvdgan_tf.layers import resample
from dvdgan_tf.layers.convolution import ConvolutionPool, SpectralConvolution, UpsampleConvolution
from dvdgan_tf.layers.moments import MomentsClass, TimestepMoments
from dvdgan_tf.layers.normalization import ConditionalNormalization


class GeneratorBlock(keras.layers.Layer):
    """Norm, ReLU, [upsample], conv3x3, norm, ReLU, conv3x3, plus the skip; both norms are class-conditional.

    Call: frames `[B*T, H, W, in]` and condition `[B, D]` to `[B*T, H', W', units]`, H' = 2H with `upsample`, else H.

    Args:
        units: output width.
        num_frames: T; frame t of clip b is row b*T + t.
        upsample: whether height and width double.
        moments: what the normalisations take their mean and variance over.
        interpolation: of the upsampling: 'nearest', or 'bilinear', which leaves less of a grid of two pixels. The
            first convolution is smoothed behind it, which is the same but for the edges, as both are linear.

    Raises:
        InputError: another interpolation.
    """

    def __init__(
        self,
        units: int,
        num_frames: int,
        upsample: bool = False,
        moments: MomentsClass = TimestepMoments,
        interpolation: str = 'nearest',
        name: str | None = None,
    ) -> None:
        super().__init__(name=name)
        if interpolation not in ('nearest', 'bilinear'):
            raise InputError(f"interpolation is {interpolation!r}; choose 'nearest' or 'bilinear'.")
        self.units = units
        self.num_frames = num_frames
        self.upsample = upsample
        self.interpolation = interpolation
        self.norm1 = ConditionalNormalization(num_frames, moments, name='norm1')
        self.norm2 = ConditionalNormalization(num_frames, moments, name='norm2')
        self.conv1 = (UpsampleConvolution if upsample else SpectralConvolution)(units, name='conv1')
        self.conv2 = SpectralConvolution(units, name='conv2')

    def build(self, input_shape: tf.TensorShape) -> None:
        changes = self.upsample or input_shape[-1] != self.units
        self.skip = SpectralConvolution(self.units, kernel_size=1, name='skip') if changes else None
        self.built = True

    def call(self, frames: tf.Tensor, condition: tf.Tensor, training: bool = False) -> tf.Tensor:
        features = tf.nn.relu(self.norm1(frames, condition, training=training))
        features = self._smoothed(self.conv1(features, training=training))
        features = tf.nn.relu(self.norm2(features, condition, training=training))
        features = self.conv2(features, training=training)
        skip = frames if self.skip is None else self.skip(frames, training=training)
        return features + (self._smoothed(resample.upsample(skip)) if self.upsample else skip)

    def _smoothed(self, frames: tf.Tensor) -> tf.Tensor:
        return resample.smooth(frames) if self.upsample and self.interpolation == 'bilinear' else frames

    def get_config(self) -> dict:
        config = {'units': self.units, 'num_frames': self.num_frames, 'upsample': self.upsample}
        return {**super().get_config(), **config, 'interpolation': self.interpolation}


class DiscriminatorBlock(keras.layers.Layer):
    """[ReLU], conv3, ReLU, conv3, [average pool], plus the skip; in 2-D or 3-D.

    Call: `[N, (T,) H, W, in]` to `[N, (T',) H', W', units]`; a pooled axis is halved, rounded up.

    Args:
        units: output width.
        pool: 1 or 2 for each convolved axis, how far it is reduced: (2, 2), (1, 1) for no pooling, (2, 2, 2) or
            (1, 2, 2) for a block with 3x3x3 convolutions over time, height and width.
        first: whether this block sees the video itself: then no ReLU comes before it.
    """

    def __init__(
        self, units: int, pool: Sequence[int] = (2, 2), first: bool = False, name: str | None = None
    ) -> None:
        super().__init__(name=name)
        self.units = units
        self.pool = tuple(pool)
        self.first = first
        self.conv1 = SpectralConvolution(units, rank=len(self.pool), name='conv1')
        self.conv2 = ConvolutionPool(units, self.pool, name='conv2')

    def build(self, input_shape: tf.TensorShape) -> None:
        changes = max(self.pool) > 1 or input_shape[-1] != self.units
        self.skip = SpectralConvolution(self.units, 1, len(self.pool), name='skip') if changes else None
        self.built = True

    def call(self, inputs: tf.Tensor, training: bool = False) -> tf.Tensor:
        features = inputs if self.first else tf.nn.relu(inputs)
        features = tf.nn.relu(self.conv1(features, training=training))
        features = self.conv2(features, training=training)
        skip = resample.average_pool(inputs, self.pool)
        return features + (skip if self.skip is None else self.skip(skip, training=training))

    def get_config(self) -> dict:
        return {**super().get_config(), 'units': self.units, 'pool': self.pool, 'first': self.first}
