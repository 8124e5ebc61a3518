"""The protocol nowcast: ensembles against the truth and the references, on records with missing pixels."""

import importlib.util
import json
import os
import sys

import numpy as np
import pytest
import tensorflow as tf
from prepared import run

from dvdgan_tf.data.pipeline import Field, RecordClips
from dvdgan_tf.data.synthetic import SyntheticClips
from dvdgan_tf.errors import InputError
from dvdgan_tf.evaluation.nowcast import references
from dvdgan_tf.evaluation.nowcast.protocol import Nowcast
from dvdgan_tf.evaluation.results import report
from dvdgan_tf.prepare.listing import Rules
from dvdgan_tf.prepare.sources import radar

CONTEXT, FRAMES = 2, 3


class Forecaster(tf.Module):
    """Continues with the last frame, or with noise of the latents on it."""

    num_classes, latent_size, context_frames, resolution, num_frames = 1, 4, CONTEXT, 16, FRAMES

    def __init__(self, noise=0.0):
        super().__init__()
        self.noise = noise

    def __call__(self, latent, label, context, training=False):
        last = tf.repeat(context[:, -1:], FRAMES, axis=1)
        return tf.clip_by_value(last + self.noise * latent[:, :1, None, None, None], -1.0, 1.0)


@pytest.fixture(scope='module')
def data(tmp_path_factory):
    place = tmp_path_factory.mktemp('rain')
    rate = np.random.RandomState(0).gamma(0.5, 4.0, [20, 24, 24]).astype(np.float32)
    rate[:, :4, :6] = np.nan
    np.savez(place / 'a.npz', rate=rate, minutes=5)
    run(radar.radar_files(str(place), 'mm/h'), place / 'out', Rules('raw'), value_range=(0.0, 128.0))
    options = {'field': Field(1.0, knee=0.2), 'test_part': 0.4}
    return RecordClips(str(place / 'out'), 16, CONTEXT + FRAMES, **options)


def score(data, generator, folder, **options):
    asked = {'forecasts': 6, 'members': 3, 'against': ['persistence', 'context_mean'], **options}
    return Nowcast(**asked).evaluate(generator, data, {'step': 7}, str(folder))


def test_a_generator_that_repeats_the_last_frame_is_persistence(data, tmp_path):
    result = score(data, Forecaster(), tmp_path)
    model, last = (result['methods'][name] for name in ('model', 'persistence'))
    for name in model:
        np.testing.assert_allclose(np.array(model[name], float), np.array(last[name], float), rtol=1e-3, atol=1e-3)
    assert result['scores']['crps']['last_frame_repeated'] == pytest.approx(result['scores']['crps']['value'], rel=1e-3)
    assert max(map(abs, result['paired']['persistence']['crps_less'])) < 1e-3
    assert sorted(os.listdir(tmp_path)) == ['evaluation.jsonl', 'nowcast_test_7.json', 'nowcast_test_7.png']
    (kept,) = report.read(str(tmp_path / 'evaluation.jsonl'))
    everything = json.loads((tmp_path / 'nowcast_test_7.json').read_text())
    assert everything == result == {**kept, 'methods': result['methods']}
    assert 'crps' in report.table([kept]) and kept['split'] == 'test'


def test_an_ensemble_has_spread_and_its_members_count_one_by_one(data, tmp_path):
    result = score(data, Forecaster(0.3), tmp_path, split='train')
    model = result['methods']['model']
    assert min(model['spread']) > 0.1 and max(result['methods']['persistence']['spread']) == 0
    assert model['spectrum_distance'] != model['spectrum_of_mean_distance']
    assert score(data, Forecaster(0.3), tmp_path, split='train')['scores'] == result['scores']


@pytest.mark.parametrize('name', ['advection', 'steps'])
def test_methods_of_pysteps_follow_rain_that_moves(name):
    pytest.importorskip('pysteps')
    pytest.importorskip('cv2')
    y, x = np.mgrid[:64, :64]

    def frame(t):
        return 10 * np.exp(-(np.square(x - 12 - 2 * t) + np.square(y - 30)) / 30) + 4 * np.exp(
            -(np.square(x - 8 - 2 * t) + np.square(y - 12)) / 60
        )

    context, truth = np.stack([frame(t) for t in range(4)]), np.stack([frame(t) for t in range(4, 8)])
    made = references.find([name])[name](context, 4, 2, 0)
    assert made.shape[1:] == truth.shape and not np.isnan(made).any()
    still = references.persistence(context, 4, 1, 0)
    assert np.abs(made.mean(0) - truth).mean() < 0.6 * np.abs(still[0] - truth).mean()


def test_where_it_is_dry_advection_stands_still_and_stands_in_for_steps_with_a_word(monkeypatch, data, tmp_path):
    pytest.importorskip('pysteps')
    pytest.importorskip('cv2')
    dry = np.zeros([4, 16, 16])
    assert references.advection(dry, 4, 2, 0).max() == 0
    with pytest.raises(references.NoEnsembleError, match='less than 1% of the pixels have 0.1 mm/h'):
        references.steps(dry, 4, 2, 0)
    monkeypatch.setattr(references, '_rains', lambda context: False)
    result = score(data, Forecaster(), tmp_path, against=['persistence', 'advection', 'steps'])
    assert result['methods']['steps'] == result['methods']['advection'] == result['methods']['persistence']
    assert result['warnings'] == [
        'nowcast: STEPS makes no ensemble of 6 of 6 contexts, mostly dry ones; advection instead'
    ]


@pytest.mark.parametrize('missing', ['pysteps', 'cv2'])
def test_without_pysteps_one_sentence_says_so(monkeypatch, data, tmp_path, missing):
    monkeypatch.setattr(importlib.util, 'find_spec', lambda name: None if name == missing else sys)
    with pytest.raises(InputError, match='the reference steps needs pysteps and OpenCV; install them with pip'):
        references.find(['steps'])
    assert list(references.find()) == ['persistence', 'context_mean', 'no_rain']
    assert 'without advection and steps' in score(data, Forecaster(), tmp_path, against=None)['warnings'][0]


@pytest.mark.parametrize(
    'change, sentence',
    [
        ({'against': ['crystal']}, "there is no reference 'crystal'"),
        ({'members': 0}, '6 forecasts of 0 members'),
        ({'split': 'storm'}, 'storm'),
    ],
)
def test_wrong_wishes(data, tmp_path, change, sentence):
    with pytest.raises(InputError, match=sentence):
        score(data, Forecaster(), tmp_path, **change)


def test_the_crps_of_no_rain_is_the_mean_rate(data, tmp_path):
    methods = score(data, Forecaster(), tmp_path, against=['no_rain'])['methods']
    assert methods['no_rain']['csi_1'] == [0, 0, 0] and methods['no_rain']['bias_1'] == [0, 0, 0]
    rates = data.scale.measured(np.concatenate([clip for clip, _, _ in data.of_split('test').evaluation(1, 'first')]))
    assert methods['no_rain']['crps'][0] == pytest.approx(np.nanmean(rates), rel=0.3)


def test_other_data_and_other_models_are_refused(data, tmp_path):
    with pytest.raises(InputError, match='the unit of these data is not said'):
        score(SyntheticClips(16, 5), Forecaster(), tmp_path)
    whole = Forecaster()
    whole.context_frames = 0
    with pytest.raises(InputError, match='this model makes whole clips'):
        score(data, whole, tmp_path)
