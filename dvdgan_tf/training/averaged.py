"""What is done with the averaged generator between training steps: it is saved, shown and scored."""

from __future__ import annotations

import functools
from typing import Protocol

import numpy as np
import tensorflow as tf
import tf_keras as keras

from dvdgan_tf.data.stream import ClipSource
from dvdgan_tf.sampling import rain
from dvdgan_tf.sampling.generate import spread_labels
from dvdgan_tf.sampling.latents import sample_latents
from dvdgan_tf.training.ema import AverageStatistics
from dvdgan_tf.training.schedule import Previews
from dvdgan_tf.training.step import GanStep
from dvdgan_tf.work_dir.checkpoint import Checkpointer
from dvdgan_tf.work_dir.run_log import RunLog


class Evaluation(Protocol):
    """Scores of a generator, taken every so many steps."""

    every: int

    def check(self, data: ClipSource) -> None:
        """Raises InputError where the data cannot serve."""

    def __call__(
        self, generator: keras.Model, data: ClipSource, step: int, work_dir: str, strategy: tf.distribute.Strategy
    ) -> dict[str, float]:
        """Scores the generator at this step; every process calls it and gets the scores, whose names have one slash."""

    def is_best(self, work_dir: str, step: int) -> bool:
        """Whether no other step scored better."""


class Saving:
    """Writes checkpoints in which the average has statistics of its own.

    Args:
        checkpointer: of everything that is trained; None in a process that leaves writing to another.
        statistics: of the average.
    """

    def __init__(self, checkpointer: Checkpointer | None, statistics: AverageStatistics) -> None:
        self._checkpointer = checkpointer
        self._statistics = statistics

    def __call__(self, step: int) -> None:
        """Writes the checkpoint of this step, unless that is done."""
        if self._checkpointer is not None:
            self._statistics.refresh(step)
            self._checkpointer.save_if_new(step)

    def if_old(self, step: int) -> None:
        """Writes the checkpoint of this step if the last one is old by the clock."""
        if self._checkpointer is not None and self._checkpointer.is_old():
            self(step)

    def as_best(self, step: int) -> None:
        """Keeps the checkpoint of this step until another is the best."""
        if self._checkpointer is not None:
            self._checkpointer.save_as_best(step)


class Preview:
    """Draws the previews of one run: the same latents through the average, again and again.

    Args:
        generator: the moving average of the generator.
        data: real clips, of which a generator that continues clips continues the first; of rain all is in colours.
        seed: the latents depend on this alone.
        previews: how many clips, how fast.
    """

    def __init__(self, generator: keras.Model, data: ClipSource, seed: int, previews: Previews) -> None:
        self._generator = generator
        clips, labels = next(iter(data.training(0, previews.clips, previews.clips)))
        self._real = clips.numpy()[np.argsort(labels, kind='stable')]
        self._scale, self._fps = data.scale, previews.fps
        self._latents = sample_latents(seed, len(self._real)).numpy()
        predicts = generator.context_frames > 0
        self._labels = None if predicts else spread_labels(len(self._real), generator.num_classes)
        self._generate = tf.function(functools.partial(generator, training=False), autograph=False)

    def show_real(self, log: RunLog) -> None:
        """Writes the real clips, to look at beside the previews."""
        log.clips('real', 0, rain.pictures(self._real, self._scale, real=True), self._fps)

    def show(self, log: RunLog, step: int) -> None:
        """Writes what the generator makes at this step; a generator that continues clips is shown with its context."""
        frames = self._generator.context_frames
        context = self._real[:, :frames] if frames else None
        shown = rain.pictures(self._generate(self._latents, self._labels, context).numpy(), self._scale)
        if context is not None:
            shown = np.concatenate([rain.pictures(context, self._scale, real=True), shown], axis=1)
        log.clips('preview', step, shown, self._fps)


class Showing:
    """Draws previews of the average, and before the first step the real clips to look at beside them.

    Args:
        step: whose average it is.
        data: real clips; a generator that continues clips continues some of these.
        previews: how many clips, how fast.
        statistics: of the average.
        log: where they go; None in a process that leaves writing to another.
    """

    def __init__(
        self, step: GanStep, data: ClipSource, previews: Previews, statistics: AverageStatistics, log: RunLog | None
    ) -> None:
        self._log = log
        self._statistics = statistics
        if log is not None:
            self._preview = Preview(step.ema_generator, data, step.seed, previews)

    def __call__(self, step: int) -> None:
        """Writes what the average makes at this step."""
        if self._log is None:
            return
        if step == 0:
            self._preview.show_real(self._log)
        self._statistics.refresh(step)
        self._preview.show(self._log, step)


class Scoring:
    """Scores the average, records that, and keeps the checkpoint of the best step.

    Every process takes part, as an evaluation may be spread over all of them.

    Args:
        evaluation: what scores.
        generator: the average.
        data: real clips.
        work_dir: where the evaluation keeps its results.
        distribution: the strategy.
        statistics: of the average.
        save: makes the step's checkpoint before it is scored, so that a kill loses no training.
        log: where scores are recorded; None in a process that leaves writing to another.
    """

    def __init__(
        self,
        evaluation: Evaluation,
        generator: keras.Model,
        data: ClipSource,
        work_dir: str,
        distribution: tf.distribute.Strategy,
        statistics: AverageStatistics,
        save: Saving,
        log: RunLog | None,
    ) -> None:
        self._evaluation = evaluation
        self._generator = generator
        self._data = data
        self._work_dir = work_dir
        self._distribution = distribution
        self._statistics = statistics
        self._save = save
        self._log = log

    def __call__(self, step: int) -> None:
        """Scores the average at this step."""
        if step:
            self._save(step)
        self._statistics.refresh(step)
        scores = self._evaluation(self._generator, self._data, step, self._work_dir, self._distribution)
        if self._log is None:
            return
        self._log.scalars(step, scores)
        if step and self._evaluation.is_best(self._work_dir, step):
            self._save.as_best(step)
