"""Memory or learning? The training clips nearest to samples, in pixels (paper C.1 says it of UCF-101)."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import tensorflow as tf

from dvdgan_tf.data.stream import ClipSource
from dvdgan_tf.evaluation.clips import RealClips, Share
from dvdgan_tf.metrics.networks.recognizer import looked_at
from dvdgan_tf.metrics.recognition import nearest
from dvdgan_tf.progress import progress_line

_BATCH = 16
_SAY_EVERY_SECONDS = 30.0


@dataclass(frozen=True)
class Nearest:
    """For each of N samples the nearest real clip.

    Attributes:
        clips: float32 [N, T, H, W, C] in [-1, 1].
        distances: float32 [N], roots of the mean squared difference in levels of 255.
    """

    clips: np.ndarray
    distances: np.ndarray


def nearest_by_pixels(
    samples: np.ndarray, source: ClipSource, seed: int = 0, log: Callable[[str], None] = print
) -> Nearest:
    """Looks through one random window and square of every clip of the source, pooled to at most 32 pixels.

    Args:
        samples: float [N, T, H, W, C] in [-1, 1].
        source: real clips of the same shape.
        seed: of the windows and squares.
        log: takes lines of progress.
    """
    real = RealClips(source, 'random', 'random', seed)
    rows = _pooled(tf.constant(samples, tf.float32))
    places = Share(_BATCH).numbers(real.available, 0)
    found, distances = np.zeros(len(rows), np.int64), np.full(len(rows), np.inf, np.float32)
    started = said = time.monotonic()
    for numbers, clips in zip(places, real.clips(places)):
        valid = numbers[numbers >= 0]
        distance, place = nearest(rows, _pooled(clips)[: len(valid)])
        found = np.where(distance < distances, valid[place], found)
        distances = np.minimum(distance, distances)
        if time.monotonic() - said > _SAY_EVERY_SECONDS:
            said, seen = time.monotonic(), int(valid[-1]) + 1
            rate = seen / (said - started)
            left = (real.available - seen) / rate
            log(progress_line('nearest: clip', seen, real.available, f'{rate:.1f} clips/s', left))
    chosen = np.concatenate([clip.numpy() for clip in real.clips(found[:, None])])
    return Nearest(chosen, distances / np.sqrt(rows.shape[1]))


@tf.function(autograph=False, reduce_retracing=True)
def _looked_at(clips: tf.Tensor) -> tf.Tensor:
    return looked_at(clips)


def _pooled(clips: tf.Tensor) -> np.ndarray:
    """[N, numbers of a clip], float32 in [0, 255]."""
    return _looked_at(clips).numpy().reshape(len(clips), -1).astype(np.float32)
