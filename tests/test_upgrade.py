"""Runs that earlier versions began go on."""

import re
from pathlib import Path

import pytest

from dvdgan_tf import config
from dvdgan_tf.layers.attention import SelfAttention
from dvdgan_tf.layers.deep_residual import DeepGeneratorBlock
from dvdgan_tf.layers.moments import LayerMoments
from dvdgan_tf.losses import GridCell
from dvdgan_tf.models import Groups
from dvdgan_tf.models.discriminator_inputs import average_pool_4x4
from dvdgan_tf.training import loop
from dvdgan_tf.training.ema import MovingAverage
from dvdgan_tf.upgrade import upgraded

_ROOT = Path(__file__).resolve().parent.parent
_RUNS = sorted((_ROOT / 'docs' / 'results').rglob('config.gin'))
_UNGROUPED = (Path(__file__).parent / 'fixtures' / 'before_groups.gin').read_text()
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
        ('CHANNEL_MULTIPLIER', gan_step['networks'].generator.keywords['channel_multiplier']),
        ('NUM_CLASSES', gan_step['networks'].temporal_discriminator.keywords['num_classes']),
    ):
        assert re.search(rf'^{macro} = {value}$', saved, re.MULTILINE), macro
    assert float(gan_step['generator_optimizer'].keywords['learning_rate']) in (1e-4, 5e-4)
    def was(name):
        return float(re.search(rf'^loop\.train\.{name} = (.*)$', saved, re.MULTILINE)[1])

    now = config.bindings(loop.train, only=['checkpoints', 'previews', 'evaluation'])
    assert (now['checkpoints'].every, now['previews'].every) == (was('checkpoint_every'), was('preview_every'))
    assert (now['checkpoints'].keep_last, now['previews'].clips) == (was('keep_last'), was('preview_clips'))
    assert now['evaluation'].every == was('frechet_every')
    assert "during_training.ProtocolScores.names = ('offline_256',)" in config.text()
    assert upgraded(config.text()) == config.text()


def test_what_lay_between_two_versions_is_upgraded_too():
    text = 'from __gin__ import dynamic_registration\nloop.train.checkpoint_every = 5\nstep.GanStep.seed = %SEED\n'
    lines = upgraded(text + 'loop.train.seed = %SEED\n').splitlines()
    assert 'schedule.Checkpoints.every = 5' in lines and 'loop.train.checkpoints = @schedule.Checkpoints()' in lines
    assert lines.count('step.GanStep.seed = %SEED') == 1


def _loaded(text, folder):
    (folder / config.FILE_NAME).write_text(text)
    config.load(str(folder))
    assert config.dead_bindings(loop.train) == []
    assert upgraded(config.text()) == config.text() and upgraded(upgraded(text)) == upgraded(text)
    return config.bindings(loop.train, only=['gan_step', 'evaluation'])


def test_what_belongs_together_is_one_argument_and_says_the_same(tmp_path):
    """Of a run that bound every parameter which moved since, each to another value than its default."""
    bound = _loaded(_UNGROUPED, tmp_path)
    step = bound['gan_step'].keywords
    assert step['grid_cell'] == GridCell(10.0, samples=2)
    assert step['moving_average'] == MovingAverage(0.99, start_step=0)
    inputs, generator = step['discriminator_inputs'], step['networks'].generator.keywords
    assert (inputs.spatial_frames, inputs.phi, inputs.masked) == (4, average_pool_4x4, True)
    assert step['discriminator_updates'] == 1 and inputs.augmentation is not None
    block = generator['groups'].block
    assert generator['groups'] == Groups(block, LayerMoments, {32: SelfAttention}, unroll=True, recompute=True)
    assert block.func is DeepGeneratorBlock and generator['context_frames'] == 4
    assert step['networks'].spatial_discriminator.keywords['channel_multiplier'] == 4
    assert bound['evaluation'].every == 500
    text = config.text()
    for line in ('pipeline.RecordClips.field = @pipeline.Field()', 'pipeline.Field.importance = 1.0'):
        assert f'\n{line}\n' in text
    for line in ('pipeline.Field.knee = 0.2', 'augmentation.DifferentiableAugmentation.colour = False'):
        assert f'\n{line}\n' in text


def test_a_configuration_that_binds_the_same_today_is_no_other(tmp_path):
    (tmp_path / config.FILE_NAME).write_text(_UNGROUPED)
    config.load(str(tmp_path))
    assert config.difference(str(tmp_path)) == {}
    off = _UNGROUPED.replace('loop.train.evaluate_every = 500', 'loop.train.evaluate_every = 0')
    (tmp_path / config.FILE_NAME).write_text(off.replace('colour = False', 'colour = True'))
    found = config.difference(str(tmp_path))
    assert found.pop('augmentation.DifferentiableAugmentation.colour') == ('True', 'False')
    assert found.pop('loop.train.evaluation') == ('None', '@during_training.ProtocolScores()')
    assert found and all(name.startswith('during_training.ProtocolScores.') for name in found)


def test_what_was_off_is_none_and_leaves_nothing(tmp_path):
    text = _UNGROUPED
    for before, now in (
        ('loop.train.evaluate_every = 500', 'loop.train.evaluate_every = 0'),
        ('grid_cell_weight = 10.0', 'grid_cell_weight = 0.0'),
        ('RecordClips.native = True', 'RecordClips.native = False'),
        ('RecordClips.importance = 1.0', 'RecordClips.importance = None'),
        ('RecordClips.knee = 0.2', 'RecordClips.knee = None'),
    ):
        assert before in text
        text = text.replace(before, now)
    bound = _loaded(text, tmp_path)
    assert bound['evaluation'] is None and bound['gan_step'].keywords['grid_cell'] is None
    assert 'pipeline.RecordClips.field = None' in config.text()
    assert not re.search(r'ProtocolScores|GridCell|Field|offline_2048', re.sub(r'\nfrom .*', '', config.text()))
