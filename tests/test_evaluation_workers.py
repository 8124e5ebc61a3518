"""Two processes score together: the result is that of one, on both, written once."""

import json
import os
import sys

import pytest
import worker_scores

from dvdgan_tf.distribute.local_workers import run_workers
from dvdgan_tf.distribute.strategy import make_strategy
from dvdgan_tf.errors import InputError
from dvdgan_tf.evaluation.extraction import Extractor
from dvdgan_tf.evaluation.folders import comparison
from dvdgan_tf.evaluation.folders.clips import FolderClips
from dvdgan_tf.metrics.networks.features import offline_network

TESTS = os.path.dirname(os.path.abspath(__file__))


def test_the_scores_of_two_workers_are_those_of_one(tmp_path, monkeypatch):
    monkeypatch.setenv('PYTHONPATH', f'{TESTS}:{os.path.dirname(TESTS)}')
    alone, together = tmp_path / 'alone', tmp_path / 'together'
    for folder in (alone, together):
        folder.mkdir()
        worker_scores.write_folders(folder)
    assert run_workers([sys.executable, os.path.join(TESTS, 'worker_scores.py'), str(together)], 2) == 0
    expected = worker_scores.scores(str(alone), make_strategy('one_device'))
    for worker in range(2):
        got = json.loads((together / f'worker_{worker}.json').read_text())
        for of_step, expected_of_step in zip(got, expected):
            assert of_step.keys() == expected_of_step.keys()
            for name, value in of_step.items():
                assert value == pytest.approx(expected_of_step[name], rel=1e-4, abs=1e-6), name
    lines = (together / 'evaluation' / 'evaluation.jsonl').read_text().splitlines()
    assert len(lines) == 2 * len(worker_scores.NAMES)
    assert not list(together.glob('*/partial-*'))


def test_several_processes_compare_folders_only_where_all_can_merge(tmp_path):
    worker_scores.write_folders(tmp_path)
    sides = tuple(FolderClips(str(tmp_path / name), decode=None) for name in ('real', 'fake'))
    extractor = Extractor({'offline': offline_network()}, 8)
    extractor.processes.several = True
    with pytest.raises(InputError, match='give --statistics_dir'):
        comparison.compare(sides, extractor)
