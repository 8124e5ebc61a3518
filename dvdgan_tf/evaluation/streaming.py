"""Batches of features of real clips, of generated ones, and of predictions beside their truth, over all replicas."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Callable, Protocol

import numpy as np
import tensorflow as tf

from dvdgan_tf.errors import InputError
from dvdgan_tf.metrics import prediction, preprocessing
from dvdgan_tf.metrics.networks.features import FeatureNetwork, full_precision

Features = Mapping[str, Mapping[str, np.ndarray]]
PIXELS = 'pixels'
SAMPLING = 'z ~ sigma N(0, I), one Philox stream per sample; labels uniform over the classes'


class Source(Protocol):
    """What is asked of real clips, float32 [T, R, R, C] in [-1, 1]."""

    num_clips: int | None
    num_frames: int
    resolution: int
    video_channels: int

    def evaluation(self, batch_size: int, window: str) -> tf.data.Dataset:
        """Every clip once: (clip, label, valid) of batch_size rows each."""


@dataclass(frozen=True)
class RealClips:
    """The real clips of a protocol: which frames of which clips of a source.

    Attributes:
        source: where they come from.
        window: which frames of a video: first, center or random.
        count: how many; they are chosen evenly at random from the source, whose order may be that of its classes.
        seed: of the choice.
    """

    source: Source
    window: str
    count: int
    seed: int = 0

    def batches(self, batch_size: int, first_batch: int = 0) -> tf.data.Dataset:
        """(clip, label, valid) in batches of batch_size, the last one filled up and masked, from a batch number on."""
        available = count_clips(self.source)
        dataset = self.source.evaluation(batch_size, self.window)
        if self.count == available:
            return dataset.skip(first_batch)
        chosen = np.zeros(available, bool)
        chosen[np.random.RandomState(self.seed).permutation(available)[: self.count]] = True
        is_chosen = tf.constant(np.append(chosen, False))
        clips = dataset.unbatch().enumerate()
        clips = clips.filter(lambda number, _: is_chosen[tf.minimum(number, available)])
        clips = clips.map(lambda _, row: row)
        filling = dataset.unbatch().take(1).repeat(batch_size - 1)
        filling = filling.map(lambda clip, label, valid: (tf.zeros_like(clip), tf.zeros_like(label), False))
        return clips.concatenate(filling).batch(batch_size, drop_remainder=True).skip(first_batch)


def count_clips(source: Source) -> int:
    """Clips in one pass over the source."""
    return source.num_clips or int(source.evaluation(1, 'first').cardinality())


def sample_inputs(
    seed: int, first: int, count: int, truncation: float, classes: int, size: int
) -> tuple[tf.Tensor, tf.Tensor]:
    """Latents [count, size] float32 from sigma N(0, I), uniform labels [count] int32, of samples number first and on.

    Each sample is a pure function of (seed, its number): neither the batch size nor a restart changes the set.
    """
    latents = np.empty((count, size), np.float32)
    labels = np.empty(count, np.int32)
    for row in range(count):
        random = np.random.Generator(np.random.Philox(key=[seed, first + row]))
        latents[row] = truncation * random.standard_normal(size)
        labels[row] = random.integers(classes)
    return tf.constant(latents), tf.constant(labels)


class Streams:
    """Runs generator and networks over batches under a strategy.

    Args:
        networks: whose features are taken.
        batch_size: clips in a batch over all replicas.
        generator: makes clips; None if only real ones are looked at.
        strategy: of the generator's variables; None for the one in force.
        quantize: round every clip, real and generated, to 256 levels first.
        lpips: adds LPIPS to predictions.

    Raises:
        InputError: the batch does not divide over the replicas.
    """

    def __init__(
        self,
        networks: Mapping[str, FeatureNetwork],
        batch_size: int,
        generator: Callable | None = None,
        strategy: tf.distribute.Strategy | None = None,
        quantize: bool = False,
        lpips: prediction.LPIPS | None = None,
    ):
        self.networks, self.batch_size, self.generator, self.lpips = networks, batch_size, generator, lpips
        self._strategy = strategy or tf.distribute.get_strategy()
        self._quantize = quantize
        replicas = self._strategy.num_replicas_in_sync
        if batch_size < 1 or batch_size % replicas:
            raise InputError(f'the evaluation batch is {batch_size}; choose a multiple of the {replicas} replica(s)')
        self._real = self._spread(self._features)
        self._fake = self._spread(self._generated_features)
        self._predicted = self._spread(self._prediction_scores)

    def real(self, clips: RealClips, first_batch: int, wanted: tuple[str, ...]) -> Iterator[Features]:
        """Features of real clips from a batch number on."""
        for batch, _, valid in clips.batches(self.batch_size, first_batch):
            yield self._named(self._real(wanted, batch), valid)

    def of(self, clips: tf.Tensor, wanted: tuple[str, ...]) -> Features:
        """Features of one batch of clips [b, T, H, W, C] in [-1, 1]."""
        return self._named(self._real(wanted, clips))

    def fake(self, first_batch: int, seed: int, truncation: float, wanted: tuple[str, ...]) -> Iterator[Features]:
        """Features of an endless stream of generated clips from a batch number on."""
        batch = first_batch
        while True:
            yield self._named(self._fake(wanted, *self._inputs(batch * self.batch_size, seed, truncation)))
            batch += 1

    def continued(
        self, real: RealClips, first_batch: int, seed: int, truncation: float, wanted: tuple[str, ...]
    ) -> Iterator[Features]:
        """Features of clips that begin with the first frames of real ones, which are gone through again and again."""
        per_turn = -(-real.count // self.batch_size)
        batch = first_batch
        while True:
            for clips, _, valid in real.batches(self.batch_size, batch % per_turn):
                latents, labels = self._inputs(batch * self.batch_size, seed, truncation)
                context = clips[:, : self.generator.context_frames]
                yield self._named(self._fake(wanted, latents, tf.zeros_like(labels), context), valid)
                batch += 1

    def predicted(
        self, real: RealClips, first_batch: int, seed: int, truncation: float, best_of: int
    ) -> Iterator[Features]:
        """Closeness of predictions to the truth, per clip: the columns of `prediction_columns`."""
        better = np.where(np.array(self.prediction_columns()) == 'lpips', -1.0, 1.0)
        for number, (clips, _, valid) in enumerate(real.batches(self.batch_size, first_batch), first_batch):
            samples = []
            for sample in range(best_of):
                place = (number * best_of + sample) * self.batch_size
                latents, labels = self._inputs(place, seed, truncation)
                samples.append(self._predicted((), latents, tf.zeros_like(labels), clips)[PIXELS].numpy())
            best = better * np.max(better * np.stack(samples), axis=0)
            yield {PIXELS: {'prediction': best[valid.numpy()]}}

    def prediction_columns(self) -> tuple[str, ...]:
        """Scores of the prediction, then the same of the last context frame repeated."""
        names = ('psnr', 'ssim') + (('lpips',) if self.lpips else ())
        return names + names

    def _inputs(self, first: int, seed: int, truncation: float) -> tuple[tf.Tensor, tf.Tensor]:
        generator = self.generator
        return sample_inputs(seed, first, self.batch_size, truncation, generator.num_classes, generator.latent_size)

    def _named(self, found: Mapping[str, tf.Tensor], valid: tf.Tensor | None = None) -> Features:
        if not bool(tf.reduce_all(found.pop('finite') > 0)):
            raise InputError('clips hold NaN or infinity; the data or the checkpoint is broken, there is no score')
        rows = slice(None) if valid is None else valid.numpy()
        named: dict[str, dict[str, np.ndarray]] = {}
        for name, value in found.items():
            network, feature = name.split('/')
            named.setdefault(network, {})[feature] = value.numpy()[rows]
        return named

    def _spread(self, compute: Callable) -> Callable:
        """`compute(wanted, *batches)` with every batch split over the replicas and the results put together again."""
        strategy, replicas = self._strategy, self._strategy.num_replicas_in_sync

        @tf.function(autograph=False)
        def run(wanted: tuple[str, ...], *shards: tf.Tensor) -> dict[str, tf.Tensor]:
            results = strategy.run(lambda *parts: compute(wanted, *parts), args=shards)
            return {name: strategy.gather(value, axis=0) for name, value in results.items()}

        def spread(wanted: tuple[str, ...], *batches: tf.Tensor) -> dict[str, tf.Tensor]:
            shards = batches
            if replicas > 1:
                parts = [tf.split(batch, replicas) for batch in batches]
                shards = [
                    strategy.experimental_distribute_values_from_function(
                        lambda context, part=part: part[context.replica_id_in_sync_group]
                    )
                    for part in parts
                ]
            with full_precision():
                return dict(run(wanted, *shards))

        return spread

    def _features(self, wanted: tuple[str, ...], clips: tf.Tensor) -> dict[str, tf.Tensor]:
        clips = tf.cast(clips, tf.float32)
        found = {'finite': tf.cast(tf.reduce_all(tf.math.is_finite(clips), axis=[1, 2, 3, 4]), tf.float32)}
        clips = preprocessing.quantize(clips) if self._quantize else clips
        for name in wanted:
            network = self.networks[name]
            network.check(clips.shape)
            found.update({f'{name}/{feature}': value for feature, value in network.features(clips).items()})
        return found

    def _generate(self, latent: tf.Tensor, label: tf.Tensor, context: tf.Tensor | None) -> tf.Tensor:
        if context is None:
            return tf.cast(self.generator(latent, label, training=False), tf.float32)
        made = tf.cast(self.generator(latent, label, context, training=False), tf.float32)
        return tf.concat([context, made], 1)

    def _generated_features(
        self, wanted: tuple[str, ...], latent: tf.Tensor, label: tf.Tensor, context: tf.Tensor | None = None
    ) -> dict[str, tf.Tensor]:
        return self._features(wanted, self._generate(latent, label, context))

    def _prediction_scores(
        self, wanted: tuple[str, ...], latent: tf.Tensor, label: tf.Tensor, clips: tf.Tensor
    ) -> dict[str, tf.Tensor]:
        context_frames = self.generator.context_frames
        truth = clips[:, context_frames:]
        made = self._generate(latent, label, clips[:, :context_frames])[:, context_frames:]
        repeated = tf.repeat(clips[:, context_frames - 1 : context_frames], truth.shape[1], axis=1)
        scores = [prediction.psnr, prediction.ssim] + ([self.lpips] if self.lpips else [])
        columns = [score(truth, clip) for clip in (made, repeated) for score in scores]
        return {PIXELS: tf.stack(columns, 1)}
