"""What a run leaves behind of itself: what it ran on, and what it says at its end."""

import json

import pytest

from dvdgan_tf import __version__
from dvdgan_tf.work_dir import ending, sessions


@pytest.fixture
def work_dir(tmp_path):
    records = [
        {'step': 0, 'offline_256/frechet': 900.0, 'offline_256/frechet_floor': 3.5},
        {'step': 2, 'loss/spatial': 1.0, 'health/waiting': 0.0},
        {'step': 2, 'offline_256/frechet': 40.0, 'offline_256/frechet_floor': 3.5, 'offline_256/frechet_ceiling': 9e2},
        {'step': 4, 'offline_256/frechet': 52.25, 'offline_256/frechet_floor': 3.5, 'offline_256/kernel': 1.0},
    ]
    (tmp_path / 'metrics.jsonl').write_text('\n'.join(map(json.dumps, records)) + '\n')
    (tmp_path / 'previews').mkdir()
    for name in ('preview-00000002.gif', 'preview-00000004.gif', 'preview-00000004.png', 'real-00000000.gif'):
        (tmp_path / 'previews' / name).touch()
    return tmp_path


def test_a_run_ends_with_its_scores_beside_the_best_and_with_its_newest_picture(work_dir, monkeypatch):
    monkeypatch.setattr(ending, 'best_step', lambda work_dir: 2)
    assert ending.summary(str(work_dir), 4).splitlines() == [
        f'step 4 is the last, and saved in {work_dir}',
        '  score                step 4  best: 2  real clips',
        '  offline_256/frechet  52.25   40       3.5',
        '  offline_256/kernel   1       -        -',
        f'pictures: {work_dir}/previews/preview-00000004.gif, and those before it',
    ]


def test_warnings_are_counted_and_a_run_without_scores_says_less(work_dir):
    (work_dir / 'metrics.jsonl').unlink()
    warned = [{'step': step, 'check': 'frozen', 'warning': f'at {step}.'} for step in (10, 20)]
    (work_dir / 'warnings.jsonl').write_text('\n'.join(map(json.dumps, warned)) + '\n')
    lines = ending.summary(str(work_dir), 30).splitlines()
    assert len(lines) == 3 and lines[-1] == 'warnings: 2; the last, at step 20: at 20.'


def test_the_next_commands_are_those_of_this_run():
    lines = ending.next_commands('runs/my videos', predicts=False).splitlines()
    assert lines[1] == "  bin/sample --work_dir='runs/my videos' --output='runs/my videos/samples'"
    assert [line.split()[0] for line in lines[1:]] == ['bin/sample', 'bin/evaluate', 'bin/report', 'bin/export']
    predicting = ending.next_commands('gs://bucket/run', predicts=True)
    assert '--mode=predict --work_dir=gs://bucket/run --output=./samples' in predicting
    assert '--protocol=prediction' in predicting


def test_every_start_is_kept_with_what_it_ran_on_also_after_a_torn_line(tmp_path):
    sessions.write(str(tmp_path), 0, 'one_device', 1)
    path = tmp_path / sessions.FILE_NAME
    path.write_text(path.read_text() + '{"step": 5, "ver')
    sessions.write(str(tmp_path), 7, 'mirrored', 4)
    first, torn, second = path.read_text().splitlines()
    assert torn == '{"step": 5, "ver'
    first, second = json.loads(first), json.loads(second)
    assert (first['step'], second['step'], second['strategy'], second['replicas']) == (0, 7, 'mirrored', 4)
    assert first['versions']['dvdgan_tf'] == __version__ and {'python', 'numpy'} < first['versions'].keys()
    assert first['hardware']['cores'] >= 1 and first['hardware']['processor'] and first['hardware']['gpus'] == []
