"""Attention against slow loops in NumPy, and how its memory grows."""

import numpy as np
import pytest
import tensorflow as tf

from dvdgan_tf.layers.attention import AxisAttention, SelfAttention, SeparableAttention

SHAPE = (2, 3, 4, 6, 8)  # B, T, H, W, C: every axis of another length


def _clips(shape=SHAPE):
    return np.random.RandomState(0).standard_normal(shape)


def _matrices(layer, *names):
    return [getattr(layer, name).spectral(None).numpy().astype(float) for name in names]


def _softmax(scores):
    exponentials = np.exp(np.array(scores) - max(scores))
    return exponentials / exponentials.sum()


def _slow_axis(clips, axis, query, key, value):
    """Appendix A, one position after another: softmax over the positions that differ along one axis only."""
    result = np.zeros_like(clips)
    for place in np.ndindex(clips.shape[:4]):
        line = [*place]
        line[axis] = slice(None)
        others = clips[tuple(line)]
        weights = _softmax([(clips[place] @ query) @ (other @ key) for other in others])
        result[place] = sum(weight * (other @ value) for weight, other in zip(weights, others))
    return result


@pytest.mark.parametrize('axis', [1, 2, 3])
def test_each_axis_against_a_loop(axis):
    layer = AxisAttention(axis)
    attended = layer(tf.constant(_clips(), tf.float32))
    expected = _slow_axis(_clips(), axis, *_matrices(layer, 'query', 'key', 'value'))
    np.testing.assert_allclose(attended, expected, atol=1e-5)


def test_separable_attention_is_time_then_height_then_width_added_with_a_gain():
    layer = SeparableAttention()
    np.testing.assert_array_equal(layer(tf.constant(_clips(), tf.float32)), _clips().astype('float32'))
    layer.gain.assign(0.5)
    expected = _clips()
    for axis, along in zip((1, 2, 3), layer.passes):
        expected = _slow_axis(expected, axis, *_matrices(along, 'query', 'key', 'value'))
    np.testing.assert_allclose(layer(tf.constant(_clips(), tf.float32)), _clips() + 0.5 * expected, atol=1e-5)


def test_self_attention_against_a_loop():
    layer = SelfAttention()
    layer(tf.zeros(SHAPE))
    layer.gain.assign(2.0)
    clips = _clips()
    query, key, value, output = _matrices(layer, 'query', 'key', 'value', 'output_projection')
    assert (query.shape, value.shape, output.shape) == ((8, 1), (8, 4), (4, 8))
    expected = np.zeros_like(clips)
    for batch in range(SHAPE[0]):
        cells = [
            (time, slice(row, row + 2), slice(column, column + 2))
            for time in range(3)
            for row in (0, 2)
            for column in (0, 2, 4)
        ]
        keys = [(clips[batch][cell] @ key).max((0, 1)) for cell in cells]
        values = [(clips[batch][cell] @ value).max((0, 1)) for cell in cells]
        for place in np.ndindex(SHAPE[1:4]):
            weights = _softmax([clips[batch][place] @ query @ other for other in keys])
            attended = sum(weight * other for weight, other in zip(weights, values))
            expected[batch][place] = clips[batch][place] + 2.0 * attended @ output
    np.testing.assert_allclose(layer(tf.constant(clips, tf.float32)), expected, atol=1e-5)


def _largest_map(layer, time, height, width):
    graph = tf.function(layer, autograph=False).get_concrete_function(tf.TensorSpec([1, time, height, width, 8])).graph
    return max(op.outputs[0].shape.num_elements() for op in graph.get_operations() if op.type == 'Softmax')


@pytest.mark.parametrize('time, height, width', [(12, 4, 6), (3, 16, 4), (2, 4, 8)])
def test_the_largest_map_grows_as_appendix_a_says(time, height, width):
    separable = max(height**2 * width * time, height * width**2 * time, height * width * time**2)
    assert _largest_map(SeparableAttention(), time, height, width) == separable
    assert _largest_map(SelfAttention(), time, height, width) == (height * width * time) ** 2 // 4


@pytest.mark.parametrize('make', [SeparableAttention, SelfAttention])
def test_clips_do_not_see_each_other_and_every_position_sees_every_other(make):
    layer = make()
    layer(tf.zeros(SHAPE))
    layer.gain.assign(1.0)
    clips = _clips().astype('float32')
    before = layer(tf.constant(clips)).numpy()
    changed = clips.copy()
    changed[1, 2, 3, 5] += 3.0
    after = layer(tf.constant(changed)).numpy()
    np.testing.assert_array_equal(after[0], before[0])
    moved = np.abs(after[1] - before[1]).max(-1)
    assert (moved > 0).mean() > 0.9


def test_the_gain_is_what_learns_first():
    layer = SeparableAttention()
    clips = tf.constant(_clips(), tf.float32)
    layer(clips)
    with tf.GradientTape() as tape:
        loss = tf.reduce_sum(tf.square(layer(clips, training=True) - 1.0))
    gradients = dict(zip((v.name for v in layer.trainable_variables), tape.gradient(loss, layer.trainable_variables)))
    gain = next(value for name, value in gradients.items() if 'gain' in name)
    assert abs(gain.numpy()) > 0
