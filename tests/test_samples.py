"""What is kept of a stream beside sums: a fair sample of rows, and sums of parts."""

import numpy as np
import pytest

from dvdgan_tf.metrics import scores
from dvdgan_tf.metrics.samples import Parts, RandomRows, lots
from dvdgan_tf.metrics.statistics import Moments


def taken(rows, order, cuts, limit):
    kept = RandomRows(rows.shape[1], limit=limit)
    for part in np.split(order, cuts):
        kept.update(part, rows[part])
    return kept


def test_the_sample_depends_on_neither_order_nor_batches_nor_merging():
    rows, order = np.random.default_rng(0).standard_normal((300, 4)), np.arange(300)
    whole = taken(rows, order, [], 40)
    assert whole.rows.shape == (40, 4) and whole.count == 300
    np.testing.assert_array_equal(taken(rows, order[::-1], [7, 100], 40).rows, whole.rows)
    first, second = (taken(rows, part, [], 40) for part in (order[::2], order[1::2]))
    first.merge(second)
    np.testing.assert_array_equal(first.rows, whole.rows)
    again = whole.empty()
    again.restore(whole.state())
    np.testing.assert_array_equal(again.rows, whole.rows)


def test_every_row_is_equally_likely_and_the_order_is_random():
    numbers = np.arange(20_000)
    drawn = lots(0, numbers).astype(np.float64) / 2.0**64
    assert drawn.mean() == pytest.approx(0.5, abs=0.01) and np.var(drawn) == pytest.approx(1 / 12, rel=0.03)
    assert abs(np.corrcoef(drawn[:-1], drawn[1:])[0, 1]) < 0.03 and abs(np.corrcoef(drawn, numbers)[0, 1]) < 0.03
    kept = RandomRows(1, limit=1000)
    kept.update(numbers, numbers[:, None])
    places = kept.rows[:, 0]
    assert np.histogram(places, 10, (0, 20_000))[0].min() > 60 and abs(np.corrcoef(places, np.arange(1000))[0, 1]) < 0.1
    assert not np.array_equal(lots(0, numbers[:9]), lots(1, numbers[:9]))


def test_20000_rows_in_order_of_classes_score_as_shuffled_ones():
    random = np.random.default_rng(0)
    centres = 2 * random.standard_normal((20, 8))
    real, fake = (np.repeat(centres, 1000, 0) + random.standard_normal((20_000, 8)) for _ in range(2))
    fake = random.permutation(fake)
    kept = [taken(side, np.arange(20_000), range(256, 20_000, 256), 2000).rows for side in (real, fake)]
    shuffled = [random.permutation(side)[:2000] for side in (real, fake)]
    (distance, error), (expected, _) = (scores.kernel_distance(*sides) for sides in (kept, shuffled))
    assert abs(distance) < 5 * error and abs(distance) < 1 and abs(expected) < 1
    np.testing.assert_allclose(scores.precision_recall(*kept), scores.precision_recall(*shuffled), atol=0.05)


def test_parts_of_numbered_clips():
    rows = np.random.default_rng(0).standard_normal((50, 3))
    parts = Parts(lambda: Moments(3), [10, 30, 45])
    for numbers in np.split(np.random.default_rng(1).permutation(50), [7, 20]):
        parts.update(numbers, rows[numbers])
    assert [part.count for part in parts.parts] == [10, 20, 15] and parts.count == 45
    np.testing.assert_allclose(parts.union().mean(), rows[:45].mean(0))
    np.testing.assert_allclose(parts.union([0, 2]).mean(), np.concatenate([rows[:10], rows[30:45]]).mean(0))
    again = parts.empty()
    again.restore(parts.state())
    again.merge(parts)
    assert again.count == 90
    np.testing.assert_allclose(again.union().mean(), rows[:45].mean(0))
