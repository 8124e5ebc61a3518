"""The ConvGRU against the paper's equations in NumPy."""

import numpy as np
import pytest
import tensorflow as tf

from dvdgan_tf.layers.conv_gru import ConvGRU

B, T, H, IN, UNITS = 2, 5, 4, 3, 6


def _convolve(images, kernel):
    """3x3 convolution with zero padding, one product at a time."""
    padded = np.pad(images, [(0, 0), (1, 1), (1, 1), (0, 0)])
    outputs = np.zeros((*images.shape[:3], kernel.shape[-1]))
    for i in range(3):
        for j in range(3):
            outputs += padded[:, i : i + images.shape[1], j : j + images.shape[2]] @ kernel[i, j]
    return outputs


def _sigmoid(value):
    return 1 / (1 + np.exp(-value))


def _oracle(layer, clips, state):
    """The paper's update rule, frame by frame, on clips [B, T, H, W, in]."""
    reset_kernel, update_kernel, candidate_kernel = (
        kernel(None).numpy().astype('float64') for kernel in (layer.reset, layer.update, layer.candidate)
    )
    reset_bias, update_bias, candidate_bias = np.split(layer.bias.numpy(), 3)
    states = []
    for x in np.moveaxis(clips, 1, 0):
        both = np.concatenate([state, x], -1)
        r = _sigmoid(_convolve(both, reset_kernel) + reset_bias)
        u = _sigmoid(_convolve(both, update_kernel) + update_bias)
        c = np.maximum(_convolve(np.concatenate([x, r * state], -1), candidate_kernel) + candidate_bias, 0)
        state = u * state + (1 - u) * c
        states.append(state)
    return np.stack(states, 1)


def _layer(unroll, inputs=IN):
    layer = ConvGRU(UNITS, T, unroll)
    layer.build(tf.TensorShape([None, H, H, inputs]))
    layer.bias.assign(np.random.RandomState(3).randn(3 * UNITS))
    return layer


def _random(*shape):
    return np.random.RandomState(4).randn(*shape).astype('float32')


@pytest.mark.parametrize('unroll', [False, True])
@pytest.mark.parametrize('with_state', [False, True])
def test_states_follow_the_papers_equations(unroll, with_state):
    layer, clips = _layer(unroll), _random(B, T, H, H, IN)
    initial = np.abs(_random(B, H, H, UNITS)) if with_state else None
    states = layer(clips.reshape(B * T, H, H, IN), initial=initial).numpy().reshape(B, T, H, H, UNITS)
    zeros = np.zeros([B, H, H, UNITS])
    np.testing.assert_allclose(states, _oracle(layer, clips, zeros if initial is None else initial), atol=1e-5)


@pytest.mark.parametrize('unroll', [False, True])
def test_constant_input_equals_its_repetition(unroll):
    layer, frame = _layer(unroll), _random(B, H, H, IN)
    repeated = np.repeat(frame[:, np.newaxis], T, 1).reshape(B * T, H, H, IN)
    np.testing.assert_allclose(layer(frame, constant=True), layer(repeated), atol=1e-6)


def test_gradients_of_constant_input_are_summed_in_one_order():
    """AddN of three or more begins with whichever it may write over, which depends on what else has run by then."""
    layer = ConvGRU(2, 5, unroll=True)

    @tf.function(autograph=False)
    def gradient(frames):
        with tf.GradientTape() as tape:
            tape.watch(frames)
            states = layer(frames, constant=True, training=True)
        return tape.gradient(states, frames)

    graph = gradient.get_concrete_function(tf.TensorSpec([1, 4, 4, 2])).graph
    gates = [op for op in graph.get_operations() if op.type == 'AddN' and len(op.inputs) >= 5]
    assert not gates and 'Pack' in {op.type for op in graph.get_operations()}


def test_loop_and_unrolled_give_the_same_gradients():
    clips = tf.constant(_random(B * T, H, H, IN))
    looped, unrolled = _layer(False), _layer(True)
    unrolled.set_weights(looped.get_weights())
    gradients = []
    for layer in (looped, unrolled):
        with tf.GradientTape() as tape:
            loss = tf.reduce_sum(tf.square(layer(clips, training=False)))
        gradients.append(tape.gradient(loss, layer.trainable_variables))
    for first, second in zip(*gradients):
        np.testing.assert_allclose(first, second, rtol=1e-4, atol=1e-5)


@pytest.mark.parametrize('unroll', [False, True])
def test_later_frames_never_change_earlier_states_nor_other_clips(unroll):
    layer, clips = _layer(unroll), _random(B, T, H, H, IN)
    before = layer(clips.reshape(-1, H, H, IN)).numpy().reshape(B, T, H, H, UNITS)
    clips[1, 3:] += 1
    after = layer(clips.reshape(-1, H, H, IN)).numpy().reshape(B, T, H, H, UNITS)
    np.testing.assert_array_equal(after[0], before[0])
    np.testing.assert_array_equal(after[1, :3], before[1, :3])
    assert np.abs(after[1, 3:] - before[1, 3:]).max() > 1e-3


def test_each_gate_is_normalised_as_one_matrix_over_state_and_input():
    layer = _layer(False)
    for kernel in (layer.reset, layer.update, layer.candidate):
        assert kernel.kernel.shape == (3, 3, UNITS + IN, UNITS)
        for _ in range(60):
            kernel.refine()
        largest = np.linalg.svd(kernel(None).numpy().reshape(-1, UNITS), compute_uv=False)[0]
        np.testing.assert_allclose(largest, 1, rtol=1e-4)


def _operations(graph):
    """How many there are, those of loops included."""
    inner = [op.get_attr('body').name for op in graph.get_operations() if op.type in ('While', 'StatelessWhile')]
    return len(graph.get_operations()) + sum(_operations(graph._get_function(name).graph) for name in inner)


def _traced(num_frames, constant):
    """Operations of the layer and its gradients, in TensorFlow's graph and in XLA's program."""
    layer = ConvGRU(UNITS, num_frames)
    layer.build(tf.TensorShape([None, H, H, IN]))
    frames = tf.zeros([B if constant else B * num_frames, H, H, IN])

    def gradients():
        with tf.GradientTape() as tape:
            loss = tf.reduce_sum(tf.square(layer(frames, constant=constant, training=True)))
        return tape.gradient(loss, layer.trainable_variables)

    function = tf.function(gradients, autograph=False, jit_compile=True)
    program = function.experimental_get_compiler_ir()(stage='hlo')
    return _operations(function.get_concrete_function().graph), program.count(' = ')


@pytest.mark.parametrize('constant', [False, True])
def test_what_is_compiled_does_not_grow_with_the_frames(constant):
    short, long = _traced(12, constant), _traced(48, constant)
    assert short == long
    assert min(short) > 200
