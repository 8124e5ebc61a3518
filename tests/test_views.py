"""What the discriminators see: k frames without replacement, and phi."""

import collections
import itertools

import numpy as np
import pytest
import tensorflow as tf

from dvdgan_tf.models import views


def _numbered(batch, frames, size=4):
    """Clips in which every pixel says its clip, frame, row and column."""
    clip, frame, row, column = np.indices([batch, frames, size, size])
    return (((clip * 100 + frame) * 100 + row) * 100 + column)[..., np.newaxis].astype('float64')


def _uniform(*shape, seed=0):
    return tf.constant(np.random.RandomState(seed).uniform(size=shape), tf.float32)


def test_frames_come_from_their_own_clip_without_replacement():
    seen = views.sample_frames(_numbered(5, 12), _uniform(5, 12), 8)
    assert seen.shape == (5, 8, 4, 4, 1)
    numbers = seen.numpy()[:, :, 0, 0, 0] // 100**2
    for clip, frames in enumerate(numbers):
        assert set(frames // 100) == {clip}
        assert len(set(frames % 100)) == 8


def test_every_set_of_frames_is_equally_likely():
    draws = 6000
    seen = views.sample_frames(tf.tile(tf.range(4.0)[tf.newaxis], [draws, 1]), _uniform(draws, 4), 2).numpy()
    counts = collections.Counter(tuple(sorted(pair)) for pair in seen.astype(int))
    assert set(counts) == set(itertools.combinations(range(4), 2))
    expected = draws / 6
    # Chi-squared with 5 degrees of freedom stays below 20.5 with probability 0.999; the draws are fixed by their seed.
    assert sum((count - expected) ** 2 / expected for count in counts.values()) < 20.5


@pytest.mark.parametrize('phi, cell', [(views.average_pool_2x2, 2), (views.average_pool_4x4, 4)])
def test_pooling_is_the_mean_of_cells_within_a_frame(phi, cell):
    clip = _numbered(2, 3, 8)
    expected = clip.reshape(2, 3, 8 // cell, cell, 8 // cell, cell, 1).mean((3, 5))
    np.testing.assert_allclose(phi(tf.constant(clip), _uniform(2, 2)), expected)


def test_identity_keeps_the_clip():
    clip = _numbered(2, 3)
    np.testing.assert_array_equal(views.identity(clip, _uniform(2, 2)), clip)


def test_half_crop_is_one_window_for_all_frames_of_a_clip():
    clip = _numbered(200, 3, 6)
    crop = views.random_half_crop(tf.constant(clip), _uniform(200, 2)).numpy().astype(int)[..., 0]
    assert crop.shape == (200, 3, 3, 3)
    rows, columns = crop // 100 % 100, crop % 100
    corners = set()
    for index in range(200):
        top, left = rows[index, 0, 0, 0], columns[index, 0, 0, 0]
        assert (rows[index] == (top + np.arange(3))[:, np.newaxis]).all()
        assert (columns[index] == left + np.arange(3)).all()
        assert (crop[index] // 100**3 == index).all()
        corners.add((top, left))
    assert corners == set(itertools.product(range(4), range(4)))


def test_discriminators_of_48_frames_at_128_see_the_papers_number_of_pixels():
    """Section 3.1: from 786432 to 327680 pixels, 58 % fewer."""

    def seen(clip, uniform):
        return views.sample_frames(clip, uniform, 8), views.average_pool_2x2(clip, uniform)

    function = tf.function(seen, autograph=False)
    shapes = [
        output.shape
        for output in function.get_concrete_function(
            tf.TensorSpec([1, 48, 128, 128, 3]), tf.TensorSpec([1, 48])
        ).structured_outputs
    ]
    pixels = sum(shape[1] * shape[2] * shape[3] for shape in shapes)
    assert pixels == 327680
    assert round(100 * (1 - pixels / (48 * 128 * 128))) == 58
