"""From labels or context frames to clips: the generator at its moving averages, a few clips at a time."""

from __future__ import annotations

import functools
from collections.abc import Sequence
from typing import Callable

import numpy as np
import tensorflow as tf
import tf_keras as keras

from dvdgan_tf.errors import InputError
from dvdgan_tf.sampling.latents import sample_latents

TOGETHER = 16  # clips that the generator makes in one call
RANDOM = 'random'  # stands for classes that the seed draws


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


def choose_labels(wanted: Sequence[str], count: int, class_names: Sequence[str], seed: int) -> np.ndarray:
    """The label of every clip.

    Args:
        wanted: classes by number or name, shown as evenly as possible in this order; none for all classes in turn; or
            `random` alone.
        count: of clips.
        class_names: one a label.
        seed: of random ones.

    Returns:
        int32 [count].

    Raises:
        InputError: there is no such class, or there are fewer clips than classes wanted.
    """
    if RANDOM in wanted:
        if len(wanted) > 1:
            raise InputError(f'label {RANDOM} stands alone; give it without other classes.')
        return draw_labels(count, len(class_names), seed)
    if not wanted:
        return spread_labels(count, len(class_names))
    if count < len(wanted):
        raise InputError(f'{count} clips cannot show {len(wanted)} classes; ask for more clips.')
    known = np.array([find_label(name, class_names) for name in wanted], np.int32)
    return known[spread_labels(count, len(known))]


def draw_labels(count: int, num_classes: int, seed: int) -> np.ndarray:
    """Labels int32 [count], uniform over the classes, as in training; they depend on the seed alone."""
    return np.random.Generator(np.random.Philox(key=seed)).integers(num_classes, size=count, dtype=np.int32)


def sample_clips(generator: keras.Model, labels: np.ndarray, seed: int, truncation: float = 1.0) -> np.ndarray:
    """Generates one clip a label.

    Args:
        generator: a generator for synthesis.
        labels: int32 [N].
        seed: the latents depend on this alone.
        truncation: sigma, in [0, 1].

    Returns:
        float32 [N, T, H, W, C] in [-1, 1].

    Raises:
        InputError: the generator needs context frames, or truncation lies outside [0, 1].
    """
    if generator.context_frames:
        frames = generator.context_frames
        raise InputError(f'this generator continues clips of {frames} frames and makes none without any; predict.')
    return in_parts(generator, sample_latents(seed, len(labels), truncation, generator.latent_size), labels)


def continue_clips(generator: keras.Model, context: np.ndarray, seed: int, truncation: float = 1.0) -> np.ndarray:
    """Generates one continuation of each context (DVD-GAN-FP, paper B.4).

    Args:
        generator: a generator for prediction.
        context: float [N, generator.context_frames, H, W, C] in [-1, 1].
        seed: the latents depend on this alone.
        truncation: sigma, in [0, 1].

    Returns:
        float32 [N, T, H, W, C] in [-1, 1], the frames after the context.

    Raises:
        InputError: the generator takes no context, or truncation lies outside [0, 1].
    """
    if not generator.context_frames:
        raise InputError('this generator makes whole clips and continues none; train one with context frames.')

    latents = sample_latents(seed, len(context), truncation, generator.latent_size)
    return in_parts(generator, latents, None, context)


def in_parts(generate: Callable[..., tf.Tensor], *inputs: np.ndarray | None) -> np.ndarray:
    """Calls a generator, or its `from_embedding`, with `training=False` on a few rows of the inputs at a time.

    An input may be None, for all rows.
    """
    call = _compiled(generate)
    parts = [slice(first, first + TOGETHER) for first in range(0, len(inputs[0]), TOGETHER)]
    return np.concatenate([call(*(None if each is None else each[part] for each in inputs)).numpy() for part in parts])


@functools.lru_cache(maxsize=4)
def _compiled(generate: Callable[..., tf.Tensor]) -> tf.types.experimental.GenericFunction:
    return tf.function(functools.partial(generate, training=False), autograph=False, reduce_retracing=True)
