"""What a benchmark keeps, and with which earlier one it is compared."""

import json

import pytest

from dvdgan_tf.benchmarks.record import Record
from dvdgan_tf.errors import InputError


@pytest.fixture
def written(tmp_path):
    path = str(tmp_path / 'before.json')
    record = Record('step', 'a preset')
    assert record.line('step, CPU', 2.0, 's') == 'step, CPU: 2 s'
    record.write(path)
    return path


def test_numbers_are_ratios_to_the_baseline(written):
    record = Record('step', 'a preset', written)
    assert record.line('step, CPU', 1.5, 's') == 'step, CPU: 1.5 s (0.750 of the baseline)'
    assert record.line('new', 3.0, '') == 'new: 3'


@pytest.mark.parametrize('key, value', [('machine', 'another'), ('preset', 'another'), ('what', 'sampling')])
def test_a_baseline_of_something_else_is_refused(written, key, value):
    with open(written) as file:
        content = json.load(file)
    with open(written, 'w') as file:
        json.dump({**content, key: value}, file)
    with pytest.raises(InputError, match=f"is of another {key}, '{value}', and this is '.*'; compare numbers"):
        Record('step', 'a preset', written)


@pytest.mark.parametrize('content', ['', '[]', '{}', '{"numbers": 3}'])
def test_what_is_no_baseline_is_refused(tmp_path, content):
    path = tmp_path / 'before.json'
    path.write_text(content)
    with pytest.raises(InputError, match='is no baseline .* give a file that --output wrote'):
        Record('step', 'a preset', str(path))


def test_a_baseline_that_is_not_there_is_refused(tmp_path):
    with pytest.raises(InputError, match='is no baseline .*No such file'):
        Record('step', 'a preset', str(tmp_path / 'nothing.json'))
