"""bin/evaluate from outside: a run, two folders, the self test."""

import json
import os
import subprocess
import sys

import numpy as np
import pytest
import tensorflow as tf

from dvdgan_tf import config, saved_run
from dvdgan_tf.models import variables
from dvdgan_tf.sampling import video
from dvdgan_tf.training import loop
from dvdgan_tf.work_dir import data_facts
from dvdgan_tf.work_dir.checkpoint import checkpoint_path

CHECKOUT = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))
SHRUNK = ['NUM_FRAMES = 3', 'CHANNEL_MULTIPLIER = 2', 'RESOLUTION = 16', 'GLOBAL_BATCH = 4', 'TRAIN_STEPS = 1']


def evaluate(*arguments):
    command = [sys.executable, os.path.join(CHECKOUT, 'bin', 'evaluate'), *arguments]
    return subprocess.run(command, cwd='/', capture_output=True, text=True)


@pytest.fixture(scope='module')
def work_dir(tmp_path_factory):
    """A run of the quick start, shrunk, before its first step."""
    return begun(str(tmp_path_factory.mktemp('run')))


def begun(path, seed=0, steps=(0,)):
    """A work directory whose generator drifts from step to step."""
    config.parse(['gin/quickstart.gin'], [*SHRUNK, f'SEED = {seed}'])
    config.save(path)
    data_facts.write(path, config.bindings(loop.train, only=('data',))['data'])
    generator = saved_run.make_generator()
    specs = (variables.latent_spec(1, generator.latent_size), variables.label_spec(1))
    variables.make_variables(generator, *specs)
    for step in steps:
        prefix = checkpoint_path(path, step)
        os.makedirs(os.path.dirname(prefix), exist_ok=True)
        tf.train.Checkpoint(ema_generator=generator).write(prefix)
        for variable in generator.trainable_variables:
            variable.assign(variable * (1.1 + 0.1 * seed))
    return path


def test_checkpoints_of_two_runs_become_curves_and_what_is_gone_is_said(tmp_path):
    runs = [begun(str(tmp_path / str(seed)), seed, (10, 20, 30)) for seed in (0, 1)]
    for damaged in (tmp_path / '1' / 'checkpoints').glob('state-00000020.data*'):
        damaged.write_bytes(damaged.read_bytes()[:100])
    arguments = f'--work_dir={",".join(runs)},{tmp_path}/absent', '--checkpoints=all', '--protocol=offline_32'
    done = evaluate(*arguments, '--batch_size=32')
    assert done.returncode == 2, done.stderr
    gone, absent = (line for line in done.stderr.splitlines() if line.startswith('error: '))
    assert f'step 20 of {runs[1]} is left out' in gone and 'absent is left out' in absent
    with open(os.path.join(runs[0], 'evaluation', 'checkpoints.json')) as file:
        curve = json.load(file)['offline_32/frechet']
    assert curve['steps'] == [10, 20, 30] and curve['deviation'][1] is None and curve['deviation'][2] > 0
    assert [run['steps'] for run in curve['runs'].values()] == [[10, 20, 30], [10, 30]]
    assert f'best: {curve["best"]["value"]:.5g} at step' in done.stdout
    assert os.path.getsize(os.path.join(runs[0], 'evaluation', 'checkpoints.png')) > 10_000
    assert done.stdout.count('offline_32, real clips') == 1  # its sums are shared
    again = evaluate(*arguments, '--batch_size=32')
    assert 'clips, ' not in again.stdout and f'at step {curve["best"]["step"]}' in again.stdout


def test_a_run_is_evaluated_without_any_download(work_dir):
    done = evaluate(f'--work_dir={work_dir}', '--batch_size=64')
    assert done.returncode == 0, done.stderr
    assert 'offline_256' in done.stdout and 'Frechet distance' in done.stdout
    with open(os.path.join(work_dir, 'evaluation', 'evaluation.jsonl')) as file:
        (result,) = map(json.loads, file)
    assert result['protocol'] == 'offline_256' and not result['standing_statistics']
    assert result['model']['step'] == 0 and len(result['model']['checkpoint_sha256']) == 64
    assert result['scores']['frechet']['value'] > 2 * result['scores']['frechet']['floor']['value']


def test_the_self_test_passes_here():
    done = evaluate('--selftest')
    assert done.returncode == 0, done.stdout
    assert 'FAIL' not in done.stdout and '11 of 11 passed' in done.stdout


REFUSED = {
    '': 'nothing to do',
    '--files=a,b --num_samples=9 --split=test': '--num_samples, --split has no use with --files',
    '--work_dir=a --output=b': '--output has no use with --work_dir',
    '--files=a,b --output=absent/scores.jsonl': 'absent/scores.jsonl cannot be written',
    '--files=a': 'given 1 folders',
    '--selftest --i3d=i3d.tar.gz': 'is an archive; unpack it',
}
ASK = """
import json, sys
from absl import flags
from dvdgan_tf.errors import InputError
from dvdgan_tf.programs import evaluate
for line in json.loads(sys.argv[1]):
    flags.FLAGS.unparse_flags()
    for name in flags.FLAGS:
        flags.FLAGS[name].unparse()
    flags.FLAGS(['evaluate', *line.split()])
    try:
        print('status', evaluate.main([]))
    except InputError as error:
        print(error)
"""


def test_flags_without_use_and_places_that_cannot_be_written_are_refused_at_once():
    done = subprocess.run([sys.executable, '-c', ASK, json.dumps(list(REFUSED))], capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    for got, sentence in zip(done.stdout.splitlines(), REFUSED.values()):
        assert sentence in got


def test_two_folders_are_compared(tmp_path):
    (tmp_path / 'real').mkdir()
    clips = np.random.default_rng(0).integers(0, 256, (5, 4, 16, 16, 3), np.uint8)
    np.save(tmp_path / 'real' / 'clips.npy', clips)
    (tmp_path / 'fake').mkdir()
    for clip in clips:
        video.write_mp4(str(tmp_path / 'fake' / f'{clip.sum()}.mp4'), clip, 8)
    output = str(tmp_path / 'scores.jsonl')
    done = evaluate(f'--files={tmp_path / "real"},{tmp_path / "fake"}', f'--output={output}')
    assert done.returncode == 0, done.stderr
    with open(output) as file:
        result = json.loads(file.read())
    assert (result['real_clips'], result['fake_clips']) == (5, 5)
    assert result['encodings'] == [['.npy'], ['.mp4']]
