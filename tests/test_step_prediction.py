"""The training step of DVD-GAN-FP: what the discriminators see of the context (paper B.4)."""

import numpy as np
import pytest
import tensorflow as tf
import tf_keras as keras

from dvdgan_tf import losses
from dvdgan_tf.data.scales import Scale
from dvdgan_tf.errors import InputError
from dvdgan_tf.losses import GridCell
from dvdgan_tf.models import DiscriminatorInputs, Generator, Networks, SpatialDiscriminator, TemporalDiscriminator
from dvdgan_tf.training import step as step_module
from dvdgan_tf.training.step import GanStep

CONTEXT, FRAMES, BATCH = 2, 2, 2


def _step(grid_cell=None, **inputs):
    adam = lambda: keras.optimizers.Adam(1e-3, jit_compile=False)  # noqa: E731
    return GanStep(
        networks=Networks(
            lambda: Generator(16, FRAMES, 1, 1, context_frames=CONTEXT),
            lambda: SpatialDiscriminator(16, 1, 1),
            lambda: TemporalDiscriminator(16, 1, 1),
        ),
        generator_optimizer=adam,
        discriminator_optimizer=adam,
        global_batch=BATCH,
        seed=0,
        discriminator_inputs=DiscriminatorInputs(FRAMES, **inputs),
        grid_cell=grid_cell,
    )


@pytest.fixture(scope='module')
def step():
    return _step()


@pytest.fixture(scope='module')
def regularized_step():
    return _step(grid_cell=GridCell(1.0, samples=2))


def _clip(seed):
    return tf.constant(np.random.RandomState(seed).uniform(-1, 1, [BATCH, CONTEXT + FRAMES, 16, 16, 3]), tf.float32)


def test_spatial_never_sees_the_context_and_temporal_sees_all(step):
    for update in range(3):
        clip = _clip(update)
        seen = step._seen(clip, step_module._Draws(step, update, 0))
        assert seen['temporal'].shape[1] == CONTEXT + FRAMES
        for row in range(BATCH):
            kept = {frame.numpy().tobytes() for frame in seen['spatial'][row]}
            assert kept == {frame.numpy().tobytes() for frame in clip[row, CONTEXT:]}


def test_generated_frames_follow_their_own_context(step):
    clip = _clip(0)
    fake, label = step._generate(clip, step_module._Draws(step, 0, 0))
    whole = step._with_context(clip, fake)
    assert fake.shape == (BATCH, FRAMES, 16, 16, 3)
    np.testing.assert_array_equal(label, 0)
    np.testing.assert_array_equal(whole[:, :CONTEXT], clip[:, :CONTEXT])
    np.testing.assert_array_equal(whole[:, CONTEXT:], fake)


def test_labels_of_the_data_are_ignored_and_a_step_takes_a_batch_for_the_contexts(step):
    assert step.batches_per_step == 3
    labels = tf.constant([3, 70])
    metrics = tf.function(lambda: step([(_clip(0), labels), (_clip(1), labels), (_clip(2), labels)]), autograph=False)()
    assert all(np.isfinite(value) for value in metrics.values())
    assert set(metrics) == set(step.reported)
    assert step.step.numpy() == 1


class _Beginning:
    """G's update of clip 0 from the variables that a step has now, however often."""

    def __init__(self, step):
        self._step, self._before = step, [variable.numpy() for variable in step.variables]

    def gradients(self):
        self._restore()
        gradients, metrics = self._step._generator_gradients((_clip(0), tf.zeros([BATCH], tf.int32)), 0)
        return [tf.convert_to_tensor(each) for each in gradients if each is not None], metrics

    def samples(self):
        self._restore()
        draws = step_module._Draws(self._step, self._step.discriminator_updates, 0)
        return [self._step._generate(_clip(0), draws)[0] for _ in range(2)]

    def _restore(self):
        for variable, value in zip(self._step.variables, self._before):
            variable.assign(value)


def test_the_distance_of_the_samples_mean_is_added_with_its_weight(regularized_step):
    step, at_first = regularized_step, _Beginning(regularized_step)

    def loss(weight):
        step.grid_cell = GridCell(weight, samples=2)
        gradients, metrics = at_first.gradients()
        return metrics['loss/generator'], gradients

    first, second = at_first.samples()
    assert np.abs(first - second).max() > 0
    distance = np.mean(np.abs((first + second) / 2 - _clip(0)[:, CONTEXT:]))
    (light, none), (_, half), (heavy, whole) = loss(1.0), loss(5e6 + 1.0), loss(1e7 + 1.0)
    np.testing.assert_allclose(heavy - light, 1e7 * distance, rtol=1e-4)
    parts = [tf.linalg.global_norm([b - a for a, b in zip(*pair)]) for pair in ((none, half), (half, whole))]
    np.testing.assert_allclose(*parts, rtol=1e-3)
    assert tf.linalg.global_norm(whole) > 10 * tf.linalg.global_norm(none)


def test_the_weight_may_be_a_schedule_which_follows_the_steps_of_a_traced_step(step):
    schedule = keras.optimizers.schedules.PolynomialDecay(50.0, 10, 5.0)
    scheduled = _step(grid_cell=GridCell(schedule, samples=1))
    batch, before = (_clip(0), tf.zeros([2], tf.int32)), [variable.numpy() for variable in scheduled.variables]
    traced = tf.function(lambda: scheduled._generator_gradients(batch, 0)[1], autograph=False)

    def at(number, call):
        for variable, value in zip(scheduled.variables, before):
            variable.assign(value)
        scheduled.step.assign(number)
        return call()

    def adversarial():
        draws = step_module._Draws(scheduled, scheduled.discriminator_updates, 0)
        return scheduled._adversarial_loss(_clip(0), *scheduled._generate(_clip(0), draws), draws)

    def weight(number):
        """What is left of G's loss without the adversarial one, over the distance."""
        metrics = at(number, traced)
        return (metrics['loss/generator'] - at(number, adversarial)) / metrics['loss/grid_cell']

    np.testing.assert_allclose([weight(number) for number in (0, 4, 10, 1000)], [50, 32, 5, 5], rtol=1e-3)
    assert {*scheduled.reported} - {*step.reported} == {'loss/grid_cell'}


def test_spectra_of_the_numbers_are_added_with_their_weight():
    step, scale = _step(grid_cell=GridCell(1.0, 2, spectrum_weight=3.0)), Scale(0.0, 100.0, 0.5)
    step.shares = scale.shares
    at_first = _Beginning(step)
    with_spectra, metrics = at_first.gradients()
    *shares, truth = (scale.to_numbers(clip) / 100.0 for clip in (*at_first.samples(), _clip(0)[:, CONTEXT:]))
    expected = np.mean(losses.spectrum(shares, truth))
    np.testing.assert_allclose(metrics['loss/spectrum'], expected, rtol=1e-3)
    assert set(step.reported) >= {*metrics}
    step.grid_cell = GridCell(1.0, 2)
    without, plain = at_first.gradients()
    np.testing.assert_allclose(metrics['loss/generator'] - plain['loss/generator'], 3.0 * expected, rtol=1e-3)
    assert tf.linalg.global_norm([a - b for a, b in zip(with_spectra, without)]) > 0


@pytest.mark.parametrize(('weight', 'samples'), [(-1.0, 2), (0.0, 2), (1.0, 0)])
def test_weights_and_numbers_of_samples_that_make_no_sense_are_one_sentence(weight, samples):
    for given in (weight, keras.optimizers.schedules.PolynomialDecay(weight, 10, 1.0)):
        with pytest.raises(InputError, match=f'grid cell weight is {weight} and its samples are {samples}; choose'):
            GridCell(given, samples)


def test_more_samples_than_a_step_has_random_numbers_for_are_one_sentence():
    with pytest.raises(InputError, match='grid cell samples are 17; choose 1 to 12'):
        _step(grid_cell=GridCell(1.0, samples=17))


def test_no_loss_depends_on_what_is_made_of_missing_pixels():
    step = _step(masked=True, grid_cell=GridCell(1.0, samples=1))
    clip = _clip(3).numpy()
    clip[:, :, :5] = -1.0
    draws = step_module._Draws(step, 0, 0)
    with tf.GradientTape() as tape:
        fake, _ = step._generate(tf.constant(clip), draws)
        missing = tf.reduce_sum(fake[:, :, :5])
    np.testing.assert_array_equal(fake[:, :, :5], -1.0)
    assert (fake[:, :, 5:].numpy() != clip[:, CONTEXT:, 5:]).any()
    names = [variable.name for variable in step.generator.trainable_variables]
    gradients = tape.gradient(missing, step.generator.trainable_variables)
    dense = {n: tf.convert_to_tensor(g) for n, g in zip(names, gradients) if g is not None}  # an embedding's is sparse
    found = [name for name, gradient in dense.items() if np.any(gradient)]
    assert found == []


def test_the_spatial_discriminator_learns_from_detail():
    step = _step(detail=4.0)
    kernel = step.spatial.blocks[0].conv1.spectral.kernel
    channels = kernel.shape[2] // 2
    assert channels == _step().spatial.blocks[0].conv1.spectral.kernel.shape[2]
    before = kernel.numpy()
    metrics = step([(_clip(0), tf.zeros([BATCH], tf.int32))] * step.batches_per_step)
    assert all(np.isfinite(value) for value in metrics.values())
    assert (before != kernel.numpy())[:, :, channels:].all()
