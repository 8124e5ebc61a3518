"""Latents for sampling, with the paper's truncation."""

import tensorflow as tf

from dvdgan_tf.errors import InputError

_LATENT_SIZE = 120
_STRAIGHT = 1e-3


def sample_latents(seed: int, count: int, truncation: float = 1.0, latent_size: int = _LATENT_SIZE) -> tf.Tensor:
    """Draws latents that depend on nothing but the seed.

    Paper section 4.1.1: truncation draws z from sigma * N(0, I) and leaves the tails alone.

    Args:
        seed: any 64-bit integer.
        count: number of latents, at least 1.
        truncation: sigma, in [0, 1].
        latent_size: width of a latent, 120 in the paper.

    Returns:
        float32 [count, latent_size].

    Raises:
        InputError: truncation lies outside [0, 1] or count is below 1.
    """
    if not 0.0 <= truncation <= 1.0:
        raise InputError(f'truncation is {truncation}; give a number from 0 to 1.')
    if count < 1:
        raise InputError(f'{count} clips were asked for; ask for at least 1.')
    # The algorithm is named, so that a seed gives the same noise on every device and in programs without TensorFlow.
    noise = tf.random.stateless_normal([count, latent_size], tf.constant([seed, 0], tf.int64), alg='philox')
    return truncation * noise


def interpolate(first: tf.Tensor, second: tf.Tensor, weight: tf.Tensor) -> tf.Tensor:
    """Latents on the arc from one to the other, which keeps the length that latents have (spherical interpolation).

    Where the two (nearly) have one direction, or one is zero, it is the straight line.

    Args:
        first, second: float32 [B, latent_size].
        weight: float32 [B], from 0 (first) to 1 (second).

    Returns:
        float32 [B, latent_size].
    """
    weight = weight[:, tf.newaxis]
    cosine = tf.reduce_sum(tf.math.l2_normalize(first, 1) * tf.math.l2_normalize(second, 1), 1, keepdims=True)
    angle = tf.acos(tf.clip_by_value(cosine, -1.0, 1.0))
    straight = tf.sin(angle) < _STRAIGHT
    sine = tf.where(straight, 1.0, tf.sin(angle))
    of_first = tf.where(straight, 1.0 - weight, tf.sin((1.0 - weight) * angle) / sine)
    of_second = tf.where(straight, weight, tf.sin(weight * angle) / sine)
    # A latent of zeros has no direction: its angle is a right one, and the straight line is meant.
    still = tf.reduce_min(tf.stack([tf.norm(first, axis=1), tf.norm(second, axis=1)]), 0)[:, tf.newaxis] == 0.0
    return tf.where(still, 1.0 - weight, of_first) * first + tf.where(still, weight, of_second) * second
