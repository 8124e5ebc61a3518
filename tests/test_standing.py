"""Standing statistics against moments over all clips at once, and that they leave no trace."""

import numpy as np
import pytest
import tensorflow as tf

from dvdgan_tf.errors import InputError
from dvdgan_tf.layers import state
from dvdgan_tf.layers.moments import DECAY, TimestepMoments
from dvdgan_tf.models import standing
from dvdgan_tf.models.generator import Generator
from dvdgan_tf.models.standing import TOGETHER, StandingStatistics


@pytest.fixture(scope='module')
def generator():
    model = Generator(16, 2, 3, 2)
    model(tf.zeros([1, 120]), tf.zeros([1], tf.int32))
    return model


def values(model):
    return [variable.numpy() for variable in model.variables]


def layers_of(model):
    return [layer for layer in model.submodules if isinstance(layer, TimestepMoments)]


def test_moments_are_those_over_all_clips_and_everything_is_as_before_afterwards(generator, monkeypatch):
    """Of the first normalisation, whose inputs do not depend on the moments of another."""
    inputs, before = [], values(generator)
    called = generator.__call__

    def recorded(*given, **more):
        inputs.append(given)
        return called(*given, **more)

    statistics = StandingStatistics(generator, seed=3, clips=3 * TOGETHER)
    monkeypatch.setattr(statistics, '_add', statistics._added)  # eager, so that the inputs can be seen
    monkeypatch.setattr(statistics, '_generator', recorded)
    recorded.latent_size, recorded.num_classes, recorded.context_frames = 120, generator.num_classes, 0
    with pytest.raises(RuntimeError), statistics.at(0.5):
        first = next(layer for layer in layers_of(generator) if 'moving' in layer.moving_mean.name)
        got = first.moving_mean.numpy(), first.moving_variance.numpy()
        raise RuntimeError
    for after, was in zip(values(generator), before):
        np.testing.assert_array_equal(after, was)
    latents, labels = (tf.concat(parts, 0) for parts in zip(*inputs))
    assert len(latents) == 3 * TOGETHER and float(tf.math.reduce_std(latents)) == pytest.approx(0.5, rel=0.05)
    assert np.bincount(labels).min() > 10
    with state.collected() as updates:
        generator(latents, labels, training=True)
    found = {variable.ref(): value for variable, value in updates}
    for average, moment in zip((first.moving_mean, first.moving_variance), got):
        expected = (found[average.ref()] - DECAY * average) / (1 - DECAY)
        np.testing.assert_allclose(moment, expected, rtol=1e-3, atol=1e-5)


def test_moments_follow_from_seed_and_deviation(generator):
    found = {}
    for seed, sigma in ((0, 1.0), (0, 1.0), (1, 1.0), (0, 0.3)):
        with StandingStatistics(generator, seed, clips=TOGETHER).at(sigma):
            moments = layers_of(generator)[0].moving_variance.numpy()
        assert np.array_equal(found.setdefault((seed, sigma), moments), moments)
    assert len({moments.tobytes() for moments in found.values()}) == 3


def test_variance_between_passes_counts(generator, monkeypatch):
    """Pooled over passes that differ, the variance is larger than the mean of their variances."""
    statistics, means = StandingStatistics(generator, seed=0, clips=2 * TOGETHER), iter((-1.0, 1.0))

    def shifted(*inputs):
        shift = next(means)
        for (mean, variance), (first, second) in zip(statistics._averages, statistics._sums):
            first.assign_add(shift * tf.ones_like(mean))
            second.assign_add(2.0 * tf.ones_like(variance) + shift**2)

    monkeypatch.setattr(statistics, '_add', shifted)
    with statistics.at(1.0):
        for layer in layers_of(generator):
            np.testing.assert_allclose(layer.moving_mean, 0, atol=1e-6)
            np.testing.assert_allclose(layer.moving_variance, 3, rtol=1e-6)


@pytest.mark.parametrize('clips', [0, 33])
def test_a_number_of_clips_that_makes_no_passes_is_refused(generator, clips):
    with pytest.raises(InputError, match='multiple of 32'):
        StandingStatistics(generator, 0, clips=clips)


def test_a_generator_that_continues_clips_needs_some():
    model = Generator(16, 2, 1, 1, context_frames=1)
    with pytest.raises(InputError, match='need clips'):
        StandingStatistics(model, 0)
    assert standing.CLIPS % TOGETHER == 0
