"""The preparation on Apache Beam: the files of the local one, bad clips listed alike, a killed run gone on."""

import json
import os
import pathlib
import subprocess
import sys

import pytest
from prepared import make_folder, run, shard_bytes
from sample_files import clip, write_video

from dvdgan_tf.errors import InputError
from dvdgan_tf.prepare import beam
from dvdgan_tf.prepare.listing import Rules
from dvdgan_tf.prepare.sources import folders
from dvdgan_tf.prepare.split_writer import FullShard

ROOT = pathlib.Path(__file__).resolve().parent.parent
SOURCE = {'name': 'test', 'input': 'x'}


def a_folder(root):
    make_folder(root / 'train', per_class=5, frames=30)
    for name in ('train/jump/bad0.mp4', 'train/run/run9.mp4', 'test/run/bad1.mp4'):
        (root / name).parent.mkdir(parents=True, exist_ok=True)
        (root / name).write_text('no video')
    write_video(root / 'test' / 'run' / 'good.mp4', clip(70))
    return str(root)


def one_by_one(elements, work, options):
    """What a runner does with the work, in this process."""
    for element in elements:
        work(element)


def files(folder):
    others = {name: (folder / name).read_bytes() for name in ('manifest.json', 'skipped.jsonl')}
    return {**shard_bytes(folder), **others}


@pytest.mark.parametrize('size', [{'shard_clips': 3}, {'shard_megabytes': 0.4}, {}])
def test_the_files_are_those_of_the_local_preparation(tmp_path, monkeypatch, size):
    monkeypatch.setattr(beam, '_on_beam', one_by_one)
    monkeypatch.setattr(beam, '_RUN_CLIPS', 4)
    listing = folders.list_folder(a_folder(tmp_path / 'in'))
    beam.prepare(listing, Rules(), str(tmp_path / 'beam'), source=SOURCE, options=[], full=FullShard(**size))
    run(listing, tmp_path / 'local', **size)
    assert files(tmp_path / 'beam') == files(tmp_path / 'local')
    assert (tmp_path / 'beam' / 'job.json').read_text() == (tmp_path / 'local' / 'job.json').read_text()
    assert not (tmp_path / 'beam' / 'pieces').exists()
    assert len(json.loads((tmp_path / 'beam' / 'manifest.json').read_text())['splits']['train']['shards']) >= 1


def test_what_is_finished_is_not_done_again(tmp_path, monkeypatch):
    listing = folders.list_folder(a_folder(tmp_path / 'in'))
    monkeypatch.setattr(beam, '_RUN_CLIPS', 3)
    arguments = {'source': SOURCE, 'options': [], 'full': FullShard(shard_clips=2)}
    for after in (1, 3, 6, 9):
        done = []

        def killed(elements, work, options, after=after, done=done):
            for element in elements:
                if len(done) == after:
                    raise KeyboardInterrupt
                work(element)
                done.append(element)

        monkeypatch.setattr(beam, '_on_beam', killed)
        try:
            beam.prepare(listing, Rules(), str(tmp_path / 'beam'), **arguments)
        except KeyboardInterrupt:
            assert not (tmp_path / 'beam' / 'manifest.json').exists()
    (tmp_path / 'beam' / 'train-00002.tfrecord.0a1b2c3d.writing').write_text('what a killed worker leaves')
    again = []
    monkeypatch.setattr(beam, '_on_beam', lambda elements, work, options: again.extend(elements))
    beam.prepare(listing, Rules(), str(tmp_path / 'beam'), **arguments)
    run(listing, tmp_path / 'local', shard_clips=2)
    assert files(tmp_path / 'beam') == files(tmp_path / 'local') and again == []
    assert not list((tmp_path / 'beam').glob('*.writing'))


def test_without_beam_it_is_one_sentence(monkeypatch):
    monkeypatch.setitem(sys.modules, 'apache_beam', None)
    with pytest.raises(InputError, match=r'dvdgan_tf\[beam\]'):
        beam._on_beam(['x'], print, [])


def test_the_direct_runner_with_several_processes(tmp_path):
    pytest.importorskip('apache_beam')
    root = a_folder(tmp_path / 'in')
    command = [sys.executable, str(ROOT / 'bin' / 'prepare'), '--source=folder', f'--input={root}', '--shard_clips=3']
    options = '--runner=DirectRunner --direct_running_mode=multi_processing --direct_num_workers=2'
    environment = {**os.environ, 'PYTHONPATH': str(ROOT)}
    for output, more in (('beam', ['--beam', f'--beam_options={options}']), ('local', ['--processes=1'])):
        done = subprocess.run(
            [*command, f'--output={tmp_path / output}', *more], env=environment, capture_output=True, text=True
        )
        assert done.returncode == 0, done.stderr[-3000:]
    assert files(tmp_path / 'beam') == files(tmp_path / 'local')
