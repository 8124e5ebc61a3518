"""The check of records finds every fault that is put in, and says nothing of records without one."""

import json
import pathlib
import subprocess
import sys
import tracemalloc

import numpy as np
import pytest
from PIL import Image
from sample_files import clip

from dvdgan_tf.data import inspect, records, showing
from dvdgan_tf.errors import InputError
from dvdgan_tf.prepare import encoded_clip, preparation
from dvdgan_tf.prepare.listing import Listing, Rules, SourceClip

ROOT = pathlib.Path(__file__).resolve().parent.parent


def write(folder, array, splits=None, groups=None, labels=None, classes=('jump', 'run'), encoding='png', **options):
    folder.mkdir(parents=True, exist_ok=True)
    np.save(folder / 'in.npy', array)
    count = len(array)
    clips = [
        SourceClip(
            f'clip{n}',
            str(folder / 'in.npy'),
            'array',
            labels[n] if labels else n % 2,
            splits[n] if splits else 'train',
            groups[n] if groups else f'group{n}',
            place=(n, '', 'NTHWC'),
        )
        for n in range(count)
    ]
    listing = Listing(tuple(clips), classes, dtype='uint8' if array.dtype == np.uint8 else 'float32')
    preparation.prepare(
        listing, Rules(encoding), str(folder / 'out'), source={'name': 'npz', 'input': 'x'}, shard_clips=2, **options
    )
    return folder / 'out'


def some(count=4, frames=6):
    return np.stack([clip(frames, 3 * tint) for tint in range(count)])


def test_good_records_have_no_complaint(tmp_path):
    report = inspect.inspect(str(write(tmp_path, some())), num_frames=6)
    assert report['errors'] == [] and report['warnings'] == []
    facts = report['splits']['train']
    assert (facts['clips'], facts['frames'], facts['too_short']) == (4, 24, 0)
    assert facts['clips_per_class'] == {'jump': 2, 'run': 2} and facts['sizes'] == {'48x32': 4}
    text = inspect.describe(report)
    assert '0 errors' in text and 'train: 4 clips, 24 frames' in text


@pytest.mark.parametrize('encoding', ['jpeg', 'raw'])
def test_other_encodings_are_read_too(tmp_path, encoding):
    assert inspect.inspect(str(write(tmp_path, some(), encoding=encoding)), 6)['errors'] == []


def test_short_clips_and_empty_classes_are_counted(tmp_path):
    folder = write(tmp_path, some(), labels=[0, 0, 2, 0], classes=('jump', 'run', 'wave'))
    report = inspect.inspect(str(folder), num_frames=4, stride=2)
    assert report['splits']['train']['too_short'] == 4
    assert any('fewer than 7 frames' in warning for warning in report['warnings'])
    assert 'train has no clip of 1 classes, such as run.' in report['warnings']


def test_frozen_clips_and_duplicates_are_found(tmp_path):
    array = some(5)
    array[1] = array[1, :1]
    array[4] = array[2]
    warnings = inspect.inspect(str(write(tmp_path, array)), 6)['warnings']
    assert warnings == [
        'clip1 shows the same picture in all 6 frames.',
        'train holds the same clip 2 times: clip2, clip4.',
    ]


def test_leaks_between_splits_are_found(tmp_path):
    array = some(6)
    array[5] = array[0]
    splits = ['train'] * 3 + ['test'] * 3
    report = inspect.inspect(str(write(tmp_path, array, splits, ['a', 'b', 'c', 'b', 'd', 'e'])), 6)
    assert (report['leaked_hash'], report['leaked_group']) == (1, 1)
    assert 'The same clip is in train (clip0), test (clip5).' in report['warnings']
    assert 'The same group b is in train (clip1), test (clip3).' in report['warnings']


def test_a_flipped_byte_is_found_and_the_clip_named(tmp_path):
    folder = write(tmp_path, some())
    shard = folder / 'train-00001.tfrecord'
    data = bytearray(shard.read_bytes())
    data[-50] ^= 1
    shard.write_bytes(bytes(data))
    errors = inspect.inspect(str(folder), 6)['errors']
    assert any('checksum differs' in error for error in errors)
    assert any(error.startswith('clip3 in') and 'cannot be read' in error for error in errors)
    assert not any(error.startswith(('clip0', 'clip1', 'clip2')) for error in errors)


def test_a_shard_cut_short_is_found_and_the_rest_still_read(tmp_path):
    folder = write(tmp_path, some())
    shard = folder / 'train-00000.tfrecord'
    shard.write_bytes(shard.read_bytes()[:-20])
    errors = inspect.inspect(str(folder), 6)['errors']
    assert any('bytes instead of' in error for error in errors)
    assert [error.split(' ')[0] for error in errors if 'cannot be read' in error] == ['clip1']


def test_a_frame_that_is_no_picture_is_found(tmp_path, monkeypatch):
    original = encoded_clip.encode_frame

    def cut(frame, rules):
        return original(frame, rules)[: 40 if frame[0, 0, 2] == 100 else None]

    monkeypatch.setattr(encoded_clip, 'encode_frame', cut)
    folder = write(tmp_path, some())
    errors = inspect.inspect(str(folder), 6)['errors']
    assert [error.split(' ')[0] for error in errors] == ['clip1']


def test_a_manifest_that_disagrees_is_found(tmp_path):
    folder = write(tmp_path, some())
    manifest = json.loads((folder / 'manifest.json').read_text())
    manifest['splits']['train']['clips'] = 9
    manifest['splits']['train']['shards'][0]['sha256'] = '0' * 64
    (folder / 'manifest.json').write_text(json.dumps(manifest))
    errors = inspect.inspect(str(folder), 6)['errors']
    assert 'train holds 4 records; the manifest says 9.' in errors
    assert any('checksum differs' in error for error in errors)
    (folder / 'train-00001.index.jsonl').unlink()
    assert any('index' in error and 'missing' in error for error in inspect.inspect(str(folder), 6)['errors'])


def test_records_are_shown_as_they_are(tmp_path):
    array = some()
    folder = str(write(tmp_path, array))
    manifest = records.read_manifest(folder)
    shard, line = showing.find_clip(folder, manifest, 'train', 3)
    np.testing.assert_array_equal(showing.read_frames(shard, manifest, line, [0, 2, 5]), array[3, [0, 2, 5]])
    assert line['name'] == 'clip3'
    sheet = showing.sample(folder, manifest, 'train', 3, 4, 64)
    assert sheet.shape == (3, 4, 32, 32, 3)
    np.testing.assert_array_equal(sheet[0, 0], array[0, 0, :, 8:40])
    with pytest.raises(InputError, match='no record 4: they are numbered 0 to 3'):
        showing.find_clip(folder, manifest, 'train', 4)
    with pytest.raises(InputError, match='no split test'):
        showing.find_clip(folder, manifest, 'test', 0)


def test_large_frames_are_shown_small_and_not_held(tmp_path):
    folder = str(write(tmp_path, np.zeros((6, 20, 320, 480, 3), np.uint8), encoding='jpeg'))
    manifest = records.read_manifest(folder)
    tracemalloc.start()
    assert showing.sample(folder, manifest, 'train', 6, 20, 32).shape == (6, 20, 32, 32, 3)
    shard, line = showing.find_clip(folder, manifest, 'train', 3)
    shown = showing.read_frames(shard, manifest, line, range(20), lambda frame: showing.shrunk(frame, 60))
    assert shown.shape == (20, 40, 60, 3)
    most = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert most < 4e6  # of 55e6


def test_float_records_are_shown_in_grey(tmp_path):
    rain = np.linspace(0, 60, 2 * 3 * 16 * 16, dtype=np.float32).reshape(2, 3, 16, 16, 1)
    folder = str(write(tmp_path, rain, encoding='raw', value_range=(0.0, 60.0)))
    manifest = records.read_manifest(folder)
    shard, line = showing.find_clip(folder, manifest, 'train', 1)
    shown = showing.read_frames(shard, manifest, line, range(3))
    np.testing.assert_allclose(shown, rain[1] * 255 / 60, atol=0.5)


def run(*arguments):
    return subprocess.run([sys.executable, str(ROOT / 'bin' / 'inspect'), *arguments], capture_output=True, text=True)


def test_the_command_reports_draws_and_shows(tmp_path):
    folder = write(tmp_path, some(), ['train', 'train', 'test', 'test'])
    done = run(f'--data={folder}', '--json', '--num_frames=6')
    report = json.loads(done.stdout)
    assert done.returncode == 0 and report['errors'] == []
    assert len(report['pictures']) == 6
    for path in report['pictures']:
        assert Image.open(path).size[0] >= 48
    shown = json.loads(run(f'--data={folder}', '--show=1', '--split=test').stdout)
    assert shown['name'] == 'clip3' and shown['class'] == 'run'
    assert Image.open(shown['gif']).n_frames == 6


def test_the_command_fails_on_damage_and_on_no_records(tmp_path):
    folder = write(tmp_path, some())
    shard = folder / 'train-00000.tfrecord'
    shard.write_bytes(shard.read_bytes()[:-20])
    done = run(f'--data={folder}')
    assert done.returncode == 1 and 'bytes instead of' in done.stdout
    nothing = run(f'--data={tmp_path / "nothing"}')
    assert nothing.returncode == 2 and nothing.stderr.strip().startswith('error: there is no manifest.json')
    assert len(nothing.stderr.strip().splitlines()) == 1
