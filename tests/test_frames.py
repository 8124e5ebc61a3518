"""Images as frames: every bit depth and orientation as people see it, strips, and what a single clip may do wrong."""

import os

import numpy as np
import pytest
from PIL import Image
from prepared import make_folder, run, stored
from sample_files import clip, write_video

from dvdgan_tf.data import records, remote
from dvdgan_tf.errors import InputError
from dvdgan_tf.prepare import frames as reading
from dvdgan_tf.prepare import preparation
from dvdgan_tf.prepare.decoders import pyav
from dvdgan_tf.prepare.listing import Rules, SourceClip
from dvdgan_tf.prepare.sources import folders


def images(folder, pictures):
    folder.mkdir(parents=True)
    for number, picture in enumerate(pictures):
        picture.save(folder / f'{number}.png')
    return folder


def read(item, rules=Rules()):  # noqa: B008
    return np.stack([frame.pixels for frame in reading.clip_frames(item, rules)])


def skipped(output):
    return dict(preparation.skipped_clips(str(output)))


def test_sixteen_bits_become_eight_by_scale(tmp_path):
    values = np.linspace(0, 65535, 16 * 16).reshape(16, 16).astype(np.uint16)
    images(tmp_path / 'in' / 'a', [Image.fromarray(values)] * 2)
    (item,) = folders.list_folder(str(tmp_path / 'in')).clips
    np.testing.assert_array_equal(read(item)[0, ..., 0], np.rint(values / 257))


def test_telephones_note_how_a_picture_was_held(tmp_path):
    upright = clip(2)[0]
    (tmp_path / 'in' / 'a').mkdir(parents=True)
    lying = Image.fromarray(np.rot90(upright))  # a quarter turn against the clock; 6 says turn it clockwise
    exif = Image.Exif()
    exif[0x0112] = 6
    for number in range(2):
        lying.save(tmp_path / 'in' / 'a' / f'{number}.png', exif=exif)
    (item,) = folders.list_folder(str(tmp_path / 'in')).clips
    np.testing.assert_array_equal(read(item)[0], upright)


@pytest.mark.parametrize('upright', [False, True])
def test_strips_are_cut_into_their_frames(tmp_path, upright):
    frames = clip(5, width=16, height=16)
    (tmp_path / 'in' / 'run').mkdir(parents=True)
    Image.fromarray(np.concatenate(frames, 0 if upright else 1)).save(tmp_path / 'in' / 'run' / 'a.png')
    listing = folders.list_folder(str(tmp_path / 'in'), strip_frames=5)
    np.testing.assert_array_equal(read(listing.clips[0]), frames)
    with pytest.raises(InputError, match='80 pixels long, which is no multiple of 3 frames'):
        run(folders.list_folder(str(tmp_path / 'in'), strip_frames=3), tmp_path / 'out')


def test_strips_taken_for_frames_are_warned_of(tmp_path):
    images(tmp_path / 'in' / 'run' / 'a', [Image.fromarray(np.concatenate(clip(9, width=16, height=16), 1))] * 2)
    assert run(folders.list_folder(str(tmp_path / 'in')), tmp_path / 'out')['elongated'] == 1


def test_enlarged_clips_are_counted(tmp_path):
    root = make_folder(tmp_path / 'in', per_class=1)  # 48x32
    assert run(folders.list_folder(root), tmp_path / 'large', Rules(short_side=64))['enlarged'] == 2
    assert run(folders.list_folder(root), tmp_path / 'small', Rules(short_side=32))['enlarged'] == 0


@pytest.mark.parametrize('processes', [1, 2])
def test_whatever_one_clip_raises_is_its_reason(tmp_path, monkeypatch, processes):
    root = make_folder(tmp_path / 'in', per_class=1)
    huge = tmp_path / 'in' / 'run' / 'huge'
    images(huge, [Image.new('1', (14000, 14000))] * 2)  # 196 million pixels in 25 kB
    os.symlink('nowhere', tmp_path / 'in' / 'run' / 'dangling.mp4')
    (tmp_path / 'in' / 'run' / 'folder.mp4').mkdir()
    manifest = run(folders.list_folder(root), tmp_path / 'out', processes=processes)
    assert manifest['splits']['train']['clips'] == 2
    reasons = skipped(tmp_path / 'out')
    assert 'exceeds limit' in reasons['run/huge'] and reasons['run/dangling.mp4'] == 'is missing'


def test_an_error_that_nobody_thought_of_is_the_clips_reason_too(tmp_path, monkeypatch):
    root = make_folder(tmp_path / 'in', per_class=2)
    original = pyav.video_frames

    def failing(file, rules, part):
        if str(file).endswith('jump1.mp4'):
            raise ZeroDivisionError('of some library.\nmore')
        return original(file, rules, part)

    monkeypatch.setattr(pyav, 'video_frames', failing)
    assert run(folders.list_folder(root), tmp_path / 'out')['splits']['train']['clips'] == 3
    assert skipped(tmp_path / 'out') == {'jump/jump1.mp4': 'cannot be read (ZeroDivisionError: of some library)'}


@pytest.mark.parametrize('processes', [1, 2])
def test_names_may_be_any_bytes(tmp_path, processes):
    write_video(tmp_path / 'in' / 'run' / 'a\u2028b\u0085.mp4', clip(4))
    write_video(tmp_path / 'in' / 'run' / 'plain.mp4', clip(5))
    for source, name in (('plain.mp4', b'caf\xe9.mp4'), ('plain.mp4', b'caf\xe9.txt')):
        with open(os.path.join(os.fsencode(tmp_path), b'in', b'run', name), 'wb') as file:
            file.write((tmp_path / 'in' / 'run' / source).read_bytes())
    (tmp_path / 'in' / 'run' / 'bad\u2028.mp4').write_text('no video')
    manifest = run(folders.list_folder(str(tmp_path / 'in')), tmp_path / 'out', processes=processes)
    assert manifest['splits']['train']['clips'] == 3
    names = {name for name, _, _ in stored(tmp_path / 'out')}
    assert names == {'run/a\u2028b\u0085.mp4', 'run/caf\\xe9.mp4', 'run/plain.mp4'}
    assert set(skipped(tmp_path / 'out')) == {'run/caf\\xe9.txt', 'run/bad\u2028.mp4'}
    assert run(folders.list_folder(str(tmp_path / 'in')), tmp_path / 'out')['skipped'] == 2


def test_links_in_a_circle_end(tmp_path):
    make_folder(tmp_path / 'in', per_class=1)
    os.symlink('..', tmp_path / 'in' / 'run' / 'up')
    os.symlink(tmp_path / 'in' / 'run', tmp_path / 'in' / 'skip')
    found = remote.list_files(str(tmp_path / 'in'))
    assert found == ['jump/jump0.mp4', 'run/run0.mp4', 'skip/run0.mp4']


def test_a_folder_that_may_not_be_read_is_not_passed_over(tmp_path, monkeypatch):
    make_folder(tmp_path / 'in', per_class=1)
    original = os.scandir

    def forbidden(path):
        if str(path).endswith('run'):
            raise PermissionError(13, 'Permission denied')
        return original(path)

    monkeypatch.setattr(os, 'scandir', forbidden)
    with pytest.raises(InputError, match='run may not be read'):
        folders.list_folder(str(tmp_path / 'in'))


@pytest.mark.parametrize('split', ['../out', 'a/b', '', '.'])
def test_a_split_cannot_lead_out_of_the_folder(tmp_path, split):
    path = write_video(tmp_path / 'a.mp4', clip(3))
    item = SourceClip('a', str(path), split=split)
    with pytest.raises(InputError, match='cannot be the name of a file'):
        run(preparation.Listing((item,), ('all',)), tmp_path / 'out')
    assert not (tmp_path / 'out').exists()


def test_grey_beside_colour_is_refused_at_the_first_such_clip(tmp_path):
    for number, mode in enumerate(('L', 'RGB', 'RGB')):
        images(tmp_path / 'in' / f'{number}', [Image.new(mode, (16, 16))] * 2)
    counted = []
    with pytest.raises(InputError, match='--channels=1 or --channels=3'):
        run(folders.list_folder(str(tmp_path / 'in')), tmp_path / 'out', report=lambda p: counted.append(p.done))
    assert counted == [1]
    assert records.read_optional(str(tmp_path / 'out' / 'manifest.json')) is None
