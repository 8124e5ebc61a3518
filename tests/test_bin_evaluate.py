"""bin/evaluate from outside: a run, two folders, the self test."""

import json
import os
import subprocess
import sys

import numpy as np
import pytest
import tensorflow as tf

from dvdgan_tf import config, trained
from dvdgan_tf.models import variables
from dvdgan_tf.sampling import video
from dvdgan_tf.training import data_facts, loop
from dvdgan_tf.training.checkpoint import checkpoint_path

CHECKOUT = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))
SHRUNK = ['NUM_FRAMES = 3', 'CHANNEL_MULTIPLIER = 2', 'RESOLUTION = 16', 'GLOBAL_BATCH = 4', 'TRAIN_STEPS = 1']


def evaluate(*arguments):
    command = [sys.executable, os.path.join(CHECKOUT, 'bin', 'evaluate'), *arguments]
    return subprocess.run(command, cwd='/', capture_output=True, text=True)


@pytest.fixture(scope='module')
def work_dir(tmp_path_factory):
    """A run of the quick start, shrunk, before its first step."""
    path = str(tmp_path_factory.mktemp('run'))
    config.parse(['gin/quickstart.gin'], SHRUNK)
    config.save(path)
    data_facts.write(path, config.bindings(loop.train, only=('data',))['data'])
    generator = trained.make_generator()
    specs = (variables.latent_spec(1, generator.latent_size), variables.label_spec(1))
    variables.make_variables(generator, *specs)
    prefix = checkpoint_path(path, 0)
    os.makedirs(os.path.dirname(prefix), exist_ok=True)
    tf.train.Checkpoint(ema_generator=generator).write(prefix)
    return path


def test_a_run_is_evaluated_without_any_download(work_dir):
    done = evaluate(f'--work_dir={work_dir}', '--batch_size=64')
    assert done.returncode == 0, done.stderr
    assert 'offline_256' in done.stdout and 'Frechet distance' in done.stdout
    with open(os.path.join(work_dir, 'evaluation', 'evaluation.jsonl')) as file:
        (result,) = map(json.loads, file)
    assert result['protocol'] == 'offline_256' and not result['standing_statistics']
    assert result['model']['step'] == 0 and len(result['model']['config_sha256']) == 64
    assert result['scores']['frechet']['value'] > 2 * result['scores']['frechet']['floor']['value']


def test_the_self_test_passes_here():
    done = evaluate('--selftest')
    assert done.returncode == 0, done.stdout
    assert 'FAIL' not in done.stdout and '11 of 11 passed' in done.stdout


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
