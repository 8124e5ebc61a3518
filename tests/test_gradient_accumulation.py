"""Micro-batches: what a large batch would give."""

import numpy as np
import pytest
import tensorflow as tf
import tf_keras as keras
import tiny

from dvdgan_tf.errors import InputError
from dvdgan_tf.layers import state
from dvdgan_tf.layers.spectral_norm import SpectralDense
from dvdgan_tf.models import DiscriminatorInputs, Networks
from dvdgan_tf.training.ema import MovingAverage
from dvdgan_tf.training.optimizer import accumulated
from dvdgan_tf.training.step import GanStep

BATCH = 8


class _Judge(keras.Model):
    """A score by one spectrally normalised matrix."""

    def __init__(self):
        super().__init__()
        self.dense = SpectralDense(1)

    def call(self, clip, label, training=False):
        return self.dense(tf.reshape(clip, [clip.shape[0], clip.shape[1:].num_elements()]), training=training)[:, 0]


def _step(micro_batches):
    keras.utils.set_random_seed(3)
    return GanStep(
        networks=Networks(tiny.Generator, _Judge, _Judge),
        generator_optimizer=lambda: keras.optimizers.SGD(0.1, jit_compile=False),
        discriminator_optimizer=lambda: keras.optimizers.SGD(0.1, jit_compile=False),
        global_batch=BATCH,
        seed=1,
        discriminator_inputs=DiscriminatorInputs(1),
        micro_batches=micro_batches,
        moving_average=MovingAverage(start_step=0),
    )


def _trained(micro_batches):
    """What one step reports, and every variable after it."""
    random = np.random.RandomState(0)
    step = _step(micro_batches)
    batches = [
        (random.uniform(-1, 1, [BATCH, *tiny.CLIP]).astype('float32'), random.randint(tiny.CLASSES, size=BATCH))
        for _ in range(2)
    ]
    values = tf.function(step, autograph=False)([(clip, label.astype('int32')) for clip, label in batches])
    variables = {
        f'{name} {number} {variable.name.split("/")[-1]}': variable
        for name in ('generator', 'ema_generator', 'spatial', 'temporal')
        for number, variable in enumerate(getattr(step, name).variables)
    }
    return {name: value.numpy() for name, value in {**values, **variables}.items()}


def test_four_micro_batches_of_two_equal_a_batch_of_eight():
    whole, parts = _trained(1), _trained(4)
    assert whole.keys() == parts.keys() and any('u:0' in name for name in whole)
    for name, value in whole.items():
        np.testing.assert_allclose(parts[name], value, rtol=1e-5, atol=1e-6, err_msg=name)


@pytest.mark.parametrize('micro_batches', [3, 0])
def test_micro_batches_that_do_not_share_the_batch_are_refused(micro_batches):
    with pytest.raises(InputError, match=f'batch is 8 and micro_batches {micro_batches}; .* 1 replica'):
        _step(micro_batches)


def test_parts_begin_with_the_same_state_which_moves_once_by_their_mean():
    moving = tf.Variable(1.0)

    def part(number):
        state.update(moving, moving + 2.0 * number)
        return {'sum': tf.constant(float(number))}

    assert float(accumulated(3, part)['sum']) == 3.0
    assert float(moving) == 3.0


def test_a_part_begins_when_the_one_before_has_ended():
    @tf.function(autograph=False)
    def work():
        return accumulated(2, lambda number: tf.random.normal([3], name=f'part_{number}'))

    operations = {operation.name: operation for operation in work.get_concrete_function().graph.get_operations()}
    second = [operation for name, operation in operations.items() if name.startswith('part_1/')]
    assert second and all(
        any(before.name.startswith('part_0') for before in operation.control_inputs)
        for operation in second
        if not operation.inputs
    )
