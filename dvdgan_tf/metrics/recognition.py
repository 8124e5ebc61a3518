"""What the protocol `recognition` says of a set of clips, from a classifier's answers and from pixels. All in NumPy."""

from __future__ import annotations

import numpy as np

from dvdgan_tf.metrics import scores
from dvdgan_tf.metrics.statistics import Moments

_PAIRS_PER_CLASS = 2000


def share_recognised(recognised: np.ndarray, labels: np.ndarray) -> float:
    """The share of clips [N] recognised as the class that was asked for."""
    return float(np.mean(recognised == labels))


def frechet(features: np.ndarray, others: np.ndarray) -> float:
    """Frechet distance between two sets of features [N, d] and [M, d]."""
    return scores.frechet_distance(_moments(features), _moments(others))


def diversity(clips: np.ndarray, labels: np.ndarray, seed: int = 0) -> float:
    """Root of the mean squared distance between two clips of a class, per pixel, classes weighing alike.

    Args:
        clips: uint8 [N, T, H, W, C].
        labels: [N].
        seed: of the pairs, at most 2,000 a class.

    Returns: in levels of 255; NaN where no class has two clips.
    """
    random = np.random.RandomState(seed)
    found = []
    for label in np.unique(labels):
        members = np.flatnonzero(labels == label)
        if len(members) < 2:
            continue
        first = random.randint(len(members), size=_PAIRS_PER_CLASS)
        second = (first + random.randint(1, len(members), size=_PAIRS_PER_CLASS)) % len(members)
        pairs = np.unique(np.sort(np.stack([members[first], members[second]], 1), 1), axis=0)
        distances = [np.square(clips[a].astype(np.float32) - clips[b]).mean() for a, b in pairs]
        found.append(np.sqrt(np.mean(distances)))
    return float(np.mean(found)) if found else float('nan')


def motion(clips: np.ndarray) -> float:
    """Mean absolute difference of successive frames of uint8 clips [N, T, H, W, C], in levels of 255."""
    return float(np.mean([np.abs(np.diff(clip.astype(np.int16), axis=0)).mean() for clip in clips]))


def nearest(features: np.ndarray, training: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Distance [N] of each row of features [N, d] to the nearest of training [M, d], and which that is [N]."""
    squares = np.square(training).sum(1)
    distances, places = [], []
    for rows in np.array_split(features, max(1, len(features) // 256)):
        place = (squares - 2.0 * rows @ training.T).argmin(1)
        places.append(place)
        distances.append(np.sqrt(np.square(rows - training[place]).sum(1)))
    return np.concatenate(distances), np.concatenate(places)


def share_of_outliers(distances: np.ndarray, of_held_out: np.ndarray) -> float:
    """The share of distances [N] larger than 95 % of those [M] of real clips that were held out."""
    return float(np.mean(distances > np.quantile(of_held_out, 0.95)))


def _moments(features: np.ndarray) -> Moments:
    moments = Moments(features.shape[1])
    moments.update(features)
    return moments
