"""Resampling folded into convolutions, and residual blocks, against their plain forms."""

import numpy as np
import pytest
import tensorflow as tf

from dvdgan_tf.errors import InputError
from dvdgan_tf.layers import resample
from dvdgan_tf.layers.residual import DiscriminatorBlock, GeneratorBlock


def _random(*shape, seed=0):
    return tf.constant(np.random.RandomState(seed).randn(*shape).astype('float32'))


def _nearest(frames):
    return np.repeat(np.repeat(frames, 2, 1), 2, 2)


def test_upsample_repeats_pixels():
    frames = _random(2, 3, 5, 4)
    np.testing.assert_array_equal(resample.upsample(frames), _nearest(frames.numpy()))


def test_smoothed_upsampling_is_bilinear():
    frames = _random(2, 3, 5, 4)
    expected = tf.image.resize(frames, [6, 10], 'bilinear')
    np.testing.assert_allclose(resample.smooth(resample.upsample(frames)), expected, atol=1e-6)


def test_upsample_convolution_is_upsampling_then_convolution():
    frames, kernel = _random(2, 3, 5, 4), _random(3, 3, 4, 6, seed=1)
    expected = tf.nn.conv2d(_nearest(frames.numpy()), kernel, 1, 'SAME')
    np.testing.assert_allclose(resample.upsample_convolution(frames, kernel), expected, atol=1e-4)


@pytest.mark.parametrize(
    'sizes, window', [((4, 6), (2, 2)), ((4, 4, 6), (2, 2, 2)), ((3, 4, 6), (1, 2, 2)), ((5, 4, 4), (2, 2, 2))]
)
def test_convolution_pool_is_convolution_then_mean(sizes, window):
    inputs, kernel = _random(2, *sizes, 4), _random(*[3] * len(sizes), 4, 5, seed=1)
    plain = tf.nn.convolution(inputs, kernel, padding='SAME').numpy()
    cells = [range(0, size, cell) for size, cell in zip(sizes, window)]
    folded = resample.convolution_pool(inputs, kernel, window).numpy()
    for place in np.ndindex(*[len(cell) for cell in cells]):
        corner = [cell[index] for cell, index in zip(cells, place)]
        where = tuple(slice(first, first + cell) for first, cell in zip(corner, window))
        expected = plain[(slice(None), *where)].mean(tuple(range(1, 1 + len(sizes))))
        np.testing.assert_allclose(folded[(slice(None), *place)], expected, atol=2e-4)


def _conv(inputs, layer):
    return tf.nn.convolution(inputs, layer.spectral(None), padding='SAME') + layer.bias


@pytest.mark.parametrize('upsample, units', [(False, 6), (True, 4), (True, 6)])
def test_generator_block_is_bigans(upsample, units):
    frames, condition = _random(2 * 3, 4, 4, 6), _random(2, 5, seed=1)
    block = GeneratorBlock(units, 3, upsample)
    outputs = block(frames, condition)
    grow = _nearest if upsample else (lambda value: value)
    features = tf.nn.relu(block.norm1(frames, condition))
    features = _conv(grow(features), block.conv1)
    features = _conv(tf.nn.relu(block.norm2(features, condition)), block.conv2)
    skip = grow(frames) if block.skip is None else _conv(grow(frames), block.skip)
    assert (block.skip is None) == (not upsample and units == 6)
    np.testing.assert_allclose(outputs, features + skip, atol=1e-4)


def test_a_bilinear_block_convolves_bilinear_frames_but_at_the_edges():
    frames, condition = _random(2 * 3, 4, 4, 6), _random(2, 5, seed=1)
    block = GeneratorBlock(4, 3, upsample=True, interpolation='bilinear')
    outputs = block(frames, condition)

    def grow(value):
        return tf.image.resize(value, [8, 8], 'bilinear')

    features = _conv(grow(tf.nn.relu(block.norm1(frames, condition))), block.conv1)
    features = _conv(tf.nn.relu(block.norm2(features, condition)), block.conv2)
    expected = features + _conv(grow(frames), block.skip)
    inner = np.s_[:, 3:-3, 3:-3]
    np.testing.assert_allclose(outputs.numpy()[inner], expected.numpy()[inner], atol=1e-4)


def test_interpolation_changes_only_what_upsamples():
    frames, condition = _random(2 * 3, 4, 4, 6), _random(2, 5, seed=1)
    block = GeneratorBlock(6, 3, interpolation='bilinear')
    plain = block(frames, condition)
    block.interpolation = 'nearest'
    np.testing.assert_array_equal(plain, block(frames, condition))


def test_an_unknown_interpolation_is_refused():
    with pytest.raises(InputError, match="interpolation is 'cubic'; choose 'nearest' or 'bilinear'"):
        GeneratorBlock(6, 3, interpolation='cubic')


@pytest.mark.parametrize('pool', [(1, 1), (2, 2), (2, 2, 2), (1, 2, 2)])
@pytest.mark.parametrize('first', [False, True])
def test_discriminator_block_is_bigans(pool, first):
    inputs = _random(2, *[4] * len(pool), 3)
    block = DiscriminatorBlock(5, pool, first)
    outputs = block(inputs)

    def shrink(value):
        return value if max(pool) == 1 else tf.nn.avg_pool(value, pool, pool, 'VALID')

    features = _conv(inputs if first else tf.nn.relu(inputs), block.conv1)
    features = shrink(_conv(tf.nn.relu(features), block.conv2))
    skip = _conv(shrink(inputs), block.skip) if first else shrink(_conv(inputs, block.skip))
    np.testing.assert_allclose(outputs, features + skip, atol=1e-4)


def test_discriminator_block_without_change_has_no_skip_convolution():
    block = DiscriminatorBlock(3, (1, 1))
    block(_random(1, 4, 4, 3))
    assert block.skip is None


def test_a_block_of_volumes_has_gradients_outside_of_a_graph():
    """For those who debug with tf.config.run_functions_eagerly."""
    block, clip = DiscriminatorBlock(6, (2, 2, 2)), _random(2, 3, 4, 4, 4)
    block(clip)
    with tf.GradientTape() as tape:
        outputs = tf.reduce_sum(block(clip))
    assert all(np.isfinite(gradient).all() for gradient in tape.gradient(outputs, block.trainable_variables))
