"""Clips between two latents and between two classes, of a generator that shows what it was given."""

import numpy as np
import pytest
import tensorflow as tf
import tf_keras as keras

from dvdgan_tf.errors import InputError
from dvdgan_tf.sampling import generate, interpolation, latents


class _Mirror(keras.Model):
    """Pixel n of the only frame is number n of the condition [latent; embedding]."""

    latent_size, context_frames, num_classes = 120, 0, 3

    def __init__(self):
        super().__init__()
        self.table = tf.constant(np.random.RandomState(0).standard_normal([3, 120]), tf.float32)

    def embedding(self, label):
        return tf.gather(self.table, label)

    def call(self, latent, label, context=None, training=False):
        return self.from_embedding(latent, self.embedding(label), training=training)

    def from_embedding(self, latent, embedding, context=None, training=False):
        return tf.reshape(tf.concat([latent, embedding], 1), [-1, 1, 12, 20, 1])


def _conditions(clips):
    return clips.reshape([*clips.shape[:2], 240])


def test_between_latents_goes_straight_from_one_sample_to_another_under_one_class():
    generator, labels = _Mirror(), np.array([2, 0], np.int32)
    shown = _conditions(interpolation.between_latents(generator, labels, steps=5, seed=3, truncation=0.5))
    ends = latents.sample_latents(3, 4, 0.5).numpy()
    for row in range(2):
        for step, weight in enumerate(np.linspace(0, 1, 5)):
            expected = (1 - weight) * ends[row] + weight * ends[2 + row]
            np.testing.assert_allclose(shown[row, step, :120], expected, atol=1e-6)
            np.testing.assert_array_equal(shown[row, step, 120:], generator.table[labels[row]])


def test_the_spherical_path_keeps_the_length_that_the_linear_one_loses():
    labels = np.zeros(1, np.int32)
    lengths = {
        path: np.linalg.norm(
            _conditions(interpolation.between_latents(_Mirror(), labels, 5, seed=0, path=path))[0, :, :120], axis=1
        )
        for path in interpolation.PATHS
    }
    np.testing.assert_allclose(lengths['linear'][[0, -1]], lengths['spherical'][[0, -1]], rtol=1e-5)
    assert lengths['linear'][2] < 0.8 * lengths['linear'][[0, -1]].min()
    assert lengths['spherical'].min() > 0.99 * lengths['spherical'][[0, -1]].min()


def test_between_classes_one_latent_meets_a_mixture_of_embeddings():
    generator = _Mirror()
    shown = _conditions(interpolation.between_classes(generator, [(0, 2), (1, 0)], steps=3, seed=5))
    drawn = latents.sample_latents(5, 2).numpy()
    for row, (first, second) in enumerate([(0, 2), (1, 0)]):
        for step, weight in enumerate((0.0, 0.5, 1.0)):
            np.testing.assert_array_equal(shown[row, step, :120], drawn[row])
            expected = (1 - weight) * generator.table[first] + weight * generator.table[second]
            np.testing.assert_allclose(shown[row, step, 120:], expected, atol=1e-6)


def test_the_ends_are_the_clips_that_sampling_makes():
    labels = np.array([1, 2], np.int32)
    clips = interpolation.between_classes(_Mirror(), [(1, 0), (2, 0)], steps=2, seed=8)
    np.testing.assert_allclose(clips[:, 0], generate.sample_clips(_Mirror(), labels, seed=8), atol=1e-6)


def test_pairs_are_of_different_classes_and_follow_from_the_seed():
    pairs = interpolation.draw_pairs(50, 3, seed=1)
    assert all(first != second for first, second in pairs) and {label for pair in pairs for label in pair} == {0, 1, 2}
    assert pairs == interpolation.draw_pairs(50, 3, seed=1) != interpolation.draw_pairs(50, 3, seed=2)


@pytest.mark.parametrize(
    'change, arguments, message',
    [
        ({'num_classes': 1}, {}, 'knows one class'),
        ({'context_frames': 5}, {}, 'continues clips of 5 frames'),
        ({}, {'steps': 1}, 'interpolation of 1 steps'),
    ],
)
def test_what_cannot_be_interpolated_is_refused(change, arguments, message):
    generator = _Mirror()
    for name, value in change.items():
        setattr(generator, name, value)
    with pytest.raises(InputError, match=message):
        pairs = interpolation.draw_pairs(2, generator.num_classes, 0)
        interpolation.between_classes(generator, pairs, **{'steps': 4, 'seed': 0, **arguments})


def test_an_unknown_path_is_refused():
    with pytest.raises(InputError, match="no path 'curved'; choose from linear, spherical"):
        interpolation.between_latents(_Mirror(), np.zeros(1, np.int32), 3, seed=0, path='curved')
