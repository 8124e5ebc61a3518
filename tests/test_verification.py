"""Scores of rain forecasts against slow sums, at the ends of their scales, and with missing pixels."""

import numpy as np
import pytest

from dvdgan_tf.metrics import verification
from dvdgan_tf.metrics.verification import Verification

FRAMES, SIZE, MEMBERS = 2, 32, 3
RANDOM = np.random.RandomState(0)


def rain(*shape):
    return RANDOM.gamma(0.4, 4.0, [*shape, FRAMES, SIZE, SIZE])


def scores(members, truth, weight=1.0):
    sums = Verification()
    sums.update(members, truth, weight)
    return sums.scores()


@pytest.fixture(scope='module')
def case():
    truth = rain()
    truth[:, :7, :9] = np.nan
    return rain(MEMBERS), truth


def test_contingencies_are_those_of_a_slow_count(case):
    members, truth = case
    found = scores(members, truth)
    for threshold in verification.THRESHOLDS:
        for t in range(FRAMES):
            hits = misses = alarms = 0
            for member in members:
                for y in range(SIZE):
                    for x in range(SIZE):
                        if not np.isnan(truth[t, y, x]):
                            said, came = member[t, y, x] >= threshold, truth[t, y, x] >= threshold
                            hits, misses, alarms = hits + (said and came), misses + (came and not said), alarms + (
                                said and not came
                            )
            assert found[f'csi_{threshold:g}'][t] == pytest.approx(hits / (hits + misses + alarms))
            assert found[f'bias_{threshold:g}'][t] == pytest.approx((hits + alarms) / (hits + misses))


def test_fss_is_that_of_slow_windows(case):
    members, truth = case
    half, known = verification.FSS_WINDOW // 2, ~np.isnan(truth[0])
    apart = most = 0.0
    for member in members:
        for y in range(SIZE):
            for x in range(SIZE):
                window = (slice(max(0, y - half), y + half + 1), slice(max(0, x - half), x + half + 1))
                count = known[window].sum()
                if count:
                    said = (member[0][window][known[window]] >= 1.0).sum() / count
                    came = (truth[0][window][known[window]] >= 1.0).sum() / count
                    apart, most = apart + (said - came) ** 2, most + said**2 + came**2
    assert scores(members, truth)['fss_1'][0] == pytest.approx(1 - apart / most)


def test_crps_is_the_integral_over_thresholds():
    members, truth = np.array([0.3, 1.2, 5.0, 1.2]), 2.0
    at = np.linspace(0, 8, 800001)
    steps = (members[:, None] <= at).mean(0) - (truth <= at)
    integral = np.square(steps).sum() * (at[1] - at[0])
    assert verification.crps(members.reshape(4, 1), np.array([truth]))[0] == pytest.approx(integral, abs=1e-4)
    assert verification.crps(np.array([[3.0]]), np.array([truth]))[0] == 1.0  # of one member the absolute error


@pytest.mark.parametrize('kind', ['average', 'max'])
def test_pools_are_those_of_known_pixels(case, kind):
    _, truth = case
    known = ~np.isnan(truth)
    pooled = verification.pool(np.nan_to_num(truth), known, 4, kind)
    for row in range(SIZE // 4):
        for column in range(SIZE // 4):
            block = truth[0, 4 * row : 4 * row + 4, 4 * column : 4 * column + 4]
            block = block[~np.isnan(block)]
            expected = (block.mean() if kind == 'average' else block.max()) if block.size else 0.0
            assert pooled[0, row, column] == pytest.approx(expected)


def test_a_spectrum_has_its_power_at_its_wave():
    x = np.arange(SIZE)
    wave = np.cos(2 * np.pi * 5 * x / SIZE)[:, None] * np.ones(SIZE)
    found = verification.spectrum(wave)
    assert found.shape == (SIZE // 2,) and np.argmax(found) == 4
    slow = np.zeros(SIZE // 2)
    taper, counts = np.hanning(SIZE + 2)[1:-1], np.zeros(SIZE // 2)
    field = wave * np.outer(taper, taper)
    for u in range(SIZE):
        for v in range(SIZE):
            a, b = (w - SIZE if w >= SIZE // 2 else w for w in (u, v))
            ring = int(np.rint(np.hypot(a, b)))
            if 1 <= ring <= SIZE // 2:
                phase = np.exp(-2j * np.pi * (u * x[:, None] + v * x) / SIZE)
                slow[ring - 1] += abs((field * phase).sum()) ** 2 / SIZE**2
                counts[ring - 1] += 1
    np.testing.assert_allclose(found, slow / counts, rtol=1e-6, atol=1e-12)


def test_spread_and_error_of_an_ensemble(case):
    members, truth = case
    found, known = scores(members, truth), ~np.isnan(truth)
    for t in range(FRAMES):
        apart = (members.mean(0) - truth)[t][known[t]]
        assert found['error'][t] == pytest.approx(np.sqrt(np.mean(apart**2)))
        assert found['spread'][t] == pytest.approx(np.sqrt(members.var(0, ddof=1)[t][known[t]].mean()))


def test_a_perfect_forecast_is_at_one_end_and_a_shuffled_one_near_the_other():
    truth = rain()
    perfect = scores(truth[None], truth)
    shuffled = scores(RANDOM.permutation(truth.ravel()).reshape(1, FRAMES, SIZE, SIZE), truth)
    for threshold in verification.THRESHOLDS:
        for name in ('csi', 'bias', 'fss'):
            assert perfect[f'{name}_{threshold:g}'] == [1, 1]
        share = np.mean(truth >= threshold)
        chance = share / (2 - share)  # of independent events
        assert np.mean(shuffled[f'csi_{threshold:g}']) == pytest.approx(chance, abs=0.03)
    for name in ('crps', 'crps_average_4', 'crps_max_16', 'error', 'spectrum_distance'):
        assert np.max(np.abs(perfect[name])) < 1e-9 < np.mean(shuffled[name])


def test_masked_pixels_change_no_score(case):
    members, truth = case
    other = np.where(np.isnan(truth), 77.0, members)
    assert scores(other, truth) == scores(members, truth)


def test_weights_count_like_copies():
    first, second = (rain(MEMBERS), rain()), (rain(MEMBERS), rain())
    weighted, copied = Verification(), Verification()
    weighted.update(*first, weight=2.0)
    weighted.update(*second)
    for case in (first, first, second):
        copied.update(*case)
    for name, values in weighted.scores().items():
        np.testing.assert_allclose(np.array(values, float), np.array(copied.scores()[name], float), rtol=1e-9)


def test_where_it_never_rains_some_scores_have_no_value():
    dry = np.zeros([FRAMES, SIZE, SIZE])
    found = scores(dry[None], dry)
    assert found['csi_1'] == [None, None] and found['bias_1'] == [None, None] and found['crps'] == [0.0, 0.0]
    assert found['spectrum_distance'] == [None, None]
