"""The plain form of the networks, which convolves and normalises as the equations are written: the oracle of the
rewrites, and what their speed is compared with.

What any build would do stays: the input's part of a ConvGRU is one convolution over all frames, the state before the
first frame is zero, the first ConvGRU's input is the same at every frame, and 1x1 skips are done on the smaller side.
"""

from __future__ import annotations

import contextlib
from collections.abc import Collection, Iterator, Sequence

import tensorflow as tf

from dvdgan_tf.layers import normalization, resample
from dvdgan_tf.layers.normalization import EPSILON, ConditionalNormalization


def _upsample_convolution(frames: tf.Tensor, kernel: tf.Tensor) -> tf.Tensor:
    return resample.convolution(resample.upsample(frames), kernel)


def _convolution_pool(features: tf.Tensor, kernel: tf.Tensor, window: Sequence[int]) -> tf.Tensor:
    return resample.average_pool(resample.convolution(features, kernel), window)


def _normalised(
    self: ConditionalNormalization, frames: tf.Tensor, condition: tf.Tensor, training: bool = False
) -> tf.Tensor:
    scale, offset = 1.0 + self.scale(condition, training=training), self.offset(condition, training=training)
    mean, variance = tf.unstack(self.moments(frames, training=training))

    def by_row(values: tf.Tensor) -> tf.Tensor:
        return self._by_row(tf.cast(values, frames.dtype) + tf.zeros_like(scale)[:, tf.newaxis])

    frames = (frames - by_row(mean)) * by_row(tf.math.rsqrt(variance + EPSILON))
    return frames * by_row(scale[:, tf.newaxis]) + by_row(offset[:, tf.newaxis])


# What is folded or fused: where it is, and what takes its place.
REWRITES = {
    'upsampling folded into the convolution': (resample, 'upsample_convolution', _upsample_convolution),
    'pooling folded into the convolution': (resample, 'convolution_pool', _convolution_pool),
    'normalisation as one product and one sum': (normalization.ConditionalNormalization, 'call', _normalised),
}


@contextlib.contextmanager
def without(names: Collection[str] = tuple(REWRITES)) -> Iterator[None]:
    """What is traced in the block has these rewrites undone, by default all: then it is the plain form."""
    with contextlib.ExitStack() as undone:
        for name in names:
            place, attribute, form = REWRITES[name]
            undone.callback(setattr, place, attribute, getattr(place, attribute))
            setattr(place, attribute, form)
        yield
