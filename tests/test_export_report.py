"""The table of exports."""

import exported
import numpy as np

from dvdgan_tf.export import report


def test_a_row_tells_the_size_and_the_error_in_levels(tmp_path):
    subject = exported.subject()
    clips = {value.tobytes(): clip for value, clip in zip(subject.probe.inputs['latent'], subject.probe.clips)}
    (tmp_path / 'folder').mkdir()
    (tmp_path / 'folder' / 'model').write_bytes(bytes(2**20))
    (tmp_path / 'more').write_bytes(bytes(2**19))

    def off(inputs):
        made = clips[inputs['latent'].tobytes()][np.newaxis].copy()
        made[..., 0, 0] += 2 / 127.5
        return made

    row = report.measure('off', str(tmp_path), off, subject)
    assert row.size_mib == 1.5 and row.milliseconds > 0 and row.live_milliseconds > 0
    assert abs(row.largest - 2) < 1e-3 and abs(row.mean - 2 / 16 / 3) < 1e-3
    lines = report.table([row])
    assert [line.count('|') for line in lines] == [7, 7, 7] and lines[2].startswith('| off | 1.50 |')
    assert lines[2].endswith('| 2 | 0.042 |')
