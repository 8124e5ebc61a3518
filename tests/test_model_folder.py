"""A run folder of the averaged generator alone: it makes the same clips, says what it is, and is there whole or not."""

import os
import shutil
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
import tensorflow as tf
import tf_keras as keras

from dvdgan_tf import config, model_folder, ownership, saved_run
from dvdgan_tf.errors import InputError
from dvdgan_tf.evaluation.results import report
from dvdgan_tf.sampling.generate import sample_clips
from dvdgan_tf.training import loop
from dvdgan_tf.work_dir.checkpoint import checkpoint_path, saved_steps

_TESTS = os.path.dirname(os.path.abspath(__file__))
_RESULTS = Path(_TESTS).parent / 'docs' / 'results'
_SCORES = {'recognised': {'value': 0.987654, 'floor': {'value': 0.99, 'clips': [9]}}, 'kernel': {'value': 2.0}}


@pytest.fixture(scope='module')
def work_dir(tmp_path_factory):
    """A run of 4 steps, the last of which was scored."""
    path = str(tmp_path_factory.mktemp('run'))
    config.parse([os.path.join(_TESTS, 'tiny.gin')], ['TRAIN_STEPS = 4'])
    ownership.claim(path)
    loop.train(work_dir=path, **config.bindings(loop.train))
    os.makedirs(os.path.join(path, 'evaluation'))
    results = [{'protocol': f'p{step}', 'scores': _SCORES, 'model': {'step': step}, 'fake_clips': 9} for step in (2, 4)]
    report.append(os.path.join(path, 'evaluation', report.FILE_NAME), results)
    return path


@pytest.fixture(scope='module')
def folder(work_dir, tmp_path_factory):
    path = str(tmp_path_factory.mktemp('models') / 'tiny')
    os.makedirs(path)
    run = saved_run.open_run(work_dir, trusted=True)
    size = model_folder.write(run, path, 'tiny', 'the built-in shapes', 'of this package')
    files = [os.path.join(place, name) for place, _, names in os.walk(path) for name in names]
    assert size == sum(map(os.path.getsize, files))
    return path


def _clips(path):
    return sample_clips(saved_run.open_run(path, trusted=True).generator, np.arange(4), seed=1)


def test_it_makes_the_clips_of_the_run_and_holds_nothing_else(work_dir, folder):
    np.testing.assert_array_equal(_clips(folder), _clips(work_dir))
    variables = tf.train.list_variables(checkpoint_path(folder, 4))
    keys = {key.split('/')[0] for key, _ in variables}
    assert keys <= {'ema_generator', '_CHECKPOINTABLE_OBJECT_GRAPH', 'save_counter'}
    assert saved_steps(folder) == [4]
    opened = saved_run.open_run(folder, trusted=True)
    assert opened.facts == saved_run.open_run(work_dir, trusted=True).facts
    assert opened.data.num_frames == 2


def test_the_card_says_what_it_is_and_how_good(folder):
    with open(os.path.join(folder, model_folder.CARD)) as file:
        card = file.read()
    assert card.startswith('# tiny\n')
    for line in (
        'data: the built-in shapes\\\n',
        'licence of the data: of this package\\\n',
        'after 4 steps',
        'bin/sample --work_dir=docs/results/tiny',
        '| p4 | recognised | 0.9877 | 0.99 | 9 |\n',
        '| p4 | kernel | 2 | - | 9 |\n',
        'sideways disk',
    ):
        assert line in card, line
    assert 'p2' not in card


def test_the_configuration_names_no_place_of_a_machine():
    there = os.sep.join(['', 'data', 'disk', 'weizmann64'])
    text = f"DATA_DIR = '{there}'\nSTRATEGY = 'tpu'\nSEED = 0\n"
    assert model_folder.portable(text) == "DATA_DIR = 'data/weizmann64'\nSTRATEGY = 'one_device'\nSEED = 0\n"
    assert model_folder.portable('DATA_DIR = None\n') == 'DATA_DIR = None\n'


def test_a_checkpoint_that_is_absent_or_of_another_size_is_one_sentence(folder, tmp_path):
    absent, other = str(tmp_path / 'absent'), str(tmp_path / 'other')
    for place in (absent, other):
        shutil.copytree(folder, place)
    shutil.rmtree(os.path.join(absent, 'checkpoints'))
    with pytest.raises(InputError, match='holds no checkpoint yet'):
        saved_run.open_run(absent, trusted=True)
    small = tf.Module()
    small.dense = keras.layers.Dense(4)
    small.dense.build([None, 7])
    tf.train.Checkpoint(ema_generator=small).write(checkpoint_path(other, 4))
    with pytest.raises(InputError, match='belongs to another model'):
        saved_run.open_run(other, trusted=True)


def _export(work_dir, output, *words):
    script = [sys.executable, os.path.join(os.path.dirname(_TESTS), 'bin', 'export'), '--format=run']
    environment = {**os.environ, 'PYTHONPATH': f'{os.path.dirname(_TESTS)}:{_TESTS}'}
    words = [*script, f'--work_dir={work_dir}', f'--output={output}', *words]
    return subprocess.run(words, env=environment, capture_output=True, text=True)


def test_one_command_writes_it_and_says_what_is_missing(work_dir, tmp_path):
    place = tmp_path / 'models' / 'tiny'
    done = _export(work_dir, f'{place}/', '--data=shapes', '--licence=free', '--trust')
    assert done.returncode == 0, done.stderr
    assert 'step 4, ' in done.stdout
    assert sorted(os.listdir(place)) == ['MODEL.md', 'checkpoints', 'config.gin', 'data.json']
    assert os.listdir(place.parent) == ['tiny']
    lacking = _export(work_dir, tmp_path / 'other', '--data=shapes', '--trust')
    assert lacking.returncode == 2 and '--licence for the model card: give them.' in lacking.stderr
    assert not (tmp_path / 'other').exists()


@pytest.mark.parametrize('card', sorted(_RESULTS.glob('*/MODEL.md')), ids=lambda card: card.parent.name)
def test_a_committed_run_opens_moves_and_is_small(card):
    run = saved_run.open_run(str(card.parent))
    clips = sample_clips(run.generator, np.arange(run.generator.num_classes), seed=0)
    assert clips.std() > 0.1 and np.abs(np.diff(clips, axis=1)).mean() > 0.004
    assert f'makes {run.generator.num_frames} frames of {run.generator.resolution}x' in card.read_text()
    assert sum(path.stat().st_size for path in card.parent.rglob('*') if path.is_file()) < 10e6
