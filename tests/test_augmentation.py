"""Differentiable augmentation: against plain loops, exact gradients, alike for frames, replicas, real and generated."""

import types

import numpy as np
import pytest
import tensorflow as tf
import tf_keras as keras

from dvdgan_tf.distribute.strategy import make_strategy
from dvdgan_tf.errors import InputError
from dvdgan_tf.models import Generator, Networks, SpatialDiscriminator, TemporalDiscriminator, discriminator_inputs
from dvdgan_tf.training.augmentation import DifferentiableAugmentation
from dvdgan_tf.training.step import GanStep, _Draws

SHAPE = (5, 3, 8, 12, 3)


def _random(seed=0):
    random = np.random.RandomState(seed)
    return random.uniform(-1, 1, SHAPE).astype('float32'), random.uniform(0, 1, [SHAPE[0], 7]).astype('float32')


def _oracle(clip, draws, colour=True, translation=0.125, cutout=0.5):
    """One clip, frame by frame and pixel by pixel."""
    frames, height, width, _ = clip.shape
    if colour:
        clip = clip + draws[0] - 0.5
        grey = clip.mean(-1, keepdims=True)
        clip = grey + (clip - grey) * 2 * draws[1]
        clip = clip.mean() + (clip - clip.mean()) * (0.5 + draws[2])
    most = [round(translation * side) for side in (height, width)]
    shift = [int(draw * (2 * room + 1)) - room for draw, room in zip(draws[3:5], most)]
    sides = [round(cutout * side) for side in (height, width)]
    first = [int(draw * (side + 1 - cut % 2)) - cut // 2 for draw, side, cut in zip(draws[5:], (height, width), sides)]
    result = np.zeros_like(clip)
    for y in range(height):
        for x in range(width):
            from_y, from_x = y - shift[0], x - shift[1]
            cut = all(start <= place < start + side for start, place, side in zip(first, (y, x), sides))
            if 0 <= from_y < height and 0 <= from_x < width and not cut:
                result[:, y, x] = clip[:, from_y, from_x]
    return result


@pytest.mark.parametrize('options', [{}, {'colour': False}, {'translation': 1.0, 'cutout': 0.0}], ids=str)
def test_clips_are_changed_as_plain_loops_change_them(options):
    clips, draws = _random()
    changed = tf.function(DifferentiableAugmentation(**options), jit_compile=True)(clips, draws)
    for clip, draw, found in zip(clips, draws, changed):
        np.testing.assert_allclose(found, _oracle(clip, draw, **options), atol=1e-5)


def test_every_shift_and_place_of_the_rectangle_happens():
    draws = np.tile(np.linspace(0, 1, 2000, endpoint=False, dtype='float32')[:, None], [1, 7])
    ones = tf.ones([2000, 1, 8, 8, 1])
    cut = DifferentiableAugmentation(colour=False, translation=0.0)(ones, draws)[:, 0, :, :, 0]
    lost = 64 - np.sort(np.unique(np.sum(cut, axis=(1, 2))))
    assert lost.max() == 16 and lost.min() == 4  # a 4x4 square, of which a corner is outside at the ends
    column = tf.tile(tf.reshape(tf.range(8.0), [1, 1, 8, 1, 1]), [2000, 1, 1, 8, 1])
    moved = DifferentiableAugmentation(colour=False, translation=0.25, cutout=0.0)(column, draws)
    assert {4 - int(value) for value in moved[:, 0, 4, 4, 0]} == {-2, -1, 0, 1, 2}


def test_gradients_are_exact():
    """Given its draws the augmentation is affine, so differences equal the gradient for steps of any size."""
    (clips, draws), (others, _) = _random(1), _random(2)
    augmentation = DifferentiableAugmentation()
    weight = np.random.RandomState(3).randn(*SHAPE).astype('float32')
    with tf.GradientTape() as tape:
        inputs = tf.constant(clips)
        tape.watch(inputs)
        loss = tf.reduce_sum(augmentation(inputs, draws) * weight)
    gradient = tape.gradient(loss, inputs)
    difference = tf.reduce_sum((augmentation(others, draws) - augmentation(clips, draws)) * weight)
    np.testing.assert_allclose(tf.reduce_sum(gradient * (others - clips)), difference, rtol=1e-4)


def test_all_frames_of_a_clip_change_alike():
    clips, draws = _random()
    still = np.tile(clips[:, :1], [1, 3, 1, 1, 1])
    changed = DifferentiableAugmentation()(still, draws)
    np.testing.assert_array_equal(changed, np.tile(changed[:, :1], [1, 3, 1, 1, 1]))


def test_the_number_of_replicas_changes_nothing():
    clips = np.random.RandomState(0).uniform(-1, 1, [4, 4, 8, 8, 3]).astype('float32')
    step = types.SimpleNamespace(
        global_batch=4,
        seed=3,
        step=tf.constant(5, tf.int64),
        micro_batches=1,
        discriminator_updates=2,
    )
    inputs = discriminator_inputs.DiscriminatorInputs(2, augmentation=DifferentiableAugmentation())

    def seen(name):
        strategy = make_strategy(name)
        count = 4 // strategy.num_replicas_in_sync
        run = tf.function(lambda clip: inputs.seen(clip, 0, _Draws(step, 0, 0).uniform), autograph=False)
        rows = strategy.experimental_distribute_values_from_function(
            lambda context: tf.constant(clips[context.replica_id_in_sync_group * count :][:count])
        )
        values = strategy.run(run, args=(rows,))
        return {key: tf.concat(strategy.experimental_local_results(value), 0) for key, value in values.items()}

    alone, spread = seen('one_device'), seen('mirrored')
    for name, value in alone.items():
        np.testing.assert_allclose(spread[name], value, atol=1e-6)
    assert float(tf.reduce_max(tf.abs(alone['temporal'] - discriminator_inputs.average_pool_2x2(clips, None)))) > 0.1


class _Blank:
    """Leaves nothing of a clip."""

    DRAWS = 7

    def __call__(self, clip, uniform):
        return clip * 0.0


def test_real_and_generated_clips_pass_through_it_and_gradients_too():
    keras.utils.set_random_seed(1)

    def adam():
        return keras.optimizers.Adam(1e-3, jit_compile=False)

    step = GanStep(
        networks=Networks(
            lambda: Generator(16, 4, 1, 1),
            lambda: SpatialDiscriminator(16, 1, 1),
            lambda: TemporalDiscriminator(16, 1, 1),
        ),
        generator_optimizer=adam,
        discriminator_optimizer=adam,
        global_batch=2,
        seed=0,
        discriminator_inputs=discriminator_inputs.DiscriminatorInputs(2, augmentation=_Blank()),
    )
    batch = tf.random.stateless_uniform([2, 4, 16, 16, 3], [0, 0], -1, 1), tf.zeros([2], tf.int32)
    found = step.update_discriminators(batch, 0)
    for name in ('spatial', 'temporal'):
        np.testing.assert_allclose(found[f'logits/{name}_real'], found[f'logits/{name}_fake'], atol=1e-6)
    assert float(step.update_generator(batch)['gradient_norm/generator']) == 0.0


@pytest.mark.parametrize(
    ('options', 'message'),
    [
        ({'translation': 1.5}, 'translation is 1.5 and cutout 0.5; choose shares of the side, 0 to 1'),
        ({'cutout': -0.1}, 'translation is 0.125 and cutout -0.1; choose shares'),
        ({'colour': False, 'translation': 0.0, 'cutout': 0.0}, 'an augmentation without .* bind None instead'),
    ],
)
def test_augmentations_that_make_no_sense_are_one_sentence(options, message):
    with pytest.raises(InputError, match=message):
        DifferentiableAugmentation(**options)
