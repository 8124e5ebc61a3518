"""Standing statistics against moments taken by hand, and that they leave no trace."""

import numpy as np
import pytest
import tensorflow as tf

from dvdgan_tf.errors import InputError
from dvdgan_tf.layers import state
from dvdgan_tf.layers.moments import TimestepMoments
from dvdgan_tf.models.generator import Generator
from dvdgan_tf.models.standing import standing_statistics


def sample(batch, sigma=0.3):
    latent = sigma * tf.random.stateless_normal([6, 120], [batch, 1])
    return latent, tf.constant([0, 1, 2, 0, 1, 2])


@pytest.fixture(scope='module')
def generator():
    model = Generator(16, 2, 3, 2)
    model(*sample(0))
    # Until the spectral vectors have settled, a training pass and an inference pass divide by different norms.
    settle = tf.function(lambda: model(*sample(0), training=True), autograph=False)
    for _ in range(60):
        settle()
    return model


def values(model):
    return [variable.numpy() for variable in model.variables]


def moving(model):
    layers = [layer for layer in model.submodules if isinstance(layer, TimestepMoments)]
    return [(layer.moving_mean.numpy(), layer.moving_variance.numpy()) for layer in layers]


def test_one_batch_normalises_as_training_does_and_everything_is_as_before_afterwards(generator):
    before = values(generator)
    with pytest.raises(RuntimeError), standing_statistics(generator, sample, batches=1):
        stood = generator(*sample(0), training=False)
        assert any((a != b).any() for a, b in zip(values(generator), before))
        raise RuntimeError
    for now, then in zip(values(generator), before):
        np.testing.assert_array_equal(now, then)
    with state.collected():
        np.testing.assert_allclose(stood, generator(*sample(0), training=True), atol=2e-3)


def test_several_batches_are_averaged(generator):
    singles = []
    for number in range(2):
        with standing_statistics(generator, lambda batch, number=number: sample(number), batches=1):
            singles.append(moving(generator))
    with standing_statistics(generator, sample, batches=2):
        together = moving(generator)
    for layer, (mean, variance) in enumerate(together):
        np.testing.assert_allclose(mean, np.mean([single[layer][0] for single in singles], 0), rtol=1e-4, atol=1e-6)
        np.testing.assert_allclose(variance, np.mean([single[layer][1] for single in singles], 0), rtol=1e-4, atol=1e-6)


def test_no_batches_are_refused(generator):
    with pytest.raises(InputError, match='at least 1'), standing_statistics(generator, sample, batches=0):
        pass
