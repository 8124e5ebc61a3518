"""Work directories: whose configuration they hold, what bin/train and bin/sample do with them, and how they end."""

import inspect
import os
import shutil
import signal
import subprocess
import sys

import numpy as np
import pytest
import tensorflow as tf
from PIL import Image

from dvdgan_tf import config, trained
from dvdgan_tf.errors import InputError
from dvdgan_tf.evaluation.during_training import ProtocolScores
from dvdgan_tf.models import Generator
from dvdgan_tf.training import loop
from dvdgan_tf.training.schedule import Checkpoints, Previews
from dvdgan_tf.training.step import GanStep
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
    trained.claim(path)
    loop.train(work_dir=path, **config.bindings(loop.train))
    return path


def test_the_moving_average_is_what_is_opened(work_dir):
    run = trained.open_trained(work_dir, trusted=True)
    assert (run.step, run.generator.num_frames) == (4, 2)
    reader = tf.train.load_checkpoint(checkpoint_path(work_dir, 4))
    average = reader.get_tensor('ema_generator/dense/kernel/.ATTRIBUTES/VARIABLE_VALUE')
    np.testing.assert_array_equal(run.generator.dense.kernel, average)
    assert np.abs(average - reader.get_tensor('generator/dense/kernel/.ATTRIBUTES/VARIABLE_VALUE')).max() > 0
    assert 'RATE = 0.001' in run.config_text


def test_an_earlier_checkpoint_can_be_opened_and_one_that_is_missing_is_named(work_dir):
    assert trained.open_trained(work_dir, checkpoint='2', trusted=True).step == 2
    with pytest.raises(InputError, match='no checkpoint of step 3; it has 2, 4'):
        trained.open_trained(work_dir, checkpoint='3', trusted=True)


def test_step_0_is_the_generator_before_training(work_dir):
    first, second = (trained.open_trained(work_dir, checkpoint='0', trusted=True) for _ in range(2))
    assert first.step == 0
    np.testing.assert_array_equal(first.generator.dense.kernel, second.generator.dense.kernel)
    newest = trained.open_trained(work_dir, trusted=True)
    assert np.abs(first.generator.dense.kernel - newest.generator.dense.kernel).max() > 0


def test_the_best_checkpoint_is_opened_where_one_was_kept(work_dir):
    with pytest.raises(InputError, match='no checkpoint of step best; it has 2, 4'):
        trained.open_trained(work_dir, checkpoint='best', trusted=True)
    with open(os.path.join(work_dir, 'checkpoints', 'best'), 'w') as file:
        file.write('2\n')
    assert trained.open_trained(work_dir, checkpoint='best', trusted=True).step == 2


def test_a_generator_is_known_where_its_data_are_not(work_dir, tmp_path):
    copy = shutil.copytree(work_dir, tmp_path / 'copy')
    path = copy / config.FILE_NAME
    path.write_text(path.read_text().replace('SyntheticClips.resolution = 16', 'SyntheticClips.resolution = 1'))
    run = trained.open_trained(str(copy), trusted=True)
    assert run.facts[:3] == (trained.open_trained(work_dir, trusted=True).data.class_names, (0, 255), 1)
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
        trained.open_trained(str(tmp_path), trusted=True)
    config.parse([_TINY])
    config.save(str(tmp_path))
    with pytest.raises(InputError, match='holds no checkpoint yet'):
        trained.open_trained(str(tmp_path), trusted=True)


def test_a_work_directory_of_another_configuration_is_refused_with_what_differs(work_dir):
    config.parse([_TINY], ['RATE = 0.002', 'step.GanStep.ema_decay = 0.9'])
    with pytest.raises(InputError, match='RATE was 0.001, now 0.002') as error:
        trained.claim(work_dir)
    assert 'ema_decay was 0.5, now 0.9' in str(error.value)


def test_a_run_may_be_made_longer(work_dir, tmp_path, caplog):
    config.parse([_TINY], ['TRAIN_STEPS = 4'])
    trained.claim(str(tmp_path))
    config.parse([_TINY], ['TRAIN_STEPS = 8', 'schedule.Checkpoints.keep_last = 7'])
    with caplog.at_level('INFO', 'dvdgan_tf'):
        trained.claim(str(tmp_path))
    assert 'TRAIN_STEPS was 4, now 8' in caplog.text
    config.load(str(tmp_path), trusted=True)
    changed = config.bindings(loop.train, only=['train_steps', 'checkpoints'])
    assert changed == {'train_steps': 8, 'checkpoints': Checkpoints(every=2, keep_last=7)}


def test_a_learning_rate_may_change_and_the_log_says_so(tmp_path, caplog):
    config.parse(['gin/quickstart.gin'])
    trained.claim(str(tmp_path))
    config.parse(['gin/quickstart.gin'], ['generator/optimizers.Adam.learning_rate = 1e-5'])
    with caplog.at_level('INFO', 'dvdgan_tf'):
        trained.claim(str(tmp_path))
    assert 'generator/optimizers.Adam.learning_rate was 0.001, now 1e-05' in caplog.text
    config.parse(['gin/quickstart.gin'], ['optimizers.Adam.beta_1 = 0.5'])
    with pytest.raises(InputError, match='optimizers.Adam.beta_1 was 0.0, now 0.5'):
        trained.claim(str(tmp_path))


def test_what_may_change_is_what_the_functions_take():
    kept_apart = Checkpoints, Previews, ProtocolScores  # nothing of these is a part of the model
    owners = (loop.train, GanStep, Generator, *kept_apart)
    assert trained.FREE_PARAMETERS.keys() == {owner.__name__ for owner in owners}
    for owner in owners:
        known = list(inspect.signature(owner).parameters)
        free = trained.FREE_PARAMETERS[owner.__name__]
        assert set(free) <= set(known), owner
        if owner in kept_apart:
            assert list(free) == known, owner
    fixed = set(inspect.signature(loop.train).parameters) - set(trained.FREE_PARAMETERS['train'])
    assert fixed == {'work_dir', 'data', 'gan_step', 'seed', 'precision'}


def test_a_configuration_that_is_refused_leaves_the_work_directory_as_it_was(tmp_path):
    path = tmp_path / 'run' / config.FILE_NAME
    config.parse([_TINY])
    with pytest.raises(InputError, match='no good'), trained.claimed(str(path.parent)):
        assert path.is_file()
        raise InputError('no good')
    assert not path.exists()
    trained.claim(str(path.parent))
    before = path.read_text()
    config.parse([_TINY], ['TRAIN_STEPS = 7'])
    with pytest.raises(InputError, match='no good'), trained.claimed(str(path.parent)):
        assert path.read_text() != before
        raise InputError('no good')
    assert path.read_text() == before


def test_checkpoints_without_a_configuration_are_not_touched(tmp_path):
    (tmp_path / 'checkpoints').mkdir()
    (tmp_path / 'checkpoints' / 'state-00000002.index').write_text('')
    config.parse([_TINY])
    with pytest.raises(InputError, match='no config.gin'):
        trained.claim(str(tmp_path))


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
