"""Latents for sampling, with the paper's truncation."""
import tensorflow as tf

from dvdgan_tf.errors import InputError

_LATENT_SIZE = 120


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
    return truncation * tf.random.stateless_normal([count, latent_size], seed=tf.constant([seed, 0], tf.int64))
