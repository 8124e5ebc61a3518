"""From records to batches: the right window, crop and range; only the window decoded; damage and wrong wishes said."""

import json
import pathlib
import subprocess
import sys

import numpy as np
import pytest
import tensorflow as tf
from PIL import Image

from dvdgan_tf.data import pipeline
from dvdgan_tf.data.pipeline import RecordClips
from dvdgan_tf.errors import InputError
from dvdgan_tf.prepare import preparation
from dvdgan_tf.prepare.listing import Rules
from dvdgan_tf.prepare.sources import array_files

ROOT = pathlib.Path(__file__).resolve().parent.parent
CLIPS, FRAMES, HEIGHT, WIDTH = 7, 10, 16, 24


def numbered(frames=FRAMES, height=HEIGHT, width=WIDTH):
    """Every pixel tells its clip, time and column: 30 * clip + 3 * time in red, column in green, row in blue."""
    array = np.zeros((CLIPS, frames, height, width, 3), np.uint8)
    array[..., 0] = (30 * np.arange(CLIPS)[:, None] + 3 * np.arange(frames))[..., None, None]
    array[..., 1] = np.arange(width)
    array[..., 2] = np.arange(height)[:, None]
    return array


def write(folder, array, encoding='png', **options):
    folder.mkdir(parents=True)
    np.savez(folder / 'in.npz', x=array, labels=np.arange(len(array)) % 3)
    listing = array_files.array_files(str(folder / 'in.npz'), value_range=options.get('value_range'))
    preparation.prepare(
        listing, Rules(encoding), str(folder / 'out'), source={'name': 'npz', 'input': 'x'}, shard_clips=3, **options
    )
    return str(folder / 'out')


@pytest.fixture(scope='module')
def folder(tmp_path_factory):
    return write(tmp_path_factory.mktemp('records') / 'numbered', numbered())


def decode(clip):
    """(clip number, times, columns, rows) of clips [..., T, H, W, 3] in [-1, 1]."""
    pixels = np.rint((np.asarray(clip) + 1) * 127.5).astype(int)
    red = pixels[..., 0, 0, 0]
    return red[..., 0] // 30, red % 30 // 3, pixels[..., 0, 0, :, 1], pixels[..., 0, :, 0, 2]


def take(source, count, first_example=0, batch=None):
    batch = batch or count
    parts = list(source.training(first_example, batch, batch).take(count // batch))
    return np.concatenate([clip for clip, _ in parts]), np.concatenate([label for _, label in parts])


@pytest.mark.parametrize('stride', [1, 2, 3])
def test_windows_are_consecutive_and_crops_square(folder, stride):
    source = RecordClips(folder, 16, 4, stride)
    dataset = source.training(0, 8, 4)
    assert dataset.element_spec[0] == tf.TensorSpec((4, 4, 16, 16, 3), tf.float32)
    assert dataset.element_spec[1] == tf.TensorSpec((4,), tf.int32)
    clips, labels = take(source, 140)
    number, times, columns, rows = decode(clips)
    np.testing.assert_array_equal(labels, number % 3)
    np.testing.assert_array_equal(np.diff(times), stride)
    np.testing.assert_array_equal(np.diff(columns), 1)
    np.testing.assert_array_equal(rows, np.tile(np.arange(16), (140, 1)))
    starts = FRAMES - 3 * stride
    assert set(times[:, 0]) == set(range(starts))
    assert set(columns[:, 0]) == set(range(WIDTH - 16 + 1))


def test_every_epoch_holds_every_clip_once_in_another_order(folder):
    source = RecordClips(folder, 16, 4)
    numbers = decode(take(source, 5 * CLIPS, batch=CLIPS)[0])[0].reshape(5, CLIPS)
    assert all(sorted(epoch) == list(range(CLIPS)) for epoch in numbers)
    assert len({tuple(epoch) for epoch in numbers}) > 1


def test_no_two_hosts_see_a_clip_twice_in_an_epoch(folder):
    source = RecordClips(folder, 16, 4)
    seen = []
    for host in range(7):
        dataset = source.training(0, 7, 1, host, 7)
        seen += [decode(clip)[0][0] for clip, _ in dataset.take(1)]
    assert sorted(seen) == list(range(CLIPS))


def test_the_example_number_decides_everything(folder):
    source = RecordClips(folder, 16, 4, seed=5)
    clips, labels = take(source, 24)
    late, late_labels = take(RecordClips(folder, 16, 4, seed=5), 6, first_example=18)
    np.testing.assert_array_equal(late, clips[18:])
    np.testing.assert_array_equal(late_labels, labels[18:])
    again, _ = take(source, 24, batch=3)
    np.testing.assert_array_equal(again, clips)
    assert np.abs(take(RecordClips(folder, 16, 4, seed=6), 24)[0] - clips).max() > 0


def test_only_the_window_is_decoded(folder, monkeypatch):
    """Counted: every decoded frame passes through a counter."""
    count = tf.Variable(0, dtype=tf.int64)
    original = pipeline.decode_frame

    def counting(encoded, encoding, channels):
        count.assign_add(1)
        return original(encoded, encoding, channels)

    monkeypatch.setattr(pipeline, 'decode_frame', counting)
    source = RecordClips(folder, 16, 4)
    for number in range(CLIPS):
        source.example(tf.constant(number, tf.int64))
    assert int(count) == 4 * CLIPS


def test_frames_outside_the_window_may_even_be_unreadable(tmp_path):
    """The first window does not touch the frames behind it."""
    path = write(tmp_path / 'a', numbered())
    index = json.loads(pathlib.Path(path, 'manifest.json').read_text())['splits']['train']['shards'][0]['file']
    raw = [record.numpy() for record in tf.data.TFRecordDataset(f'{path}/{index}')]
    with tf.io.TFRecordWriter(f'{path}/{index}') as writer:
        for record in raw:
            example = tf.train.Example.FromString(record)
            frames = example.features.feature['frames'].bytes_list.value
            frames[4:] = [b'x' * len(frame) for frame in frames[4:]]
            writer.write(example.SerializeToString(deterministic=True))
    clips = [clip for clip, _, _ in RecordClips(path, 16, 4).evaluation(1, 'first')]
    assert len(clips) == CLIPS
    with pytest.raises(tf.errors.InvalidArgumentError):
        list(RecordClips(path, 16, 5).evaluation(1, 'first'))


def test_evaluation_windows(folder):
    source = RecordClips(folder, 16, 4, 2)
    for window, start in (('first', 0), ('center', 2)):
        batches = list(source.evaluation(4, window))
        valid = np.concatenate([valid for _, _, valid in batches])
        number, times, columns, _ = decode(np.concatenate([clip for clip, _, _ in batches])[valid])
        np.testing.assert_array_equal(number, np.arange(CLIPS))
        np.testing.assert_array_equal(times, np.tile(start + 2 * np.arange(4), (CLIPS, 1)))
        assert set(columns[:, 0]) == {(WIDTH - 16) // 2}
    first, second = ([clip.numpy() for clip, _, _ in source.evaluation(7, 'random')] for _ in range(2))
    np.testing.assert_array_equal(first, second)
    assert len(set(decode(first[0])[1][:, 0])) > 1
    with pytest.raises(InputError, match='no window'):
        source.evaluation(4, 'last')


def test_evaluation_of_random_squares_and_of_numbered_clips(folder):
    source = RecordClips(folder, 16, 4)
    batches = [next(iter(source.evaluation(4, 'random', 'random', [3, 1, 1 + CLIPS]))) for _ in range(2)]
    np.testing.assert_array_equal(*(clips for clips, _, _ in batches))
    clips, _, valid = batches[0]
    np.testing.assert_array_equal(valid, [True, True, True, False])
    number, _, _, _ = decode(clips.numpy()[:3])
    np.testing.assert_array_equal(number, [3, 1, 1])
    assert not np.array_equal(clips[1], clips[2])
    every = np.concatenate([clips for clips, _, _ in source.evaluation(CLIPS, 'first', 'random')])
    _, times, columns, _ = decode(every)
    assert set(times[:, 0]) == {0} and len(set(columns[:, 0])) > 1
    with pytest.raises(InputError, match='no crop'):
        source.evaluation(4, 'first', 'left')


def test_mirroring_is_off_unless_asked_for(folder):
    columns = decode(take(RecordClips(folder, 16, 4, flip=True), 60)[0])[2]
    direction = np.diff(columns)[:, 0]
    assert set(direction) == {-1, 1} and 15 < (direction == 1).sum() < 45
    np.testing.assert_array_equal(np.abs(np.diff(columns)), 1)


def test_larger_records_are_resized_like_pillow_does(tmp_path):
    array = np.random.default_rng(0).integers(0, 256, (2, 3, 48, 64, 3), dtype=np.uint8)
    path = write(tmp_path / 'a', array)
    ((clips, _, _),) = RecordClips(path, 16, 3).evaluation(2)
    for number in range(2):
        small = Image.fromarray(array[number, 1]).resize((21, 16), Image.Resampling.BILINEAR)
        expected = np.asarray(small)[:, 3:19] / 127.5 - 1
        assert np.abs(clips[number, 1] - expected).max() < 1.5 / 127.5


@pytest.mark.parametrize('encoding', ['jpeg', 'png', 'raw'])
@pytest.mark.parametrize('channels', [1, 3])
def test_encodings_and_channels(tmp_path, encoding, channels):
    array = numbered()[..., :channels]
    source = RecordClips(write(tmp_path / 'a', array, encoding), 16, 3)
    assert source.video_channels == channels
    ((clips, _, _),) = source.evaluation(CLIPS, 'first')
    error = np.abs(clips - (array[:, :3, :, 4:20] / 127.5 - 1)).mean() * 127.5
    assert error < (1.5 if encoding == 'jpeg' else 1e-4)


def test_float_values_map_to_the_range_of_the_network(tmp_path):
    rain = np.random.default_rng(0).uniform(0, 60, (3, 5, 16, 20, 1)).astype(np.float32)
    rain[0, 0, 0, 2] = 90  # above the range: clipped
    source = RecordClips(write(tmp_path / 'a', rain, 'raw', value_range=(0.0, 60.0)), 16, 5)
    ((clips, labels, _),) = source.evaluation(3)
    np.testing.assert_allclose(clips, np.clip(rain[:, :, :, 2:18] / 30 - 1, -1, 1), atol=1e-6)
    np.testing.assert_array_equal(labels, [0, 1, 2])


def test_short_clips_are_left_out_and_counted(tmp_path, caplog):
    (tmp_path / 'in').mkdir()
    np.save(tmp_path / 'in' / 'a.npy', numbered())
    np.save(tmp_path / 'in' / 'b.npy', numbered(frames=3))
    listing = array_files.array_files(str(tmp_path / 'in'))
    preparation.prepare(listing, Rules('raw'), str(tmp_path / 'out'), source={'name': 'npz', 'input': 'x'})
    source = RecordClips(str(tmp_path / 'out'), 16, 4)
    assert (source.num_clips, source.num_too_short) == (CLIPS, CLIPS)
    assert '7 of 14 clips' in caplog.text
    with pytest.raises(InputError, match=r'none of the 14 clips.*longest has 10'):
        RecordClips(str(tmp_path / 'out'), 16, 11)


def test_wrong_wishes_are_refused_in_one_sentence(folder, tmp_path):
    with pytest.raises(InputError, match='no split test: it has train'):
        RecordClips(folder, 16, 4, split='test')
    with pytest.raises(InputError, match='16 pixels, too small for a resolution of 32'):
        RecordClips(folder, 32, 4)
    with pytest.raises(InputError, match='give 1 or more'):
        RecordClips(folder, 16, 4, 0)
    with pytest.raises(InputError, match='there is no manifest.json'):
        RecordClips(str(tmp_path), 16, 4)


def test_a_flipped_byte_stops_the_reader_instead_of_giving_garbage(tmp_path):
    path = pathlib.Path(write(tmp_path / 'a', numbered()), 'train-00001.tfrecord')
    data = bytearray(path.read_bytes())
    data[len(data) // 2] ^= 1
    path.write_bytes(bytes(data))
    with pytest.raises(tf.errors.DataLossError):
        list(RecordClips(str(path.parent), 16, 4).evaluation(4))
    program = f"""
from dvdgan_tf import command
from dvdgan_tf.data.pipeline import RecordClips
command.run(lambda _: [None for _ in RecordClips({str(path.parent)!r}, 16, 4).training(0, 7, 7)])
"""
    done = subprocess.run([sys.executable, '-c', program], cwd=ROOT, capture_output=True, text=True)
    assert done.returncode == 2
    assert 'Traceback' not in done.stderr
    assert done.stderr.splitlines()[-1].startswith('error: a record is damaged (corrupted record at')


def test_shards_that_are_not_those_of_the_manifest_are_refused(tmp_path):
    path = pathlib.Path(write(tmp_path / 'a', numbered()))
    shard, index = path / 'train-00001.tfrecord', path / 'train-00001.index.jsonl'
    data, text = shard.read_bytes(), index.read_text()
    shard.write_bytes(data[:-10])
    with pytest.raises(InputError, match='bytes instead of'):
        RecordClips(str(path), 16, 4)
    shard.unlink()
    with pytest.raises(InputError, match='is missing'):
        RecordClips(str(path), 16, 4)
    shard.write_bytes(data)
    index.write_text(text.replace('"label": 0', '"label": 1'))
    with pytest.raises(InputError, match='not the one that was prepared'):
        RecordClips(str(path), 16, 4)
    index.unlink()
    with pytest.raises(InputError, match='not the one that was prepared'):
        RecordClips(str(path), 16, 4)


def test_a_label_outside_the_classes_is_refused(tmp_path):
    path = pathlib.Path(write(tmp_path / 'a', numbered()))
    manifest = json.loads((path / 'manifest.json').read_text())
    (path / 'manifest.json').write_text(json.dumps({**manifest, 'classes': ['only']}))
    with pytest.raises(InputError, match='label 2 but 1 classes'):
        RecordClips(str(path), 16, 4)


def test_another_split_is_read_in_the_same_way_and_the_range_is_known(folder):
    source = RecordClips(folder, 16, 2, stride=3, seed=5, flip=True)
    with pytest.raises(InputError, match='has no split test: it has train'):
        source.of_split('test')
    same, wider = source.of_split('train'), source.of_split('train', stride=4)
    assert (same.stride, wider.stride) == (3, 4)
    for clip, expected in zip(take(same, 4), take(source, 4)):
        np.testing.assert_array_equal(clip, expected)
    assert (source.scale.low, source.scale.high) == (0, 255)
