"""Hinge losses in closed form and against tensorflow-gan; what keeps predictions near the truth, against NumPy."""

import numpy as np
import pytest
import tensorflow as tf

from dvdgan_tf import losses
from dvdgan_tf.errors import InputError
from dvdgan_tf.metrics import verification

REAL, FAKE = tf.constant([3.0, 0.5, -2.0]), tf.constant([-3.0, -0.5, 2.0])


def test_discriminator_hinge_of_each_pair():
    np.testing.assert_allclose(losses.discriminator_hinge(REAL, FAKE), [0.0, 0.5 + 0.5, 3.0 + 3.0])


def test_generator_loss_is_linear_and_not_clipped():
    np.testing.assert_allclose(losses.generator_hinge(FAKE), [3.0, 0.5, -2.0])


def test_means_are_those_of_tensorflow_gan(tfgan):
    theirs = tfgan.losses.wargs
    np.testing.assert_allclose(
        tf.reduce_mean(losses.discriminator_hinge(REAL, FAKE)),
        theirs.wasserstein_hinge_discriminator_loss(REAL, FAKE),
    )
    np.testing.assert_allclose(
        tf.reduce_mean(losses.generator_hinge(FAKE)), theirs.wasserstein_hinge_generator_loss(FAKE)
    )


def test_grid_cells_are_compared_with_the_mean_of_the_samples():
    clips = np.random.default_rng(0).normal(size=(4, 2, 3, 4, 5, 1)).astype(np.float32)  # three samples and the truth
    expected = [np.mean(np.abs((a + b + c) / 3 - truth)) for a, b, c, truth in zip(*clips)]
    np.testing.assert_allclose(losses.grid_cell(list(clips[:3]), clips[3]), expected, rtol=1e-6)


def _fields(count, seed=0):
    """Clips [count, B, T, H, H, C] of rain-like numbers, as shares of a range."""
    return np.random.default_rng(seed).gamma(0.3, 0.05, [count, 2, 3, 16, 16, 1]).astype(np.float32)


def _spectrum(samples, truth):
    return losses.spectrum([tf.constant(sample) for sample in samples], tf.constant(truth)).numpy()


def test_power_is_that_of_the_scores():
    fields = _fields(1)[0, ..., 0]
    np.testing.assert_allclose(losses.radial_power(tf.constant(fields)), verification.spectrum(fields), rtol=1e-4)


def test_spectra_are_scored_by_the_crps_of_their_decibels():
    *samples, truth = _fields(4)
    made, came = (10 * np.log10(verification.spectrum(np.asarray(x)[..., 0]) + 1e-8) for x in (samples, truth))
    pairs = [np.abs(a - b) for a in made for b in made]
    crps = np.mean(np.abs(made - came), 0) - np.sum(pairs, 0) / (2 * 3 * 2)
    np.testing.assert_allclose(_spectrum(samples, truth), crps.mean((1, 2)), rtol=1e-3)


def test_spectra_of_the_truth_are_best_and_neither_blur_nor_other_amounts_are_as_good():
    truth = _fields(1)[0]
    blurred = (truth + np.roll(truth, 1, 2) + np.roll(truth, 1, 3) + np.roll(truth, (1, 1), (2, 3))) / 4
    np.testing.assert_allclose(_spectrum([truth, truth], truth), 0, atol=1e-4)
    for other in (blurred, truth / 2, truth * 2, 0 * truth):
        assert (_spectrum([other, other], truth) > 2).all()


def test_members_that_differ_as_the_truth_may_are_better_than_members_that_are_alike():
    random = np.random.default_rng(0)
    fields = _fields(1)[0]

    def amount():
        return fields * np.float32(random.choice([0.25, 1.0]))

    differing = np.mean([_spectrum([amount(), amount()], amount()) for _ in range(40)])
    for share in (0.25, 0.5, 1.0):
        assert np.mean([_spectrum(2 * [fields * share], amount()) for _ in range(40)]) > 1.3 * differing


@pytest.mark.parametrize(('weight', 'samples'), [(-1.0, 2), (1.0, 1)])
def test_spectra_that_make_no_sense_are_one_sentence(weight, samples):
    sentence = f'the weight of spectra is {weight} and the grid cell samples are {samples}; choose a weight above 0 and'
    with pytest.raises(InputError, match=sentence):
        losses.GridCell(1.0, samples, weight)
