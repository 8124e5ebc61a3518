"""Residual blocks of BigGAN-deep: bottlenecks of two 1x1 and two 3x3 convolutions (paper, appendix D).

They "trained faster (in wall clock time) but slower with regards to metrics". They take the place of the blocks of
`residual` one for one; arguments and shapes are the same.

Differences from the paper: none. How it fits them to its networks is not stated [inferred]: a block stands where one
of BigGAN stood, and the first of a discriminator sees the video itself, without BigGAN-deep's convolution before it.
"""

from __future__ import annotations

from collections.abc import Sequence

import tensorflow as tf
import tf_keras as keras

from dvdgan_tf.layers import resample
from dvdgan_tf.layers.convolution import SpectralConvolution, UpsampleConvolution
from dvdgan_tf.layers.moments import MomentsClass, TimestepMoments
from dvdgan_tf.layers.normalization import ConditionalNormalization

_BOTTLENECK = 4


class DeepGeneratorBlock(keras.layers.Layer):
    """Norm, ReLU, conv1x1 to a quarter; norm, ReLU, [upsample], conv3x3; norm, ReLU, conv3x3; norm, ReLU, conv1x1.

    The skip drops the channels that are too many, and is upsampled.

    Call: as `residual.GeneratorBlock`.

    Args:
        units: output width, at most the input's.
        num_frames: T; frame t of clip b is row b*T + t.
        upsample: whether height and width double.
        moments: what the normalisations take their mean and variance over.
    """

    def __init__(
        self,
        units: int,
        num_frames: int,
        upsample: bool = False,
        moments: MomentsClass = TimestepMoments,
        name: str | None = None,
    ) -> None:
        super().__init__(name=name)
        self.units = units
        self.num_frames = num_frames
        self.upsample = upsample
        self.norms = [ConditionalNormalization(num_frames, moments, name=f'norm{index}') for index in range(1, 5)]

    def build(self, input_shape: tf.TensorShape) -> None:
        if input_shape[-1] < self.units:
            raise ValueError(f'A skip that drops channels cannot make {self.units} of {input_shape[-1]}.')
        hidden = max(1, input_shape[-1] // _BOTTLENECK)
        self.convolutions = [
            SpectralConvolution(hidden, 1, name='conv1'),
            (UpsampleConvolution if self.upsample else SpectralConvolution)(hidden, name='conv2'),
            SpectralConvolution(hidden, name='conv3'),
            SpectralConvolution(self.units, 1, name='conv4'),
        ]
        self.built = True

    def call(self, frames: tf.Tensor, condition: tf.Tensor, training: bool = False) -> tf.Tensor:
        features = frames
        for norm, convolution in zip(self.norms, self.convolutions):
            features = convolution(tf.nn.relu(norm(features, condition, training=training)), training=training)
        skip = frames[..., : self.units]
        return features + (resample.upsample(skip) if self.upsample else skip)

    def get_config(self) -> dict:
        config = {'units': self.units, 'num_frames': self.num_frames, 'upsample': self.upsample}
        return {**super().get_config(), **config}


class DeepDiscriminatorBlock(keras.layers.Layer):
    """[ReLU], conv1x1 to a quarter, ReLU, conv3, ReLU, conv3, ReLU, [average pool], conv1x1; in 2-D or 3-D.

    Channels that the skip lacks are a 1x1 convolution of it.

    Call: as `residual.DiscriminatorBlock`.

    Args:
        units: output width, at least the input's.
        pool: 1 or 2 for each convolved axis, how far it is reduced.
        first: whether this block sees the video itself: then no ReLU comes before it.
    """

    def __init__(
        self, units: int, pool: Sequence[int] = (2, 2), first: bool = False, name: str | None = None
    ) -> None:
        super().__init__(name=name)
        self.units = units
        self.pool = tuple(pool)
        self.first = first
        hidden, rank = max(1, units // _BOTTLENECK), len(self.pool)
        self.convolutions = [
            SpectralConvolution(hidden, 1, rank, name='conv1'),
            SpectralConvolution(hidden, 3, rank, name='conv2'),
            SpectralConvolution(hidden, 3, rank, name='conv3'),
        ]
        self.last = SpectralConvolution(units, 1, rank, name='conv4')

    def build(self, input_shape: tf.TensorShape) -> None:
        missing = self.units - input_shape[-1]
        if missing < 0:
            raise ValueError(f'A skip that adds channels cannot make {self.units} of {input_shape[-1]}.')
        self.skip = SpectralConvolution(missing, 1, len(self.pool), name='skip') if missing else None
        self.built = True

    def call(self, inputs: tf.Tensor, training: bool = False) -> tf.Tensor:
        features = inputs if self.first else tf.nn.relu(inputs)
        for convolution in self.convolutions:
            features = tf.nn.relu(convolution(features, training=training))
        features = self.last(resample.average_pool(features, self.pool), training=training)
        skip = resample.average_pool(inputs, self.pool)
        if self.skip is not None:
            skip = tf.concat([skip, self.skip(skip, training=training)], -1)
        return features + skip

    def get_config(self) -> dict:
        return {**super().get_config(), 'units': self.units, 'pool': self.pool, 'first': self.first}
