"""Normalisation against NumPy, written from the paper's words."""

import numpy as np
import pytest

from dvdgan_tf.layers import moments, normalization

B, T, H, C = 3, 4, 5, 64


def _frames(seed=0):
    return np.random.RandomState(seed).randn(B * T, H, H, C).astype('float32') * 2 + 1


def _clips(frames):
    return frames.reshape(B, T, H, H, C)


def _axes(variant):
    return {
        moments.TimestepMoments: (0, 2, 3),
        moments.AllFrameMoments: (0, 1, 2, 3),
        moments.InstanceMoments: (2, 3),
        moments.LayerMoments: (2, 3, 4),
    }[variant]


@pytest.mark.parametrize(
    'variant', [moments.TimestepMoments, moments.AllFrameMoments, moments.InstanceMoments, moments.LayerMoments]
)
def test_moments_reduce_over_the_axes_of_their_name(variant):
    frames = _frames()
    mean, variance = (np.broadcast_to(value, [B, T, C]) for value in variant(T)(frames, training=True))
    axes = _axes(variant)
    clips = _clips(frames).astype('float64')
    kept = [B, T, 1, 1, C]
    np.testing.assert_allclose(mean, np.broadcast_to(clips.mean(axes, keepdims=True), kept)[:, :, 0, 0], atol=1e-5)
    np.testing.assert_allclose(variance, np.broadcast_to(clips.var(axes, keepdims=True), kept)[:, :, 0, 0], rtol=1e-4)


def test_group_moments_share_32_groups():
    frames = _frames()
    mean, variance = moments.GroupMoments(T)(frames)
    grouped = _clips(frames).reshape(B, T, H, H, 32, C // 32)
    np.testing.assert_allclose(mean[:, :, ::2], grouped.mean((2, 3, 5)), atol=1e-5)
    np.testing.assert_allclose(variance[:, :, 1::2], grouped.var((2, 3, 5)), rtol=1e-4)


def test_fixed_moments_do_not_normalise():
    layer = normalization.LearnedNormalization(T, moments.FixedMoments)
    np.testing.assert_allclose(layer(_frames()), _frames(), rtol=1e-4)


def test_conditional_normalisation_against_numpy():
    frames, condition = _frames(), np.random.RandomState(1).randn(B, 7).astype('float32')
    layer = normalization.ConditionalNormalization(T)
    outputs = _clips(layer(frames, condition, training=True).numpy())
    clips = _clips(frames).astype('float64')
    scale = 1 + condition @ layer.scale.spectral(None).numpy()
    offset = condition @ layer.offset.spectral(None).numpy()
    for clip in range(B):
        for step in range(T):
            same_step = clips[:, step].reshape(-1, C)
            normal = (clips[clip, step] - same_step.mean(0)) / np.sqrt(same_step.var(0) + normalization.EPSILON)
            np.testing.assert_allclose(outputs[clip, step], scale[clip] * normal + offset[clip], atol=2e-4)


def test_moving_averages_have_a_row_per_timestep_and_follow_the_batch():
    frames = _frames()
    layer = moments.TimestepMoments(T)
    layer(frames, training=True)
    clips = _clips(frames)
    assert layer.moving_mean.shape == (T, C)
    np.testing.assert_allclose(layer.moving_mean, 0.01 * clips.mean((0, 2, 3)), atol=1e-6)
    np.testing.assert_allclose(layer.moving_variance, 0.99 + 0.01 * clips.var((0, 2, 3)), rtol=1e-5)
    average = layer.moving_mean.numpy()
    mean, _ = layer(frames)
    np.testing.assert_array_equal(layer.moving_mean, average)
    np.testing.assert_array_equal(mean[0], average)


def test_a_timestep_does_not_see_the_others():
    frames = _frames()
    layer = normalization.LearnedNormalization(T)
    before = _clips(layer(frames, training=True).numpy())
    changed = _clips(frames.copy())
    changed[:, 2] += np.random.RandomState(2).randn(*changed[:, 2].shape)
    after = _clips(layer(changed.reshape(frames.shape), training=True).numpy())
    np.testing.assert_array_equal(np.delete(after, 2, 1), np.delete(before, 2, 1))
    assert np.abs(after[:, 2] - before[:, 2]).max() > 0.1
