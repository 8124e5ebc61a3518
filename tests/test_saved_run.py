"""Run folders: which generator they hold, what bin/train and bin/sample do with them, and how they end."""

import os
import shutil
import signal
import subprocess
import sys

import numpy as np
import pytest
import tensorflow as tf
from PIL import Image

from dvdgan_tf import config, ownership, saved_run
from dvdgan_tf.data.scales import Scale
from dvdgan_tf.errors import InputError
from dvdgan_tf.training import loop
from dvdgan_tf.work_dir import data_facts
from dvdgan_tf.work_dir.checkpoint import checkpoint_path, saved_steps

_TESTS = os.path.dirname(os.path.abspath(__file__))
_TINY = os.path.join(_TESTS, 'tiny.gin')


@pytest.fixture
def command():
    """Starts a script of bin/ in another folder, knowing tests/tiny.py; what still runs at the end is killed."""
    started = []

    def start(name, *arguments):
        script = [sys.executable, os.path.join(os.path.dirname(_TESTS), 'bin', name), *arguments]
        environment = {**os.environ, 'PYTHONPATH': _TESTS}
        pipes = {'stdout': subprocess.PIPE, 'stderr': subprocess.PIPE}
        started.append(subprocess.Popen(script, cwd='/', env=environment, text=True, **pipes))
        return started[-1]

    yield start
    for process in started:
        process.kill()


@pytest.fixture(scope='module')
def work_dir(tmp_path_factory):
    """A run of 4 steps."""
    path = str(tmp_path_factory.mktemp('run'))
    config.parse([_TINY], ['TRAIN_STEPS = 4'])
    ownership.claim(path)
    loop.train(work_dir=path, **config.bindings(loop.train))
    return path


def test_the_moving_average_is_what_is_opened(work_dir):
    run = saved_run.open_run(work_dir, trusted=True)
    assert (run.step, run.generator.num_frames) == (4, 2)
    reader = tf.train.load_checkpoint(checkpoint_path(work_dir, 4))
    average = reader.get_tensor('ema_generator/dense/kernel/.ATTRIBUTES/VARIABLE_VALUE')
    np.testing.assert_array_equal(run.generator.dense.kernel, average)
    assert np.abs(average - reader.get_tensor('generator/dense/kernel/.ATTRIBUTES/VARIABLE_VALUE')).max() > 0
    assert 'RATE = 0.001' in run.config_text


def test_an_earlier_checkpoint_can_be_opened_and_one_that_is_missing_is_named(work_dir):
    assert saved_run.open_run(work_dir, checkpoint='2', trusted=True).step == 2
    with pytest.raises(InputError, match='no checkpoint of step 3; it has 2, 4'):
        saved_run.open_run(work_dir, checkpoint='3', trusted=True)


def test_step_0_is_the_generator_before_training(work_dir):
    first, second = (saved_run.open_run(work_dir, checkpoint='0', trusted=True) for _ in range(2))
    assert first.step == 0
    np.testing.assert_array_equal(first.generator.dense.kernel, second.generator.dense.kernel)
    newest = saved_run.open_run(work_dir, trusted=True)
    assert np.abs(first.generator.dense.kernel - newest.generator.dense.kernel).max() > 0


def test_the_best_checkpoint_is_opened_where_one_was_kept(work_dir):
    with pytest.raises(InputError, match='no checkpoint of step best; it has 2, 4'):
        saved_run.open_run(work_dir, checkpoint='best', trusted=True)
    with open(os.path.join(work_dir, 'checkpoints', 'best'), 'w') as file:
        file.write('2\n')
    assert saved_run.open_run(work_dir, checkpoint='best', trusted=True).step == 2


def test_a_generator_is_known_where_its_data_are_not(work_dir, tmp_path):
    copy = shutil.copytree(work_dir, tmp_path / 'copy')
    path = copy / config.FILE_NAME
    path.write_text(path.read_text().replace('SyntheticClips.resolution = 16', 'SyntheticClips.resolution = 1'))
    run = saved_run.open_run(str(copy), trusted=True)
    facts, known = run.facts, saved_run.open_run(work_dir, trusted=True).data.class_names
    assert (facts.class_names, facts.scale, facts.stride) == (known, Scale(0, 255), 1)
    with pytest.raises(InputError, match='1 pixels do not show a moving shape'):
        run.data  # noqa: B018  that looking at it fails is the test


@pytest.mark.parametrize('damage', [None, '{', '{"classes": 1}'])
def test_facts_of_the_data_that_cannot_be_read_are_one_sentence(damage, tmp_path):
    if damage is not None:
        (tmp_path / data_facts.FILE_NAME).write_text(damage)
    with pytest.raises(InputError, match='data.json .*; bin/train writes it'):
        data_facts.read(str(tmp_path))


def test_a_folder_that_is_no_work_directory_is_refused(tmp_path):
    with pytest.raises(InputError, match='no work directory'):
        saved_run.open_run(str(tmp_path), trusted=True)
    config.parse([_TINY])
    config.save(str(tmp_path))
    with pytest.raises(InputError, match='holds no checkpoint yet'):
        saved_run.open_run(str(tmp_path), trusted=True)


def test_training_ends_with_143_on_sigterm_with_2_on_another_configuration_and_can_be_sampled(command, tmp_path):
    work_dir, output = str(tmp_path / 'run'), tmp_path / 'samples'
    arguments = f'--gin_file={_TINY}', f'--work_dir={work_dir}'
    training = command('train', *arguments, '--gin_param=TRAIN_STEPS = 1000000')
    for line in training.stdout:
        if 'step 4/' in line:
            training.send_signal(signal.SIGTERM)
            break
    training.communicate()
    assert training.returncode == 143
    assert saved_steps(work_dir)[-1] >= 4

    other = command('train', *arguments, '--gin_param=RATE = 0.5')
    sampling = command(
        *('sample', f'--work_dir={work_dir}', f'--output={output}', '--trust'),
        *('--num_clips=3', '--label=circling disk', '--seed=5'),
    )
    _, message = other.communicate()
    assert other.returncode == 2
    assert 'Traceback' not in message
    assert message.splitlines()[-1].startswith('error: ') and 'RATE was 0.001' in message.splitlines()[-1]
    said, _ = sampling.communicate()
    assert sampling.returncode == 0 and 'clips.gif' in said
    assert sorted(path.name for path in output.iterdir()) == ['clips.gif', 'clips.mp4', 'clips.npz', 'clips.png']
    with Image.open(output / 'clips.gif') as gif:
        assert gif.n_frames == 2
