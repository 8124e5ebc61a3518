"""Runs and exports that go to and fro between two TensorFlows.

OTHER_PYTHON is that of an environment with the other one: `make test-other` makes it. What may differ between versions
are initial draws and the last digits of training.
"""

import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

ROOT = Path(__file__).resolve().parent.parent
OTHER = os.environ.get('OTHER_PYTHON')
PYTHONS = (sys.executable, OTHER)
NAMES = ('here', 'other')
SHRUNK = ('NUM_FRAMES = 2', 'CHANNEL_MULTIPLIER = 1', 'GLOBAL_BATCH = 4')
SHRUNK += ('models.DiscriminatorInputs.spatial_frames = 1',)
SHRUNK += ('step.GanStep.discriminator_updates = 1', 'loop.train.evaluation = None', 'schedule.Previews.clips = 1')
IMPORTS = """
import importlib, pkgutil, dvdgan_tf
for module in pkgutil.walk_packages(dvdgan_tf.__path__, 'dvdgan_tf.'):
    if not module.name.startswith('dvdgan_tf.programs.'):  # flags of two programs do not go together
        importlib.import_module(module.name)
        print('imported', module.name)
"""
GENERATE = """
import sys, numpy as np, tensorflow as tf
serve = tf.saved_model.load(sys.argv[1]).signatures['serving_default']
inputs = {'seed': tf.constant([3], tf.int64), 'label': tf.constant([5]), 'truncation': tf.constant([1.0])}
np.save(sys.argv[2], serve(**inputs)['video'].numpy())
"""

pytestmark = pytest.mark.skipif(OTHER is None, reason='no environment with the other TensorFlow: make test-other')


def start(python, *words):
    environment = {**os.environ, 'PYTHONPATH': str(ROOT), 'TF_CPP_MIN_LOG_LEVEL': '3'}
    pipes = {'stdout': subprocess.PIPE, 'stderr': subprocess.STDOUT, 'text': True}
    return subprocess.Popen([python, *map(str, words)], cwd=ROOT, env=environment, **pipes)


def finish(*processes):
    """What each has written, once all have ended well."""
    written = [process.communicate()[0] for process in processes]
    for process, text in zip(processes, written):
        assert process.returncode == 0, text
    return written


def train(python, work_dir, steps):
    bindings = [f'--gin_param={binding}' for binding in (*SHRUNK, f'TRAIN_STEPS = {steps}')]
    return start(python, 'bin/train', '--gin_file=gin/quickstart.gin', f'--work_dir={work_dir}', *bindings)


@pytest.fixture(scope='module')
def runs(tmp_path_factory):
    """Two runs of two steps, one begun by either."""
    place = tmp_path_factory.mktemp('runs')
    finish(*(train(python, place / name, 2) for python, name in zip(PYTHONS, NAMES)))
    return [place / name for name in NAMES]


@pytest.fixture(scope='module')
def exports(runs):
    """SavedModel and TFLite of the first run, by either."""
    formats = ('savedmodel', 'tflite')
    places = {name: {form: runs[0].parent / f'{form}_{name}' for form in formats} for name in NAMES}
    for form in formats:
        words = ('bin/export', f'--work_dir={runs[0]}', f'--format={form}')
        finish(*(start(py, *words, f'--output={places[name][form]}') for py, name in zip(PYTHONS, NAMES)))
    return {name: {form: place / '2' for form, place in found.items()} for name, found in places.items()}


def test_every_module_is_imported():
    package = ROOT / 'dvdgan_tf'
    files = {path.relative_to(ROOT).with_suffix('') for path in package.rglob('*.py')}
    names = {'.'.join(file.parent.parts if file.name == '__init__' else file.parts) for file in files}
    wanted = {name for name in names - {'dvdgan_tf'} if not name.startswith('dvdgan_tf.programs.')}
    (written,) = finish(start(OTHER, '-c', IMPORTS))
    assert set(re.findall('^imported (.*)$', written, re.MULTILINE)) == wanted


def test_a_run_that_either_began_goes_on_under_the_other(runs, tmp_path):
    copies = [shutil.copytree(run, tmp_path / run.name) for run in runs]
    for text in finish(*(train(python, copy, 3) for python, copy in zip(PYTHONS[::-1], copies))):
        assert 'from step 2 to step 3' in text


@pytest.mark.parametrize('onednn', ['0', '1'])
def test_samples_of_a_seed_are_the_same_but_for_onednns_sums(runs, tmp_path, monkeypatch, onednn):
    monkeypatch.setenv('TF_ENABLE_ONEDNN_OPTS', onednn)
    outputs = [tmp_path / name for name in NAMES]
    words = ('bin/sample', f'--work_dir={runs[int(onednn)]}', '--num_clips=4', '--seed=3')
    finish(*(start(python, *words, f'--output={output}') for python, output in zip(PYTHONS, outputs)))
    first, second = (np.asarray(Image.open(output / 'clips.png')).astype(int) for output in outputs)
    assert first.std() > 1
    if onednn == '0':
        np.testing.assert_array_equal(first, second)
    assert np.abs(first - second).max() <= 1 and (first != second).mean() < 1e-3  # where rounding falls otherwise


def test_the_other_evaluates(runs):
    (written,) = finish(start(OTHER, 'bin/evaluate', f'--work_dir={runs[0]}', '--num_samples=16', '--repeats=1'))
    assert 'Frechet distance' in written


@pytest.mark.parametrize('form', ['savedmodel', 'tflite'])
def test_exports_of_either_run_under_both(exports, form, tmp_path):
    clips = []
    for maker in NAMES:
        for python, name in zip(PYTHONS, NAMES):
            folder, output = exports[maker][form], tmp_path / f'{maker}_{name}'
            if form == 'savedmodel':
                finish(start(python, '-c', GENERATE, folder, output))
                clips.append(np.load(f'{output}.npy'))
            else:
                (model,) = folder.glob('*float32.tflite')
                finish(start(python, 'export/tflite/run.py', model, '--seed=3', '--label=5', f'--output={output}.png'))
                clips.append(np.asarray(Image.open(f'{output}.png')))
    for other in clips[1:]:
        assert np.abs(other.astype(int) - clips[0].astype(int)).max() <= 1  # a level, where rounding falls otherwise
    assert clips[0].std() > 1
