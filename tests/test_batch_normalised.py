"""Sampling by batch statistics: what training sees, and nothing changes."""

import numpy as np
import pytest
import tensorflow as tf

from dvdgan_tf.layers.moments import AllFrameMoments, TimestepMoments
from dvdgan_tf.models.batch_normalised import BatchNormalised
from dvdgan_tf.models.generator import Generator, Groups
from dvdgan_tf.sampling import generate
from dvdgan_tf.sampling.latents import sample_latents


@pytest.mark.parametrize('moments', [TimestepMoments, AllFrameMoments])
def test_clips_are_those_of_training_and_the_generator_stays_as_it_was(moments):
    generator = Generator(16, 2, 3, channel_multiplier=1, groups=Groups(moments=moments), last_moments=moments)
    labels = np.arange(4, dtype=np.int32) % 3
    by_averages = generate.sample_clips(generator, labels, seed=5)
    before = [variable.numpy() for variable in generator.variables]
    sampled = generate.sample_clips(BatchNormalised(generator), labels, seed=5)
    for variable, value in zip(generator.variables, before):
        np.testing.assert_array_equal(variable, value)
    trained = generator(sample_latents(5, 4), tf.constant(labels), training=True)
    np.testing.assert_allclose(sampled, trained, atol=1e-5)
    assert np.abs(sampled - by_averages).max() > 0.01
