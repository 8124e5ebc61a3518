"""Which clips a pass looks at, by number: real ones, generated ones, and predictions beside their truth."""

from __future__ import annotations

import copy
from collections.abc import Iterator
from dataclasses import dataclass, field

import numpy as np
import tensorflow as tf

from dvdgan_tf.data.stream import ClipSource
from dvdgan_tf.errors import InputError

SAMPLING = 'z ~ sigma N(0, I), one Philox stream per sample and repeat; labels uniform over the classes'


@dataclass(frozen=True)
class Share:
    """The rows of every batch that one of several processes takes.

    Attributes:
        batch_size: rows of a batch over all processes.
        host: which process this is.
        hosts: how many there are.
    """

    batch_size: int
    host: int = 0
    hosts: int = 1

    @property
    def rows(self) -> int:
        """Rows of a batch that are this process's."""
        return self.batch_size // self.hosts

    def numbers(self, count: int, first_batch: int) -> np.ndarray:
        """[batches, rows] int64: this process's clip numbers of each batch from one on; -1 where clips have ended."""
        batches = np.arange(first_batch, -(-count // self.batch_size))
        first = batches[:, None] * self.batch_size + self.host * self.rows
        numbers = first + np.arange(self.rows)
        return np.where(numbers < count, numbers, -1)


@dataclass(frozen=True)
class RealClips:
    """Real clips in a random order that the seed decides: the first n are a fair choice, whatever n is.

    Attributes:
        source: where they come from, whose own order may be that of its classes; its seed is replaced, so that runs of
            several seeds are compared with the same clips.
        window: which frames of a video: first, center or random.
        crop: which square of its frames: center or random.
        seed: of the order, windows and crops.
        first: how many of the order there are; None for all.
    """

    source: ClipSource
    window: str
    crop: str
    seed: int = 0
    first: int | None = None
    order: np.ndarray = field(init=False, repr=False, compare=False)

    def __post_init__(self) -> None:
        source = copy.copy(self.source)
        source.seed = self.seed
        object.__setattr__(self, 'source', source)
        order = np.random.RandomState(self.seed).permutation(count_clips(self.source))
        object.__setattr__(self, 'order', order[: self.first])

    @property
    def available(self) -> int:
        """How many there are."""
        return len(self.order)

    def key(self) -> dict[str, object]:
        """What the clips depend on."""
        source = self.source
        return {
            **source.identity(),
            'split': source.split,
            'stride': source.stride,
            'window': self.window,
            'crop': self.crop,
            'seed': self.seed,
            'first': self.first,
            'shape': [source.num_frames, source.resolution, source.resolution, source.video_channels],
        }

    def clips(self, places: np.ndarray) -> Iterator[tf.Tensor]:
        """Clips [rows, T, R, R, C] at places [batches, rows] of the order; -1 gives zeros.

        Places past the end begin anew, with other windows and crops where these are random.
        """
        turn, place = np.divmod(np.maximum(places, 0), self.available)
        numbers = np.where(places < 0, -1, self.order[place] + turn * count_clips(self.source))
        for clip, _, _ in self.source.evaluation(places.shape[1], self.window, self.crop, numbers.ravel()):
            yield clip


def count_clips(source: ClipSource) -> int:
    """Clips in one pass over the source."""
    return source.num_clips or int(source.evaluation(1, 'first').cardinality())


@dataclass(frozen=True)
class Draw:
    """How latents and labels are drawn: sample i is a pure function of (seed, repeat, i).

    Attributes:
        seed: of all samples.
        repeat: which of the sets of this seed.
        sigma: deviation of the latents.
    """

    seed: int
    repeat: int = 0
    sigma: float = 1.0

    def samples(self, numbers: np.ndarray, classes: int, size: int) -> tuple[tf.Tensor, tf.Tensor]:
        """Latents [n, size] float32 from sigma N(0, I) and uniform labels [n] int32 of samples with these numbers."""
        latents = np.empty((len(numbers), size), np.float32)
        labels = np.empty(len(numbers), np.int32)
        for row, number in enumerate(np.maximum(numbers, 0)):
            bits = np.random.Philox(key=[self.seed, number], counter=[0, 0, 0, self.repeat])
            random = np.random.Generator(bits)
            latents[row] = self.sigma * random.standard_normal(size)
            labels[row] = random.integers(classes)
        return tf.constant(latents), tf.constant(labels)


def check_range(lowest: float, highest: float, what: str) -> None:
    """Refuses clips that are not finite or leave [-1, 1] by more than 1e-3.

    Raises:
        InputError: they do.
    """
    if not np.isfinite([lowest, highest]).all():
        raise InputError(f'{what} hold NaN or infinity; the data or the checkpoint is broken, there is no score.')
    if lowest < -1.001 or highest > 1.001:
        raise InputError(f'{what} lie in [{lowest:.4g}, {highest:.4g}] where [-1, 1] is expected; there is no score.')
