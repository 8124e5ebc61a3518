"""Reports: what runs have written is read whatever state it is in, and becomes one file that needs nothing else."""

import base64
import hashlib
import importlib
import io
import json
import pathlib
import re
import shutil

import numpy as np
import pytest
from absl import flags
from absl.testing import flagsaver
from PIL import Image, ImageSequence

from dvdgan_tf.errors import InputError
from dvdgan_tf.report import films, page, run_files
from dvdgan_tf.sampling import video
from dvdgan_tf.work_dir import sessions

GIF = base64.b64decode('R0lGODlhAQABAIAAAAAAAP///yH5BAEAAAAALAAAAAABAAEAAAIBRAA7')
FIXTURES = pathlib.Path(__file__).parent / 'fixtures'


@pytest.fixture
def make_run(tmp_path):
    """Writes a work directory of a few lines; returns its path."""

    def make(name='run', config='SEED = 0\n', metrics='', classes=('bend', 'jump'), previews=(0, 100)):
        folder = tmp_path / name
        (folder / 'previews').mkdir(parents=True)
        (folder / 'config.gin').write_text(config)
        (folder / 'data.json').write_text(json.dumps({'class_names': classes, 'stride': 2}))
        (folder / 'metrics.jsonl').write_bytes(metrics.encode() if isinstance(metrics, str) else metrics)
        for step in previews:
            (folder / 'previews' / f'preview-{step:08d}.gif').write_bytes(GIF)
        (folder / 'previews' / 'real-00000000.gif').write_bytes(GIF)
        return folder

    return make


def _data(text):
    """The data that a page carries."""
    return json.loads(re.search(r'id="data">(.*?)</script>', text, re.DOTALL)[1])


def test_series_are_read_in_the_order_of_steps_and_a_later_line_of_a_step_counts(make_run):
    lines = [{'step': 20, 'loss/a': 2.0}, {'step': 10, 'loss/a': 1.0, 'time': 5.0}, {'step': 20, 'loss/a': 3.0}]
    run = run_files.read_run(str(make_run(metrics='\n'.join(map(json.dumps, lines)) + '\n')))
    assert run.series == {'loss/a': ([10, 20], [1.0, 3.0])} and run.last_step == 20
    assert (sorted(run.previews), run.warnings) == ([0, 100], [])


def test_a_torn_line_is_said_and_the_rest_is_read(make_run):
    torn = b'{"step": 1, "loss/a": 2.0}\n[1]\n\xff\xfe\n{"step": 2, "lo'
    run = run_files.read_run(str(make_run(metrics=torn)))
    assert run.series == {'loss/a': ([1], [2.0])}
    assert run.warnings == ['run: 3 line(s) of metrics.jsonl are damaged or still being written.']


def test_a_run_without_previews_data_or_metrics_is_still_reported(make_run):
    folder = make_run(previews=())
    (folder / 'data.json').write_text('[')
    (folder / 'metrics.jsonl').unlink()
    run = run_files.read_run(str(folder))
    assert [warning.split(' ')[1] for warning in run.warnings] == ['data.json', 'metrics.jsonl', 'there']
    assert 'data.json is damaged' in page.build([run], [], 10**6).text


def test_what_is_no_run_is_one_sentence(tmp_path):
    with pytest.raises(InputError, match='holds no config.gin, so it is no work directory'):
        run_files.read_run(str(tmp_path))


def test_bindings_that_differ_are_found_also_over_several_lines(make_run):
    first = "SEED = 0\nloop.train.data = \\\n    @synthetic.SyntheticClips()\nstep.GanStep.phi = @views.identity\n"
    second = first.replace('= 0', '= 1').replace('step.GanStep.phi = @views.identity', '')
    runs = [run_files.read_run(str(make_run(name, text))) for name, text in (('a', first), ('b', second))]
    assert runs[0].bindings['loop.train.data'] == '@synthetic.SyntheticClips()'
    assert run_files.differences(runs) == {'SEED': ['0', '1'], 'step.GanStep.phi': ['@views.identity', 'not given']}


def test_the_page_is_one_file_that_asks_for_nothing(make_run):
    text = page.build([run_files.read_run(str(make_run()))], [], 10**6).text
    assert not re.findall(r'(?:src|href)="(?!#)[^"]*"', text)
    assert 'uPlot' in text and _data(text)['runs'][0]['name'] == 'run'
    kinds = [(item['kind'], item.get('step')) for item in _data(text)['items']]
    assert kinds == [('preview', 0), ('preview', 100), ('real', None)]
    assert base64.b64decode(_data(text)['items'][0]['uri'].split(',')[1]) == GIF


def test_a_film_becomes_a_smaller_one_with_the_same_frames_and_time_and_a_damaged_one_is_left_out(make_run):
    time, row, column = np.ogrid[:5, :24, :30]
    frames = np.stack(np.broadcast_arrays(8 * row + 4 * time, 6 * column, 20 * time + 2 * column + row), -1)
    gif = video.encode_gif(frames.astype(np.uint8).repeat(8, 1).repeat(8, 2), 8.0)
    content, media = films.smaller(gif)
    film = Image.open(io.BytesIO(content))
    shown = np.stack([np.asarray(frame.convert('RGB')) for frame in ImageSequence.Iterator(film)]).astype(int)
    assert (media, film.size, film.n_frames, film.info['duration']) == ('image/webp', (30, 24), 5, 120)
    assert len(content) < len(gif) / 4 and np.abs(shown - frames).mean() < 6
    run = run_files.read_run(str(make_run()))
    run.previews[100].write_bytes(b'GIF89a')
    run.previews[200] = run.previews[100].with_name('gone.gif')
    data = _data(page.build([run], [], 10**6).text)
    assert [item['step'] for item in data['items'] if item['kind'] == 'preview'] == [0]
    reasons = {'preview-00000100.gif': 'it is damaged', 'gone.gif': 'No such file or directory'}
    said = [f'run: {name} could not be read ({reason}).' for name, reason in reasons.items()]
    assert data['runs'][0]['warnings'] == run.warnings == said


def test_what_a_run_ran_on_and_what_its_health_checks_said_are_on_the_page(make_run):
    folder = make_run()
    sessions.write(str(folder), 0, 'one_device', 1)
    with open(folder / 'sessions.jsonl', 'a') as file:
        file.write('{"versions": 3}\n{"torn')
    said = [{'step': step, 'check': 'frozen', 'warning': 'clips hardly move.'} for step in range(30)]
    (folder / 'warnings.jsonl').write_text('\n'.join(map(json.dumps, said)))
    (about,) = _data(page.build([run_files.read_run(str(folder))], [], 10**6).text)['runs']
    (session,) = about['sessions']
    assert session['step'] == 0 and 'tensorflow' in session['versions']
    assert about['health'][0] == '10 earlier ones' and about['health'][-1] == 'step 29: clips hardly move.'
    assert about['warnings'] == ['run: 1 line(s) of sessions.jsonl are damaged or still being written.']


def test_results_of_another_form_are_passed_over(make_run):
    folder = make_run()
    (folder / 'evaluation').mkdir()
    good = {'scores': {'frechet': {'value': 1.0}}}
    lines = [good, {'scores': [1]}, {'scores': {'frechet': 3.0}}, {'protocol': 'x'}]
    (folder / 'evaluation' / 'evaluation.jsonl').write_text('\n'.join(map(json.dumps, lines)))
    assert run_files.read_run(str(folder)).results == [good]


def test_a_very_long_run_is_drawn_at_some_of_its_records_and_at_fewer_where_the_page_is_too_large(make_run):
    lines = [json.dumps({'step': step, 'loss/a': step / 7}) for step in range(20000)]
    run = run_files.read_run(str(make_run(metrics='\n'.join(lines), previews=())))
    steps, values = run.series['loss/a']
    assert len(steps) == 1500 and (steps[0], steps[-1], values[-1]) == (0, 19999, 19999 / 7)
    whole = page.build([run], [], 10**7)
    limited = page.build([run], [], len(whole.text) - 10_000)
    assert limited.left_out == ('run: real clips', 'of each curve all but 750 points')
    shown = _data(limited.text)['runs'][0]['series']['loss/a'][0]
    assert len(shown) == 750 and (shown[0], shown[-1]) == (0, 19999)


def test_names_and_numbers_cannot_break_the_page(make_run):
    evil = '</script><script>alert(1)</script>'
    metrics = '{"step": 1, "loss/a": NaN, "loss/b": 1.0}\n'
    run = run_files.read_run(str(make_run(metrics=metrics, classes=(evil, 'NaN'), config=f"NAME = '{evil}'\n")))
    text = page.build([run], [], 10**6).text
    data = _data(text)
    assert data['runs'][0]['classes'] == [evil, 'NaN'] and data['runs'][0]['series']['loss/a'] == [[1], [None]]
    assert text.count('</script>') == 3


def test_the_largest_pictures_are_left_out_and_named_until_the_page_fits(make_run):
    run = run_files.read_run(str(make_run()))
    sizes = {'A': 10**5, 'B': 10**6}
    pictures = [page.Picture('run', title, '', bytes(size), 'image/png') for title, size in sizes.items()]
    whole = page.build([run], pictures, 10**7)
    assert whole.left_out == ()
    limited = page.build([run], pictures, len(whole.text) - 1)
    assert limited.left_out == ('run: B',) and len(limited.text.encode()) < len(whole.text)
    assert _data(limited.text)['left_out'] == ['run: B']


def test_many_previews_and_classes_are_shown_in_part(make_run):
    folder = make_run(previews=range(0, 5000, 50), classes=[f'class {number}' for number in range(5000)])
    data = _data(page.build([run_files.read_run(str(folder))], [], 10**7).text)
    steps = [item['step'] for item in data['items'] if item['kind'] == 'preview']
    assert len(steps) == 24 and (steps[0], steps[-1]) == (0, 4950) and steps == sorted(set(steps))
    assert len(data['runs'][0]['classes']) == 100 and data['runs'][0]['num_classes'] == 5000


@pytest.fixture
def report(monkeypatch, capsys):
    """Runs bin/report in this process; returns what it prints."""
    program = importlib.import_module('dvdgan_tf.programs.report')

    def run(work_dir, output, **others):
        with flagsaver.flagsaver(work_dir=[str(work_dir)], output=str(output), **others):
            program.main([])
        return capsys.readouterr().out

    flags.FLAGS(['report', '--work_dir=x', '--output=x'])
    return run


def test_a_run_of_an_earlier_version_is_reported_with_its_samples_and_the_nearest_training_clips(report, tmp_path):
    work_dir = shutil.copytree(FIXTURES / 'run_0_1', tmp_path / 'run_0_1')
    said = report(work_dir, tmp_path / 'report.html')
    data = _data((tmp_path / 'report.html').read_text())
    titles = [item['title'] for item in data['items'] if item['kind'] == 'picture']
    assert titles == ['Samples by class', 'Interpolations', 'Interpolations', 'Truncation', 'Nearest training clips']
    assert 'held-out clips, pixels: median ' in data['items'][-1]['caption']
    assert 'there are no previews yet' in said and 'report.html: 1 run(s), 0.' in said


def test_a_run_of_which_nothing_can_be_opened_is_still_reported(report, make_run, tmp_path):
    folder = make_run(config='a configuration of another age\n')
    said = report(folder, tmp_path / 'report.html')
    data = _data((tmp_path / 'report.html').read_text())
    assert len(data['items']) == 3 and len(data['runs'][0]['warnings']) == 1
    assert said.startswith('note: run: ') and 'config.gin' in said


@pytest.mark.parametrize(
    'place, message',
    [('absent/report.html', 'does not exist'), ('folder', 'could not write'), ('run', 'could not write')],
)
def test_an_output_that_cannot_be_written_is_one_sentence(report, make_run, tmp_path, place, message):
    folder = make_run(config='no configuration\n')
    (tmp_path / 'folder').mkdir()
    with pytest.raises(InputError, match=message):
        report(folder, tmp_path / place)


def test_the_library_is_the_published_one():
    folder = pathlib.Path(page.__file__).parent / 'static' / 'vendor'
    listed = dict(re.findall(r'\| (\S+) \| `([0-9a-f]{64})` \|', (folder / 'NOTICE.md').read_text()))
    assert len(listed) == 2
    for name, digest in listed.items():
        assert hashlib.sha256((folder / name).read_bytes()).hexdigest() == digest
