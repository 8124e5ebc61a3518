"""Doubling and halving of height and width, alone and folded into a 3x3 convolution.

The folded forms are exact rewrites with 16/36 of the multiplications (64/216 in 3-D) and no full-size intermediate: an
average (or a nearest repetition) before or after a convolution is itself a convolution, so both make one kernel of size
4 and stride 2.
"""

from __future__ import annotations

import itertools
import math
from collections.abc import Sequence

import tensorflow as tf


def upsample(frames: tf.Tensor) -> tf.Tensor:
    """Nearest-neighbour x2: `[N, H, W, C] -> [N, 2H, 2W, C]`; its gradient, unlike a resize's, compiles under XLA."""
    height, width, channels = frames.shape[1:]
    wide = tf.reshape(tf.concat([frames, frames], -1), [-1, height, 2 * width, channels])
    return tf.reshape(tf.concat([wide, wide], 2), [-1, 2 * height, 2 * width, channels])


def smooth(frames: tf.Tensor) -> tf.Tensor:
    """Mean of every pixel, twice, and its neighbours along rows and columns; `[N, H, W, C]`, edges repeated.

    Of what `upsample` repeats it makes the bilinear x2.
    """
    for axis in (1, 2):
        parts = tf.split(frames, [1, frames.shape[axis] - 2, 1], axis)
        before = tf.concat([parts[0], parts[0], parts[1]], axis)
        after = tf.concat([parts[1], parts[2], parts[2]], axis)
        frames = frames / 2 + (before + after) / 4
    return frames


def convolution(features: tf.Tensor, kernel: tf.Tensor, strides: Sequence[int] | None = None) -> tf.Tensor:
    """Convolution along all inner axes, zero-padded: `[N, (T,) H, W, in] -> [N, (T,) H, W, out]`."""
    return tf.nn.convolution(features, kernel, strides, 'SAME', _layout(features))


def average_pool(features: tf.Tensor, window: Sequence[int]) -> tf.Tensor:
    """Mean over cells of 1 or 2 along each inner axis; an odd last cell is the mean of what it holds."""
    return features if max(window) == 1 else tf.nn.avg_pool(features, window, window, 'SAME', _layout(features))


def upsample_convolution(frames: tf.Tensor, kernel: tf.Tensor) -> tf.Tensor:
    """`conv3x3(upsample(frames))`: `[N, H, W, in] -> [N, 2H, 2W, out]` for a kernel `[3, 3, in, out]`."""
    height, width = frames.shape[1:3]
    transposed = tf.transpose(tf.reverse(_boxed(kernel, (2, 2)), [0, 1]), [0, 1, 3, 2])
    count = tf.shape(frames)[0] if frames.shape[0] is None else frames.shape[0]
    size = [count, 2 * height, 2 * width, kernel.shape[-1]]
    return tf.nn.conv2d_transpose(frames, transposed, size, 2, 'SAME')


def convolution_pool(features: tf.Tensor, kernel: tf.Tensor, window: Sequence[int]) -> tf.Tensor:
    """`average_pool(conv3(features), window)` for a kernel of size 3 in 2-D or 3-D."""
    if any(size % cell for size, cell in zip(features.shape[1:-1], window)):
        return average_pool(convolution(features, kernel), window)
    return convolution(features, _boxed(kernel, window) / math.prod(window), window)


def _layout(features: tf.Tensor) -> str:
    """Where the channels are: TF 2.15 has no eager gradients of 3-D operations that leave it to the default."""
    return 'NHWC' if len(features.shape) == 4 else 'NDHWC'


def _boxed(kernel: tf.Tensor, window: Sequence[int]) -> tf.Tensor:
    """The full convolution of a kernel of size 3 with a box of ones: size 4 along the axes where the window is 2."""

    def shifted(offsets: Sequence[int]) -> tf.Tensor:
        pads = [[offset, cell - 1 - offset] for offset, cell in zip(offsets, window)]
        return tf.pad(kernel, pads + [[0, 0], [0, 0]])

    return tf.add_n([shifted(offsets) for offsets in itertools.product(*(range(cell) for cell in window))])
