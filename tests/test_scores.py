"""Scores against closed forms, against slow NumPy, and against tensorflow-gan where it is right."""

import numpy as np
import pytest
import tensorflow as tf

from dvdgan_tf.errors import InputError
from dvdgan_tf.evaluation import selftest
from dvdgan_tf.evaluation.selftest import entropies_of, moments_of
from dvdgan_tf.metrics import scores


def normal(count, size, seed=0, scale=1.0):
    return scale * np.random.default_rng(seed).standard_normal((count, size))


@pytest.mark.parametrize('check', list(selftest.closed_forms()), ids=lambda check: check.name)
def test_known_answers_of_the_self_test(check):
    assert check.passed, check.line()


def test_a_check_fails_when_it_should():
    assert not selftest.Check('off', 1.0, 1.1, 0.01).passed
    assert not selftest.Check('broken', 1.0, float('nan'), 10.0).passed
    assert 'FAIL' in selftest.Check('off', 1.0, 1.1, 0.01).line()


@pytest.mark.parametrize('counts, size', [((300, 200), 16), ((40, 30), 64), ((20, 200), 64)])
def test_frechet_distance_agrees_with_tensorflow_gan(tfgan, counts, size):
    real, fake = normal(counts[0], size), normal(counts[1], size, 1, 1.4) + 0.3
    expected = tfgan.eval.frechet_classifier_distance_from_activations(tf.constant(real), tf.constant(fake))
    assert scores.frechet_distance(moments_of(real), moments_of(fake)) == pytest.approx(float(expected), rel=1e-6)


def test_trace_agrees_with_tensorflow_gan(tfgan):
    a, b = (np.cov(normal(count, 32, count).T) for count in (20, 100))
    expected = tfgan.eval.classifier_metrics.trace_sqrt_product(tf.constant(a), tf.constant(b))
    assert scores.trace_sqrt_product(a, b) == pytest.approx(float(expected), rel=1e-7)


def test_streaming_of_tensorflow_gan_is_not_usable(tfgan):
    """Why the streaming statistics are our own: in eager mode tensorflow-gan's raise."""
    with pytest.raises(Exception, match='eager'):
        tfgan.eval.frechet_classifier_distance_from_activations_streaming(tf.zeros([8, 4]), tf.ones([8, 4]))
    with pytest.raises(Exception, match='eager'):
        tfgan.eval.classifier_score_from_logits_streaming(tf.zeros([8, 4]))


def test_inception_score_agrees_with_tensorflow_gan(tfgan):
    logits = normal(200, 12, 3, 3.0)
    probabilities = tf.nn.softmax(logits).numpy()
    expected = float(tfgan.eval.classifier_score_from_logits(tf.constant(logits)))
    assert scores.inception_score(entropies_of(probabilities)) == pytest.approx(expected, rel=1e-6)


def test_inception_score_follows_the_rules_of_tgan_and_tgan2():
    p = np.random.default_rng(0).dirichlet(np.full(101, 0.02), 300)
    tgan = np.exp(np.sum(p * np.log(p + 1e-7) - p * np.log(p.mean(0, keepdims=True) + 1e-7)) / len(p))
    part = p + 1e-20
    tgan2 = np.exp(np.mean(np.sum(part * (np.log(part) - np.log(part.mean(0))), 1)))
    assert scores.inception_score(entropies_of(p, 1e-7)) == pytest.approx(tgan, rel=1e-10)
    assert scores.inception_score(entropies_of(p, 1e-20)) == pytest.approx(tgan2, rel=1e-10)


def test_inception_score_over_splits():
    p = np.random.default_rng(0).dirichlet(np.ones(5), 60)
    parts = [entropies_of(part) for part in np.split(p, 3)]
    single = [scores.inception_score(part) for part in parts]
    assert scores.split_inception_score(parts) == pytest.approx((np.mean(single), np.std(single)))


def test_kernel_distance_against_the_unbiased_estimator():
    x, y = normal(60, 8), normal(60, 8, 1, 1.3)
    kernel = [(a @ b.T / 8 + 1) ** 3 for a, b in ((x, x), (y, y), (x, y))]
    within = [(k.sum() - np.trace(k)) / (60 * 59) for k in kernel[:2]]
    distance, error = scores.kernel_distance(x, y)
    assert distance == pytest.approx(within[0] + within[1] - 2 * kernel[2].mean(), rel=1e-9)
    assert error is None
    assert scores.kernel_distance(normal(3000, 4), normal(3000, 4, 1))[1] > 0


@pytest.mark.parametrize('counts', [(40, 90), (1024, 1024), (1025, 700), (2500, 2051)])
def test_kernel_distance_agrees_with_tensorflow_gan(tfgan, counts):
    real, fake = normal(counts[0], 6), normal(counts[1], 6, 1, 1.2)
    distance, error = scores.kernel_distance(real, fake)
    their_distance, their_error = tfgan.eval.kernel_classifier_distance_and_std_from_activations(
        tf.constant(real), tf.constant(fake)
    )
    assert distance == pytest.approx(float(their_distance), rel=1e-10)
    assert np.isnan(their_error) if error is None else error == pytest.approx(float(their_error), rel=1e-10)
    assert (error is None) == (max(counts) <= 1024)


def slow_precision(points, centres, k):
    inside = 0
    for point in points:
        for centre in centres:
            radius = np.sort(np.linalg.norm(centres - centre, axis=1))[k]
            if np.linalg.norm(point - centre) <= radius:
                inside += 1
                break
    return inside / len(points)


def test_precision_and_recall_against_slow_numpy_and_over_tiles(monkeypatch):
    real, fake = normal(70, 3), normal(50, 3, 1, 1.5)
    expected = slow_precision(fake, real, 3), slow_precision(real, fake, 3)
    assert 0.2 < expected[0] < 1
    assert scores.precision_recall(real, fake) == pytest.approx(expected)
    monkeypatch.setattr(scores, '_TILE', 16)
    assert scores.precision_recall(real, fake) == pytest.approx(expected)


def test_precision_and_recall_at_the_extremes():
    real = normal(100, 4)
    assert scores.precision_recall(real, real) == (1, 1)
    assert scores.precision_recall(real, real + 100) == (0, 0)
    collapsed = real[:1] + 1e-6 * normal(100, 4, 2)
    precision, recall = scores.precision_recall(real, collapsed)
    assert precision == 1 and recall < 0.05


def test_too_few_clips_are_refused():
    with pytest.raises(InputError, match='two clips'):
        scores.kernel_distance(normal(1, 4), normal(9, 4))
    with pytest.raises(InputError, match='more than 3'):
        scores.precision_recall(normal(3, 4), normal(9, 4))
    with pytest.raises(InputError, match='two clips'):
        scores.frechet_distance(moments_of(normal(1, 4)), moments_of(normal(9, 4)))
    with pytest.raises(InputError, match='one network'):
        scores.frechet_distance(moments_of(normal(5, 4)), moments_of(normal(9, 5)))
    with pytest.raises(InputError, match='at least one clip'):
        scores.inception_score(entropies_of(np.zeros((0, 4))))


def test_a_thousand_features_with_fewer_clips():
    """The case of METRICS.md in which sqrtm gave -1e31: 256 clips of 1024 features."""
    x, y = normal(256, 1024), normal(256, 1024, 1)
    nuclear = np.linalg.norm((x - x.mean(0)) @ (y - y.mean(0)).T, 'nuc') / 255
    first, second = moments_of(x), moments_of(y)
    shift = first.mean() - second.mean()
    expected = shift @ shift + np.trace(first.covariance()) + np.trace(second.covariance()) - 2 * nuclear
    assert scores.frechet_distance(first, second) == pytest.approx(expected, rel=1e-6)
