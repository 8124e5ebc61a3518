"""Recomputed layers: the same outputs and gradients, state that moves once, and less to keep."""

import functools

import numpy as np
import pytest
import tensorflow as tf
import tf_keras as keras

from dvdgan_tf.distribute.strategy import make_strategy
from dvdgan_tf.layers.conv_gru import ConvGRU
from dvdgan_tf.layers.normalization import ConditionalNormalization
from dvdgan_tf.layers.recompute import recomputed
from dvdgan_tf.layers.residual import GeneratorBlock
from dvdgan_tf.models.generator import GeneratorGroup
from dvdgan_tf.planning.graph_cost import peak_bytes
from dvdgan_tf.training.optimizer import accumulated

FRAMES = 3


def _random(*shape):
    return np.random.RandomState(len(shape)).randn(*shape).astype('float32')


@functools.lru_cache(None)
def _group(recompute):
    """Gradients for everything that goes in and the variables after one training call; the graph's peak memory."""
    keras.utils.set_random_seed(0)
    make_block = functools.partial(GeneratorBlock, num_frames=FRAMES)
    group = GeneratorGroup(ConvGRU(8, FRAMES), make_block, 4, None, recompute)
    inputs = [_random(2 * FRAMES, 8, 8, 8), _random(2, 5), _random(2, 8, 8, 8)]
    group(*inputs, constant=False, training=False)

    def part(_):
        with tf.GradientTape() as tape:
            values = [tf.identity(value) for value in inputs]
            tape.watch(values)
            loss = tf.reduce_sum(tf.sin(group(*values, constant=False, training=True)))
        return loss, tape.gradient(loss, [*values, *group.trainable_variables])

    function = tf.function(lambda: accumulated(1, part), autograph=False)
    loss, gradients = function()
    graph = function.get_concrete_function().graph
    return loss.numpy(), [g.numpy() for g in gradients], [v.numpy() for v in group.variables], peak_bytes(graph)


def test_gradients_are_those_of_kept_results_and_state_moves_once():
    (loss, gradients, variables, _), (loss_again, again, variables_again, _) = _group(False), _group(True)
    assert loss == loss_again
    scale = max(np.abs(gradient).max() for gradient in gradients)
    for kept, computed in zip(gradients, again):
        np.testing.assert_allclose(computed, kept, atol=1e-6 * scale)
    for kept, computed in zip(variables, variables_again):
        np.testing.assert_array_equal(computed, kept)


def test_less_memory_is_needed():
    assert _group(True)[-1] < 0.8 * _group(False)[-1]


@pytest.mark.parametrize('wrap', [lambda layer, *inputs: layer(*inputs), recomputed])
def test_replicas_agree_when_moments_are_computed_again(wrap):
    """Four replicas, whose moments are means over all: the sum of their gradients is that of one device."""
    frames, condition = _random(4 * FRAMES, 2, 2, 5), _random(4, 7)

    def gradient(name):
        strategy = make_strategy(name)
        count = 4 // strategy.num_replicas_in_sync
        with strategy.scope():
            keras.utils.set_random_seed(0)
            layer = ConditionalNormalization(FRAMES)
            layer(frames, condition)

        def rows(context, values, each):
            first = context.replica_id_in_sync_group * each
            return tf.constant(values[first : first + each])

        def part(_, frames, condition):
            with tf.GradientTape() as tape:
                loss = tf.reduce_sum(tf.sin(wrap(functools.partial(layer, training=True), frames, condition)))
            return tape.gradient(loss, layer.scale.spectral.kernel)

        def run(*inputs):
            return accumulated(1, functools.partial(part, frames=inputs[0], condition=inputs[1]))

        spread = strategy.experimental_distribute_values_from_function
        inputs = [spread(lambda c: rows(c, frames, count * FRAMES)), spread(lambda c: rows(c, condition, count))]
        function = tf.function(lambda *values: strategy.run(run, args=values), autograph=False)
        return strategy.reduce(tf.distribute.ReduceOp.SUM, function(*inputs), axis=None).numpy()

    np.testing.assert_allclose(gradient('mirrored'), gradient('one_device'), rtol=1e-4, atol=1e-5)
