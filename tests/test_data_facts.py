"""What data a run was trained on is kept with it, and other data under the same name are noticed."""

import json
import logging
import os
import pathlib
import shutil
import subprocess
import sys

import numpy as np
import pytest
import tiny
from prepared import run

from dvdgan_tf.data.pipeline import RecordClips
from dvdgan_tf.data.scales import Scale
from dvdgan_tf.data.synthetic import SyntheticClips
from dvdgan_tf.errors import InputError
from dvdgan_tf.prepare.listing import Rules
from dvdgan_tf.prepare.sources import array_files
from dvdgan_tf.work_dir import data_facts

ROOT = pathlib.Path(__file__).resolve().parent.parent


def records_of(folder, value):
    folder.mkdir()
    clips = np.full((tiny.CLASSES, 3, 16, 16, 3), value, np.uint8)
    np.savez(folder / 'a.npz', x=clips, labels=np.arange(tiny.CLASSES))
    run(array_files.array_files(str(folder / 'a.npz')), folder / 'out', Rules('raw'))
    return RecordClips(str(folder / 'out'), 16, 3)


def test_the_hash_of_the_manifest_is_kept(tmp_path):
    data = records_of(tmp_path / 'a', 1)
    data_facts.write(str(tmp_path / 'run'), data)
    kept = data_facts.read(str(tmp_path / 'run'))
    assert kept.identity == data.identity() and len(kept.identity['manifest_sha256']) == 64
    assert (kept.class_names, kept.scale, kept.stride) == (data.class_names, Scale(0, 255), 1)


def test_other_content_is_refused_or_accepted_with_a_word(tmp_path, caplog):
    data, other = records_of(tmp_path / 'a', 1), records_of(tmp_path / 'b', 2)
    work_dir = str(tmp_path / 'run')
    data_facts.check(work_dir, data)  # nothing is there yet
    data_facts.write(work_dir, data)
    data_facts.check(work_dir, data)
    with pytest.raises(InputError, match='was trained on manifest_sha256=.*--accept_other_data'):
        data_facts.check(work_dir, other)
    with caplog.at_level(logging.INFO, 'dvdgan_tf'):
        data_facts.check(work_dir, other, accept_other=True)
    assert 'other data from here on' in caplog.text
    with pytest.raises(InputError, match='source=SyntheticCl'):
        data_facts.check(work_dir, SyntheticClips(16, 3))


def test_runs_that_did_not_keep_it_go_on(tmp_path):
    data = SyntheticClips(16, 3)
    data_facts.write(str(tmp_path), data)
    path = tmp_path / data_facts.FILE_NAME
    kept = json.loads(path.read_text())
    del kept['identity']
    path.write_text(json.dumps(kept))
    data_facts.check(str(tmp_path), data)
    assert data_facts.read(str(tmp_path)).identity is None
    del kept['scale']
    path.write_text(json.dumps({**kept, 'value_range': [0.0, 60.0]}))
    assert data_facts.read(str(tmp_path)).scale == Scale(0, 60)
    path.write_text('{')  # a damaged file is written anew by the run that goes on
    data_facts.check(str(tmp_path), data)


def test_bin_train_refuses_other_content_of_the_same_folder_until_it_is_told_to_go_on(tmp_path):
    text = (ROOT / 'tests' / 'tiny.gin').read_text().replace('synthetic', 'pipeline').replace('Synthetic', 'Record')
    gin_file = tmp_path / 'records.gin'
    gin_file.write_text(f"{text}\npipeline.RecordClips.data_dir = '{tmp_path}/records/out'\n")

    def train(*flags):
        command = [sys.executable, str(ROOT / 'bin' / 'train'), f'--gin_file={gin_file}', f'--work_dir={tmp_path}/run']
        environment = {**os.environ, 'PYTHONPATH': f'{ROOT / "tests"}{os.pathsep}{ROOT}'}
        command += ['--gin_param=TRAIN_STEPS = 2', *flags]
        return subprocess.run(command, env=environment, capture_output=True, text=True)

    data_facts.write(str(tmp_path / 'run'), records_of(tmp_path / 'records', 1))
    shutil.rmtree(tmp_path / 'records')
    other = records_of(tmp_path / 'records', 2)
    refused = train()
    assert refused.returncode == 2 and len(refused.stderr.strip().splitlines()) == 1, refused.stderr
    assert refused.stderr.startswith('error: the data are manifest_sha256=')
    accepted = train('--accept_other_data')
    assert accepted.returncode == 0, accepted.stderr
    assert 'other data from here on' in accepted.stdout and 'step 2/2' in accepted.stdout
    assert data_facts.read(str(tmp_path / 'run')).identity == other.identity()
