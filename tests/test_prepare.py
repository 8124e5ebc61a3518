"""From listings to records: everything stored once, the same bytes always, continued after a kill, and nothing lost."""

import os
import pathlib
import signal
import subprocess
import sys
import time

import numpy as np
import pytest
from PIL import Image
from prepared import make_folder, run, shard_bytes, stored
from sample_files import clip, write_sound, write_video

from dvdgan_tf.data import records
from dvdgan_tf.errors import InputError
from dvdgan_tf.prepare import preparation, workers
from dvdgan_tf.prepare.listing import Listing, Rules, SourceClip
from dvdgan_tf.prepare.sources import array_files, folders

ROOT = pathlib.Path(__file__).resolve().parent.parent


def test_videos_come_back_with_their_labels_and_pixels(tmp_path):
    root = make_folder(tmp_path / 'in')
    manifest = run(folders.list_folder(root), tmp_path / 'out')
    assert manifest['classes'] == ['jump', 'run'] and manifest['channels'] == 3
    assert manifest['splits']['train']['clips_per_class'] == [3, 3]
    assert manifest['splits']['train']['frames'] == 2 * (8 + 9 + 10)
    found = list(stored(tmp_path / 'out'))
    assert [(name, label) for name, label, _ in found] == [
        (f'{c}/{c}{n}.mp4', i) for i, c in enumerate(('jump', 'run')) for n in range(3)
    ]
    for number, (_, label, frames) in enumerate(found):
        source = clip(8 + number % 3, 5 * label + number % 3).astype(int)
        assert frames.shape == source.shape
        assert np.abs(frames - source).mean() < 7  # H.264 with halved chroma, then JPEG


@pytest.mark.parametrize('encoding, error', [('jpeg', 2.5), ('png', 0), ('raw', 0)])
@pytest.mark.parametrize('channels', [1, 3])
def test_encodings_keep_what_they_promise(tmp_path, encoding, error, channels):
    array = np.stack([clip(5, tint) for tint in range(2)])[..., :channels]
    np.save(tmp_path / 'a.npy', array)
    listing = array_files.array_files(str(tmp_path / 'a.npy'))
    manifest = run(listing, tmp_path / 'out', Rules(encoding))
    assert manifest['encoding'] == encoding and manifest['channels'] == channels
    for number, (_, _, frames) in enumerate(stored(tmp_path / 'out')):
        assert np.abs(frames.astype(int) - array[number]).mean() <= error


def test_float_arrays_are_stored_raw_with_their_range(tmp_path):
    array = np.random.default_rng(0).uniform(0, 60, (2, 3, 16, 20, 1)).astype(np.float32)
    np.save(tmp_path / 'a.npy', array)
    listing = array_files.array_files(str(tmp_path), value_range=(0, 60))
    manifest = run(listing, tmp_path / 'out', Rules('raw'), value_range=(0.0, 60.0))
    assert manifest['dtype'] == 'float32' and manifest['value_range'] == [0.0, 60.0]
    np.testing.assert_array_equal([frames for _, _, frames in stored(tmp_path / 'out')], array)
    with pytest.raises(InputError, match='--encoding=raw'):
        run(listing, tmp_path / 'jpeg', Rules('jpeg'), value_range=(0.0, 60.0))


def test_frames_shrink_to_the_short_side(tmp_path):
    array = clip(3, width=80, height=60)[None]
    np.save(tmp_path / 'a.npy', array)
    run(array_files.array_files(str(tmp_path)), tmp_path / 'out', Rules('png', short_side=15))
    ((_, _, frames),) = stored(tmp_path / 'out')
    assert frames.shape == (3, 15, 20, 3)
    expected = np.asarray(Image.fromarray(array[0, 0]).resize((20, 15), Image.Resampling.BILINEAR))
    np.testing.assert_array_equal(frames[0], expected)


def test_grey_and_colour_on_demand(tmp_path):
    np.save(tmp_path / 'a.npy', clip(2)[None])
    run(array_files.array_files(str(tmp_path)), tmp_path / 'grey', Rules('png', channels=1))
    ((_, _, grey),) = stored(tmp_path / 'grey')
    assert grey.shape == (2, 32, 48, 1)
    np.save(tmp_path / 'a.npy', grey[None])
    listing = array_files.array_files(str(tmp_path / 'a.npy'))
    run(listing, tmp_path / 'colour', Rules('png', channels=3))
    assert records.read_manifest(str(tmp_path / 'colour'))['channels'] == 3


def test_shards_are_the_same_bytes_for_any_number_of_processes(tmp_path):
    listing = folders.list_folder(make_folder(tmp_path / 'in'))
    for processes in (1, 3):
        run(listing, tmp_path / f'out{processes}', processes=processes, shard_clips=2)
    one, three = (shard_bytes(tmp_path / f'out{processes}') for processes in (1, 3))
    assert len([name for name in one if name.endswith('.tfrecord')]) == 3
    assert one == three


def test_a_shard_ends_at_its_size(tmp_path):
    np.save(tmp_path / 'a.npy', np.zeros((10, 4, 16, 16, 1), np.uint8))
    manifest = run(array_files.array_files(str(tmp_path)), tmp_path / 'out', Rules('raw'), shard_megabytes=0.003)
    assert [shard['records'] for shard in manifest['splits']['train']['shards']] == [3, 3, 3, 1]


def test_a_killed_preparation_goes_on_and_gives_the_same_bytes(tmp_path):
    root = make_folder(tmp_path / 'in', per_class=12, frames=30)
    (tmp_path / 'in' / 'jump' / 'bad.mp4').write_text('no video')
    arguments = [sys.executable, str(ROOT / 'bin' / 'prepare'), '--source=folder', f'--input={root}']
    arguments += ['--shard_clips=3', '--processes=2']
    output = tmp_path / 'killed'
    process = subprocess.Popen([*arguments, f'--output={output}'], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    while not (output / 'train-00001.index.jsonl').exists():
        assert process.poll() is None
        time.sleep(0.002)
    children = pathlib.Path(f'/proc/{process.pid}/task/{process.pid}/children').read_text().split()
    process.send_signal(signal.SIGKILL)
    process.wait()
    for _ in range(200):  # the decoding processes end with it
        if not any(pathlib.Path('/proc', child).exists() for child in children):
            break
        time.sleep(0.05)
    assert len(children) >= 2 and not any(pathlib.Path('/proc', child).exists() for child in children)
    assert not (output / 'manifest.json').exists()
    with pytest.raises(InputError, match='not finished'):
        records.read_manifest(str(output))
    before = {path: path.stat().st_mtime_ns for path in output.glob('*.index.jsonl')}
    again = subprocess.run([*arguments, f'--output={output}'], capture_output=True, text=True, check=True)
    assert '24 clips' in again.stdout and 'not a video' in again.stdout
    assert all(path.stat().st_mtime_ns == when for path, when in before.items())
    run_through = tmp_path / 'through'
    subprocess.run([*arguments, f'--output={run_through}'], check=True, capture_output=True)
    assert shard_bytes(output) == shard_bytes(run_through) and len(before) >= 2
    for name in ('manifest.json', 'skipped.jsonl'):
        assert (output / name).read_text() == (run_through / name).read_text()
    assert not list(output.glob('*.writing'))


def test_finishing_twice_changes_nothing(tmp_path):
    listing = folders.list_folder(make_folder(tmp_path / 'in'))
    first = run(listing, tmp_path / 'out')
    before = {path: path.stat().st_mtime_ns for path in (tmp_path / 'out').iterdir()}
    assert run(listing, tmp_path / 'out') == first
    assert before == {path: path.stat().st_mtime_ns for path in (tmp_path / 'out').iterdir()}


def test_a_slash_behind_the_folder_changes_nothing(tmp_path):
    root, output = make_folder(tmp_path / 'in', per_class=1), tmp_path / 'out'
    for ending in ('', '/'):
        command = [sys.executable, str(ROOT / 'bin' / 'prepare'), '--source=folder', '--processes=1']
        command += [f'--input={root}{ending}', f'--output={output}{ending}']
        assert 'train: 2 clips' in subprocess.run(command, check=True, capture_output=True, text=True).stdout


def test_bad_videos_among_good_ones_are_skipped_and_listed(tmp_path):
    root = tmp_path / 'in'
    make_folder(root)
    (root / 'jump' / 'zero.mp4').write_bytes(b'')
    (root / 'jump' / 'text.avi').write_text('no video' * 50)
    (root / 'jump' / 'notes.txt').write_text('hello')
    write_sound(root / 'jump' / 'sound.mp4')
    write_video(root / 'run' / 'single.mp4', clip(1))
    (root / 'run' / 'still').mkdir()
    Image.fromarray(clip(1)[0]).save(root / 'run' / 'still' / '1.png')
    cut = write_video(root / 'run' / 'cut.gif', clip(20))
    cut.write_bytes(cut.read_bytes()[: cut.stat().st_size // 2])
    lost = root / 'run' / 'lost'
    lost.mkdir()
    Image.fromarray(clip(1)[0]).save(lost / '1.png')
    (lost / '2.png').write_bytes((lost / '1.png').read_bytes()[:100])
    manifest = run(folders.list_folder(str(root)), tmp_path / 'out', processes=2)
    assert manifest['splits']['train']['clips'] == 6 and manifest['skipped'] == 8
    reasons = dict(preparation.skipped_clips(str(tmp_path / 'out')))
    expected = {
        'jump/zero.mp4': '0 bytes',
        'jump/text.avi': 'not a video',
        'jump/notes.txt': 'no video or image',
        'jump/sound.mp4': 'no video stream',
        'run/single.mp4': 'single frame',
        'run/still': 'single frame',
        'run/cut.gif': 'cut short',
        'run/lost': '2.png cannot be read',
    }
    assert set(reasons) == set(expected)
    for name, words in expected.items():
        assert words in reasons[name]


def test_a_clip_that_crashes_its_process_is_named_and_the_others_go_on(tmp_path, monkeypatch):
    monkeypatch.setenv('PYTHONPATH', f'{ROOT}{os.pathsep}{ROOT / "tests"}')
    listed = [SourceClip(f'{n}', f'{n}') for n in range(9)]
    with workers.encoders(2, str(tmp_path), _crash_on_five) as encoded:
        results = {item.name: result for item, result in encoded(listed, Rules())}
    assert list(results) == [f'{n}' for n in range(9)]
    assert 'ends the decoding process' in results.pop('5')
    assert set(results.values()) == {'fine'}


def _crash_on_five(item, rules, scratch):
    if item.name == '5':
        os.kill(os.getpid(), signal.SIGKILL)
    return 'fine'


def test_two_preparations_do_not_mix_in_one_folder(tmp_path):
    listing = folders.list_folder(make_folder(tmp_path / 'in'))
    run(listing, tmp_path / 'out')
    with pytest.raises(InputError, match=r'another preparation.*rules.*choose another folder'):
        run(listing, tmp_path / 'out', Rules(short_side=16))
    fewer = Listing(listing.clips[:2], listing.class_names)
    with pytest.raises(InputError, match='listing_sha256'):
        run(fewer, tmp_path / 'out')
    (tmp_path / 'foreign').mkdir()
    (tmp_path / 'foreign' / 'x.tfrecord').write_bytes(b'')
    with pytest.raises(InputError, match='already holds other records'):
        run(listing, tmp_path / 'foreign')
