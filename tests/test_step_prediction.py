"""The training step of DVD-GAN-FP: what the discriminators see of the context (paper B.4)."""

import numpy as np
import pytest
import tensorflow as tf
import tf_keras as keras

from dvdgan_tf.models import Generator, SpatialDiscriminator, TemporalDiscriminator
from dvdgan_tf.training import step as step_module
from dvdgan_tf.training.step import GanStep

CONTEXT, FRAMES, BATCH = 2, 2, 2


@pytest.fixture(scope='module')
def step():
    adam = lambda: keras.optimizers.Adam(1e-3, jit_compile=False)  # noqa: E731
    return GanStep(
        generator=lambda: Generator(16, FRAMES, 1, 1, context_frames=CONTEXT),
        spatial_discriminator=lambda: SpatialDiscriminator(16, 1, 1),
        temporal_discriminator=lambda: TemporalDiscriminator(16, 1, 1),
        generator_optimizer=adam,
        discriminator_optimizer=adam,
        global_batch=BATCH,
        seed=0,
        spatial_frames=FRAMES,
    )


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
    assert step.step.numpy() == 1
