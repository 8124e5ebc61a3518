"""Interpolations: clips on the way from one latent or class to another (paper C.1 and E.2, figures 9, 15 and 16)."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import tensorflow as tf
import tf_keras as keras

from dvdgan_tf.errors import InputError
from dvdgan_tf.sampling import generate, latents

PATHS = ('linear', 'spherical')


def between_latents(
    generator: keras.Model, labels: np.ndarray, steps: int, seed: int, truncation: float = 1.0, path: str = 'linear'
) -> np.ndarray:
    """Clips on the way between two latents under one class, as in figures 9 and 15.

    Args:
        generator: a generator for synthesis.
        labels: int32 [N], the class of each interpolation.
        steps: clips of an interpolation, both ends included, at least 2.
        seed: the latents of both ends depend on this alone.
        truncation: sigma of both ends, in [0, 1].
        path: `linear` as in the paper, along which latents are shorter in the middle, or `spherical`, which keeps their
            length.

    Returns:
        float32 [N, steps, T, H, W, C] in [-1, 1].

    Raises:
        InputError: an argument cannot be used, or the generator needs context frames.
    """
    _check(generator, steps, path)
    count = len(labels)
    ends = latents.sample_latents(seed, 2 * count, truncation, generator.latent_size)
    first, second = (tf.repeat(end, steps, 0) for end in (ends[:count], ends[count:]))
    weight = _weights(count, steps)
    if path == 'spherical':
        latent = latents.interpolate(first, second, weight)
    else:
        latent = first + weight[:, tf.newaxis] * (second - first)
    embedding = tf.repeat(generator.embedding(labels), steps, 0)
    return _clips(generator, latent, embedding, count)


def between_classes(
    generator: keras.Model, pairs: Sequence[tuple[int, int]], steps: int, seed: int, truncation: float = 1.0
) -> np.ndarray:
    """Clips of one latent on the way between the embeddings of two classes, as in figure 16.

    Args:
        generator: a generator for synthesis with at least two classes.
        pairs: N pairs of labels, the ends of each interpolation.
        steps: as `between_latents`.
        seed: the one latent of each interpolation depends on this alone.
        truncation: sigma, in [0, 1].

    Returns:
        float32 [N, steps, T, H, W, C] in [-1, 1].

    Raises:
        InputError: as `between_latents`, or the generator knows one class only.
    """
    _check(generator, steps, 'linear')
    if generator.num_classes < 2:
        raise InputError('this generator knows one class, so there is no way between two; interpolate latents instead.')
    count = len(pairs)
    latent = tf.repeat(latents.sample_latents(seed, count, truncation, generator.latent_size), steps, 0)
    first, second = (tf.repeat(generator.embedding(np.array(end)), steps, 0) for end in zip(*pairs))
    embedding = first + _weights(count, steps)[:, tf.newaxis] * (second - first)
    return _clips(generator, latent, embedding, count)


def draw_pairs(count: int, num_classes: int, seed: int) -> list[tuple[int, int]]:
    """Pairs of different classes that depend on the seed alone; empty where there is one class."""
    random = np.random.Generator(np.random.Philox(key=seed))
    pairs = [random.choice(num_classes, 2, replace=False) for _ in range(count if num_classes > 1 else 0)]
    return [(int(first), int(second)) for first, second in pairs]


def _check(generator: keras.Model, steps: int, path: str) -> None:
    if generator.context_frames:
        raise InputError(
            f'this generator continues clips of {generator.context_frames} frames; interpolations are of a generator '
            'for synthesis.'
        )
    if steps < 2:
        raise InputError(f'an interpolation of {steps} steps has no two ends; give at least 2.')
    if path not in PATHS:
        raise InputError(f'there is no path {path!r}; choose from {", ".join(PATHS)}.')


def _weights(count: int, steps: int) -> tf.Tensor:
    """[count * steps]: from 0 to 1 for each interpolation."""
    return tf.tile(tf.linspace(0.0, 1.0, steps), [count])


def _clips(generator: keras.Model, latent: tf.Tensor, embedding: tf.Tensor, count: int) -> np.ndarray:
    clips = generate.in_parts(generator.from_embedding, latent, embedding)
    return clips.reshape([count, -1, *clips.shape[1:]])
