"""The training clips nearest to samples, against a comparison of every pair."""

import numpy as np
import pytest
from scored import TinyClips

from dvdgan_tf.evaluation.nearest import nearest_by_pixels


def test_a_copied_clip_is_found_and_the_others_are_as_near_as_the_nearest():
    source = TinyClips(37)
    random = np.random.default_rng(0)
    samples = np.concatenate([source.clips[[30, 3]], random.uniform(-1, 1, source.clips[:3].shape)])
    found = nearest_by_pixels(samples, source)
    levels = np.round((np.stack([samples, found.clips]) + 1) * 127.5)
    every = np.round((source.clips + 1) * 127.5)
    slow = np.sqrt(np.square(levels[0][:, None] - every).mean((2, 3, 4, 5)))
    np.testing.assert_allclose(found.distances, slow.min(1), rtol=1e-4, atol=1e-3)
    np.testing.assert_array_equal(found.clips, source.clips[slow.argmin(1)])
    assert found.distances[:2] == pytest.approx([0, 0], abs=1e-3)
