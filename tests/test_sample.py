"""bin/sample: what each wish writes, that the seed decides, and wrong wishes; all in one process of its own."""

import json
import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from dvdgan_tf import config, ownership
from dvdgan_tf.training import loop
from dvdgan_tf.work_dir import data_facts

ROOT = Path(__file__).resolve().parent.parent

# name of the output: its arguments
WISHES = {
    'plain': ['--num_clips=3'],
    'again': ['--num_clips=3'],
    'other': ['--num_clips=3', '--seed=1'],
    'classes': ['--label=2', '--label=sideways disk', '--num_clips=4', '--sheet=first_frames'],
    'random': ['--label=random', '--num_clips=5', '--sheet=first_frames'],
    'raster': ['--num_clips=1', '--sheet=raster'],
    'sweep': ['--num_clips=2', '--truncation=0,0.5,1'],
    'latents': ['--mode=interpolate', '--num_clips=2', '--steps=3', '--label=4'],
    'averages': ['--num_clips=16'],
    'batch': ['--num_clips=16', '--batch_statistics'],
    'nearest': ['--mode=interpolate', '--num_clips=2', '--steps=3', '--nearest'],
    'between': ['--mode=interpolate', '--between=classes', '--label=0', '--label=3', '--num_clips=1', '--steps=3'],
}
# arguments: what the sentence says
WRONG = {
    ('--truncation=2',): '--truncation=2 is no number from 0 to 1',
    ('--truncation=0.5,x',): '--truncation=0.5,x is no number',
    ('--truncation=0.1,0.2', '--sheet=raster'): 'several values of --truncation',
    ('--steps=3',): '--steps has no use with --mode=generate',
    ('--mode=interpolate', '--sheet=raster'): '--sheet has no use with --mode=interpolate',
    ('--mode=interpolate', '--between=classes', '--label=1'): '--label named 1; name two',
    ('--mode=interpolate', '--between=classes', '--path=spherical'): '--path is for latents',
    ('--label=random', '--label=1'): 'label random stands alone',
    ('--label=1', '--label=2', '--num_clips=1'): '1 clips cannot show 2 classes',
    ('--label=nobody',): "there is no class 'nobody'",
    ('--batch_statistics', '--num_clips=20'): 'normalises 16 clips together and --num_clips is 20',
    ('--mode=interpolate', '--batch_statistics'): '--batch_statistics has no use with --mode=interpolate',
    ('--truncation=0.1,0.2', '--nearest'): 'without --sheet and --nearest',
    ('--mode=predict', '--nearest'): '--nearest has no use with --mode=predict',
    ('--mode=predict', '--label=1'): '--label has no use with --mode=predict',
}
_RUN_ALL = """
import json, sys
from absl import flags
from dvdgan_tf.errors import InputError
from dvdgan_tf.programs import sample
for arguments in json.loads(sys.argv[1]):
    for flag in flags.FLAGS.get_key_flags_for_module(sample):
        flag.unparse()
    flags.FLAGS(['sample', *arguments])
    try:
        sample.main([])
        print('done')
    except InputError as error:
        print(f'refused: {error}')
"""


@pytest.fixture(scope='module')
def outcomes(tmp_path_factory):
    """The folder of outputs, and the last line that was printed for each wish."""
    folder = tmp_path_factory.mktemp('samples')
    work_dir = str(folder / 'run')
    config.parse(['gin/quickstart.gin'], ['CHANNEL_MULTIPLIER = 1'])
    ownership.claim(work_dir)
    data_facts.write(work_dir, config.bindings(loop.train, only=('data',))['data'])
    wishes = list(WISHES.items())
    wishes += [('wrong', list(arguments)) for arguments in WRONG]
    common = [f'--work_dir={work_dir}', '--checkpoint=0']
    lists = json.dumps([[*common, f'--output={folder / name}', *arguments] for name, arguments in wishes])
    environment = {**os.environ, 'PYTHONPATH': str(ROOT)}
    done = subprocess.run(
        [sys.executable, '-c', _RUN_ALL, lists], capture_output=True, text=True, env=environment, cwd=folder
    )
    lines = [line for line in done.stdout.splitlines() if line == 'done' or line.startswith('refused: ')]
    assert len(lines) == len(wishes), done.stderr
    return folder, lines


def _saved(folder, name, file='clips'):
    return np.load(folder / name / f'{file}.npz')


def test_every_wish_is_granted(outcomes):
    assert outcomes[1][: len(WISHES)] == ['done'] * len(WISHES)


@pytest.mark.parametrize('arguments', WRONG, ids=' '.join)
def test_a_wrong_wish_is_one_sentence(outcomes, arguments):
    line = outcomes[1][len(WISHES) + list(WRONG).index(arguments)]
    assert line.startswith('refused: ') and WRONG[arguments] in line
    assert not (outcomes[0] / 'wrong').exists()


def test_the_same_seed_gives_the_same_files_and_another_seed_other_clips(outcomes):
    folder, _ = outcomes
    for file in ('clips.gif', 'clips.png', 'clips.npz'):
        assert (folder / 'plain' / file).read_bytes() == (folder / 'again' / file).read_bytes()
    assert (_saved(folder, 'plain')['clips'] != _saved(folder, 'other')['clips']).any()


def test_the_clips_are_written_as_bytes_with_their_labels(outcomes):
    saved = _saved(outcomes[0], 'plain')
    assert saved['clips'].dtype == np.uint8 and saved['clips'].shape == (3, 8, 16, 16, 3)
    np.testing.assert_array_equal(saved['label'], [0, 1, 2])
    np.testing.assert_array_equal(_saved(outcomes[0], 'classes')['label'], [2, 2, 0, 0])
    assert set(_saved(outcomes[0], 'random')['label']) <= set(range(9))


def test_sheets_show_what_was_asked_for(outcomes):
    """Cells are 16 pixels magnified 3 times, two pixels apart; captions come on top of that."""
    side, gap = 16 * 3, 2
    sizes = {name: Image.open(outcomes[0] / name / 'clips.png').size for name in ('classes', 'random', 'raster')}
    assert sizes['classes'][1] == 2 * side + gap and sizes['classes'][0] > 2 * side + gap
    assert sizes['random'] == (3 * side + 2 * gap, 2 * side + gap)
    assert sizes['raster'][1] == 3 * side + 2 * gap


def test_a_sweep_shows_the_same_latents_at_every_truncation(outcomes):
    saved = _saved(outcomes[0], 'sweep')
    assert saved['clips'].shape[:2] == (2, 3)
    np.testing.assert_array_equal(saved['truncation'], [0, 0.5, 1])
    assert (saved['clips'][:, 1] != saved['clips'][:, 2]).any()


def test_an_interpolation_ends_at_the_clips_of_its_ends(outcomes):
    between = _saved(outcomes[0], 'between', 'interpolations')['clips']
    plain = _saved(outcomes[0], 'plain')['clips']
    assert between.shape[:2] == (1, 3)
    np.testing.assert_array_equal(between[0, 0], plain[0])  # latent 0 of the seed, class 0
    assert (between[0, 0] != between[0, 2]).any()
    assert sorted(os.listdir(outcomes[0] / 'latents')) == [
        'first_frames.png',
        *(f'interpolations.{ending}' for ending in ('gif', 'mp4', 'npz', 'png')),
    ]


def test_the_training_clips_nearest_to_clips_are_under_them(outcomes):
    saved = _saved(outcomes[0], 'nearest', 'nearest')
    assert saved['clips'].shape == saved['nearest'].shape == (6, 8, 16, 16, 3)
    apart = np.sqrt(np.square(saved['clips'].astype(float) - saved['nearest']).mean((1, 2, 3, 4)))
    np.testing.assert_allclose(apart, saved['distance'], rtol=0.01)
    assert Image.open(outcomes[0] / 'nearest' / 'nearest.png').size[1] == 4 * 16 * 3 + 3 * 2


def test_batch_statistics_change_the_clips_and_not_the_latents(outcomes):
    averages, batch = (_saved(outcomes[0], name) for name in ('averages', 'batch'))
    assert (averages['clips'] != batch['clips']).any() and (averages['label'] == batch['label']).all()
