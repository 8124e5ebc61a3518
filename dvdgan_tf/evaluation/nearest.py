"""Memory or learning? The training clips nearest to generated ones (paper C.1 says it of UCF-101).

A generator that remembers its training clips is much nearer to them than held-out clips are. `nearest_by_pixels` looks
through every training clip; `find` through random windows, by the features of the classifier of `recognition` too.
Pixels are those of clips pooled to at most 32; distances in them are roots of mean squared differences, of 255 levels.
"""

from __future__ import annotations

import os
import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
import tensorflow as tf

from dvdgan_tf.data.stream import ClipSource
from dvdgan_tf.errors import InputError
from dvdgan_tf.evaluation import labelled_clips
from dvdgan_tf.evaluation.clips import RealClips, Share
from dvdgan_tf.evaluation.recognition import Judge, Recognition
from dvdgan_tf.metrics import recognition
from dvdgan_tf.metrics.networks.recognizer import looked_at
from dvdgan_tf.progress import progress_line

_TOGETHER = 16
_SAY_EVERY_SECONDS = 30.0
_FEWEST_READ = 1024  # training clips read where no classifier has chosen them
_HELD_OUT = 128


@dataclass(frozen=True)
class Nearest:
    """For each of N samples the nearest real clip.

    Attributes:
        clips: float32 [N, T, H, W, C] in [-1, 1].
        distances: float32 [N].
    """

    clips: np.ndarray
    distances: np.ndarray


def nearest_by_pixels(
    samples: np.ndarray, source: ClipSource, seed: int = 0, log: Callable[[str], None] = print
) -> Nearest:
    """Looks through one random window and square of every clip of the source.

    Args:
        samples: float [N, T, H, W, C] in [-1, 1].
        source: real clips of the same shape.
        seed: of the windows and squares.
        log: takes lines of progress.
    """
    real = RealClips(source, 'random', 'random', seed)
    pooled = tf.function(looked_at, autograph=False, reduce_retracing=True)
    own = pooled(tf.constant(samples, tf.float32)).numpy()
    places = Share(_TOGETHER).numbers(real.available, 0)
    found, distances = np.zeros(len(own), np.int64), np.full(len(own), np.inf, np.float32)
    started = said = time.monotonic()
    for numbers, clips in zip(places, real.clips(places)):
        valid = numbers[numbers >= 0]
        distance, place = by_pixels(own, pooled(clips).numpy()[: len(valid)])
        found = np.where(distance < distances, valid[place], found)
        distances = np.minimum(distance, distances)
        if time.monotonic() - said > _SAY_EVERY_SECONDS:
            said, seen = time.monotonic(), int(valid[-1]) + 1
            rate = seen / (said - started)
            left = (real.available - seen) / rate
            log(progress_line('nearest: clip', seen, real.available, f'{rate:.1f} clips/s', left))
    chosen = np.concatenate([clip.numpy() for clip in real.clips(found[:, None])])
    return Nearest(chosen, distances)


class Neighbours(NamedTuple):
    """Generated clips and what is nearest to them, by `pixels` and where there is a classifier by `features`.

    Attributes:
        samples: the generated clips, and the labels that were asked for.
        training: the training clips uint8 [M, T, s, s, C] that were searched.
        nearest: by what, to the distance [N] of each sample and the place [N] of its neighbour.
        of_held_out: by what, to the distances of real clips that were held out; empty where there are none.
    """

    samples: labelled_clips.LabelledClips
    training: np.ndarray
    nearest: dict[str, tuple[np.ndarray, np.ndarray]]
    of_held_out: dict[str, np.ndarray]


def find(generator: tf.Module, data: ClipSource, count: int, judge: Judge | None = None) -> Neighbours:
    """Generates clips, the classes in turn, and searches random windows of training clips.

    Args:
        generator: for synthesis.
        data: the clips that it was trained on.
        count: of generated clips.
        judge: the classifier of `recognition` beside its clips; None searches 1,024 clips by pixels alone.
    """
    samples = labelled_clips.generated(generator, count, 0, 1.0, looked_at)
    if judge is None:
        training, held_out = _read(data, _FEWEST_READ), _held_out(data)
    else:
        training, held_out = judge.training.clips, judge.held_out.clips[:count]
    measures = {'pixels': lambda clips: by_pixels(clips, training)}
    if judge is not None:
        measures['features'] = judge.nearest
    found = {name: measure(samples.clips) for name, measure in measures.items()}
    real = {name: measure(held_out)[0] for name, measure in measures.items()} if len(held_out) else {}
    return Neighbours(samples, training, found, real)


def kept_judge(data: ClipSource, folder: str) -> Judge | None:
    """The classifier that an evaluation by `recognition` left in a folder; None where there is none.

    Raises:
        InputError: the data cannot serve.
    """
    if not tf.io.gfile.glob(os.path.join(folder, 'recognizer-*.npz')):
        return None
    return Recognition().judge(data, folder)


def by_pixels(clips: np.ndarray, training: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Root of the mean squared difference [N] to the nearest training clip in levels of 255, and which that is [N]."""
    rows, others = (part.reshape(len(part), -1).astype(np.float32) for part in (clips, training))
    distances, places = recognition.nearest(rows, others)
    return distances / np.sqrt(rows.shape[1]), places


def lines(found: Neighbours) -> list[str]:
    """The distances in words, beside those of held-out clips."""
    said = []
    for name, (distances, _) in found.nearest.items():
        others = found.of_held_out.get(name)
        for what, values in (('samples', distances), ('held-out clips', others)):
            if values is not None:
                low, middle, high = np.percentile(values, [5, 50, 95])
                said.append(f'{what}, {name}: median {middle:.3g}, from {low:.3g} (5 %) to {high:.3g} (95 %)')
    return said


def columns(found: Neighbours, rows: int) -> tuple[list[np.ndarray], list[str], list[str]]:
    """What is shown of the first samples: clips of each column, what each row and each column is.

    Rows give the distances.
    """
    clips, titles = [found.samples.clips[:rows]], ['generated']
    for name, (_, places) in found.nearest.items():
        clips.append(found.training[places[:rows]])
        titles.append(f'nearest by {name}')
    shown = [
        ', '.join(f'{distances[row]:.3g}' for distances, _ in found.nearest.values()) for row in range(len(clips[0]))
    ]
    return clips, shown, titles


def _read(data: ClipSource, count: int) -> np.ndarray:
    batches = data.training(0, _TOGETHER, _TOGETHER).take(count // _TOGETHER)
    return np.concatenate([looked_at(clip).numpy() for clip, _ in batches])


def _held_out(data: ClipSource) -> np.ndarray:
    """Clips of the split test, none where there is no such split."""
    try:
        source = data.of_split('test')
    except InputError:
        return np.zeros([0, 1], np.uint8)
    batches = source.evaluation(_TOGETHER, 'random').take(_HELD_OUT // _TOGETHER)
    return np.concatenate([looked_at(clip).numpy()[valid.numpy()] for clip, _, valid in batches])
