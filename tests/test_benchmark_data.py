"""The data benchmark on a handful of tiny videos: every part gives its line, and decoded frames are counted exactly."""

import re

import pytest
from sample_files import clip, write_video

from dvdgan_tf.benchmarks import data
from dvdgan_tf.data.pipeline import RecordClips
from dvdgan_tf.prepare.sources import folders


@pytest.fixture(scope='module')
def videos(tmp_path_factory):
    folder = tmp_path_factory.mktemp('videos')
    for number in range(4):
        write_video(folder / 'run' / f'{number}.mp4', clip(20, number, 80, 64))
    return str(folder)


def test_every_part_is_measured(videos, tmp_path):
    listing = folders.list_folder(videos)
    alone, prepared = data._preparing(listing, str(tmp_path / 'records'), 2)
    assert re.search(r'PyAV alone.*: \d+ frames/s', alone)
    assert re.search(r'2 processes: \d+ frames/s.*ratio \d+\.\d+', prepared)
    source = RecordClips(str(tmp_path / 'records'), data.RESOLUTION, data.NUM_FRAMES)
    assert source.num_clips == 4
    line, rate = data._reading(source, 16)
    assert rate > 0 and 'reading records' in line
    assert 'times as fast' in data._direct(listing, rate, 4)
    assert data._count(source, 5).endswith('for 5 windows of 12: 60')
    assert re.search(r'over 160 examples: \d+ MB', data._memory(source, 160))


def test_films_are_made_of_any_videos(videos, tmp_path, monkeypatch):
    written = []
    monkeypatch.setattr(
        data, '_encode', lambda path, frames, rate: written.append((len(frames), frames[0].shape, rate))
    )
    data._as_films(videos, str(tmp_path))
    assert written == [(300, (256, 340, 3), 30)] * 16
    written.clear()
    data._draw(str(tmp_path), 64, 48, 5, 2)
    assert written == [(5, (48, 64, 3), 25)] * 2
