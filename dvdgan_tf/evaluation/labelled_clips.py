"""Real and generated clips with their labels, every class as often as any other, for the protocol `recognition`."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import tensorflow as tf

from dvdgan_tf.data.stream import ClipSource
from dvdgan_tf.errors import InputError

FEWEST = 8  # different clips a class

_BATCH = 16
_MOST_DRAWS = 64  # for each clip wanted, where the data have classes of very different sizes


@dataclass(frozen=True)
class LabelledClips:
    """Clips uint8 [N, T, s, s, C] and their labels [N]."""

    clips: np.ndarray
    labels: np.ndarray


def open_splits(data: ClipSource) -> tuple[ClipSource, ClipSource]:
    """Clips to train a classifier on and clips held out; clips made on the fly hold theirs out themselves.

    Raises:
        InputError: there are no labels, too few clips of a class, or a split is missing.
    """
    if data.num_classes < 2:
        raise InputError(
            f'recognition needs clips of two or more classes and the data have {data.num_classes} '
            f'({", ".join(data.class_names)}): prepare them with labels.'
        )
    splits = []
    for split in ('train', 'test'):
        try:
            splits.append(data.of_split(split))
        except InputError as error:
            raise InputError(f'recognition compares clips of train with held-out ones of test: {error}') from error
    if data.num_clips is not None:
        for source, fewest in zip(splits, (FEWEST, 1)):
            counts = source.clips_per_class()
            least = int(np.argmin(counts))
            if counts[least] < fewest:
                raise InputError(
                    f'recognition needs {fewest} different clips of every class and {data.class_names[least]!r} has '
                    f'{counts[least]} in {source.split}: add clips, or leave the class out.'
                )
    return tuple(splits)


def real(
    source: ClipSource, count: int, look: Callable[[tf.Tensor], tf.Tensor], held_out: bool = False
) -> LabelledClips:
    """Random windows of real clips, every class as often as any other.

    Args:
        source: a split.
        count: how many.
        look: what is kept of a batch of clips.
        held_out: whether clips that are made on the fly are those of the evaluation, which may be fewer.
    """
    if held_out and source.num_clips is None:
        batches = ((clip[valid], label[valid]) for clip, label, valid in source.evaluation(_BATCH, 'random'))
    else:
        batches = iter(source.training(0, _BATCH, _BATCH))
    quotas = np.full(source.num_classes, count // source.num_classes)
    quotas[: count % source.num_classes] += 1
    clips, labels = [], []
    look = tf.function(look, autograph=False, reduce_retracing=True)
    for number, (clip, label) in enumerate(batches):
        if not quotas.any() or number * _BATCH > _MOST_DRAWS * count:
            break
        wanted = []
        for row, value in enumerate(label.numpy()):
            if quotas[value]:
                quotas[value] -= 1
                wanted.append(row)
        if wanted:
            clips.append(look(clip).numpy()[wanted])
            labels.append(label.numpy()[wanted])
    return LabelledClips(np.concatenate(clips), np.concatenate(labels))


def generated(
    generator: tf.Module, count: int, seed: int, truncation: float, look: Callable[[tf.Tensor], tf.Tensor]
) -> LabelledClips:
    """So many clips of a generator, the classes in turn."""
    random = np.random.Generator(np.random.Philox(seed))
    latents = tf.constant(truncation * random.standard_normal([count, generator.latent_size]), tf.float32)
    labels = np.arange(count, dtype=np.int32) % generator.num_classes
    make = tf.function(lambda latent, label: look(generator(latent, label, training=False)), autograph=False)
    clips = []
    for first in range(0, count, _BATCH):
        rows = np.arange(first, first + _BATCH) % count  # a last batch of the same size is no second graph
        made = make(tf.gather(latents, rows), tf.gather(labels, rows)).numpy()
        clips.append(made[: count - first])
    return LabelledClips(np.concatenate(clips), labels)
