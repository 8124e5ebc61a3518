"""The table of exports, and what is written beside each."""

import json

import exported
import numpy as np
import pytest

from dvdgan_tf.errors import InputError
from dvdgan_tf.exporters import report
from dvdgan_tf.exporters.source import write_about


def test_a_row_tells_the_size_and_the_error_in_levels(tmp_path):
    source = exported.source()
    clips = {value.tobytes(): clip for value, clip in zip(source.probe.inputs['latent'], source.probe.clips)}
    (tmp_path / 'folder').mkdir()
    (tmp_path / 'folder' / 'model').write_bytes(bytes(2**20))
    (tmp_path / 'more').write_bytes(bytes(2**19))

    def off(inputs):
        made = clips[inputs['latent'].tobytes()][np.newaxis].copy()
        made[..., 0, 0] += 2 / 127.5
        return made

    row = report.measure('off', str(tmp_path), off, source)
    assert row.size_mib == 1.5 and row.milliseconds > 0 and row.live_milliseconds > 0
    assert abs(row.largest - 2) < 1e-3 and abs(row.mean - 2 / 16 / 3) < 1e-3
    line = report.line(row)
    assert {text.count('|') for text in (*report.HEADER, line)} == {7}
    assert line.startswith('| off | 1.50 |') and line.endswith('| 2 | 0.042 |')


def test_a_format_that_fails_says_so_in_its_row_and_leaves_the_others(capsys):
    row = report.Row('whole', 1.0, 2.0, 3.0, 0.0, 0.0)

    def failing(error):
        def write(source, folder):
            raise error

        return report.Format(write, lambda source, folder: iter([row]), '*')

    formats = {
        'missing': failing(InputError('make onnx installs it.')),
        'broken': failing(RuntimeError('no such op: a|b\nfurther lines')),
        'whole': report.Format(lambda source, folder: None, lambda source, folder: iter([row]), '*'),
    }
    rows = list(report.measure_all(formats, None))
    assert rows[2] == row and [report.line(failure) for failure in rows[:2]] == [
        '| missing | failed: make onnx installs it. | | | | |',
        '| broken | failed: no such op: a/b | | | | |',
    ]
    said = capsys.readouterr().err
    assert 'further lines' in said and 'make onnx' not in said


def test_a_label_is_one_line_whatever_its_class_is_called(tmp_path):
    names = ['plain', 'two\nlines', '../../etc', 'ünï code\r\n']
    write_about({'classes': names, 'fps': 8.0}, str(tmp_path))
    assert (tmp_path / 'labels.txt').read_text('utf-8').splitlines() == ['plain', 'two lines', '../../etc', 'ünï code']
    assert json.loads((tmp_path / 'metadata.json').read_text())['classes'] == names
    assert len(list(tmp_path.iterdir())) == 2
    with pytest.raises(ValueError):
        write_about({'classes': [], 'fps': float('nan')}, str(tmp_path))
