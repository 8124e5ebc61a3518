"""What every source of clips offers, and the endless stream of examples that training reads.

Training never keeps a position inside a file. Example number n of the stream is a pure function of (seed, n), so
resuming is starting at another number, and neither the number of hosts nor of replicas changes a global batch.
"""
from __future__ import annotations

from collections.abc import Sequence
from typing import Callable, Protocol

import numpy as np
import tensorflow as tf

from dvdgan_tf.data.scales import Scale
from dvdgan_tf.errors import InputError

WINDOWS = ('first', 'center', 'random')
CROPS = ('center', 'random')

_ENDLESS = 2**62


class ClipSource(Protocol):
    """Where clips come from: records on disk or clips made on the fly.

    Clips are float32 [T, resolution, resolution, video_channels] in [-1, 1]; labels are int32 in [0, num_classes).
    `num_clips` is None where the supply is endless. `scale` says what the numbers in [-1, 1] stand for. `stride` is how
    many frames of the source lie from one frame of a clip to the next.
    """

    num_classes: int
    class_names: tuple[str, ...]
    num_clips: int | None
    video_channels: int
    num_frames: int
    resolution: int
    scale: Scale = Scale()
    stride: int = 1
    split: str = 'train'
    seed: int

    def training(
        self, first_example: int, global_batch: int, replica_batch: int, host_index: int = 0, host_count: int = 1
    ) -> tf.data.Dataset:
        """Endless (clip [replica_batch, T, H, W, C], label [replica_batch]); see `training_stream`."""

    def evaluation(
        self, batch_size: int, window: str = 'center', crop: str = 'center', numbers: Sequence[int] | None = None
    ) -> tf.data.Dataset:
        """Clips of these numbers, or every clip once: (clip, label, valid) of batch_size rows each.

        See `evaluation_pass`. `window` says which frames, `crop` which square of them; 'random' is the same for the
        same seed and number. Numbers past the last clip count from the first again, with other random choices.
        """

    def clips_per_class(self) -> np.ndarray:
        """How many different clips [num_classes] there are of each class, where the supply is not endless."""

    def of_split(self, split: str, stride: int | None = None) -> ClipSource:
        """The clips of a split, at this stride or the source's own."""

    def identity(self) -> dict[str, object]:
        """What tells these clips from others, whatever the split: a hash of their content, or how they are made."""


@tf.autograph.experimental.do_not_convert  # it would take a second for nothing
def training_stream(
    example: Callable[[tf.Tensor], tuple[tf.Tensor, tf.Tensor]],
    first_example: int,
    global_batch: int,
    replica_batch: int,
    host_index: int = 0,
    host_count: int = 1,
) -> tf.data.Dataset:
    """This host's part of the endless stream, in batches for one replica.

    Global batch m holds the examples first_example + m * global_batch + [0, global_batch). Host h takes rows
    [h * global_batch / host_count, (h + 1) * global_batch / host_count) of each, replica_batch rows at a time.

    Args:
        example: maps an int64 example number to (clip, label), with static shapes.
        first_example: the number of the first example, 0 for a new run.
        global_batch: examples in a batch over all hosts and replicas.
        replica_batch: examples in one element of the dataset.
        host_index: which host this is.
        host_count: how many hosts read the stream.

    Returns:
        An infinite dataset of (clip, label), each with a leading dimension of replica_batch.

    Raises:
        InputError: the global batch does not divide over the hosts and replicas.
    """
    if min(global_batch, replica_batch, host_count) < 1 or global_batch % (replica_batch * host_count):
        raise InputError(
            f'A global batch of {global_batch} does not divide into batches of {replica_batch} on {host_count} hosts: '
            'make it a multiple of their product.'
        )
    if first_example < 0 or not 0 <= host_index < host_count:
        raise InputError(
            f'example {first_example} of host {host_index} of {host_count} does not exist: count both from 0.'
        )
    host_batch = global_batch // host_count

    def number(row: tf.Tensor) -> tf.Tensor:
        return first_example + (row // host_batch) * global_batch + host_index * host_batch + row % host_batch

    rows = tf.data.Dataset.range(_ENDLESS)
    examples = rows.map(lambda row: example(number(row)), num_parallel_calls=tf.data.AUTOTUNE, deterministic=True)
    return examples.batch(replica_batch, drop_remainder=True).prefetch(tf.data.AUTOTUNE)


@tf.autograph.experimental.do_not_convert  # it would take a second for nothing
def evaluation_pass(
    example: Callable[[tf.Tensor], tuple[tf.Tensor, tf.Tensor]],
    num_clips: int,
    batch_size: int,
    numbers: Sequence[int] | None = None,
) -> tf.data.Dataset:
    """Every clip exactly once, in order; the last batch is filled up with zeros and masked.

    Args:
        example: maps an int64 clip number in [0, num_clips) to (clip, label), with static shapes.
        num_clips: how many clips there are.
        batch_size: rows of each batch.
        numbers: of the clips to deliver instead of all, in this order; a negative one is a row that fills up.

    Returns:
        A finite dataset of (clip, label, valid), each of batch_size rows; valid is False in rows that fill up.

    Raises:
        InputError: batch_size is below 1.
    """
    if batch_size < 1:
        raise InputError(f'an evaluation batch of {batch_size} holds no clip: give 1 or more.')
    wanted = np.arange(num_clips) if numbers is None else np.asarray(numbers, np.int64)
    wanted = np.append(wanted, np.full(-len(wanted) % batch_size, -1)).astype(np.int64)

    def row(number: tf.Tensor) -> tuple[tf.Tensor, tf.Tensor, tf.Tensor]:
        clip, label = example(tf.maximum(number, 0))
        valid = number >= 0
        return tf.where(valid, clip, 0.0), tf.where(valid, label, 0), valid

    rows = tf.data.Dataset.from_tensor_slices(wanted)
    rows = rows.map(row, num_parallel_calls=tf.data.AUTOTUNE, deterministic=True)
    return rows.batch(batch_size, drop_remainder=True).prefetch(tf.data.AUTOTUNE)


def check_window(window: str, crop: str = 'center') -> None:
    """Raises InputError unless the window is one of WINDOWS and the crop one of CROPS."""
    if window not in WINDOWS:
        raise InputError(f'there is no window {window!r}; choose one of {", ".join(WINDOWS)}.')
    if crop not in CROPS:
        raise InputError(f'there is no crop {crop!r}; choose one of {", ".join(CROPS)}.')


def stateless_seed(seed: int, purpose: int, number: tf.Tensor) -> tf.Tensor:
    """A seed [2] for stateless random ops, different for every (seed, purpose, number)."""
    return tf.random.experimental.stateless_fold_in(tf.constant([seed, purpose], tf.int64), tf.cast(number, tf.int64))
