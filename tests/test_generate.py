"""Clips of a generator that shows its inputs: label as brightness, latent as colour."""

import numpy as np
import pytest
import tensorflow as tf
import tf_keras as keras

from dvdgan_tf.errors import InputError
from dvdgan_tf.sampling import generate


class _Mirror(keras.Model):
    """The first frame shows the label, the second the latent's first number; everything is grey when training."""

    latent_size, context_frames = 120, 0

    def call(self, latent, label, training=False):
        if training:
            return tf.zeros([latent.shape[0], 2, 4, 4, 1])
        frames = tf.stack([tf.cast(label, tf.float32) / 10.0, tf.tanh(latent[:, 0])], 1)
        return tf.tile(frames[:, :, None, None, None], [1, 1, 4, 4, 1])


def test_every_label_reaches_its_own_clip_also_beyond_one_batch():
    labels = np.arange(37, dtype=np.int32) % 10
    clips = generate.sample_clips(_Mirror(), labels, seed=3)
    assert clips.shape == (37, 2, 4, 4, 1) and clips.dtype == np.float32
    np.testing.assert_allclose(clips[:, 0, 0, 0, 0], labels / 10, atol=1e-6)


def test_a_clip_does_not_depend_on_how_many_are_asked_for():
    labels = np.zeros(20, np.int32)
    np.testing.assert_array_equal(
        generate.sample_clips(_Mirror(), labels, seed=1)[:5], generate.sample_clips(_Mirror(), labels[:5], seed=1)
    )


def test_no_truncation_left_is_the_mean_latent():
    clips = generate.sample_clips(_Mirror(), np.zeros(3, np.int32), seed=1, truncation=0.0)
    assert set(clips[:, 1].ravel()) == {0.0}


def test_a_generator_that_continues_clips_cannot_sample_from_nothing():
    generator = _Mirror()
    generator.context_frames = 5
    with pytest.raises(InputError, match='continues clips of 5 frames'):
        generate.sample_clips(generator, np.zeros(1, np.int32), seed=0)


class _Repeat(_Mirror):
    """Repeats the last context frame, a little brighter by the label, of which there must be none."""

    context_frames = 2

    def call(self, latent, label=None, context=None, training=False):
        brightness = 0.0 if label is None else 1.0 + tf.cast(label, tf.float32)[:, None, None, None, None]
        return tf.repeat(context[:, -1:], 3, axis=1) + brightness


def test_every_context_is_continued_by_its_own_clip():
    context = np.random.RandomState(0).uniform(-1, 1, [19, 2, 4, 4, 1]).astype(np.float32)
    clips = generate.continue_clips(_Repeat(), context, seed=3)
    np.testing.assert_array_equal(clips, np.repeat(context[:, -1:], 3, axis=1))
    with pytest.raises(InputError, match='makes whole clips and continues none'):
        generate.continue_clips(_Mirror(), context, seed=0)


@pytest.mark.parametrize(
    'count, classes, labels',
    [(8, 4, [0, 0, 1, 1, 2, 2, 3, 3]), (3, 9, [0, 1, 2]), (5, 2, [0, 0, 0, 1, 1]), (1, 1, [0])],
)
def test_labels_are_spread_evenly(count, classes, labels):
    assert generate.spread_labels(count, classes).tolist() == labels


def test_a_class_is_found_by_number_or_name():
    names = ('bend', 'jump', '7')
    assert [generate.find_label(text, names) for text in ('1', 'jump', '7')] == [1, 1, 2]
    for text in ('3', '-1', 'run'):
        with pytest.raises(InputError, match='0 to 2 or one of bend, jump, 7'):
            generate.find_label(text, names)
