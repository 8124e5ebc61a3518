"""The same global batch on 1, 2 and 4 replicas and in two processes: three whole steps end with the same variables.

In float64 as well, where nothing but rounding is that small. Each number of replicas and precision runs in a process of
its own: TensorFlow's collectives remember what they summed first.
"""

import json
import os
import socket
import subprocess
import sys

import numpy as np
import pytest
import tensorflow as tf
import tf_keras as keras
import tiny

from dvdgan_tf.distribute.strategy import make_strategy, sum_over_replicas
from dvdgan_tf.layers.conv_gru import ConvGRU
from dvdgan_tf.layers.normalization import ConditionalNormalization
from dvdgan_tf.layers.residual import DiscriminatorBlock
from dvdgan_tf.layers.spectral_norm import SpectralDense
from dvdgan_tf.models import DiscriminatorInputs, Networks, discriminator_inputs
from dvdgan_tf.training.ema import MovingAverage

BATCH, FRAMES, SIZE, CLASSES = 8, 2, 4, 3
TOLERANCE = {'float32': 1e-5, 'float64': 1e-10}


class _Generator(keras.Model):
    """One of each layer whose state or moments are shared by replicas."""

    resolution, num_frames, num_classes, video_channels, latent_size, context_frames = SIZE, FRAMES, CLASSES, 3, 5, 0

    def __init__(self):
        super().__init__(name='generator', autocast=False)
        self.base = SpectralDense(SIZE * SIZE * 3)
        self.gru = ConvGRU(3, FRAMES)
        self.norm = ConditionalNormalization(FRAMES)

    def call(self, latent, label, context=None, training=False):
        classes = tf.one_hot(label, CLASSES, dtype=self.compute_dtype)
        condition = tf.concat([tf.cast(latent, self.compute_dtype), classes], 1)
        frames = tf.reshape(self.base(condition, training=training), [-1, SIZE, SIZE, 3])
        frames = self.gru(frames, constant=True, training=training)
        return tf.reshape(tf.tanh(self.norm(frames, condition, training=training)), [-1, FRAMES, SIZE, SIZE, 3])


class _Discriminator(keras.Model):
    def __init__(self):
        super().__init__(name='discriminator', autocast=False)
        self.block = DiscriminatorBlock(3, (2, 2), first=True)
        self.linear = SpectralDense(1)

    def call(self, clip, label, training=False):
        frames = tf.reshape(tf.cast(clip, self.compute_dtype), [-1, SIZE, SIZE, 3])
        features = tf.reduce_sum(tf.nn.relu(self.block(frames, training=training)), [1, 2])
        return tf.reduce_sum(tf.reshape(self.linear(features, training=training), [clip.shape[0], FRAMES]), 1)


def _clips(number, dtype):
    random = np.random.RandomState(number)
    return random.uniform(-1, 1, [BATCH, FRAMES, SIZE, SIZE, 3]).astype(dtype), random.randint(CLASSES, size=BATCH)


def trained(strategy, dtype):
    """What three steps report, and all variables after them."""
    keras.mixed_precision.set_global_policy(dtype)
    with strategy.scope():
        keras.utils.set_random_seed(0)
        step = tiny.gan_step(
            networks=Networks(_Generator, _Discriminator, _Discriminator),
            global_batch=BATCH,
            discriminator_inputs=DiscriminatorInputs(2, discriminator_inputs.identity),
            moving_average=MovingAverage(0.5, start_step=1),
        )
    rows = BATCH // strategy.num_replicas_in_sync

    def share(context, values):
        first = context.replica_id_in_sync_group * rows
        mine = slice(first, first + rows)
        return tuple((tf.constant(clip[mine]), tf.constant(label[mine], tf.int32)) for clip, label in values)

    function = tf.function(
        lambda batches: sum_over_replicas(strategy, strategy.run(step, args=(batches,))), autograph=False
    )
    found = {}
    for number in range(3):
        values = [_clips(2 * number + update, dtype) for update in range(2)]
        reported = function(strategy.experimental_distribute_values_from_function(lambda c, v=values: share(c, v)))
        found.update({f'{name} {number}': value.numpy() for name, value in reported.items()})
    for name in ('generator', 'ema_generator', 'spatial', 'temporal', 'generator_optimizer', 'discriminator_optimizer'):
        for index, variable in enumerate(getattr(step, name).variables):
            found[f'{name} {index}'] = variable.numpy()
    return found


COUNTS = (2, 4)
_RUN = """
import sys, numpy as np, tensorflow as tf
strategy, dtype, count, path = sys.argv[1:]
tf.config.set_logical_device_configuration(
    tf.config.list_physical_devices('CPU')[0], [tf.config.LogicalDeviceConfiguration()] * int(count))
import test_equality as test
np.savez(path, **test.trained(test.make_strategy(strategy), dtype))
"""


@pytest.fixture(scope='module')
def spread(tmp_path_factory):
    """What 2 and 4 replicas make of it in each precision, and two workers in float32, from processes side by side."""
    directory = tmp_path_factory.mktemp('spread')
    tests = os.path.dirname(os.path.abspath(__file__))
    environment = {**os.environ, 'PYTHONPATH': os.pathsep.join([tests, os.path.dirname(tests)])}

    def run(name, *arguments, **more):
        command = [sys.executable, '-c', _RUN, *arguments, str(directory / f'{name}.npz')]
        return subprocess.Popen(command, env={**environment, **more})

    processes = [run(f'{count} {dtype}', 'mirrored', dtype, str(count)) for count in COUNTS for dtype in TOLERANCE]
    sockets = [socket.create_server(('localhost', 0)) for _ in range(2)]
    workers = [f'localhost:{each.getsockname()[1]}' for each in sockets]
    for index, each in enumerate(sockets):
        each.close()
        task = json.dumps({'cluster': {'worker': workers}, 'task': {'type': 'worker', 'index': index}})
        processes.append(run(f'worker {index} float32', 'multi_worker', 'float32', '1', TF_CONFIG=task))
    assert [process.wait() for process in processes] == [0] * len(processes)
    return directory


@pytest.mark.parametrize('dtype', TOLERANCE)
def test_replicas_end_where_one_device_does(dtype, spread):
    alone = trained(make_strategy('one_device'), dtype)
    assert {'loss/temporal 2', 'gradient_norm/generator 0', 'generator_optimizer 1'} < alone.keys()
    places = sorted(spread.glob(f'* {dtype}.npz'))
    assert len(places) == (4 if dtype == 'float32' else 2)
    for place in places:
        with np.load(place) as found:
            assert found.keys() == alone.keys()
            for name, value in alone.items():
                limit = TOLERANCE[dtype] * max(1e-3, float(np.max(np.abs(value))))
                np.testing.assert_allclose(found[name], value, rtol=0, atol=limit, err_msg=f'{name} of {place.stem}')
