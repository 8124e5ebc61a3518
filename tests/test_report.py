"""Reports: what runs have written is read whatever state it is in, and becomes one file that needs nothing else."""

import base64
import hashlib
import json
import pathlib
import re

import pytest

from dvdgan_tf.errors import InputError
from dvdgan_tf.report import page, run_files

GIF = base64.b64decode('R0lGODlhAQABAIAAAAAAAP///yH5BAEAAAAALAAAAAABAAEAAAIBRAA7')


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


def test_the_library_is_the_published_one():
    folder = pathlib.Path(page.__file__).parent / 'static' / 'vendor'
    listed = dict(re.findall(r'\| (\S+) \| `([0-9a-f]{64})` \|', (folder / 'NOTICE.md').read_text()))
    assert len(listed) == 2
    for name, digest in listed.items():
        assert hashlib.sha256((folder / name).read_bytes()).hexdigest() == digest
