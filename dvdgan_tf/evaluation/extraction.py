"""From clips to features: the generator and the networks over batches, under any strategy, on this process's share."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from typing import NamedTuple

import numpy as np
import tensorflow as tf

from dvdgan_tf.distribute.strategy import Processes
from dvdgan_tf.errors import InputError
from dvdgan_tf.evaluation.clips import Draw, RealClips, Share, check_range
from dvdgan_tf.metrics import prediction, preprocessing
from dvdgan_tf.metrics.networks.features import FeatureNetwork, full_precision

PIXELS = 'pixels'


class View(NamedTuple):
    """What a network is shown of a clip.

    Attributes:
        network: its name.
        frames: the first so many frames, None for all.
        every: of every so many-th frame.
    """

    network: str
    frames: int | None = None
    every: int = 1


Features = Mapping[View, Mapping[str, np.ndarray]]
Batches = Iterator[tuple[np.ndarray, Features]]  # clip numbers [n], and features [n, d] by view and name


class Extractor:
    """Runs generators and networks over batches under a strategy.

    Args:
        networks: whose features are taken, by name.
        batch_size: clips in a batch over all replicas of all processes.
        strategy: of the generators' variables; None for the one in force.
        quantize: round every clip, real and generated, to 256 levels first.
        lpips: adds LPIPS to predictions.

    Raises:
        InputError: the batch does not divide over the replicas.
    """

    def __init__(
        self,
        networks: Mapping[str, FeatureNetwork],
        batch_size: int,
        strategy: tf.distribute.Strategy | None = None,
        quantize: bool = False,
        lpips: prediction.LPIPS | None = None,
    ):
        self.networks, self.lpips, self.quantize = networks, lpips, quantize
        self._strategy = strategy or tf.distribute.get_strategy()
        self.processes = Processes(self._strategy)
        replicas = self._strategy.num_replicas_in_sync
        if batch_size < 1 or batch_size % replicas:
            raise InputError(f'the evaluation batch is {batch_size}; choose a multiple of the {replicas} replica(s).')
        self.share = Share(batch_size, self.processes.index, self.processes.count)
        self._compiled: dict[tuple, Callable] = {}
        self._owner: tf.Module | None = None

    def real(self, clips: RealClips, count: int, views: tuple[View, ...], first_batch: int = 0) -> Batches:
        """Features of the first `count` real clips, from a batch number on."""
        run = self._run('real', views, self._features)
        places = self.share.numbers(count, first_batch)
        for numbers, batch in zip(places, clips.clips(places)):
            yield self._named(numbers, run(batch), 'real clips')

    def of(self, clips: tf.Tensor, views: tuple[View, ...]) -> Features:
        """Features of clips [at most a batch, T, H, W, C] in [-1, 1]."""
        numbers = np.where(np.arange(self.share.rows) < len(clips), np.arange(self.share.rows), -1)
        clips = tf.pad(clips, [[0, self.share.rows - len(clips)], *([[0, 0]] * 4)])
        return self._named(numbers, self._run('real', views, self._features)(clips), 'clips')[1]

    def generated(
        self,
        generator: tf.Module,
        draw: Draw,
        count: int,
        views: tuple[View, ...],
        contexts: RealClips | None = None,
        first_batch: int = 0,
    ) -> Batches:
        """Features of the first `count` generated clips, from a batch number on.

        Where there are contexts, clip i begins with the first frames of real clip i, which are gone through again and
        again.
        """

        def compute(views: tuple[View, ...], *inputs: tf.Tensor) -> dict[str, tf.Tensor]:
            return self._features(views, _generate(generator, *inputs))

        run = self._run('generated', views, compute, generator)
        places = self.share.numbers(count, first_batch)
        real = contexts.clips(places) if contexts else (None for _ in places)
        for numbers, batch in zip(places, real):
            inputs = draw.samples(numbers, generator.num_classes, generator.latent_size)
            context = () if batch is None else (batch[:, : generator.context_frames],)
            yield self._named(numbers, run(*inputs, *context), 'generated clips')

    def predicted(
        self, generator: tf.Module, draw: Draw, real: RealClips, best_of: int = 1, first_batch: int = 0
    ) -> Batches:
        """Closeness of predictions to the truth: the columns of `prediction_columns`, the best of so many samples.

        The best is chosen for each score by its mean over the frames.
        """

        def compute(views: tuple[View, ...], *inputs: tf.Tensor) -> dict[str, tf.Tensor]:
            del views
            return self._closeness(generator, *inputs)

        run = self._run('predicted', (), compute, generator)
        places = self.share.numbers(real.available, first_batch)
        for numbers, clips in zip(places, real.clips(places)):
            samples = []
            for sample in range(best_of):
                wanted = np.where(numbers < 0, -1, numbers * best_of + sample)
                inputs = draw.samples(wanted, generator.num_classes, generator.latent_size)
                samples.append(self._named(numbers, run(*inputs, clips), 'predictions')[1][View(PIXELS)]['scores'])
            yield numbers[numbers >= 0], {View(PIXELS): {'scores': self._best(np.stack(samples))}}

    def score_names(self) -> tuple[str, ...]:
        """Scores of a prediction; the columns of a feature are each score's frames, and again of the frame repeated."""
        return ('psnr', 'ssim') + (('lpips',) if self.lpips else ())

    def _best(self, samples: np.ndarray) -> np.ndarray:
        """[n, columns] of [samples, n, columns]."""
        names = self.score_names()
        signs = np.array([-1.0 if name == 'lpips' else 1.0 for name in names + names])[:, None]
        scores = samples.reshape(*samples.shape[:2], 2 * len(names), -1)
        best = np.argmax(signs[..., 0] * scores.mean(-1), axis=0)
        chosen = np.take_along_axis(scores, best[None, ..., None], axis=0)[0]
        return chosen.reshape(len(chosen), -1)

    def _closeness(self, generator: tf.Module, *inputs: tf.Tensor) -> dict[str, tf.Tensor]:
        latent, label, clips = inputs
        context_frames = generator.context_frames
        context, truth = clips[:, :context_frames], clips[:, context_frames:]
        whole = _generate(generator, latent, label, context)
        made, repeated = whole[:, context_frames:], tf.repeat(context[:, -1:], truth.shape[1], axis=1)
        found = _range_of(whole)
        if self.quantize:
            truth, made, repeated = map(preprocessing.quantize, (truth, made, repeated))
        scores = [prediction.psnr, prediction.ssim] + ([self.lpips] if self.lpips else [])
        columns = [score(truth, clip) for clip in (made, repeated) for score in scores]
        return {**found, f'{PIXELS}/scores': tf.concat(columns, 1)}

    def _features(self, views: tuple[View, ...], clips: tf.Tensor) -> dict[str, tf.Tensor]:
        clips = tf.cast(clips, tf.float32)
        found = _range_of(clips)
        clips = preprocessing.quantize(clips) if self.quantize else clips
        for view in views:
            network = self.networks[view.network]
            shown = clips[:, :: view.every][:, : view.frames]
            network.check(shown.shape)
            for feature, value in network.features(shown).items():
                found[f'{_name(view)}/{feature}'] = value
        return found

    def _named(self, numbers: np.ndarray, found: dict[str, np.ndarray], what: str) -> tuple[np.ndarray, Features]:
        """The rows that count, by view and feature."""
        valid = numbers >= 0
        found = {name: value[valid] for name, value in found.items()}
        lowest, highest = found.pop('lowest'), found.pop('highest')
        if len(lowest):
            check_range(float(lowest.min()), float(highest.max()), what)
        named: dict[View, dict[str, np.ndarray]] = {}
        for name, value in found.items():
            place, feature = name.split('/')
            named.setdefault(_view(place), {})[feature] = value
        return numbers[valid], named

    def _run(self, kind: str, views: tuple[View, ...], compute: Callable, owner: tf.Module | None = None) -> Callable:
        """`compute(views, *batches)` over the replicas of this process; traced once for each generator and views."""
        if owner is not None and owner is not self._owner:
            self._compiled = {key: value for key, value in self._compiled.items() if key[0] == 'real'}
            self._owner = owner
        if (kind, views) not in self._compiled:
            self._compiled[kind, views] = self._spread(lambda *batches: compute(views, *batches))
        return self._compiled[kind, views]

    def _spread(self, compute: Callable) -> Callable:
        strategy = self._strategy

        @tf.function(autograph=False)
        def on_replicas(*shards: tf.Tensor) -> dict[str, tuple[tf.Tensor, ...]]:
            found = strategy.run(compute, args=shards)
            # No collective: processes may be at different batches.
            return {name: strategy.experimental_local_results(value) for name, value in found.items()}

        def run(*batches: tf.Tensor) -> dict[str, np.ndarray]:
            with full_precision():
                found = on_replicas(*(self._sharded(batch) for batch in batches))
            return {name: np.concatenate([part.numpy() for part in parts]) for name, parts in found.items()}

        return run

    def _sharded(self, batch: tf.Tensor) -> tf.Tensor:
        """This process's rows, each of its replicas' own part."""
        local = self._strategy.num_replicas_in_sync // self.processes.count
        if self._strategy.num_replicas_in_sync == 1:
            return batch
        parts = tf.split(batch, local)
        return self._strategy.experimental_distribute_values_from_function(
            lambda context: parts[context.replica_id_in_sync_group % local]
        )


def _range_of(clips: tf.Tensor) -> dict[str, tf.Tensor]:
    """Lowest and highest value of each clip; NaN, which a minimum may pass over, is made infinite."""
    clips = tf.where(tf.math.is_nan(clips), np.float32(np.inf), clips)
    axes = [1, 2, 3, 4]
    return {'lowest': tf.reduce_min(clips, axes), 'highest': tf.reduce_max(clips, axes)}


def _generate(
    generator: Callable, latent: tf.Tensor, label: tf.Tensor, context: tf.Tensor | None = None
) -> tf.Tensor:
    """Whole clips, the context included; prediction knows no classes (paper B.4)."""
    if context is None:
        return tf.cast(generator(latent, label, training=False), tf.float32)
    made = tf.cast(generator(latent, tf.zeros_like(label), context, training=False), tf.float32)
    return tf.concat([context, made], 1)


def _name(view: View) -> str:
    return f'{view.network}:{view.frames or ""}:{view.every}'


def _view(name: str) -> View:
    network, *rest = name.split(':')
    frames, every = rest or ('', '1')
    return View(network, int(frames) if frames else None, int(every))
