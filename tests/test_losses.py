"""Hinge losses in closed form and against tensorflow-gan."""

import numpy as np
import tensorflow as tf

from dvdgan_tf import losses

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
