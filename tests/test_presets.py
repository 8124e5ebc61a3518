"""The gin files of the paper's experiments: rain from radar files to sampled clips, and wrong wishes."""

import os
import pathlib
import subprocess
import sys
import types

import numpy as np
import pytest
import tensorflow as tf

from dvdgan_tf import config, ownership
from dvdgan_tf.errors import InputError
from dvdgan_tf.prepare import preparation
from dvdgan_tf.prepare.listing import Rules
from dvdgan_tf.prepare.sources import radar as radar_source
from dvdgan_tf.training import loop

ROOT = pathlib.Path(__file__).resolve().parent.parent
RADAR = 'gin/small/radar_fp.gin'
LOW, HIGH = 0.0, 128.0
# What makes the test small; a run on a small machine needs the first three alone.
SHRUNK = [
    'RESOLUTION = 16',
    'CHANNEL_MULTIPLIER = 1',
    'GLOBAL_BATCH = 2',
    'NUM_FRAMES = 2',
    'models.Generator.context_frames = 1',
    'pipeline.RecordClips.num_frames = 3',
    'models.DiscriminatorInputs.spatial_frames = 1',
    'schedule.Previews.clips = 1',
]


@pytest.fixture(scope='module')
def radar(tmp_path_factory):
    """Records of rain rates in mm/h, and the frames [2, 8, 16, 20, 1], of which some pixels are missing."""
    folder = tmp_path_factory.mktemp('radar')
    fields = np.random.RandomState(0).gamma(0.5, 4.0, [2, 8, 16, 20, 1]).astype('float32')
    fields[:, :, :3, :5] = np.nan
    for number, frames in enumerate(fields):
        np.savez(folder / f'{number}.npz', rate=frames[..., 0], minutes=5)
    listing = radar_source.radar_files(str(folder), 'mm/h')
    source = {'name': 'radar', 'input': 'x'}
    preparation.prepare(listing, Rules('raw'), str(folder / 'out'), source=source, value_range=(LOW, HIGH))
    return str(folder / 'out'), fields


def _parse(gin_file, data_dir, *params):
    config.parse([str(ROOT / gin_file)], [f'DATA_DIR = {data_dir!r}', *params])


@pytest.fixture(scope='module')
def work_dir(radar, tmp_path_factory):
    """Two steps of the radar preset, and their checkpoint."""
    path = str(tmp_path_factory.mktemp('run'))
    _parse(RADAR, radar[0], *SHRUNK, 'TRAIN_STEPS = 2')
    ownership.claim(path)
    assert loop.train(work_dir=path, **config.bindings(loop.train)).step == 2
    return path


def _sample(*arguments):
    """Runs bin/sample and returns what it complains about."""
    command = [sys.executable, str(ROOT / 'bin' / 'sample'), *arguments]
    return subprocess.run(command, capture_output=True, text=True).stderr


def test_numbers_of_one_channel_are_predicted_in_their_own_units(work_dir, radar, tmp_path):
    _sample('--mode=predict', f'--work_dir={work_dir}', f'--output={tmp_path}', '--num_clips=2')
    written = sorted(os.listdir(tmp_path))
    assert written == ['predictions.gif', 'predictions.mp4', 'predictions.npz', 'predictions.png']
    saved = np.load(tmp_path / 'predictions.npz')
    _parse(RADAR, radar[0], *SHRUNK)
    data = config.bindings(loop.train, only=('data',))['data'].of_split('test')
    drawn = np.concatenate([clip for clip, _, _ in data.evaluation(1, 'random', 'random', range(2))])
    rates = data.scale.measured(drawn)
    assert np.isnan(rates).any() and not np.isnan(rates).all()
    np.testing.assert_array_equal(saved['context'], rates[:, :1])
    np.testing.assert_array_equal(saved['truth'], rates[:, 1:])
    for rate in rates[~np.isnan(rates)][:20]:  # of the fields, not resized
        assert np.nanmin(np.abs(radar[1] - rate)) < 1e-4 * max(1, rate)
    assert saved['predicted'].shape == (2, 2, 16, 16, 1)
    assert LOW <= saved['predicted'].min() and saved['predicted'].max() <= HIGH


def test_an_ensemble_of_rain_has_probabilities(work_dir, tmp_path):
    ensemble = ['--members=3', '--threshold=0.5', '--num_clips=2']
    assert not _sample('--mode=predict', f'--work_dir={work_dir}', f'--output={tmp_path}', *ensemble).strip()
    saved = np.load(tmp_path / 'predictions.npz')
    assert saved['predicted'].shape == (2, 3, 2, 16, 16, 1) and saved['threshold'] == 0.5
    np.testing.assert_allclose(saved['probability'], (saved['predicted'][..., 0] >= 0.5).mean(1))
    assert len(np.unique(saved['predicted'], axis=1)[0]) == 3  # members of one context differ


@pytest.mark.parametrize(
    'arguments, sentence',
    [
        (['--mode=predict', '--video=film.mp4'], 'no pictures but numbers in (0.0, 128.0); leave out --video'),
        (['--mode=predict', '--label=1'], '--label has no use with --mode=predict'),
        ([], 'continues clips of 1 frames'),
    ],
)
def test_wrong_wishes_of_a_sample_are_one_sentence(work_dir, tmp_path, arguments, sentence):
    complaint = _sample(f'--work_dir={work_dir}', f'--output={tmp_path}', *arguments)
    assert sentence in complaint.strip().splitlines()[-1]


SYNTHESIS = ['models.Generator.context_frames = 0', 'models.DiscriminatorInputs.masked = False']
SYNTHESIS += ['step.GanStep.grid_cell = None']


@pytest.mark.parametrize(
    'params, sentence',
    [
        (['pipeline.RecordClips.num_frames = 9'], 'none of the 2 clips .* has the 9 frames'),
        (['models.Generator.context_frames = 3'], 'clips of 3 frames, and the generator makes 2 after 3 of context'),
        (SYNTHESIS, 'clips of 3 frames, and the generator makes 2 after 0 of context'),
        (['models.Generator.context_frames = -1'], '-1 context and 2 generated frames make no clip'),
        (['NUM_CLASSES = 5'], 'NUM_CLASSES is 5 with 1 context frames; prediction has no classes'),
        (['models.DiscriminatorInputs.spatial_frames = 3'], r'spatial_frames \(k\) is 3, but clips have 2 generated'),
        (['models.DiscriminatorInputs.masked = False'], 'set models.DiscriminatorInputs.masked = True'),
        (['models.Generator.video_channels = 3'], '3 x 16 x 16 x 1 and the generator makes 3 x 16 x 16 x 3'),
    ],
)
def test_a_wrong_wish_is_one_sentence_before_training(radar, tmp_path, params, sentence):
    _parse(RADAR, radar[0], *SHRUNK, *params)
    with pytest.raises(InputError, match=sentence) as caught:
        loop.train(work_dir=str(tmp_path), **config.bindings(loop.train))
    assert '\n' not in str(caught.value)
    assert not os.listdir(tmp_path)


def test_discriminators_of_48_frames_at_128_see_the_papers_number_of_pixels():
    """Section 3.1: from 786,432 to 327,680 pixels, 58 % fewer; of what the step gives the discriminators."""
    _parse('gin/kinetics600_48x128x128.gin', 'records')
    bound = config.bindings(loop.train, only=['gan_step'])['gan_step'].keywords
    generator = types.SimpleNamespace(**bound['networks'].generator.keywords)
    inputs = bound['discriminator_inputs']
    size = generator.resolution
    seen = tf.function(lambda clip: inputs.seen(clip, 0, lambda shape: tf.zeros([1, *shape])), autograph=False)
    shapes = seen.get_concrete_function(tf.TensorSpec([1, generator.num_frames, size, size, 3])).structured_outputs
    pixels = sum(view.shape[1:4].num_elements() for view in shapes.values())
    assert (pixels, generator.num_frames * size * size) == (327680, 786432)
    assert round(100 * (1 - pixels / 786432)) == 58
