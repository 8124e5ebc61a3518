"""Latents for sampling."""
import numpy as np
import pytest

from dvdgan_tf.errors import InputError
from dvdgan_tf.sampling import latents


def test_the_same_seed_gives_the_same_latents_and_another_seed_others():
    first, again = latents.sample_latents(3, 4), latents.sample_latents(3, 4)
    np.testing.assert_array_equal(first, again)
    assert np.abs(first - latents.sample_latents(4, 4)).max() > 0.1


def test_asking_for_more_latents_keeps_the_first_ones():
    np.testing.assert_array_equal(latents.sample_latents(3, 9)[:4], latents.sample_latents(3, 4))


def test_truncation_is_a_factor():
    full, half = latents.sample_latents(0, 500), latents.sample_latents(0, 500, 0.5)
    assert full.shape == (500, 120)
    np.testing.assert_allclose(half, 0.5 * full.numpy(), rtol=1e-6)
    assert abs(float(np.std(full)) - 1) < 0.02
    assert not np.any(latents.sample_latents(0, 2, 0.0))


@pytest.mark.parametrize('truncation', [-0.1, 1.5, float('nan')])
def test_truncation_outside_zero_to_one_is_refused(truncation):
    with pytest.raises(InputError, match='truncation'):
        latents.sample_latents(0, 1, truncation)


def test_no_clips_are_refused():
    with pytest.raises(InputError, match='at least 1'):
        latents.sample_latents(0, 0)
