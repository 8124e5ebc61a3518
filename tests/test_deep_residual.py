"""BigGAN-deep's blocks, against the same layers put together by hand, and their parameters counted."""

import numpy as np
import pytest
import tensorflow as tf

from dvdgan_tf.layers import resample
from dvdgan_tf.layers.deep_residual import DeepDiscriminatorBlock, DeepGeneratorBlock

FRAMES = 2


def _normal(*shape):
    return tf.constant(np.random.RandomState(0).standard_normal(shape), tf.float32)


def _count(layer):
    return sum(int(np.prod(weight.shape)) for weight in layer.trainable_weights)


@pytest.mark.parametrize('upsample, units', [(False, 16), (True, 8)])
def test_generator_block(upsample, units):
    block = DeepGeneratorBlock(units, FRAMES, upsample)
    frames, condition = _normal(3 * FRAMES, 4, 4, 16), _normal(3, 10)
    made = block(frames, condition)
    features = frames
    for index, (norm, convolution) in enumerate(zip(block.norms, block.convolutions)):
        features = tf.nn.relu(norm(features, condition))
        kernel = convolution.spectral(None)
        if index == 1 and upsample:
            features = resample.upsample(features)
        features = tf.nn.conv2d(features, kernel, 1, 'SAME') + convolution.bias
    skip = frames[..., :units]
    np.testing.assert_allclose(made, features + (resample.upsample(skip) if upsample else skip), atol=1e-4)
    # 1x1 from 16 to 4, two 3x3 of 4, 1x1 to units, all with bias; norms of 16, 4, 4 and 4, two maps of 10 each.
    assert _count(block) == (16 * 4 + 4) + 2 * (9 * 16 + 4) + (4 * units + units) + 2 * 10 * (16 + 3 * 4)


@pytest.mark.parametrize(
    'pool, inputs, units, first',
    [((2, 2), 8, 16, False), ((1, 1), 16, 16, False), ((2, 2, 2), 3, 8, True), ((1, 2, 2), 8, 8, False)],
)
def test_discriminator_block(pool, inputs, units, first):
    block = DeepDiscriminatorBlock(units, pool, first)
    values = _normal(2, *[4] * len(pool), inputs)
    judged = block(values)
    features = values if first else tf.nn.relu(values)
    for convolution in block.convolutions:
        features = tf.nn.convolution(features, convolution.spectral(None), padding='SAME') + convolution.bias
        features = tf.nn.relu(features)
    features = tf.nn.convolution(features, block.last.spectral(None)) + block.last.bias
    features, skip = (resample.average_pool(value, pool) for value in (features, values))
    if inputs < units:
        skip = tf.concat([skip, tf.nn.convolution(skip, block.skip.spectral(None)) + block.skip.bias], -1)
    np.testing.assert_allclose(judged, features + skip, atol=1e-4)
    hidden, taps, missing = units // 4, 3 ** len(pool), units - inputs
    expected = (inputs * hidden + hidden) + 2 * (taps * hidden**2 + hidden) + (hidden * units + units)
    assert _count(block) == expected + (inputs * missing + missing if missing else 0)


def test_a_skip_can_only_drop_in_the_generator_and_only_add_in_a_discriminator():
    with pytest.raises(ValueError, match='cannot make 16 of 8'):
        DeepGeneratorBlock(16, FRAMES)(_normal(2, 4, 4, 8), _normal(1, 10))
    with pytest.raises(ValueError, match='cannot make 8 of 16'):
        DeepDiscriminatorBlock(8)(_normal(2, 4, 4, 16))
