"""The protocol `recognition`: what a small classifier, trained on the run's own labelled clips, says of samples.

This project's own, so no number of it stands in a paper. Beside each number is that of real clips that were held out.
`during_training.ProtocolScores` and `bin/evaluate` take it beside the others.
"""

from __future__ import annotations

import hashlib
import json
import logging
import os
from collections.abc import Callable

import numpy as np
import tensorflow as tf

from dvdgan_tf.data.stream import ClipSource
from dvdgan_tf.errors import InputError
from dvdgan_tf.evaluation import labelled_clips
from dvdgan_tf.evaluation.labelled_clips import LabelledClips
from dvdgan_tf.evaluation.results import report
from dvdgan_tf.metrics import recognition, statistics
from dvdgan_tf.metrics.networks.recognizer import Recognizer, looked_at

NAME = 'recognition'
SCORES = ('recognised', 'frechet', 'diversity', 'motion', 'outliers')

SAMPLES = 512

_LOG = logging.getLogger(__name__)
_VERSION = 1  # of the classifier and how it is trained


class Recognition:
    """Scores a generator.

    Args:
        num_samples: generated clips, and held-out clips.
        training_clips: clips of the split train that the classifier is trained on and distances are measured to.
        training_steps: of the classifier, in batches of 32 clips.
        seed: of the classifier, of latents and labels.
    """

    def __init__(
        self, num_samples: int = SAMPLES, training_clips: int = 2048, training_steps: int = 1000, seed: int = 0
    ) -> None:
        if min(num_samples, training_steps) < 1 or training_clips < num_samples:
            raise InputError(
                f'recognition was given {num_samples} samples, {training_clips} training clips and {training_steps} '
                'steps; give at least 1 of each, and no fewer training clips than samples.'
            )
        self._num_samples, self._training_clips, self._steps = num_samples, training_clips, training_steps
        self._seed = seed
        self._judge: Judge | None = None

    def check(self, data: ClipSource) -> None:
        """Opens both splits, so that what is missing is known before training.

        Raises:
            InputError: the data cannot serve.
        """
        labelled_clips.open_splits(data)

    def evaluate(
        self,
        generator: tf.Module,
        data: ClipSource,
        model: dict[str, object],
        output_dir: str,
        truncation: float = 1.0,
        standing_statistics: int | None = None,
        log: Callable[[str], None] = _LOG.info,
    ) -> dict[str, object]:
        """The result, as appended to evaluation.jsonl; the classifier is kept in output_dir.

        Args:
            generator: called as generator(latent [B, latent_size], label [B], training=False).
            data: the clips that it was trained on.
            model: what identifies the generator, such as its step.
            output_dir: where classifier and result go.
            truncation: sigma of the latents.
            standing_statistics: clips over which the generator's statistics were recomputed, for the result.
            log: takes lines of progress.

        Raises:
            InputError: the generator continues clips, or the data cannot serve.
        """
        if generator.context_frames:
            raise InputError('recognition asks for clips of a class, and this model continues clips; use prediction.')
        judge = self.judge(data, output_dir, log)
        log(f'{NAME}: {self._num_samples} samples')
        samples = labelled_clips.generated(generator, self._num_samples, self._seed, truncation, looked_at)
        result = {
            'protocol': NAME,
            'source': 'this package: a classifier trained on the same data',
            'scores': judge.scores(samples),
            'classes': judge.by_class(samples, data.class_names),
            'classifier': judge.identity,
            'fake_clips': self._num_samples,
            'real_clips': self._training_clips,
            'seed': self._seed,
            'truncation': truncation,
            'standing_statistics': standing_statistics,
            'model': dict(model),
            'versions': report.versions(),
            'warnings': judge.warnings(),
        }
        report.append(os.path.join(output_dir, report.FILE_NAME), [result])
        return result

    def judge(self, data: ClipSource, output_dir: str, log: Callable[[str], None] = _LOG.info) -> Judge:
        """The trained classifier, kept in output_dir, beside the clips that it compares with; made once.

        Raises:
            InputError: the data cannot serve.
        """
        tf.io.gfile.makedirs(output_dir)
        if self._judge is None:
            self._judge = self._make_judge(data, output_dir, log)
        return self._judge

    def _make_judge(self, data: ClipSource, output_dir: str, log: Callable[[str], None]) -> Judge:
        train, test = labelled_clips.open_splits(data)
        log(f'{NAME}: reading {self._training_clips} clips of train and {self._num_samples} of test')
        training = labelled_clips.real(train, self._training_clips, looked_at)
        held_out = labelled_clips.real(test, self._num_samples, looked_at, held_out=True)
        identity = {
            'version': _VERSION,
            'seed': self._seed,
            'steps': self._steps,
            'shape': list(training.clips.shape[1:]),
            'classes': data.num_classes,
            'clips_sha256': hashlib.sha256(training.clips.tobytes() + training.labels.tobytes()).hexdigest(),
        }
        return Judge(_trained(identity, training, output_dir, log), training, held_out, identity, self._seed)


def _trained(
    identity: dict[str, object], training: LabelledClips, output_dir: str, log: Callable[[str], None]
) -> Recognizer:
    """The classifier of this identity, from output_dir where it is there, else trained and kept there."""
    recognizer = Recognizer(tuple(identity['shape']), identity['classes'], identity['seed'])
    name = hashlib.sha256(json.dumps(identity, sort_keys=True).encode()).hexdigest()[:12]
    path = os.path.join(output_dir, f'recognizer-{name}.npz')
    if tf.io.gfile.exists(path):
        recognizer.restore(statistics.load(path, identity))
        return recognizer
    log(f'{NAME}: the classifier learns for {identity["steps"]} steps')
    loss = recognizer.train(training.clips, training.labels, identity['steps'])
    log(f'{NAME}: its loss is {loss:.3f}; kept as {path}')
    statistics.save(path, recognizer.state(), identity)
    return recognizer


class Judge:
    """The classifier beside what it compares with.

    Args:
        recognizer: trained on `training`.
        training: clips of the split train.
        held_out: real clips that it has not seen.
        identity: of the classifier.
        seed: of the pairs that diversity is taken over.
    """

    def __init__(
        self,
        recognizer: Recognizer,
        training: LabelledClips,
        held_out: LabelledClips,
        identity: dict[str, object],
        seed: int,
    ) -> None:
        self.identity = identity
        self.training, self.held_out = training, held_out
        self._recognizer, self._seed = recognizer, seed
        self.features, _ = recognizer.look(training.clips)
        self._real = recognition.diversity(training.clips, training.labels, seed), recognition.motion(training.clips)
        self._limits = recognition.nearest(recognizer.look(held_out.clips)[0], self.features)[0]
        self._floors = self._numbers(held_out)

    def scores(self, samples: LabelledClips) -> dict[str, dict[str, object]]:
        """Every score of the samples; `floor` is that of real clips that were held out."""
        return {
            name: {'value': value, 'floor': {'value': real, 'clips': [len(self.held_out.labels)]}}
            for name, value, real in zip(SCORES, self._numbers(samples), self._floors)
        }

    def by_class(self, samples: LabelledClips, names: tuple[str, ...]) -> dict[str, float]:
        """The share recognised of each class that was asked for."""
        _, found = self._recognizer.look(samples.clips)
        shares = {}
        for label, name in enumerate(names):
            asked = samples.labels == label
            if asked.any():
                shares[name] = recognition.share_recognised(found[asked], samples.labels[asked])
        return shares

    def nearest(self, clips: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Distance in features of uint8 clips [N, T, s, s, C] to the nearest training clip, and which that is."""
        return recognition.nearest(self._recognizer.look(clips)[0], self.features)

    def warnings(self) -> list[str]:
        """What a reader of the scores must know."""
        recognised = self._floors[0]
        if recognised >= 0.9:
            return []
        return [f'recognition: the classifier knows only {recognised:.2f} of the held-out clips: read shares beside it']

    def _numbers(self, clips: LabelledClips) -> tuple[float, ...]:
        features, found = self._recognizer.look(clips.clips)
        distances, _ = recognition.nearest(features, self.features)
        diversity, motion = self._real
        return (
            recognition.share_recognised(found, clips.labels),
            recognition.frechet(self.features, features),
            recognition.diversity(clips.clips, clips.labels, self._seed) / diversity,
            recognition.motion(clips.clips) / motion,
            recognition.share_of_outliers(distances, self._limits),
        )
