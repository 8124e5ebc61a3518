"""Whose a work directory is: what a run may change on the way, and that nothing else is touched."""

import inspect
import os

import pytest

from dvdgan_tf import config, ownership
from dvdgan_tf.errors import InputError
from dvdgan_tf.evaluation.during_training import ProtocolScores
from dvdgan_tf.models import Groups
from dvdgan_tf.training import loop
from dvdgan_tf.training.health import Health
from dvdgan_tf.training.schedule import Checkpoints, Previews
from dvdgan_tf.training.step import GanStep

_TINY = os.path.join(os.path.dirname(os.path.abspath(__file__)), 'tiny.gin')


def test_a_work_directory_of_another_configuration_is_refused_with_what_differs(tmp_path):
    config.parse([_TINY])
    ownership.claim(str(tmp_path))
    config.parse([_TINY], ['RATE = 0.002', 'ema.MovingAverage.decay = 0.9'])
    with pytest.raises(InputError, match='RATE was 0.001, now 0.002') as error:
        ownership.claim(str(tmp_path))
    assert 'ema.MovingAverage.decay was 0.5, now 0.9' in str(error.value)


def test_a_run_may_be_made_longer(tmp_path, caplog):
    config.parse([_TINY], ['TRAIN_STEPS = 4'])
    ownership.claim(str(tmp_path))
    config.parse([_TINY], ['TRAIN_STEPS = 8', 'schedule.Checkpoints.keep_last = 7'])
    with caplog.at_level('INFO', 'dvdgan_tf'):
        ownership.claim(str(tmp_path))
    assert 'TRAIN_STEPS was 4, now 8' in caplog.text
    config.load(str(tmp_path), trusted=True)
    changed = config.bindings(loop.train, only=['train_steps', 'checkpoints'])
    assert changed == {'train_steps': 8, 'checkpoints': Checkpoints(every=2, keep_last=7)}


def test_a_learning_rate_may_change_and_the_log_says_so(tmp_path, caplog):
    config.parse(['gin/quickstart.gin'])
    ownership.claim(str(tmp_path))
    config.parse(['gin/quickstart.gin'], ['generator/optimizers.Adam.learning_rate = 1e-5'])
    with caplog.at_level('INFO', 'dvdgan_tf'):
        ownership.claim(str(tmp_path))
    assert 'generator/optimizers.Adam.learning_rate was 0.001, now 1e-05' in caplog.text
    config.parse(['gin/quickstart.gin'], ['optimizers.Adam.beta_1 = 0.5'])
    with pytest.raises(InputError, match='optimizers.Adam.beta_1 was 0.0, now 0.5'):
        ownership.claim(str(tmp_path))


def test_what_may_change_is_what_the_functions_take():
    kept_apart = Checkpoints, Previews, ProtocolScores, Health  # nothing of these is a part of the model
    owners = (loop.train, GanStep, Groups, *kept_apart)
    assert ownership.FREE_PARAMETERS.keys() == {owner.__name__ for owner in owners}
    for owner in owners:
        known = list(inspect.signature(owner).parameters)
        free = ownership.FREE_PARAMETERS[owner.__name__]
        assert set(free) <= set(known), owner
        if owner in kept_apart:
            assert list(free) == known, owner
    fixed = set(inspect.signature(loop.train).parameters) - set(ownership.FREE_PARAMETERS['train'])
    assert fixed == {'work_dir', 'data', 'gan_step', 'seed', 'precision', 'jit_compile'}


def test_a_configuration_that_is_refused_leaves_the_work_directory_as_it_was(tmp_path):
    path = tmp_path / 'run' / config.FILE_NAME
    config.parse([_TINY])
    with pytest.raises(InputError, match='no good'), ownership.claimed(str(path.parent)):
        assert path.is_file()
        raise InputError('no good')
    assert not path.exists()
    ownership.claim(str(path.parent))
    before = path.read_text()
    config.parse([_TINY], ['TRAIN_STEPS = 7'])
    with pytest.raises(InputError, match='no good'), ownership.claimed(str(path.parent)):
        assert path.read_text() != before
        raise InputError('no good')
    assert path.read_text() == before


def test_checkpoints_without_a_configuration_are_not_touched(tmp_path):
    (tmp_path / 'checkpoints').mkdir()
    (tmp_path / 'checkpoints' / 'state-00000002.index').write_text('')
    config.parse([_TINY])
    with pytest.raises(InputError, match='no config.gin'):
        ownership.claim(str(tmp_path))
