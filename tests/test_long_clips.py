"""Long clips: a window costs its own bytes, nothing is held in memory whole, and earlier records are still read."""

import json
import pathlib

import numpy as np
import pytest
import tensorflow as tf
from prepared import run, shard_bytes, stored

from dvdgan_tf.data import inspect, records, showing
from dvdgan_tf.data.pipeline import RecordClips
from dvdgan_tf.prepare import encoded_clip
from dvdgan_tf.prepare.listing import Rules
from dvdgan_tf.prepare.sources import array_files

FRAMES = 100  # three parts of 32 and one of 4


def numbered(clips=3):
    """uint8 [clips, FRAMES, 8, 8, 1]; every pixel is 100 * clip + time, cut to a byte."""
    values = 60 * np.arange(clips)[:, None] + np.arange(FRAMES)
    return np.broadcast_to(values[..., None, None, None], (clips, FRAMES, 8, 8, 1)).astype(np.uint8)


def write(folder, array, **options):
    folder.mkdir()
    np.save(folder / 'a.npy', array)
    run(array_files.array_files(str(folder / 'a.npy')), folder / 'out', Rules('raw'), **options)
    return folder / 'out'


@pytest.fixture(scope='module')
def folder(tmp_path_factory):
    return write(tmp_path_factory.mktemp('long') / 'in', numbered(), shard_clips=2)


def as_format_1(source, target):
    """The same records as earlier versions wrote them: one record a clip, however long, and no parts."""
    target.mkdir()
    manifest = json.loads((source / 'manifest.json').read_text())
    for shard in manifest['splits']['train']['shards']:
        header, lines, _ = records.read_index(str(source), shard['file'])
        clips = [frames for _, _, frames in stored(source)][len(list(target.glob('*.tfrecord'))) * 2 :]
        offset = 0
        with tf.io.TFRecordWriter(str(target / shard['file'])) as writer:
            for line, frames in zip(lines, clips):
                feature = {
                    'frames': tf.train.BytesList(value=[frame.tobytes() for frame in frames]),
                    'name': tf.train.BytesList(value=[line['name'].encode()]),
                }
                feature = {name: tf.train.Feature(bytes_list=value) for name, value in feature.items()}
                record = tf.train.Example(features=tf.train.Features(feature=feature)).SerializeToString()
                writer.write(record)
                del line['parts']
                line.update(offset=offset, bytes=len(record) + 16)
                offset += len(record) + 16
        digest = records.file_digest(str(target / shard['file']))
        header.update(bytes=offset, sha256=digest)
        index = target / records.index_name(shard['file'])
        index.write_text(''.join(json.dumps(line) + '\n' for line in [header, *lines]))
        shard.update(bytes=offset, sha256=digest, index_sha256=records.file_digest(str(index)))
    (target / 'manifest.json').write_text(json.dumps({**manifest, 'format': 1}))
    return target


def windows(path, stride, count=40):
    batches = RecordClips(str(path), 8, 5, stride).training(0, count, count)
    clips, _ = next(iter(batches))
    return np.rint((clips.numpy()[..., 0, 0, 0] + 1) * 127.5).astype(int)


def test_a_clip_in_parts_comes_back_whole(folder):
    _, lines, _ = records.read_index(str(folder), 'train-00000.tfrecord')
    assert [[frames for frames, _ in line['parts']] for line in lines] == [[32, 32, 32, 4]] * 2
    for number, (_, _, frames) in enumerate(stored(folder)):
        np.testing.assert_array_equal(frames, numbered()[number])


@pytest.mark.parametrize('stride', [1, 3, 24])
def test_windows_cross_the_borders_of_parts(folder, stride):
    drawn = windows(folder, stride, 200)
    np.testing.assert_array_equal(np.diff(drawn), stride)
    starts = {(start // 60, start % 60) for start in drawn[:, 0] if start < 60}
    assert len(starts) > min(20, FRAMES - 4 * stride) // 2


def test_records_of_format_1_give_the_same_windows(folder, tmp_path):
    earlier = as_format_1(folder, tmp_path / 'earlier')
    for stride in (1, 24):
        np.testing.assert_array_equal(windows(earlier, stride), windows(folder, stride))
    assert inspect.inspect(str(earlier), 5)['errors'] == []


def test_a_window_reads_its_own_parts_only(tmp_path):
    folder = write(tmp_path / 'in', numbered(1))
    ((_, _, first, size), *_, (_, _, last, _)) = records.parts_of(
        records.read_index(str(folder), 'train-00000.tfrecord')[1][0]
    )
    shard = folder / 'train-00000.tfrecord'
    data = bytearray(shard.read_bytes())
    data[last + 40] ^= 1
    shard.write_bytes(bytes(data))
    for length, window in ((32, 'first'), (40, 'center'), (96, 'first')):
        assert len(list(RecordClips(str(folder), 8, length).evaluation(1, window))) == 1
    with pytest.raises(tf.errors.DataLossError):
        list(RecordClips(str(folder), 8, 97).evaluation(1, 'first'))
    assert first == 0 and size < len(data) / 3


def test_large_clips_wait_in_files_that_are_gone_afterwards(folder, tmp_path, monkeypatch):
    monkeypatch.setattr(encoded_clip, '_HELD_BYTES', 2000)
    spooled, finish = [], encoded_clip._Parts.finish
    monkeypatch.setattr(encoded_clip._Parts, 'finish', lambda parts: spooled.append(finish(parts)) or spooled[-1])
    again = write(tmp_path / 'in', numbered(), shard_clips=2)
    assert len(spooled) == 3 and all(held == [] and path for held, path in spooled)
    assert shard_bytes(again) == shard_bytes(folder)
    assert not (again / 'spool.tmp').exists()


def test_a_clip_that_turns_out_bad_late_leaves_nothing(tmp_path, monkeypatch):
    monkeypatch.setattr(encoded_clip, '_HELD_BYTES', 500)
    array = numbered(2).astype(np.float32)
    array[0, -1] = np.nan
    (tmp_path / 'in').mkdir()
    np.save(tmp_path / 'in' / 'a.npy', array)
    listing = array_files.array_files(str(tmp_path / 'in'), value_range=(0, 200))
    seen, discard = [], encoded_clip._Parts.discard

    def watched(parts):
        seen.append(pathlib.Path(parts._path).exists())
        discard(parts)
        seen.append(pathlib.Path(parts._path).exists())

    monkeypatch.setattr(encoded_clip._Parts, 'discard', watched)
    manifest = run(listing, tmp_path / 'out', Rules('raw'), value_range=(0.0, 200.0))
    assert manifest['splits']['train']['clips'] == 1 and seen == [True, False]


def test_large_frames_make_short_parts(tmp_path, monkeypatch):
    monkeypatch.setattr(encoded_clip, 'PART_BYTES', 100)  # frames have 64
    folder = write(tmp_path / 'in', numbered(1))
    _, (line,), _ = records.read_index(str(folder), 'train-00000.tfrecord')
    assert [frames for frames, _ in line['parts']] == [2] * 50
    np.testing.assert_array_equal(np.diff(windows(folder, 2)), 2)


def test_pictures_are_shown_from_any_part(folder):
    manifest = records.read_manifest(str(folder))
    shard, line = showing.find_clip(str(folder), manifest, 'train', 2)
    times = [0, 31, 32, 70, 99]
    np.testing.assert_array_equal(showing.read_frames(shard, manifest, line, times), numbered()[2, times])


def test_a_still_clip_is_still_over_all_its_parts(tmp_path):
    array = numbered(2).copy()
    array[0] = 7
    array[1, :32], array[1, 32:] = 5, 6
    report = inspect.inspect(str(write(tmp_path / 'in', array)), 5)
    assert report['warnings'] == ['a#000000 shows the same picture in all 100 frames.']


def test_damage_in_one_part_is_found_once(tmp_path):
    folder = write(tmp_path / 'in', numbered())
    shard = folder / 'train-00000.tfrecord'
    data = bytearray(shard.read_bytes())
    data[len(data) // 2] ^= 1
    shard.write_bytes(bytes(data))
    unreadable = [error for error in inspect.inspect(str(folder), 5)['errors'] if 'cannot be read' in error]
    assert len(unreadable) == 1 and unreadable[0].startswith('a#000001 in')
