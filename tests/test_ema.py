"""The statistics of the averaged generator are those of its own weights."""

import numpy as np
import pytest
import tensorflow as tf

from dvdgan_tf.layers.moments import TimestepMoments
from dvdgan_tf.models import Generator
from dvdgan_tf.training.ema import AverageStatistics


def _real(frames, channels=3):
    clip = np.random.RandomState(0).uniform(-1, 1, [32, frames, 16, 16, channels]).astype('float32')
    return tf.data.Dataset.from_tensors((clip, np.zeros(32, np.int32))).repeat()


def _moments(generator):
    layers = [layer for layer in generator.submodules if isinstance(layer, TimestepMoments)]
    return np.concatenate([value.numpy().ravel() for layer in layers for value in layer.weights])


@pytest.mark.parametrize('context_frames', [0, 1])
def test_statistics_follow_from_the_weights_alone_and_are_taken_once_a_step(context_frames):
    generator = Generator(16, 2, 1, 1, context_frames=context_frames)
    inputs = [tf.zeros([1, 120]), tf.zeros([1], tf.int32)]
    generator(*inputs, *([tf.zeros([1, 1, 16, 16, 3])] if context_frames else []))
    others = [value for value in generator.variables if 'moving_' not in value.name]
    before = [value.numpy() for value in others]
    statistics = AverageStatistics(generator, _real(3), seed=1)
    statistics.refresh(10)
    first = _moments(generator)
    assert all(np.array_equal(value, old) for value, old in zip(others, before))

    for layer in generator.submodules:
        if isinstance(layer, TimestepMoments):
            layer.moving_mean.assign_add(tf.ones_like(layer.moving_mean))
    statistics.refresh(10)
    assert not np.array_equal(_moments(generator), first)
    statistics.refresh(11)
    np.testing.assert_array_equal(_moments(generator), first)

    if not context_frames:
        AverageStatistics(generator, _real(3), seed=1, truncation=0.5).refresh(11)
        assert np.abs(_moments(generator) - first).max() > 1e-3
