"""What each discriminator sees of a clip (paper 3.1, 4.3): k frames for the spatial one, phi of the clip for the
temporal one.

Random choices are made from uniform numbers that the caller draws, one row a clip, so that they depend on nothing else.

Differences from the paper: none.
"""

from __future__ import annotations

from typing import Callable

import tensorflow as tf

from dvdgan_tf.errors import InputError

Phi = Callable[[tf.Tensor, tf.Tensor], tf.Tensor]


def sample_frames(clip: tf.Tensor, uniform: tf.Tensor, num_frames: int) -> tf.Tensor:
    """Frames drawn uniformly without replacement, for each clip apart.

    Args:
        clip: `[B, T, H, W, C]`.
        uniform: `[B, T]` in [0, 1): the frames of the largest numbers are taken.
        num_frames: k, at most T.

    Returns: `[B, k, H, W, C]`.
    """
    return tf.gather(clip, tf.math.top_k(uniform, num_frames, sorted=False).indices, axis=1, batch_dims=1)


def identity(clip: tf.Tensor, uniform: tf.Tensor) -> tf.Tensor:
    """phi that keeps the whole clip."""
    return clip


def average_pool_2x2(clip: tf.Tensor, uniform: tf.Tensor) -> tf.Tensor:
    """phi of the paper: `[B, T, H, W, C] -> [B, T, H/2, W/2, C]`."""
    return _average_pool(clip, 2)


def average_pool_4x4(clip: tf.Tensor, uniform: tf.Tensor) -> tf.Tensor:
    """phi of figure 6: `[B, T, H, W, C] -> [B, T, H/4, W/4, C]`."""
    return _average_pool(clip, 4)


def random_half_crop(clip: tf.Tensor, uniform: tf.Tensor) -> tf.Tensor:
    """phi of figure 6: a random crop of half the height and width, the same for all frames of a clip.

    Args:
        clip: `[B, T, H, W, C]`.
        uniform: `[B, 2]` in [0, 1): the corner of each clip's crop.

    Returns: `[B, T, H/2, W/2, C]`.

    Raises:
        InputError: height or width is odd.
    """
    _check_divides(clip, 2, 'a half crop')
    for axis in (0, 1):
        size = clip.shape[2 + axis]
        first = tf.cast(uniform[:, axis] * (size - size // 2 + 1), tf.int32)
        clip = tf.gather(clip, first[:, tf.newaxis] + tf.range(size // 2), axis=2 + axis, batch_dims=1)
    return clip


def _average_pool(clip: tf.Tensor, cell: int) -> tf.Tensor:
    _check_divides(clip, cell, f'{cell}x{cell} pooling')
    frames = tf.nn.avg_pool2d(tf.reshape(clip, [-1, *clip.shape[2:]]), cell, cell, 'VALID')
    return tf.reshape(frames, [-1, clip.shape[1], *frames.shape[1:]])


def _check_divides(clip: tf.Tensor, cell: int, what: str) -> None:
    height, width = clip.shape[2:4]
    if height % cell or width % cell:
        raise InputError(f'phi is {what} and the clips are {height}x{width}; choose sizes that {cell} divides.')
