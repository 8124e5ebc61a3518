"""Streaming statistics against the whole batch, and their file."""

import numpy as np
import pytest

from dvdgan_tf.errors import InputError
from dvdgan_tf.metrics import scores, statistics
from dvdgan_tf.metrics.statistics import ClassEntropies, Moments


@pytest.fixture
def features():
    return (np.random.default_rng(0).standard_normal((103, 7)) * [1, 2, 3, 4, 5, 6, 7] + 20).astype(np.float32)


def streamed(features, cuts):
    moments = Moments(features.shape[1])
    for part in np.split(features, cuts):
        moments.update(part)
    return moments


@pytest.mark.parametrize('cuts', [[], [1], [10, 50, 100], list(range(1, 103))])
def test_any_split_equals_the_whole_batch(features, cuts):
    moments = streamed(features, cuts)
    np.testing.assert_allclose(moments.mean(), features.astype(np.float64).mean(0), rtol=1e-13)
    np.testing.assert_allclose(moments.covariance(), np.cov(features.T.astype(np.float64)), rtol=1e-9, atol=1e-9)


def test_merge_order_does_not_matter(features):
    parts = [streamed(part, []) for part in np.split(features, [3, 40, 41])]
    results = []
    for order in ([0, 1, 2, 3], [3, 1, 0, 2]):
        merged = Moments(7)
        for index in order:
            merged.merge(parts[index])
        results.append(merged.covariance())
    np.testing.assert_allclose(results[0], results[1], rtol=1e-9, atol=1e-9)
    np.testing.assert_allclose(results[0], np.cov(features.T.astype(np.float64)), rtol=1e-9, atol=1e-9)


def test_masked_rows_do_not_count(features):
    valid = np.arange(103) < 60
    garbage = np.where(valid[:, None], features, np.nan)
    moments = Moments(7)
    moments.update(garbage, valid)
    assert moments.count == 60
    np.testing.assert_allclose(moments.covariance(), streamed(features[:60], []).covariance())


def test_half_precision_features_do_not_overflow():
    moments = Moments(2)
    moments.update(np.full((40, 2), 6e4, np.float16))
    assert np.isfinite(moments.outer).all() and moments.mean()[0] == pytest.approx(6e4, rel=1e-3)


def test_class_entropies_stream_and_merge():
    p = np.random.default_rng(0).dirichlet(np.ones(5), 31)
    whole, first, second = ClassEntropies(5), ClassEntropies(5), ClassEntropies(5)
    whole.update(p)
    first.update(p[:4])
    second.update(p[4:])
    second.merge(first)
    assert second.count == whole.count == 31
    np.testing.assert_allclose(second.total, whole.total)
    assert second.plogp == pytest.approx(float((p * np.log(p)).sum()))


def test_stored_statistics_return_and_another_key_is_refused(features, tmp_path):
    path = str(tmp_path / 'real.npz')
    moments = streamed(features, [10])
    statistics.save(path, moments.state(), {'network': 'a', 'frames': 12, 'ranges': (1, 2)})
    again = Moments(7)
    again.restore(statistics.load(path, {'network': 'a', 'frames': 12, 'ranges': (1, 2)}))
    assert again.count == 103
    np.testing.assert_array_equal(again.covariance(), moments.covariance())
    with pytest.raises(InputError, match='frames: 12 for 16'):
        statistics.load(path, {'network': 'a', 'frames': 16, 'ranges': (1, 2)})
    assert [entry.name for entry in tmp_path.iterdir()] == ['real.npz']


def test_a_torn_statistics_file_is_one_sentence(features, tmp_path):
    path = tmp_path / 'real.npz'
    statistics.save(str(path), streamed(features, []).state(), {})
    path.write_bytes(path.read_bytes()[:200])
    with pytest.raises(InputError, match='cannot be read'):
        statistics.load(str(path), {})


def test_bad_features_are_refused(features):
    moments = streamed(features, [])
    with pytest.raises(InputError, match='NaN'):
        moments.update(np.full((2, 7), np.nan))
    with pytest.raises(InputError, match='columns'):
        moments.update(np.zeros((2, 8)))
    with pytest.raises(InputError, match='matrix'):
        moments.update(np.zeros(7))
    with pytest.raises(InputError, match='merged'):
        moments.merge(Moments(8))
    with pytest.raises(InputError, match='two clips'):
        streamed(features[:1], []).covariance()
    assert moments.count == 103


@pytest.mark.parametrize('far', [1e6, 1e8])
def test_features_far_from_zero_lose_no_digits(far):
    near = np.random.default_rng(0).standard_normal((400, 5))
    first, second = near[:250] + far, 1.5 * near[250:] + far + 0.5
    pairs = []
    for sides in ((first, second), (first - far, second - far)):
        pairs.append([streamed_float64(side) for side in sides])
    for got, expected in zip(*pairs):
        np.testing.assert_allclose(got.covariance(), expected.covariance(), rtol=1e-6, atol=1e-6)
    expected = scores.frechet_distance(*pairs[1])
    assert scores.frechet_distance(*pairs[0]) == pytest.approx(expected, rel=1e-6)
    one, other = (streamed_float64(part) for part in (first[:9], first[9:]))
    one.merge(other)
    np.testing.assert_allclose(one.covariance(), pairs[1][0].covariance(), rtol=1e-6, atol=1e-6)


def streamed_float64(features):
    moments = Moments(features.shape[1])
    for part in np.array_split(features, 7):
        moments.update(part)
    return moments


def test_ddof_divides_the_sums(features):
    moments = streamed(features, [])
    expected = np.cov(features.T.astype(np.float64), ddof=0)
    np.testing.assert_allclose(moments.covariance(0), expected, rtol=1e-9, atol=1e-9)
