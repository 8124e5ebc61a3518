"""What a run leaves to look at."""

import json

import numpy as np
import pytest

from dvdgan_tf.errors import InputError
from dvdgan_tf.training.run_log import RunLog


def _steps(work_dir):
    return [json.loads(line)['step'] for line in (work_dir / 'metrics.jsonl').read_text().splitlines()]


def test_resuming_drops_the_lines_that_will_be_written_again_and_a_torn_one(tmp_path):
    log = RunLog(str(tmp_path), 0)
    for step in (0, 2, 4, 6):
        log.scalars(step, {'loss/spatial': float(step)})
    with open(tmp_path / 'metrics.jsonl', 'a') as file:
        file.write('{"step": 8, "loss/sp')
    RunLog(str(tmp_path), 4).scalars(5, {'loss/spatial': 0.0})
    assert _steps(tmp_path) == [0, 2, 4, 5]


def test_a_work_directory_that_cannot_be_made_is_one_sentence(tmp_path):
    (tmp_path / 'file').write_text('')
    with pytest.raises(InputError, match='could not write .*file'):
        RunLog(str(tmp_path / 'file'), 0)


def test_previews_are_named_by_their_step(tmp_path):
    clips = np.zeros([3, 2, 16, 16, 1], np.float32)
    RunLog(str(tmp_path), 0).clips('preview', 12, clips, fps=8)
    assert sorted(path.name for path in (tmp_path / 'previews').iterdir()) == [
        'preview-00000012.gif',
        'preview-00000012.png',
    ]
