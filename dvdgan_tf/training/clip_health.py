"""What a few clips of the averaged generator say of a run's health: diversity, motion, and how its states grow.

Not in the paper.
"""

from __future__ import annotations

import numpy as np
import tf_keras as keras

from dvdgan_tf.data.stream import ClipSource
from dvdgan_tf.layers import conv_gru
from dvdgan_tf.metrics import recognition
from dvdgan_tf.metrics.networks.recognizer import looked_at
from dvdgan_tf.sampling.latents import sample_latents
from dvdgan_tf.training.ema import AverageStatistics
from dvdgan_tf.work_dir.run_log import RunLog

_CLASSES, _CLIPS = 4, 4  # classes looked at, clips of each
_REAL = 64  # real clips that they are compared with, so that there are pairs of one class
_SMALL_STATE = 0.1
_STILL = 0.05  # levels of 255 that real clips must differ by for a comparison to mean something


class ClipLook:
    """Looks at 16 clips of the average: the same latents of the same few classes each time.

    Args:
        generator: the moving average of the generator.
        data: real clips, whose first ones a generator that continues clips continues.
        seed: of the latents.
        statistics: of the average.
        log: where it is recorded; None in a process that leaves writing to another.
    """

    def __init__(
        self, generator: keras.Model, data: ClipSource, seed: int, statistics: AverageStatistics, log: RunLog | None
    ) -> None:
        self._generator, self._statistics, self._log = generator, statistics, log
        self._latents = sample_latents(seed, _CLASSES * _CLIPS, latent_size=generator.latent_size)
        self._inputs = [np.repeat(np.arange(_CLASSES, dtype=np.int32) % generator.num_classes, _CLIPS)]
        if log is None:
            return
        frames, size = generator.context_frames, len(self._latents)
        batches = list(data.training(0, size, size).take(_REAL // size))
        real = np.concatenate([looked_at(clip)[:, frames:] for clip, _ in batches])
        self._real_motion = motion(real)
        self._real_diversity = diversity(real, np.concatenate([label for _, label in batches]))
        if frames:
            self._inputs = [None, batches[0][0][:, :frames]]
            self._real_diversity = 0.0  # what follows given frames may be certain

    def __call__(self, step: int) -> None:
        """Records what the clips of this step say; the generator before its first step is not looked at."""
        if self._log is not None and step:
            self._statistics.refresh(step)
            self._log.scalars(step, self._numbers())

    def _numbers(self) -> dict[str, float]:
        # Not as a graph: tracing one would take longer than these few clips do.
        with conv_gru.watched() as states:
            clips = looked_at(self._generator(self._latents, *self._inputs, training=False)).numpy()
        numbers = {}
        if self._real_motion > _STILL:
            numbers['health/motion'] = motion(clips) / self._real_motion
        if self._real_diversity > _STILL:
            numbers['health/diversity'] = diversity(clips, self._inputs[0]) / self._real_diversity
        if states:
            numbers['states/growth'] = max(growth(each.numpy()) for each in states)
        return numbers


def motion(clips: np.ndarray) -> float:
    """Mean difference of successive frames of uint8 clips [N, T, H, W, C], 0 where there is one frame alone."""
    return recognition.motion(clips) if clips.shape[1] > 1 else 0.0


def diversity(clips: np.ndarray, labels: np.ndarray) -> float:
    """Distance between two clips of a class, uint8 [N, T, H, W, C] and [N]; between any two where no class has two."""
    within = recognition.diversity(clips, labels)
    return within if np.isfinite(within) else recognition.diversity(clips, np.zeros_like(labels))


def growth(states: np.ndarray) -> float:
    """How many times larger the states [B, T, H, W, units] of the last frame are than those of the first: the median
    over the clips of the root mean squares; states that stay small are no growth.
    """
    sizes = np.sqrt(np.square(states.astype(np.float32)).mean((2, 3, 4)))
    return float(np.median(sizes[:, -1] / np.maximum(sizes[:, 0], _SMALL_STATE)))
