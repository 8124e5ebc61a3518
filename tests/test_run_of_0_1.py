"""A run that version 0.1 began, of commit 9240509: it is sampled, exported and gone on with (tests/fixtures/run_0_1).

Its configuration is run_0_1/config.gin; clips.npy is what `bin/sample --num_clips=3 --seed=7` makes of its step 2, and
step_4.json the mean and the root mean square of every variable of the networks at step 4, both by that version.
"""

import functools
import json
import shutil
from pathlib import Path

import numpy as np
import pytest
import tensorflow as tf

from dvdgan_tf import config, ownership, saved_run
from dvdgan_tf.exporters import saved_model, source, version_folder
from dvdgan_tf.sampling import generate
from dvdgan_tf.training import loop
from dvdgan_tf.work_dir.checkpoint import checkpoint_path

_FIXTURE = Path(__file__).parent / 'fixtures' / 'run_0_1'


@pytest.fixture
def work_dir(tmp_path):
    return str(shutil.copytree(_FIXTURE, tmp_path / 'run'))


def test_it_is_sampled_to_the_same_clips_and_exported(work_dir, tmp_path):
    run = saved_run.open_run(work_dir)
    assert (run.step, run.facts.class_names[0]) == (2, 'sideways disk')
    clips = generate.sample_clips(run.generator, generate.spread_labels(3, run.generator.num_classes), seed=7)
    np.testing.assert_allclose(clips, np.load(_FIXTURE / 'clips.npy'), atol=1e-5)  # other processors round otherwise
    exported = source.make_source(run.generator, run.step, run.facts.class_names, run.config_text, 8.0, None)
    write = functools.partial(saved_model.write, 8, exported)
    folder = version_folder.write_version(str(tmp_path / 'exported'), run.step, 'saved_model.pb', write)
    assert (Path(folder) / 'saved_model.pb').is_file() and Path(folder).name == '2'


def test_it_goes_on_to_where_its_own_version_would_have_gone(work_dir, tmp_path):
    config.load(work_dir)
    experiment = tmp_path / 'again.gin'
    experiment.write_text(config.text())
    config.parse([str(experiment)], ['TRAIN_STEPS = 4', 'loop.train.evaluation = None'])
    ownership.claim(work_dir)
    assert loop.train(work_dir=work_dir, **config.bindings(loop.train)).step == 4
    reader = tf.train.load_checkpoint(checkpoint_path(work_dir, 4))
    expected = json.loads((_FIXTURE / 'step_4.json').read_text())
    assert {name.split('/')[0] for name in expected} == {'generator', 'spatial', 'temporal'}
    for name, moments in expected.items():
        value = reader.get_tensor(f'{name}/.ATTRIBUTES/VARIABLE_VALUE').astype(np.float64)
        got = [np.mean(value), np.sqrt(np.mean(np.square(value)))]
        np.testing.assert_allclose(got, moments, rtol=1e-3, atol=1e-5, err_msg=name)
