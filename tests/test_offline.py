"""The network of the offline distance: fixed, sensitive to every degradation, at the floor for real clips."""

import numpy as np
import pytest

from dvdgan_tf.errors import InputError
from dvdgan_tf.evaluation.selftest import moments_of
from dvdgan_tf.metrics.offline import FEATURES, OfflineNetwork, check_clips
from dvdgan_tf.metrics.scores import frechet_distance


def moving_squares(count, seed, frames=12, size=32, channels=3):
    """Clips of one bright square that moves at a constant speed over a shaded ground."""
    random = np.random.default_rng(seed)
    clips = np.empty((count, frames, size, size, channels), np.float32)
    rows, columns = np.mgrid[:size, :size]
    for clip in clips:
        place, speed = random.uniform(0, size, 2), random.uniform(-3, 3, 2)
        ground = random.uniform(-0.8, -0.2, channels)
        for time, frame in enumerate(clip):
            y, x = (place + speed * time) % size
            frame[:] = ground + 0.3 * np.sin(rows / 3)[..., None]
            frame[((rows - y) % size < 8) & ((columns - x) % size < 8)] = 0.9
    return clips


def moments(clips, batch=24):
    network = OfflineNetwork()
    parts = (clips[start : start + batch] for start in range(0, len(clips), batch))
    return moments_of(np.concatenate([network(part).numpy() for part in parts]))


class Real:
    """128 real clips, and their distance from 128 others."""

    def __init__(self):
        clips = moving_squares(256, 0)
        self.moments = moments(clips[:128])
        self.floor = self.score(clips[128:])

    def score(self, clips, batch=24):
        return frechet_distance(self.moments, moments(clips, batch))


@pytest.fixture(scope='module')
def offline():
    return Real()


def degraded(kind):
    clips = moving_squares(128, 1)
    random = np.random.default_rng(2)
    if kind == 'noise':
        return random.uniform(-1, 1, clips.shape).astype(np.float32)
    if kind == 'shuffled frames':
        return np.stack([clip[random.permutation(len(clip))] for clip in clips])
    if kind == 'frozen':
        return np.repeat(clips[:, :1], clips.shape[1], axis=1)
    if kind == 'blurred':
        return sum(np.roll(clips, (y, x), (2, 3)) for y in (-1, 0, 1) for x in (-1, 0, 1)) / np.float32(9)
    if kind == 'one clip':
        return np.repeat(clips[:1], 128, axis=0)
    return np.zeros_like(clips)


@pytest.mark.parametrize('kind', ['noise', 'shuffled frames', 'frozen', 'blurred', 'one clip', 'grey'])
def test_degraded_clips_score_well_above_the_floor(offline, kind):
    assert offline.score(degraded(kind)) > 3 * offline.floor


def test_real_clips_score_at_the_floor(offline):
    assert 0.5 * offline.floor < offline.score(moving_squares(128, 3)) < 2 * offline.floor


def test_the_score_grows_with_the_strength_of_noise(offline):
    clips, noise = moving_squares(128, 1), np.random.default_rng(2).standard_normal((128, 12, 32, 32, 3))
    scores = [offline.score((clips + level * noise).astype(np.float32)) for level in (0.05, 0.1, 0.2, 0.4)]
    assert scores == sorted(scores) and scores[-1] > 4 * scores[0]


def test_batch_size_does_not_change_the_score(offline):
    clips = moving_squares(128, 4)
    assert offline.score(clips, 128) == pytest.approx(offline.score(clips, 7), rel=1e-5)


def test_the_same_clips_have_distance_zero():
    clips = moments(moving_squares(32, 0))
    assert frechet_distance(clips, clips) == pytest.approx(0, abs=1e-6)


def test_weights_are_the_same_everywhere_and_differ_by_seed():
    assert OfflineNetwork(0).hash == '3f557332337443e400d29c70de320609988d265eecb40c0f55afd0fa60211a7a'
    assert OfflineNetwork(1).hash != OfflineNetwork(0).hash


@pytest.mark.parametrize('shape', [(2, 8, 16, 16, 1), (1, 2, 16, 24, 3), (1, 5, 64, 64, 3)])
def test_any_clip_size_and_one_channel(shape):
    clips = np.random.default_rng(0).uniform(-1, 1, shape).astype(np.float32)
    features = OfflineNetwork()(clips).numpy()
    assert features.shape == (shape[0], FEATURES) and np.isfinite(features).all()
    if shape[-1] == 1:
        np.testing.assert_allclose(features, OfflineNetwork()(np.repeat(clips, 3, -1)).numpy(), rtol=1e-5)


def test_features_of_change_are_zero_for_a_frozen_clip():
    frozen = np.repeat(moving_squares(2, 0)[:, :1], 6, axis=1)
    change = OfflineNetwork()(frozen).numpy()[:, 16:32]
    np.testing.assert_allclose(change, 0, atol=1e-3)


@pytest.mark.parametrize('shape', [(4, 12, 8, 8, 3), (4, 12, 32, 32, 2), (4, 1, 32, 32, 3), (12, 32, 32, 3)])
def test_bad_clips_are_refused(shape):
    with pytest.raises(InputError, match='takes'):
        check_clips(np.zeros(shape, np.float32))
