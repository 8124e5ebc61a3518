"""Protocols as the training loop calls them."""

import json

import pytest
from scored import TinyClips, TinyGenerator

from dvdgan_tf.errors import InputError
from dvdgan_tf.evaluation.during_training import ProtocolScores, load_networks


def test_scores_fall_as_the_generator_gets_better_and_the_best_step_is_known(tmp_path):
    scored, generator, source = ProtocolScores(['offline_64'], batch_size=32), TinyGenerator(), TinyClips()
    distances = []
    for step, gain in ((0, 0.1), (10, 0.8), (20, 0.6)):
        generator.gain.assign(gain)
        scalars = scored(generator, source, step, str(tmp_path))
        distances.append(scalars['offline_64/frechet'])
        assert scored.is_best(str(tmp_path), step) == (step < 20)
    assert distances[1] < distances[2] < distances[0] == scalars['offline_64/frechet_ceiling']
    assert scalars['offline_64/frechet_floor'] > 0 and 'offline_64/precision' in scalars
    lines = (tmp_path / 'evaluation' / 'evaluation.jsonl').read_text().splitlines()
    assert [json.loads(line)['model']['step'] for line in lines] == [0, 10, 20]


def test_the_real_clips_are_looked_at_once_over_all_steps(tmp_path):
    scored, source = ProtocolScores(['offline_32']), TinyClips()
    scored(TinyGenerator(), source, 0, str(tmp_path))
    passes = source.passes
    scored(TinyGenerator(), source, 1, str(tmp_path))
    assert source.passes == passes


def test_a_score_that_should_rise_is_best_when_largest(tmp_path):
    scored = ProtocolScores(['offline_32'], best_by='offline_32/recall')
    folder = tmp_path / 'evaluation'
    folder.mkdir()
    lines = [
        json.dumps({'protocol': 'offline_32', 'model': {'step': step}, 'scores': {'recall': {'value': value}}})
        for step, value in ((1, 0.2), (2, 0.7), (3, 0.5))
    ]
    (folder / 'evaluation.jsonl').write_text('\n'.join(lines) + '\n')
    assert [scored.is_best(str(tmp_path), step) for step in (1, 2, 3)] == [False, True, False]


def test_real_clips_are_those_of_the_protocols_split_and_a_missing_one_is_known_before_training():
    source = TinyClips()
    ProtocolScores(['offline_32']).check(source)
    assert source.opened == []
    with pytest.raises(InputError, match='there is no split test'):
        ProtocolScores(['offline_32', 'prediction']).check(source)
    with pytest.raises(InputError, match='at stride 2 and the data have 1'):
        ProtocolScores(['k600_fid_is']).check(source)


@pytest.mark.parametrize(
    'arguments, sentence',
    [
        ({'names': []}, 'no protocol was given'),
        ({'names': ['fvd']}, 'there is no protocol'),
        ({'names': ['offline_8'], 'best_by': 'offline_9/frechet'}, 'best_by'),
        ({'names': ['offline_8'], 'c3d': 'a.npz'}, 'needs two files'),
    ],
)
def test_bad_arguments_are_refused_at_once(arguments, sentence):
    with pytest.raises(InputError, match=sentence):
        ProtocolScores(**arguments)


def test_prediction_is_scored_on_its_split_which_is_opened_once(tmp_path):
    scored, source = ProtocolScores(['prediction']), TinyClips(20, splits=('train', 'test'))
    source.split = 'train'
    scored.check(source)
    for step in (0, 1):
        scalars = scored(TinyGenerator(4), source, step, str(tmp_path))
    assert source.opened == [('test', 1)] and set(scalars) == {'prediction/psnr', 'prediction/ssim'}


def test_the_offline_network_needs_no_weights():
    assert list(load_networks()) == ['offline']
