"""The training step: who changes whom, what it repeats, and the average of the generator."""

import functools

import numpy as np
import pytest
import tensorflow as tf
import tf_keras as keras

from dvdgan_tf.errors import InputError
from dvdgan_tf.losses import GridCell
from dvdgan_tf.models import DiscriminatorInputs, Generator, Networks, SpatialDiscriminator, TemporalDiscriminator
from dvdgan_tf.training.ema import MovingAverage
from dvdgan_tf.training.step import GanStep

BATCH, FRAMES, CLASSES = 4, 4, 3


def _make(**overrides):
    keras.utils.set_random_seed(1)
    adam = functools.partial(keras.optimizers.Adam, beta_1=0.0, beta_2=0.999, jit_compile=False)
    arguments = {
        'networks': Networks(
            lambda: Generator(16, FRAMES, CLASSES, 1),
            lambda: SpatialDiscriminator(16, CLASSES, 1),
            lambda: TemporalDiscriminator(16, CLASSES, 1),
        ),
        'generator_optimizer': lambda: adam(1e-3),
        'discriminator_optimizer': lambda: adam(1e-3),
        'global_batch': BATCH,
        'seed': 5,
        'discriminator_inputs': DiscriminatorInputs(2),
        'moving_average': MovingAverage(0.9, start_step=2),
    }
    return GanStep(**{**arguments, **overrides})


def _batch(seed=0):
    random = np.random.RandomState(seed)
    clip = random.uniform(-1, 1, [BATCH, FRAMES, 16, 16, 3]).astype('float32')
    return tf.constant(clip), tf.constant(random.randint(CLASSES, size=BATCH), tf.int32)


def _values(variables):
    return [variable.numpy() for variable in variables]


def _unchanged(before, variables):
    return all(np.array_equal(old, new) for old, new in zip(before, _values(variables)))


@pytest.fixture(scope='module')
def trained():
    """A step with its traced updates, so that the module traces them once."""
    step = _make()
    return step, {
        'discriminators': tf.function(lambda batch: step.update_discriminators(batch, 0), autograph=False),
        'generator': tf.function(step.update_generator, autograph=False),
        'step': tf.function(lambda batches: step(batches), autograph=False),
    }


def test_the_discriminators_update_leaves_the_generator_alone(trained):
    step, functions = trained
    generator, average = _values(step.generator.variables), _values(step.ema_generator.variables)
    optimizer = _values(step.generator_optimizer.variables)
    spatial, temporal = _values(step.spatial.variables), _values(step.temporal.variables)
    functions['discriminators'](_batch())
    assert _unchanged(generator, step.generator.variables)
    assert _unchanged(average, step.ema_generator.variables)
    assert _unchanged(optimizer, step.generator_optimizer.variables)
    assert not _unchanged(spatial, step.spatial.variables)
    assert not _unchanged(temporal, step.temporal.variables)


def test_the_generators_update_leaves_the_discriminators_alone(trained):
    step, functions = trained
    others = [*step.spatial.variables, *step.temporal.variables, *step.discriminator_optimizer.variables]
    before, generator = _values(others), _values(step.generator.variables)
    functions['generator'](_batch())
    assert _unchanged(before, others)
    assert not _unchanged(generator, step.generator.variables)


def test_losses_are_the_hinges_of_the_reported_logits(trained):
    step, functions = trained
    metrics = functions['generator'](_batch())
    assert set(metrics) == {'loss/generator', 'gradient_norm/generator'}
    metrics = functions['discriminators'](_batch())
    assert set(metrics) == {
        f'{what}/{name}' for what in ('loss', 'gradient_norm') for name in ('spatial', 'temporal')
    } | {f'logits/{name}_{kind}' for name in ('spatial', 'temporal') for kind in ('real', 'fake')}
    for name in ('spatial', 'temporal'):
        # The hinge is convex, so the mean of hinges is at least the hinge of the mean logit.
        lower = max(0, 1 - metrics[f'logits/{name}_real']) + max(0, 1 + metrics[f'logits/{name}_fake'])
        assert metrics[f'loss/{name}'] >= lower - 1e-4


def test_the_average_follows_its_closed_form(trained):
    step, functions = trained
    step.step.assign(0)
    expected = None
    for number in range(5):
        functions['step']([_batch(number), _batch(number + 10)])
        weight = step.generator.to_video.spectral.kernel.numpy()
        expected = weight if number < 2 else 0.9 * expected + 0.1 * weight
        np.testing.assert_allclose(step.ema_generator.to_video.spectral.kernel, expected, rtol=1e-5, atol=1e-7)
    assert step.step.numpy() == 5
    assert step.discriminator_optimizer.iterations.numpy() >= 2 * 5
    assert len(step.ema_generator.trainable_variables) == len(step.generator.trainable_variables)


def test_random_numbers_depend_on_the_step_alone(trained):
    """Two steps from the same state draw the same latents, labels and frames; another step number draws others."""
    step, functions = trained
    variables = [*step.generator.variables, *step.spatial.variables, *step.temporal.variables]
    variables += [*step.generator_optimizer.variables, *step.discriminator_optimizer.variables]
    start = _values(variables)

    def logits(number):
        for variable, value in zip(variables, start):
            variable.assign(value)
        step.step.assign(number)
        return float(functions['discriminators'](_batch())['logits/spatial_fake'])

    assert logits(7) == logits(7)
    assert logits(7) != logits(8)


def test_more_frames_for_the_spatial_discriminator_than_there_are_is_one_sentence():
    with pytest.raises(
        InputError, match=r'spatial_frames \(k\) is 9, but clips have 4 generated frames; choose 1 to 4'
    ):
        _make(discriminator_inputs=DiscriminatorInputs(9))


def test_a_distance_to_the_truth_in_synthesis_is_one_sentence():
    with pytest.raises(InputError, match='grid_cell compares predictions with the truth; synthesis has none'):
        _make(grid_cell=GridCell(20.0))
