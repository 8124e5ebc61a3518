"""Previews: the same latents through the moving average of the generator, again and again."""

from __future__ import annotations

import functools

import numpy as np
import tensorflow as tf
import tf_keras as keras

from dvdgan_tf.sampling.generate import spread_labels
from dvdgan_tf.sampling.latents import sample_latents
from dvdgan_tf.work_dir.run_log import RunLog


class Preview:
    """Draws the previews of one run.

    Args:
        generator: the moving average of the generator.
        real: (clip [N, T, H, W, C], label [N]); there are as many previews as clips in its first batch, and a generator
            that continues clips continues these.
        seed: the latents depend on this alone.
        fps: frames per second of what is written.
    """

    def __init__(self, generator: keras.Model, real: tf.data.Dataset, seed: int, fps: float) -> None:
        self._generator = generator
        clips, labels = next(iter(real))
        self._real = clips.numpy()[np.argsort(labels, kind='stable')]
        self._fps = fps
        self._latents = sample_latents(seed, len(self._real)).numpy()
        predicts = generator.context_frames > 0
        self._labels = None if predicts else spread_labels(len(self._real), generator.num_classes)
        self._generate = tf.function(functools.partial(generator, training=False), autograph=False)

    def show_real(self, log: RunLog) -> None:
        """Writes the real clips, to look at beside the previews."""
        log.clips('real', 0, self._real, self._fps)

    def show(self, log: RunLog, step: int) -> None:
        """Writes what the generator makes at this step; a generator that continues clips is shown with its context."""
        context: np.ndarray | None = None
        if self._generator.context_frames:
            context = self._real[:, : self._generator.context_frames]
        clips = self._generate(self._latents, self._labels, context).numpy()
        log.clips('preview', step, clips if context is None else np.concatenate([context, clips], axis=1), self._fps)
