"""What data a run was trained on is kept with it, and other data under the same name are noticed."""

import json
import logging

import numpy as np
import pytest
from prepared import run

from dvdgan_tf.data.pipeline import RecordClips
from dvdgan_tf.data.synthetic import SyntheticClips
from dvdgan_tf.errors import InputError
from dvdgan_tf.prepare.listing import Rules
from dvdgan_tf.prepare.sources import array_files
from dvdgan_tf.work_dir import data_facts


def records_of(folder, value):
    folder.mkdir()
    np.save(folder / 'a.npy', np.full((2, 3, 8, 8, 1), value, np.uint8))
    run(array_files.array_files(str(folder / 'a.npy')), folder / 'out', Rules('raw'))
    return RecordClips(str(folder / 'out'), 8, 3)


def test_the_hash_of_the_manifest_is_kept(tmp_path):
    data = records_of(tmp_path / 'a', 1)
    data_facts.write(str(tmp_path / 'run'), data)
    kept = data_facts.read(str(tmp_path / 'run'))
    assert kept.identity == data.identity() and len(kept.identity['manifest_sha256']) == 64
    assert (kept.class_names, kept.value_range, kept.stride) == (data.class_names, (0, 255), 1)


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
    path.write_text('{')  # a damaged file is written anew by the run that goes on
    data_facts.check(str(tmp_path), data)
