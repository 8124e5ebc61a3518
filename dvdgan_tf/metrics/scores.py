"""Scores as pure formulas over statistics; nothing here knows a network."""

import numpy as np

from dvdgan_tf.errors import InputError
from dvdgan_tf.metrics.statistics import Moments


def _clipped(eigenvalues: np.ndarray) -> np.ndarray:
    """Eigenvalues below the rank tolerance are rounding noise of either sign: zero."""
    largest = max(float(eigenvalues.max(initial=0.0)), 0.0)
    return np.where(eigenvalues > largest * eigenvalues.size * np.finfo(np.float64).eps, eigenvalues, 0.0)


def trace_sqrt_product(first: np.ndarray, second: np.ndarray) -> float:
    """Tr sqrt(first second) of two covariances [d, d], as Tr sqrt(A second A) with A = sqrt(first).

    Only symmetric matrices are decomposed: scipy's sqrtm of the plain product returns -1e31 for sets smaller than d.
    """
    values, vectors = np.linalg.eigh(first)
    root = (vectors * np.sqrt(_clipped(values))) @ vectors.T
    return float(np.sqrt(_clipped(np.linalg.eigvalsh(root @ second @ root))).sum())


def frechet_distance(first: Moments, second: Moments) -> float:
    """Squared Frechet distance |m1 - m2|^2 + Tr(S1 + S2 - 2 sqrt(S1 S2)) of the Gaussians with these moments.

    Raises:
        InputError: the sizes differ, or a set has fewer than two clips.
    """
    if first.size != second.size:
        raise InputError(f'features of {first.size} and {second.size} columns cannot be compared; use one network')
    cov_first, cov_second = first.covariance(), second.covariance()
    shift = first.mean() - second.mean()
    traces = np.trace(cov_first) + np.trace(cov_second)
    return float(shift @ shift + traces - 2 * trace_sqrt_product(cov_first, cov_second))
