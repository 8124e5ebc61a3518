"""The rewrites of the networks give what the plain form gives, in values and in gradients."""

import numpy as np
import pytest
import tensorflow as tf
import tf_keras as keras

from dvdgan_tf.benchmarks import plain
from dvdgan_tf.layers.residual import DiscriminatorBlock, GeneratorBlock

FRAMES = 3
BLOCKS = {
    'generator': (lambda: GeneratorBlock(4, FRAMES, upsample=True), [(2 * FRAMES, 4, 4, 6), (2, 5)]),
    'spatial': (lambda: DiscriminatorBlock(4), [(2, 6, 6, 3)]),
    'temporal': (lambda: DiscriminatorBlock(4, pool=(2, 2, 2)), [(2, 4, 6, 6, 3)]),
}


def _found(kind):
    """Output, moving averages, spectral vectors, and gradients of everything."""
    keras.utils.set_random_seed(1)
    make, shapes = BLOCKS[kind]
    random, block = np.random.RandomState(0), make()
    inputs = [tf.constant(random.normal(size=shape), tf.float32) for shape in shapes]
    with tf.GradientTape() as tape:
        tape.watch(inputs)
        output = block(*inputs, training=True)
        loss = tf.reduce_sum(output * tf.constant(random.normal(size=output.shape), tf.float32))
    gradients = tape.gradient(loss, [*inputs, *block.trainable_variables])
    return [value.numpy() for value in (output, *gradients, *block.variables)]


@pytest.mark.parametrize('kind', BLOCKS)
@pytest.mark.parametrize('undone', [*((name,) for name in plain.REWRITES), tuple(plain.REWRITES)])
def test_a_block_is_the_same_without_them(kind, undone):
    ours = _found(kind)
    with plain.without(undone):
        theirs = _found(kind)
    assert len(ours) == len(theirs)
    for value, expected in zip(ours, theirs):
        scale = max(1.0, float(np.max(np.abs(expected))))
        np.testing.assert_allclose(value, expected, rtol=0, atol=1e-5 * scale)


def test_behind_the_block_they_are_done_again():
    before = [getattr(place, name) for place, name, _ in plain.REWRITES.values()]
    with plain.without():
        inside = [getattr(place, name) for place, name, _ in plain.REWRITES.values()]
    assert inside == [form for *_, form in plain.REWRITES.values()] and not set(inside) & set(before)
    assert before == [getattr(place, name) for place, name, _ in plain.REWRITES.values()]
