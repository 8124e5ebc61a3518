"""What the discriminators see: k frames without replacement, and phi."""

import collections
import itertools

import numpy as np
import pytest
import tensorflow as tf

from dvdgan_tf.errors import InputError
from dvdgan_tf.models.discriminator_inputs import (
    average_pool_2x2,
    average_pool_4x4,
    identity,
    random_half_crop,
    sample_frames,
)


def _numbered(batch, frames, size=4):
    """Clips in which every pixel says its clip, frame, row and column."""
    clip, frame, row, column = np.indices([batch, frames, size, size])
    return (((clip * 100 + frame) * 100 + row) * 100 + column)[..., np.newaxis].astype('float64')


def _uniform(*shape, seed=0):
    return tf.constant(np.random.RandomState(seed).uniform(size=shape), tf.float32)


def test_frames_come_from_their_own_clip_without_replacement():
    seen = sample_frames(_numbered(5, 12), _uniform(5, 12), 8)
    assert seen.shape == (5, 8, 4, 4, 1)
    numbers = seen.numpy()[:, :, 0, 0, 0] // 100**2
    for clip, frames in enumerate(numbers):
        assert set(frames // 100) == {clip}
        assert len(set(frames % 100)) == 8


def test_every_set_of_frames_is_equally_likely():
    draws = 6000
    seen = sample_frames(tf.tile(tf.range(4.0)[tf.newaxis], [draws, 1]), _uniform(draws, 4), 2).numpy()
    counts = collections.Counter(tuple(sorted(pair)) for pair in seen.astype(int))
    assert set(counts) == set(itertools.combinations(range(4), 2))
    expected = draws / 6
    # Chi-squared with 5 degrees of freedom stays below 20.5 with probability 0.999; the draws are fixed by their seed.
    assert sum((count - expected) ** 2 / expected for count in counts.values()) < 20.5


@pytest.mark.parametrize('phi, cell', [(average_pool_2x2, 2), (average_pool_4x4, 4)])
def test_pooling_is_the_mean_of_cells_within_a_frame(phi, cell):
    clip = _numbered(2, 3, 8)
    expected = clip.reshape(2, 3, 8 // cell, cell, 8 // cell, cell, 1).mean((3, 5))
    np.testing.assert_allclose(phi(tf.constant(clip), _uniform(2, 2)), expected)


@pytest.mark.parametrize(
    'phi, size, what',
    [
        (average_pool_2x2, 5, '2x2 pooling and the clips are 5x5; choose sizes that 2 divides'),
        (average_pool_4x4, 6, '4x4 pooling and the clips are 6x6; choose sizes that 4 divides'),
        (random_half_crop, 7, 'a half crop and the clips are 7x7; choose sizes that 2 divides'),
    ],
)
def test_a_size_that_phi_does_not_divide_is_one_sentence(phi, size, what):
    with pytest.raises(InputError, match=what):
        phi(tf.constant(_numbered(1, 2, size)), _uniform(1, 2))


def test_identity_keeps_the_clip():
    clip = _numbered(2, 3)
    np.testing.assert_array_equal(identity(clip, _uniform(2, 2)), clip)


def test_half_crop_is_one_window_for_all_frames_of_a_clip():
    clip = _numbered(200, 3, 6)
    crop = random_half_crop(tf.constant(clip), _uniform(200, 2)).numpy().astype(int)[..., 0]
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
