"""Differentiable augmentation: what the discriminators see is changed at random, real and generated alike.

Zhao, Liu, Lin, Zhu and Han 2020, "Differentiable Augmentation for Data-Efficient GAN Training" (arXiv 2006.10738): the
discriminators can no longer remember small data sets, and G learns the data, not their changes, since gradients flow
back through the same operations. Their constants. Not in the DVD-GAN paper; off unless bound.

For video [ours]: all frames of a clip change alike, so that no motion is made up; contrast is about the clip's mean.
"""

from __future__ import annotations

import tensorflow as tf

from dvdgan_tf.errors import InputError


class DifferentiableAugmentation:
    """Changes colours, moves clips, and cuts a rectangle out of them.

    A call changes clips `[B, T, H, W, C]` by `uniform`, `[B, 7]` in [0, 1), and returns clips of the same shape, in
    which colours may lie outside of [-1, 1]. What is moved in or cut out is 0, the middle of the range.

    Args:
        colour: whether brightness changes by up to 0.5 of a range of 2, saturation by 0 to 2, contrast by 0.5 to 1.5.
        translation: how far clips move at most, as a share of height and width; 0 for not at all.
        cutout: sides of the rectangle that is cut out, as shares of height and width; 0 for none.

    Raises:
        InputError: a share is not in [0, 1], or nothing is left to do.
    """

    DRAWS = 7

    def __init__(self, colour: bool = True, translation: float = 0.125, cutout: float = 0.5) -> None:
        if not (0.0 <= translation <= 1.0 and 0.0 <= cutout <= 1.0):
            raise InputError(f'translation is {translation} and cutout {cutout}; choose shares of the side, 0 to 1.')
        if not (colour or translation or cutout):
            raise InputError('an augmentation without colour, translation and cutout does nothing; bind None instead.')
        self._colour, self._translation, self._cutout = colour, translation, cutout

    def __call__(self, clip: tf.Tensor, uniform: tf.Tensor) -> tf.Tensor:
        if self._colour:
            clip = _recoloured(clip, uniform[:, :3])
        for axis in (2, 3):
            if self._translation:
                clip = _moved(clip, axis, self._translation, uniform[:, axis + 1])
        if self._cutout:
            clip *= 1.0 - _inside(clip, 2, self._cutout, uniform[:, 5]) * _inside(clip, 3, self._cutout, uniform[:, 6])
        return clip


def _recoloured(clip: tf.Tensor, uniform: tf.Tensor) -> tf.Tensor:
    """Another brightness, saturation (distance from the pixel's grey) and contrast (distance from the clip's mean)."""
    brightness, saturation, contrast = (tf.reshape(uniform[:, i], [-1, 1, 1, 1, 1]) for i in range(3))
    clip += brightness - 0.5
    grey = tf.reduce_mean(clip, -1, keepdims=True)
    clip = grey + (clip - grey) * (2.0 * saturation)
    mean = tf.reduce_mean(clip, [1, 2, 3, 4], keepdims=True)
    return mean + (clip - mean) * (contrast + 0.5)


def _moved(clip: tf.Tensor, axis: int, share: float, uniform: tf.Tensor) -> tf.Tensor:
    """Moved along an axis by a whole number of pixels, every number up to the share equally likely."""
    size = clip.shape[axis]
    most = int(share * size + 0.5)
    shift = tf.cast(uniform * (2 * most + 1), tf.int32) - most
    source = tf.range(size) - shift[:, tf.newaxis]
    moved = tf.gather(clip, tf.clip_by_value(source, 0, size - 1), axis=axis, batch_dims=1)
    return moved * _along((source >= 0) & (source < size), axis, clip)


def _inside(clip: tf.Tensor, axis: int, share: float, uniform: tf.Tensor) -> tf.Tensor:
    """1 where an axis lies within a stretch of this share whose middle is anywhere, else 0; broadcasts over clips."""
    size = clip.shape[axis]
    length = int(share * size + 0.5)
    first = tf.cast(uniform * (size + 1 - length % 2), tf.int32)[:, tf.newaxis] - length // 2
    place = tf.range(size)
    return _along((place >= first) & (place < first + length), axis, clip)


def _along(mask: tf.Tensor, axis: int, clip: tf.Tensor) -> tf.Tensor:
    """`[B, size]` as numbers of the clips' type, along this axis of `[B, T, H, W, C]`."""
    shape = [-1, 1, 1, 1, 1]
    shape[axis] = clip.shape[axis]
    return tf.reshape(tf.cast(mask, clip.dtype), shape)
