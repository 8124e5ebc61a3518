"""What bin/prepare cannot use: one sentence each, and nothing lost."""

import json
import pathlib
import subprocess
import sys

import numpy as np
import pytest
import tensorflow as tf
from PIL import Image
from prepared import make_folder, run, stored

from dvdgan_tf import files
from dvdgan_tf.data import records, remote
from dvdgan_tf.errors import InputError
from dvdgan_tf.prepare import listing, preparation
from dvdgan_tf.prepare.listing import Listing, Rules, SourceClip
from dvdgan_tf.prepare.sources import folders

ROOT = pathlib.Path(__file__).resolve().parent.parent


def test_nothing_to_store_is_an_error_that_says_why(tmp_path):
    (tmp_path / 'empty').mkdir()
    with pytest.raises(InputError, match='there is no clip in x'):
        run(folders.list_folder(str(tmp_path / 'empty')), tmp_path / 'out')
    (tmp_path / 'bad').mkdir()
    (tmp_path / 'bad' / 'a.mp4').write_text('no video')
    with pytest.raises(InputError, match='none of the 1 clips.*a.mp4 is not a video'):
        run(folders.list_folder(str(tmp_path / 'bad')), tmp_path / 'out')


def test_grey_beside_colour_is_refused(tmp_path):
    for name, mode in (('a', 'L'), ('b', 'RGB')):
        (tmp_path / 'in' / name).mkdir(parents=True)
        for number in range(2):
            Image.new(mode, (16, 16)).save(tmp_path / 'in' / name / f'{number}.png')
    listing = folders.list_folder(str(tmp_path / 'in'))
    with pytest.raises(InputError, match='--channels=1 or --channels=3'):
        run(listing, tmp_path / 'out')
    assert run(listing, tmp_path / 'grey', Rules('png', channels=1))['channels'] == 1


def test_a_full_disk_is_one_sentence_and_can_be_continued(tmp_path):
    """The file size limit of the process stands in for the disk: both end in a failed write of a shard."""
    np.save(tmp_path / 'a.npy', np.random.default_rng(0).integers(0, 256, (6, 4, 64, 64, 1), dtype=np.uint8))
    arguments = [sys.executable, str(ROOT / 'bin' / 'prepare'), '--source=npz', f'--input={tmp_path}/a.npy']
    arguments += [f'--output={tmp_path}/out', '--processes=1', '--shard_clips=6']
    limit = 'import resource, signal, runpy, sys; signal.signal(signal.SIGXFSZ, signal.SIG_IGN); '
    limit += 'resource.setrlimit(resource.RLIMIT_FSIZE, (60000, 60000)); sys.argv = sys.argv[1:]; '
    limit += 'runpy.run_path(sys.argv[0], run_name="__main__")'
    full = subprocess.run([sys.executable, '-c', limit, *arguments[1:]], capture_output=True, text=True)
    assert full.returncode == 2
    assert full.stderr.strip().splitlines()[-1].startswith('error: ') and 'goes on from there' in full.stderr
    assert 'Traceback' not in full.stderr
    subprocess.run(arguments, check=True, capture_output=True)
    assert len(list(stored(tmp_path / 'out'))) == 6


@pytest.mark.parametrize(
    'error', [tf.errors.PermissionDeniedError(None, None, 'x; Permission denied'), PermissionError(13, 'denied')]
)
def test_a_folder_that_cannot_be_written_is_one_sentence(tmp_path, monkeypatch, error):
    listing = folders.list_folder(make_folder(tmp_path / 'in', per_class=1))
    (tmp_path / 'file').write_text('')
    with pytest.raises(InputError, match='cannot be written'):
        run(listing, tmp_path / 'file' / 'out')

    def forbidden(path):
        raise error

    monkeypatch.setattr(files, 'make_folder', forbidden)
    with pytest.raises(InputError, match='may not be written'):
        run(listing, tmp_path / 'out')


def test_videos_without_pyav_are_one_sentence(tmp_path, monkeypatch):
    monkeypatch.setitem(sys.modules, 'av', None)
    monkeypatch.delitem(sys.modules, 'dvdgan_tf.prepare.decoders.pyav', raising=False)
    monkeypatch.delattr('dvdgan_tf.prepare.decoders.pyav', raising=False)
    monkeypatch.delitem(sys.modules, 'dvdgan_tf.prepare.decoders.scaling', raising=False)
    listing = Listing((SourceClip('a', 'a.mp4'),), ('all',))
    with pytest.raises(InputError, match=r'dvdgan_tf\[video\]'):
        run(listing, tmp_path / 'out')


@pytest.mark.parametrize('words', [['1'], ['a', 'b'], ['3', '2'], ['0', '1', '2']])
def test_a_value_range_is_two_increasing_numbers(words):
    with pytest.raises(InputError, match='two increasing numbers'):
        listing.parse_range(words)


def test_damaged_manifests_and_indexes_are_found(tmp_path):
    run(folders.list_folder(make_folder(tmp_path / 'in')), tmp_path / 'out')
    manifest = tmp_path / 'out' / 'manifest.json'
    text = manifest.read_text()
    manifest.write_text(text[:100])
    with pytest.raises(InputError, match='is damaged'):
        records.read_manifest(str(tmp_path / 'out'))
    manifest.write_text(json.dumps({**json.loads(text), 'format': 99}))
    with pytest.raises(InputError, match='format 99'):
        records.read_manifest(str(tmp_path / 'out'))
    with pytest.raises(InputError, match='there is no manifest.json'):
        records.read_manifest(str(tmp_path))


def test_what_may_not_be_read_or_is_gone_is_listed(tmp_path, monkeypatch):
    root = make_folder(tmp_path / 'in', per_class=2)
    listing = folders.list_folder(root)
    (tmp_path / 'in' / 'jump' / 'jump0.mp4').unlink()
    original = remote.open_input

    def forbidden(path):
        if path.endswith('run1.mp4'):
            raise PermissionError(13, 'Permission denied')
        return original(path)

    monkeypatch.setattr(remote, 'open_input', forbidden)
    assert run(listing, tmp_path / 'out')['splits']['train']['clips'] == 2
    reasons = dict(preparation.skipped_clips(str(tmp_path / 'out')))
    assert reasons == {'jump/jump0.mp4': 'is missing', 'run/run1.mp4': 'may not be read'}


@pytest.mark.parametrize(
    'source, name, content, words',
    [
        ('folder', 'nothing', None, 'there is no folder'),
        ('folder', 'clips.csv', b'file,label\na.mp4,1\n', 'has no column path'),
        ('ucf101', 'folder', None, 'there is no folder'),
    ],
)
def test_the_command_refuses_bad_input_in_one_sentence(tmp_path, source, name, content, words):
    if content is not None:
        (tmp_path / name).write_bytes(content)
    arguments = [f'--source={source}', f'--input={tmp_path / name}', f'--output={tmp_path / "out"}']
    done = subprocess.run([sys.executable, str(ROOT / 'bin' / 'prepare'), *arguments], capture_output=True, text=True)
    assert done.returncode == 2 and words in done.stderr
    assert len(done.stderr.strip().splitlines()) == 1 and done.stderr.startswith('error: ')
    assert not (tmp_path / 'out').exists()
