"""Numbers to [-1, 1] and back, linear and logarithmic, with and without missing pixels."""

import numpy as np
import pytest

from dvdgan_tf.data.scales import Scale
from dvdgan_tf.errors import InputError

NUMBERS = np.array([0.0, 0.1, 0.5, 1.0, 8.0, 64.0, 128.0], np.float32)


@pytest.mark.parametrize('knee', [None, 0.2, 5.0])
@pytest.mark.parametrize('missing', [False, True])
def test_numbers_come_back(knee, missing):
    scale = Scale(0.0, 128.0, knee, missing, 'mm/h')
    clip = scale.to_clip(NUMBERS).numpy()
    assert clip[-1] == pytest.approx(1.0) and (np.diff(clip) > 0).all() and clip[0] == (-0.9375 if missing else -1.0)
    np.testing.assert_allclose(scale.to_numbers(clip), NUMBERS, rtol=2e-5, atol=1e-4)
    np.testing.assert_allclose(scale.shares(clip), NUMBERS / 128, rtol=2e-5, atol=1e-6)
    np.testing.assert_allclose(Scale(-1.0, 3.0).shares(np.float32([-1, 0, 1])), [0, 0.5, 1])


def test_a_logarithm_keeps_drizzle_and_storms_apart():
    clip = Scale(0.0, 128.0, 0.2).to_clip(np.float32([0.1, 1, 4, 16, 64])).numpy()
    assert np.diff(clip).min() > 0.25
    assert np.diff(Scale(0.0, 128.0).to_clip(np.float32([0.1, 1])).numpy())[0] < 0.02


def test_a_missing_pixel_is_minus_one_and_nothing_else_is():
    scale = Scale(0.0, 128.0, 0.2, True)
    clip = scale.to_clip(np.float32([np.nan, 0.0, -3.0, 500.0])).numpy()
    np.testing.assert_array_equal(clip == -1.0, [True, False, False, False])
    np.testing.assert_array_equal(scale.known(clip), [False, True, True, True])
    measured = scale.measured(clip)
    assert np.isnan(measured[0]) and measured[1] == 0.0 and measured[3] == pytest.approx(128.0)
    assert scale.to_numbers(np.float32([-1.0]))[0] == 0.0  # what is generated has no missing pixel


def test_pictures_are_what_they_were():
    pixels = np.arange(256, dtype=np.uint8)
    np.testing.assert_array_equal(Scale().to_clip(pixels), pixels.astype(np.float32) * np.float32(2 / 255) - 1)
    assert Scale().is_of_pictures and not Scale(missing=True).is_of_pictures


def test_a_knee_below_zero_is_refused():
    with pytest.raises(InputError, match='knee of a logarithmic scale is -1'):
        Scale(knee=-1.0)
