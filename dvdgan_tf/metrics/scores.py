"""Scores as pure formulas over statistics or features; nothing here knows a network."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import numpy as np

from dvdgan_tf.errors import InputError
from dvdgan_tf.metrics.statistics import ClassEntropies, Moments

_TILE = 1024


def _clipped(eigenvalues: np.ndarray) -> np.ndarray:
    """Eigenvalues below the rank tolerance are rounding noise of either sign: zero."""
    largest = max(float(eigenvalues.max(initial=0.0)), 0.0)
    return np.where(eigenvalues > largest * eigenvalues.size * np.finfo(np.float64).eps, eigenvalues, 0.0)


def trace_sqrt_product(first: np.ndarray, second: np.ndarray) -> float:
    """Tr sqrt(first second) of two covariances [d, d], as Tr sqrt(A second A) with A = sqrt(first).

    Only symmetric matrices are decomposed: scipy's sqrtm of the plain product returns -1e31 for sets smaller than d.
    """
    return _trace_with(_root(first), second)


def _root(covariance: np.ndarray) -> np.ndarray:
    values, vectors = np.linalg.eigh(covariance)
    return (vectors * np.sqrt(_clipped(values))) @ vectors.T


def _trace_with(root: np.ndarray, second: np.ndarray) -> float:
    return float(np.sqrt(_clipped(np.linalg.eigvalsh(root @ second @ root))).sum())


def frechet_distance(first: Moments, second: Moments, ddof: int = 1) -> float:
    """Squared Frechet distance |m1 - m2|^2 + Tr(S1 + S2 - 2 sqrt(S1 S2)) of the Gaussians with these moments.

    Args:
        first: of one set.
        second: of the other.
        ddof: of both covariances; 1, and 0 in some code bases, whose numbers can be matched.

    Raises:
        InputError: the sizes differ, or a set has fewer than two clips.
    """
    return frechet_distance_from(first, ddof)(second)


def frechet_distance_from(first: Moments, ddof: int = 1) -> Callable[[Moments], float]:
    """The Frechet distance from one set as a function of the other, whose half of the work is done once."""
    mean, covariance = first.mean(), first.covariance(ddof)
    root, trace = _root(covariance), np.trace(covariance)

    def distance(second: Moments) -> float:
        if second.size != first.size:
            raise InputError(f'features of {first.size} and {second.size} columns cannot be compared; use one network.')
        other, shift = second.covariance(ddof), mean - second.mean()
        return float(shift @ shift + trace + np.trace(other) - 2 * _trace_with(root, other))

    return distance


def inception_score(entropies: ClassEntropies) -> float:
    """exp E KL(p(y|x) || p(y)) (Salimans et al. 2016), between 1 and the number of classes.

    Raises:
        InputError: there is no clip.
    """
    if not entropies.count:
        raise InputError('an Inception score needs at least one clip and none was given.')
    marginal = entropies.total / entropies.count
    return float(np.exp(entropies.plogp / entropies.count - entropies.entropy_sum(marginal)))


def split_inception_score(splits: Sequence[ClassEntropies]) -> tuple[float, float]:
    """Mean and standard deviation (ddof = 0) of the Inception score over splits of the clips."""
    scores = [inception_score(split) for split in splits]
    return float(np.mean(scores)), float(np.std(scores))


def kernel_distance(real: np.ndarray, fake: np.ndarray) -> tuple[float, float | None]:
    """Kernel distance (KID, KVD; Binkowski et al. 2018), as tensorflow-gan has it, and its standard error over blocks.

    The unbiased estimate over blocks of at most 1024 clips a side, as many of each side, then their mean. One block
    has no error: None.

    Args:
        real: features [n, d], in random order.
        fake: features [m, d], in random order.

    Raises:
        InputError: fewer than two clips in a set.
    """
    if min(len(real), len(fake)) < 2:
        raise InputError(f'a kernel distance needs two clips in each set, and {len(real)} and {len(fake)} were given.')
    count = -(-max(len(real), len(fake)) // _TILE)
    count = max(1, min(count, min(len(real), len(fake)) // 2))  # two clips of each side in every block
    blocks = zip(_blocks(real, count), _blocks(fake, count))
    distances = np.array([_squared_mmd(*pair) for pair in blocks])
    return float(distances.mean()), float(distances.std(ddof=1) / np.sqrt(count)) if count > 1 else None


def _blocks(features: np.ndarray, count: int) -> list[np.ndarray]:
    """Parts in float64 whose sizes differ by one at most, the smaller ones first."""
    small, larger = divmod(len(features), count)
    ends = np.cumsum([small] * (count - larger) + [small + 1] * larger)
    return np.split(features.astype(np.float64), ends[:-1])


def _squared_mmd(real: np.ndarray, fake: np.ndarray) -> float:
    """Unbiased estimate of the squared maximum mean discrepancy under the kernel (x.y / d + 1)^3."""
    same, between = [], ((real @ fake.T / real.shape[1] + 1) ** 3).mean()
    for features in (real, fake):
        kernel = (features @ features.T / features.shape[1] + 1) ** 3
        same.append((kernel.sum() - np.trace(kernel)) / (len(features) * (len(features) - 1)))
    return float(sum(same) - 2 * between)


def precision_recall(real: np.ndarray, fake: np.ndarray, neighbours: int = 3) -> tuple[float, float]:
    """Share of fakes on the manifold of the real clips, and the reverse (Kynkaanniemi et al. 2019).

    The manifold is the union of balls that reach from every clip to its k-th nearest neighbour. Distances are taken
    in tiles: memory does not grow with the square of the number of clips.

    Args:
        real: features [n, d], n > neighbours.
        fake: features [m, d], m > neighbours.
        neighbours: k.

    Raises:
        InputError: too few clips.
    """
    if min(len(real), len(fake)) <= neighbours:
        raise InputError(
            f'precision and recall need more than {neighbours} clips a set; {len(real)} and {len(fake)} were given.'
        )
    return _covered(fake, real, neighbours), _covered(real, fake, neighbours)


def _distances(tile: np.ndarray, features: np.ndarray) -> np.ndarray:
    """Squared distances [len(tile), len(features)] float64."""
    tile, features = tile.astype(np.float64), features.astype(np.float64)
    squares = (tile**2).sum(1)[:, None] + (features**2).sum(1) - 2 * tile @ features.T
    return np.maximum(squares, 0.0)


def _covered(points: np.ndarray, centres: np.ndarray, neighbours: int) -> float:
    """Share of points inside the ball of at least one centre."""
    covered = np.zeros(len(points), bool)
    for start in range(0, len(centres), _TILE):
        tile = centres[start : start + _TILE]
        # Each centre is its own nearest neighbour, at place 0.
        radii = np.partition(_distances(tile, centres), neighbours, axis=1)[:, neighbours]
        for first in range(0, len(points), _TILE):
            inside = _distances(tile, points[first : first + _TILE]) <= radii[:, None]
            covered[first : first + _TILE] |= inside.any(0)
    return float(covered.mean())
