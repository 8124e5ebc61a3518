"""Known answers, computed on this machine: closed forms always, published numbers where weights are given."""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
import tensorflow as tf

from dvdgan_tf.metrics import prediction, preprocessing, scores
from dvdgan_tf.metrics.networks.features import FeatureNetwork, full_precision
from dvdgan_tf.metrics.statistics import ClassEntropies, Moments

FVD_CLIPS = 128


@dataclass(frozen=True)
class Check:
    """A known answer and what this machine gave.

    Attributes:
        name: of the answer.
        expected: the answer.
        got: what was computed.
        tolerance: largest absolute difference that passes.
    """

    name: str
    expected: float
    got: float
    tolerance: float

    @property
    def passed(self) -> bool:
        """Whether the answer is right."""
        return math.isfinite(self.got) and abs(self.got - self.expected) <= self.tolerance

    def line(self) -> str:
        """The check as one line of text."""
        verdict = 'pass' if self.passed else 'FAIL'
        return f'{verdict}  {self.name}: expected {self.expected:.8g} +- {self.tolerance:.1g}, got {self.got:.8g}'


def moments_of(features: np.ndarray) -> Moments:
    """Moments of features [n, d]."""
    moments = Moments(features.shape[1])
    moments.update(features)
    return moments


def exact_moments(mean: np.ndarray, covariance: np.ndarray, count: int = 100) -> Moments:
    """Moments with exactly this mean [d] and covariance [d, d]."""
    moments = Moments(len(mean))
    moments.count = count
    moments.shift = np.asarray(mean, np.float64)
    moments.outer = (count - 1) * covariance
    return moments


def entropies_of(probabilities: np.ndarray, epsilon: float = 0.0) -> ClassEntropies:
    """Class entropies of probabilities [n, classes]."""
    entropies = ClassEntropies(probabilities.shape[1], epsilon)
    entropies.update(probabilities)
    return entropies


def closed_forms() -> Iterator[Check]:
    """Answers that need no weights."""
    random = np.random.RandomState(0)
    yield from _frechet_checks(random)
    yield Check('IS of uniform predictions', 1, scores.inception_score(entropies_of(np.full((50, 10), 0.1))), 1e-12)
    one_hot = np.eye(7)[np.arange(70) % 7]
    yield Check('IS of 7 balanced classes', 7, scores.inception_score(entropies_of(one_hot)), 1e-9)
    size, scale = 16, 2.0
    real, fake = random.standard_normal((4096, size)), scale * random.standard_normal((4096, size))
    expected = 3 * (1 - scale**2) ** 2 / size
    yield Check('KID of N(0, I) and N(0, 4 I)', expected, scores.kernel_distance(real, fake)[0], 0.1)
    zeros, ones = tf.fill([1, 1, 64, 64, 3], -1.0), tf.ones([1, 1, 64, 64, 3])
    yield Check('PSNR of zeros and ones', 0, float(prediction.psnr(zeros, ones)[0, 0]), 1e-4)
    yield Check('SSIM of zeros and ones', 9.9990001e-05, float(prediction.ssim(zeros, ones)[0, 0]), 1e-7)
    edge = tf.constant([-1.0, 1.0])[None, None, None, :, None] * tf.ones([1, 1, 2, 1, 3])
    legacy = preprocessing.i3d_input(edge)[0, 0, 0, :, 0]
    yield Check('legacy bilinear, pixel 28 of 224 of the row -1 | 1', -0.5, float(legacy[28]), 1e-6)


def _frechet_checks(random: np.random.RandomState) -> Iterator[Check]:
    first, second = random.uniform(0.1, 3, (2, 12))
    shift = random.standard_normal(12)
    basis, _ = np.linalg.qr(random.standard_normal((12, 12)))
    expected = ((np.sqrt(first) - np.sqrt(second)) ** 2).sum() + shift @ shift
    pair = (exact_moments(np.zeros(12), basis * first @ basis.T), exact_moments(shift, basis * second @ basis.T))
    yield Check('FD of commuting Gaussians', expected, scores.frechet_distance(*pair), 1e-9)
    a, b = np.array([[2.0, 0.5], [0.5, 1.0]]), np.array([[1.0, -0.3], [-0.3, 3.0]])
    root = math.sqrt(np.trace(a @ b) + 2 * math.sqrt(np.linalg.det(a @ b)))
    expected = np.trace(a) + np.trace(b) - 2 * root
    pair = (exact_moments(np.zeros(2), a), exact_moments(np.zeros(2), b))
    yield Check('FD of two 2x2 Gaussians', expected, scores.frechet_distance(*pair), 1e-9)
    x, y = random.standard_normal((40, 96)), random.standard_normal((56, 96)) * 1.5
    nuclear = np.linalg.norm((x - x.mean(0)) @ (y - y.mean(0)).T, 'nuc') / math.sqrt(39 * 55)
    got = scores.trace_sqrt_product(moments_of(x).covariance(), moments_of(y).covariance())
    yield Check('Tr sqrt of rank-deficient sets, the nuclear norm', nuclear, got, 1e-5)
    yield Check('FD of a set and itself', 0, scores.frechet_distance(moments_of(x), moments_of(x)), 1e-6)
    x = random.standard_normal((300, 16))
    shifted = scores.frechet_distance(moments_of(x), moments_of(x + 2))
    yield Check('FD of a shift by 2 in 16 features', 64, shifted, 1e-8)


def i3d_400_answers(network: FeatureNetwork) -> Iterator[Check]:
    """Published answers of the FVD network I3D-400; minutes on a CPU."""
    features = tf.function(network.features, autograph=False)
    for frames, expected, tolerance in ((30, 151.39244, 0.05), (15, 131.0, 1.0)):
        with full_precision():
            ends = [features(tf.fill([1, frames, 64, 64, 3], value))['logits'] for value in (-1.0, 1.0)]
        got = float(tf.reduce_sum(tf.square(ends[1] - ends[0])))
        yield Check(f'FVD of clips of {frames} frames, zeros against ones', expected, got, tolerance)
    moments = []
    for seed in (1, 2):
        random, sums = np.random.RandomState(seed), Moments(400)
        for _ in range(FVD_CLIPS):
            clip = random.rand(1, 16, 224, 224, 3).astype(np.float32)  # its size and range pass unchanged
            with full_precision():
                sums.update(features(tf.constant(clip))['logits'].numpy())
        moments.append(sums)
    got = scores.frechet_distance(*moments)
    yield Check('FVD of 128 + 128 random clips, fed directly', 10.138085, got, 0.01)


def lpips_answers(lpips: prediction.LPIPS) -> Iterator[Check]:
    """Published answer of LPIPS 0.1 on AlexNet."""
    zeros, ones = tf.fill([1, 1, 64, 64, 3], -1.0), tf.ones([1, 1, 64, 64, 3])
    yield Check('LPIPS of zeros and ones at 64x64', 0.81400907, float(lpips(zeros, ones)[0, 0]), 1e-4)
