"""Many checkpoints: which are scored, what fails and is passed over, curves over steps and runs."""

import json

import numpy as np
import pytest
from PIL import Image

from dvdgan_tf.errors import InputError
from dvdgan_tf.evaluation import checkpoints
from dvdgan_tf.evaluation.results import curve


def results(value, floor=1.0):
    scores = {'frechet': {'value': value, 'spread': 0.5, 'floor': {'value': floor}}, 'recall': {'value': 1 / value}}
    return [{'protocol': 'offline_8', 'truncation': 1.0, 'standing_statistics': None, 'scores': scores}]


SCORED = {'a': {1: results(9.0), 2: results(4.0), 3: results(5.0)}, 'b': {1: results(7.0), 3: results(3.0)}}


def test_mean_deviation_and_best_over_steps_and_runs():
    found = curve.curves(SCORED)
    frechet, recall = found['offline_8/frechet'], found['offline_8/recall']
    assert frechet['steps'] == [1, 2, 3] and frechet['mean'] == [8.0, 4.0, 4.0] and frechet['floor'] == 1.0
    assert frechet['deviation'] == [pytest.approx(2**0.5), None, pytest.approx(2**0.5)]
    assert frechet['best_steps'] == {'a': 2, 'b': 3} == recall['best_steps']
    assert frechet['best'] == {'run': 'b', 'step': 3, 'value': 3.0} and frechet['best_mean'] == 3.5
    assert frechet['best_deviation'] == pytest.approx(np.std([4, 3], ddof=1))
    assert frechet['runs']['b'] == {'steps': [1, 3], 'values': [7.0, 3.0], 'spreads': [0.5, 0.5]}
    text = curve.table(found)
    assert 'step 3: 4 +- 1.4' in text and 'best: 3 at step 3 of b; best of each run 3.5 +- 0.71' in text


def test_a_truncation_curve_is_one_curve_for_each_sigma():
    both = [{**results(2.0)[0], 'truncation': sigma} for sigma in (0.5, 1.0)]
    assert 'offline_8/frechet at sigma 0.5' in curve.curves({'a': {1: both}})


def test_numbers_and_picture_are_written(tmp_path):
    paths = curve.write(curve.curves(SCORED), str(tmp_path / 'curve'))
    assert json.loads((tmp_path / 'curve.json').read_text())['offline_8/frechet']['best']['run'] == 'b'
    picture = Image.open(paths[1])
    assert picture.size[0] > 500 and len(picture.convert('RGB').getcolors(10**6)) > 20


def test_steps_are_chosen():
    saved = [100, 200, 300, 400]
    for wanted, expected in (('all', saved), ('200,400', [200, 400]), ('every:200', [200, 400]), ('250', [250])):
        assert checkpoints.choose_steps(wanted, saved, 'a') == expected
    for wanted, sentence in (('every:1000', 'it has 100'), ('some', 'give all'), ('every:0', 'give all')):
        with pytest.raises(InputError, match=sentence):
            checkpoints.choose_steps(wanted, saved, 'a')
    with pytest.raises(InputError, match='--checkpoints=all asks for; it has none'):
        checkpoints.choose_steps('all', [], 'a')


class Run:
    def __init__(self, name, config_text):
        self.config_text, self._name = config_text, name

    def score(self, step):
        if (self._name, step) == ('a', 2):
            raise InputError('the checkpoint is gone.')
        return SCORED[self._name[0]].get(step, results(6.0))


def test_what_cannot_be_scored_is_one_sentence_and_the_rest_is_scored():
    configs = {
        'a': 'SEED = 0\nWIDTH = 2\nloop.train.summary_every = 5',
        'b': 'SEED = 1\nWIDTH = 2\nloop.train.summary_every = 9',
        'b2': 'SEED = 1\nWIDTH = 3',
    }

    def opened(name):
        if name not in configs:
            raise InputError('it is no run.')
        return Run(name, configs[name])

    said = []
    found = checkpoints.score_all(['a', 'absent', 'b', 'b2', 'a'], opened, lambda name: [1, 2, 3], said.append)
    assert said == [
        'step 2 of a is left out: the checkpoint is gone.',
        'absent is left out: it is no run.',
        'b2 is of another configuration than a (WIDTH): their scores are not averaged.',
    ]
    first, second = (curves['offline_8/frechet'] for curves in found)
    assert set(first['runs']) == {'a', 'b'} and set(second['runs']) == {'b2'}
    assert first['mean'] == [8.0, 6.0, 4.0]
