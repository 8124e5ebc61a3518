"""Windows drawn where it rains: how often, and the weight that undoes it."""

import numpy as np
import pytest
import tensorflow as tf
from prepared import run

from dvdgan_tf.data.importance import Importance
from dvdgan_tf.data.pipeline import Field, RecordClips
from dvdgan_tf.errors import InputError
from dvdgan_tf.prepare.listing import Rules
from dvdgan_tf.prepare.sources import radar

SPAN, SIDE = 3, 8


def field():
    rate = np.zeros([9, 24, 20], np.float32)
    rate[2:6, 10:18, 3:9] = 4.0
    rate[:, :2, :2] = np.nan
    return rate


def importance(rate=None):
    rate = field() if rate is None else rate
    return Importance([[rate[:4], rate[4:]]], np.array([5]), SPAN, SIDE, 0.0, 1.0)


def test_probabilities_are_those_of_a_slow_sum():
    drawn, rate = importance(), np.nan_to_num(field())
    happening = []
    for clip, start, top, left in drawn.places:
        crop = rate[start - 5 : start - 5 + SPAN, top : top + SIDE, left : left + SIDE]
        assert clip == 0 and crop.shape == (SPAN, SIDE, SIDE)
        happening.append(np.mean(1 - np.exp(-crop)))
    probability = 0.9 * np.array(happening) / sum(happening) + 0.1 / len(happening)
    np.testing.assert_allclose(drawn.weights, 1 / (len(happening) * probability), rtol=1e-6)
    assert drawn.weights.max() <= 10 and {top for _, _, top, _ in drawn.places} == set(range(0, 17, 2))


def test_draws_follow_the_probabilities_and_weights_undo_them():
    drawn, value = importance(), np.arange(len(importance().places)) % 7
    found = np.array([int(drawn.index(tf.constant(draw))) for draw in (np.arange(4000) + 0.5) / 4000])
    assert np.mean(drawn.weights[found]) == pytest.approx(1.0, abs=0.03)
    assert np.mean(drawn.weights[found] * value[found]) == pytest.approx(value.mean(), abs=0.1)


def test_no_wet_crop_at_all():
    with pytest.raises(InputError, match='nothing lies above 0 in any of the'):
        importance(np.zeros([9, 24, 20], np.float32))


@pytest.fixture(scope='module')
def folder(tmp_path_factory):
    place = tmp_path_factory.mktemp('radar')
    np.savez(place / 'a.npz', rate=np.concatenate([field(), field()]), minutes=5)
    np.savez(place / 'b.npz', rate=field()[:, :, ::-1], minutes=5)
    run(radar.radar_files(str(place), 'mm/h'), place / 'out', Rules('raw'), value_range=(0.0, 128.0))
    return str(place / 'out')


def test_crops_of_the_pipeline_are_those_places_at_native_resolution(folder):
    data = RecordClips(folder, SIDE, SPAN, field=Field(1.0, knee=0.2), test_part=0.3)
    wet = []
    for clip, _ in data.training(0, 8, 8).take(4):
        wet.append(data.scale.measured(clip.numpy()))
    wet = np.concatenate(wet)
    assert set(np.round(np.unique(wet[~np.isnan(wet)]), 3)) <= {0.0, 4.0}  # nothing was resized
    even = RecordClips(folder, SIDE, SPAN, field=Field(knee=0.2), test_part=0.3)
    dry = np.concatenate([even.scale.measured(clip.numpy()) for clip, _ in even.training(0, 8, 8).take(4)])
    assert np.nanmean(wet) > 1.5 * np.nanmean(dry)


def test_random_evaluation_has_weights_of_its_clips(folder):
    data = RecordClips(folder, SIDE, SPAN, field=Field(1.0), split='test', test_part=0.3)
    numbers = np.arange(64)
    weights, rain = data.weights(numbers), []
    for clip, _, valid in data.evaluation(8, 'random', 'random', numbers):
        rain += list(np.nanmean(data.scale.measured(clip.numpy()), (1, 2, 3, 4))[valid])
    assert np.corrcoef(weights, rain)[0, 1] < -0.3  # much rain, little weight
    np.testing.assert_array_equal(RecordClips(folder, SIDE, SPAN, field=Field()).weights(numbers), 1)


def test_importance_is_for_numbers_whatever_their_class(folder):
    with pytest.raises(InputError, match='set even_classes to False'):
        RecordClips(folder, SIDE, SPAN, even_classes=True, field=Field(1.0))
