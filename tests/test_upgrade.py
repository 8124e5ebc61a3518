"""Runs that earlier versions began go on."""

import re
from pathlib import Path

import pytest

from dvdgan_tf import config
from dvdgan_tf.training import loop
from dvdgan_tf.upgrade import upgraded

_ROOT = Path(__file__).resolve().parent.parent
_RUNS = sorted((_ROOT / 'docs' / 'results').rglob('config.gin'))
_SAVED = [path for path in _RUNS if 'loop.train.checkpoint_every' in path.read_text()]


@pytest.mark.parametrize('path', _SAVED, ids=lambda path: path.parent.name)
def test_a_configuration_of_an_earlier_version_says_the_same_in_todays_names(path):
    saved = path.read_text()
    config.load(str(path.parent))
    assert config.dead_bindings(loop.train) == []
    gan_step = config.bindings(loop.train, only=['gan_step'])['gan_step'].keywords
    for macro, value in (
        ('GLOBAL_BATCH', gan_step['global_batch']),
        ('SEED', gan_step['seed']),
        ('CHANNEL_MULTIPLIER', gan_step['generator'].keywords['channel_multiplier']),
        ('NUM_CLASSES', gan_step['temporal_discriminator'].keywords['num_classes']),
    ):
        assert re.search(rf'^{macro} = {value}$', saved, re.MULTILINE), macro
    assert float(gan_step['generator_optimizer'].keywords['learning_rate']) in (1e-4, 5e-4)
    def was(name):
        return float(re.search(rf'^loop\.train\.{name} = (.*)$', saved, re.MULTILINE)[1])

    now = config.bindings(loop.train, only=['checkpoints', 'previews', 'evaluate_every'])
    assert (now['checkpoints'].every, now['previews'].every) == (was('checkpoint_every'), was('preview_every'))
    assert (now['checkpoints'].keep_last, now['previews'].clips) == (was('keep_last'), was('preview_clips'))
    assert now['evaluate_every'] == was('frechet_every')
    assert "during_training.ProtocolScores.names = ('offline_256',)" in config.text()
    assert upgraded(config.text()) == config.text()


def test_what_lay_between_two_versions_is_upgraded_too():
    text = 'from __gin__ import dynamic_registration\nloop.train.checkpoint_every = 5\nstep.GanStep.seed = %SEED\n'
    lines = upgraded(text + 'loop.train.seed = %SEED\n').splitlines()
    assert 'schedule.Checkpoints.every = 5' in lines and 'loop.train.checkpoints = @schedule.Checkpoints()' in lines
    assert lines.count('step.GanStep.seed = %SEED') == 1
