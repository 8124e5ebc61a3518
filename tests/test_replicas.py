"""The same global batch on one device and on four replicas: the same outputs, gradients, moments and vectors."""

import numpy as np
import tensorflow as tf
import tf_keras as keras

from dvdgan_tf.distribute.strategy import make_strategy, sum_over_replicas
from dvdgan_tf.layers.normalization import ConditionalNormalization

BATCH, FRAMES, SIZE, CHANNELS = 4, 2, 3, 5


def _share(strategy, *values):
    """The rows of this replica, as a distributed value."""

    def rows(context):
        count = BATCH // strategy.num_replicas_in_sync
        first = context.replica_id_in_sync_group * count
        return tuple(tf.constant(value[first : first + count]) for value in values)

    return strategy.experimental_distribute_values_from_function(rows)


def _normalise(strategy):
    """Outputs' loss, its gradient for the scale's kernel, and the layer's variables after one training call."""
    random = np.random.RandomState(0)
    frames = (random.randn(BATCH, FRAMES, SIZE, SIZE, CHANNELS) * 2 + 1).astype('float32')
    condition, weight = random.randn(BATCH, 7).astype('float32'), random.randn(*frames.shape).astype('float32')
    with strategy.scope():
        keras.utils.set_random_seed(0)
        layer = ConditionalNormalization(FRAMES)
        layer(frames.reshape(-1, SIZE, SIZE, CHANNELS), condition)

    def run(frames, condition, weight):
        with tf.GradientTape() as tape:
            clips = tf.reshape(frames, [-1, SIZE, SIZE, CHANNELS])
            tape.watch(clips)
            outputs = layer(clips, condition, training=True)
            loss = tf.reduce_sum(outputs * tf.reshape(weight, outputs.shape))
        return {'loss': loss, 'gradient': tape.gradient(loss, layer.scale.spectral.kernel)}

    spread = tf.function(lambda *values: strategy.run(run, args=values), autograph=False)
    values = spread(*_share(strategy, frames, condition, weight))
    found = {name: value.numpy() for name, value in sum_over_replicas(strategy, values).items()}
    return {**found, **{f'variable {number}': value.numpy() for number, value in enumerate(layer.variables)}}


def test_normalisation_is_over_the_global_batch():
    # One number of replicas for all tests of a process: TensorFlow's collectives remember the first group.
    alone, spread = _normalise(make_strategy('one_device')), _normalise(make_strategy('mirrored'))
    assert alone.keys() == spread.keys()
    for name, value in alone.items():
        np.testing.assert_allclose(spread[name], value, rtol=1e-4, atol=1e-5, err_msg=name)
