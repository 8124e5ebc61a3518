"""From labels to clips: the generator at its moving averages, a few clips at a time."""

import functools
from typing import Sequence

import numpy as np
import tensorflow as tf
import tf_keras as keras

from dvdgan_tf.errors import InputError
from dvdgan_tf.sampling.latents import sample_latents
from dvdgan_tf.sampling.video import to_uint8

_TOGETHER = 16


def spread_labels(count: int, num_classes: int) -> np.ndarray:
    """Labels int32 [count] in ascending order, the first min(count, num_classes) classes as evenly as possible."""
    return (np.arange(count) * min(count, num_classes) // count).astype(np.int32)


def find_label(name: str, class_names: Sequence[str]) -> int:
    """Returns the label that a number or a class name stands for.

    Raises:
        InputError: there is no such class.
    """
    if name in class_names:
        return class_names.index(name)
    if name.isdecimal() and int(name) < len(class_names):
        return int(name)
    known = ', '.join(class_names[:10]) + (', ...' if len(class_names) > 10 else '')
    raise InputError(f'there is no class {name!r}; give 0 to {len(class_names) - 1} or one of {known}.')


def sample_clips(generator: keras.Model, labels: np.ndarray, seed: int, truncation: float = 1.0) -> np.ndarray:
    """Generates one clip a label.

    Args:
        generator: a generator for synthesis.
        labels: int32 [N].
        seed: the latents depend on this alone.
        truncation: sigma, in [0, 1].

    Returns:
        uint8 [N, T, H, W, C].

    Raises:
        InputError: the generator needs context frames, or truncation lies outside [0, 1].
    """
    if generator.context_frames:
        frames = generator.context_frames
        raise InputError(f'this generator continues clips of {frames} frames; it makes nothing without them.')
    latents = sample_latents(seed, len(labels), truncation, generator.latent_size)
    generate = tf.function(functools.partial(generator, training=False), autograph=False, reduce_retracing=True)
    parts = [slice(first, first + _TOGETHER) for first in range(0, len(labels), _TOGETHER)]
    return np.concatenate([to_uint8(generate(latents[part], labels[part]).numpy()) for part in parts])
