"""Spectral normalisation against the singular value decomposition."""

import numpy as np
import pytest
import tensorflow as tf

from dvdgan_tf.layers import state
from dvdgan_tf.layers.convolution import SpectralConvolution
from dvdgan_tf.layers.spectral_norm import SpectralDense, SpectralEmbedding, SpectralKernel


def _kernel(shape, refinements=0):
    kernel = SpectralKernel(shape)
    kernel.build()
    kernel.kernel.assign(np.random.RandomState(0).randn(*shape))
    for _ in range(refinements):
        kernel.refine()
    return kernel


@pytest.mark.parametrize('shape', [(7, 5), (3, 3, 4, 6), (3, 3, 3, 2, 8)])
def test_converged_kernel_has_largest_singular_value_one(shape):
    kernel = _kernel(shape, refinements=60)
    largest = np.linalg.svd(kernel.kernel.numpy().reshape(-1, shape[-1]), compute_uv=False)[0]
    np.testing.assert_allclose(kernel.sigma(), largest, rtol=1e-5)
    np.testing.assert_allclose(kernel(None), kernel.kernel / largest, rtol=1e-4, atol=1e-6)


def test_one_training_call_is_one_power_iteration():
    kernel = _kernel((6, 4))
    matrix, old = kernel.kernel.numpy(), kernel.u.numpy()
    kernel(None, training=True)
    expected = matrix.T @ (matrix @ old)
    np.testing.assert_allclose(kernel.u, expected / np.linalg.norm(expected), rtol=1e-5)


def test_gradient_goes_through_sigma():
    kernel = _kernel((5, 4), refinements=100)
    weight = np.random.RandomState(1).randn(5, 4).astype('float32')
    with tf.GradientTape() as tape:
        loss = tf.reduce_sum(kernel(None) * weight)
    gradient = tape.gradient(loss, kernel.kernel).numpy()

    def loss_of(matrix):
        return np.sum(matrix / np.linalg.svd(matrix, compute_uv=False)[0] * weight.astype('float64'))

    matrix = kernel.kernel.numpy().astype('float64')
    numeric = np.zeros_like(matrix)
    for index in np.ndindex(*matrix.shape):
        step = np.zeros_like(matrix)
        step[index] = 1e-6
        numeric[index] = (loss_of(matrix + step) - loss_of(matrix - step)) / 2e-6
    np.testing.assert_allclose(gradient, numeric, rtol=2e-3, atol=2e-4)


def test_calls_leave_the_kernel_alone_and_only_training_changes_u():
    layer = SpectralConvolution(4)
    inputs = tf.random.stateless_normal([2, 5, 5, 3], [0, 1])
    layer(inputs)
    layer.spectral.kernel.assign(np.random.RandomState(0).randn(3, 3, 3, 4))
    kernel, u = layer.spectral.kernel.numpy(), layer.spectral.u.numpy()
    layer(inputs)
    np.testing.assert_array_equal(layer.spectral.u, u)
    layer(inputs, training=True)
    np.testing.assert_array_equal(layer.spectral.kernel, kernel)
    assert np.abs(layer.spectral.u.numpy() - u).max() > 1e-4
    assert [weight.name for weight in layer.trainable_weights if '/u' in weight.name] == []


def test_collected_updates_are_not_made():
    kernel = _kernel((6, 4))
    u = kernel.u.numpy()
    with state.collected() as updates:
        kernel(None, training=True)
    np.testing.assert_array_equal(kernel.u, u)
    assert [variable is kernel.u for variable, _ in updates] == [True]


def test_embedding_looks_up_rows_of_the_normalised_table():
    layer = SpectralEmbedding(5, 3)
    labels = tf.constant([4, 0, 4])
    rows = layer(labels)
    np.testing.assert_allclose(rows, tf.gather(layer.spectral(None), labels))


def test_bfloat16_compute_keeps_float32_weights_and_sigma():
    layer = SpectralDense(8, dtype='mixed_bfloat16')
    outputs = layer(tf.ones([2, 4]), training=True)
    assert outputs.dtype == tf.bfloat16
    assert {weight.dtype for weight in layer.weights} == {tf.float32}
    assert layer.spectral(None).dtype == tf.float32
