"""What a run leaves to look at."""

import json
import logging

import numpy as np
import pytest
import tensorflow as tf

from dvdgan_tf.errors import InputError
from dvdgan_tf.work_dir.run_log import RunLog


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


def test_what_a_killed_run_recorded_at_its_last_step_is_not_recorded_twice(tmp_path):
    RunLog(str(tmp_path), 0).scalars(4, {'offline/frechet': 1.0})
    log = RunLog(str(tmp_path), 4)
    log.scalars(4, {'offline/frechet': 1.0})
    log.scalars(4, {'loss/spatial': 1.0})
    assert _steps(tmp_path) == [4, 4]


def test_damaged_lines_are_left_out_and_said_and_none_is_glued_to_another(tmp_path, caplog):
    path = tmp_path / 'metrics.jsonl'
    lines = [b'{"step": 2}', b'5', b'[]', b'null', b'{"step": "3"}', b'{"step": true}', b'{}', b'\xff{"step": 3}', b'']
    lines += ['{"step": 3, "name": "\u2028"}'.encode(), b'{"step": 4}']
    path.write_bytes(b'\n'.join(lines))  # no newline at the end
    with caplog.at_level(logging.WARNING):
        RunLog(str(tmp_path), 4).scalars(5, {'loss/spatial': 0.0})
    assert 'metrics.jsonl: 7 damaged line(s) left out' in caplog.text
    assert [json.loads(line)['step'] for line in path.read_text().split('\n')[:-1]] == [2, 3, 4, 5]


def _events(work_dir):
    """(tag, step) of everything that TensorBoard finds, and the number of files."""
    found, paths = [], sorted((work_dir / 'tensorboard').iterdir())
    for path in paths:
        for record in tf.data.TFRecordDataset(str(path)).as_numpy_iterator():
            event = tf.compat.v1.Event.FromString(record)
            found += [(value.tag, event.step) for value in event.summary.value]
    return found, len(paths)


def test_a_step_that_is_made_again_has_one_point_in_tensorboard(tmp_path):
    log = RunLog(str(tmp_path), 0)
    for step in (0, 2, 4, 6):
        log.scalars(step, {'loss/spatial': float(step)})
    log.clips('preview', 6, np.zeros([1, 2, 16, 16, 3]), 8.0)
    (first,) = (tmp_path / 'tensorboard').iterdir()
    with open(first, 'ab') as file:
        file.write(b'half an event')
    again = RunLog(str(tmp_path), 4)
    again.scalars(6, {'loss/spatial': 6.0})
    assert _events(tmp_path) == ([('loss/spatial', step) for step in (0, 2, 4, 6)], 2)


def test_a_run_that_was_killed_at_its_start_has_one_point_of_step_0(tmp_path):
    for _ in range(2):
        RunLog(str(tmp_path), 0).scalars(0, {'offline_frechet/distance': 1.0})
    assert _steps(tmp_path) == [0]
    assert _events(tmp_path)[0] == [('offline_frechet/distance', 0)]


@pytest.mark.parametrize('content', [b'', b'\x00' * 40, b'no events at all, but longer than a header'])
def test_event_files_that_are_none_are_removed(content, tmp_path):
    (tmp_path / 'tensorboard').mkdir()
    (tmp_path / 'tensorboard' / 'events.out.tfevents.1.host').write_bytes(content)
    RunLog(str(tmp_path), 0)
    assert _events(tmp_path) == ([], 1)


def test_pictures_that_a_kill_left_half_written_are_removed(tmp_path):
    (tmp_path / 'previews').mkdir()
    (tmp_path / 'previews' / 'preview-00000002.gif.0a1b2c3d.writing').write_bytes(b'GIF')
    (tmp_path / 'config.gin.0a1b2c3d.writing').write_bytes(b'')
    RunLog(str(tmp_path), 0)
    assert not list(tmp_path.glob('**/*.writing'))


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
