"""What the discriminators see: k frames without replacement, and phi."""

import collections
import itertools

import numpy as np
import pytest
import tensorflow as tf

from dvdgan_tf.errors import InputError
from dvdgan_tf.models.discriminator_inputs import (
    DiscriminatorInputs,
    average_pool_2x2,
    average_pool_4x4,
    fine_detail,
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


def test_detail_is_what_halving_and_doubling_lose():
    clip = _uniform(2, 3, 8, 8, 2)
    frames = tf.reshape(clip, [6, 8, 8, 2])
    halves = frames.numpy().reshape(6, 4, 2, 4, 2, 2).mean((2, 4))
    expected = frames - tf.image.resize(halves, [8, 8], 'bilinear')
    np.testing.assert_allclose(tf.reshape(fine_detail(clip), [6, 8, 8, 2]), expected, atol=1e-6)


def test_stripes_of_two_pixels_are_all_detail_and_a_plain_frame_has_none():
    stripes = tf.constant(np.tile([1.0, -1.0], [1, 2, 8, 4])[..., np.newaxis])
    np.testing.assert_allclose(fine_detail(stripes), stripes)
    np.testing.assert_allclose(fine_detail(tf.ones([1, 2, 8, 8, 1])), 0.0, atol=1e-7)


def test_the_spatial_discriminator_sees_detail_beside_its_frames_and_the_temporal_one_does_not():
    clip = _uniform(2, 5, 8, 8, 3, seed=1)

    def seen(**settings):
        return DiscriminatorInputs(2, **settings).seen(clip, 1, lambda shape: _uniform(2, *shape))

    plain, detailed = seen(), seen(detail=4.0)
    assert detailed['spatial'].shape == (2, 2, 8, 8, 6)
    np.testing.assert_array_equal(detailed['spatial'][..., :3], plain['spatial'])
    np.testing.assert_allclose(detailed['spatial'][..., 3:], 4.0 * fine_detail(plain['spatial']), atol=1e-6)
    np.testing.assert_array_equal(detailed['temporal'], plain['temporal'])


def test_detail_below_nothing_is_one_sentence():
    with pytest.raises(InputError, match='the detail is times -1.0; choose a number above 0, or 0 for no detail'):
        DiscriminatorInputs(2, detail=-1.0).check(4, 0)
