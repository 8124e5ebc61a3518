"""Folders and lists as data sets: classes, splits and groups come out as the files lie."""

import numpy as np
import pytest
from PIL import Image
from sample_files import clip

from dvdgan_tf.errors import InputError
from dvdgan_tf.prepare.frames import clip_frames
from dvdgan_tf.prepare.holdout import Holdout, hold_out, only_splits
from dvdgan_tf.prepare.listing import Rules
from dvdgan_tf.prepare.sources.folders import list_folder


def touch(root, *paths):
    for path in paths:
        (root / path).parent.mkdir(parents=True, exist_ok=True)
        (root / path).write_bytes(b'x')
    return str(root)


def described(listing):
    return [(clip_.name, listing.class_names[clip_.label], clip_.split) for clip_ in listing.clips]


def test_class_folders(tmp_path):
    listing = list_folder(touch(tmp_path, 'run/b.avi', 'run/a.mp4', 'jump/c.MKV', 'jump/deep/d.gif', 'jump/note.txt'))
    assert listing.class_names == ('jump', 'run')
    assert described(listing) == [
        ('jump/c.MKV', 'jump', 'train'),
        ('jump/deep/d.gif', 'jump', 'train'),
        ('run/a.mp4', 'run', 'train'),
        ('run/b.avi', 'run', 'train'),
    ]
    assert listing.absent == (('jump/note.txt', 'is no video or image'),)


def test_folders_without_classes_and_with_splits(tmp_path):
    assert described(list_folder(touch(tmp_path / 'flat', 'b.mp4', 'a.mp4'))) == [
        ('a.mp4', 'all', 'train'),
        ('b.mp4', 'all', 'train'),
    ]
    root = touch(tmp_path / 'split', 'train/run/a.mp4', 'test/run/b.mp4', 'val/jump/c.mp4')
    assert described(list_folder(root)) == [
        ('test/run/b.mp4', 'run', 'test'),
        ('train/run/a.mp4', 'run', 'train'),
        ('val/jump/c.mp4', 'jump', 'validate'),
    ]


def test_folders_of_frame_images_are_clips_in_the_order_of_their_numbers(tmp_path):
    frames = clip(11)
    for number, frame in enumerate(frames):
        path = tmp_path / 'run' / 'first' / f'frame{number}.png'
        path.parent.mkdir(parents=True, exist_ok=True)
        Image.fromarray(frame).save(path)
    listing = list_folder(str(tmp_path))
    assert described(listing) == [('run/first', 'run', 'train')]
    read = np.stack([frame.pixels for frame in clip_frames(listing.clips[0], Rules())])
    np.testing.assert_array_equal(read, frames)  # frame10 after frame9


PEOPLE = [
    f'{action}/{action}_{person:02d}{mirror}.mp4'
    for action in ('bend', 'wave')
    for person in range(9)
    for mirror in ('', 'm')
]


def test_named_groups_are_held_out_whole(tmp_path):
    listing = hold_out(list_folder(touch(tmp_path, *PEOPLE)), Holdout(r'(\d+)m?\.mp4', ('07', '08')))
    assert len(listing.clips) == 36
    for clip_ in listing.clips:
        person = clip_.name.split('_')[1][:2]
        assert clip_.group == person
        assert clip_.split == ('test' if person in ('07', '08') else 'train')


def test_a_fraction_holds_out_whole_groups_and_always_the_same(tmp_path):
    root = touch(tmp_path, *PEOPLE)
    listing = hold_out(list_folder(root), Holdout(r'(\d+)m?\.mp4', test_fraction=0.3))
    groups = {split: {clip_.group for clip_ in listing.clips if clip_.split == split} for split in ('train', 'test')}
    assert len(groups['test']) == 3 and not groups['train'] & groups['test']
    assert listing == hold_out(list_folder(root), Holdout(r'(\d+)m?\.mp4', test_fraction=0.3))
    assert len(only_splits(listing, ['test']).clips) == 12


@pytest.mark.parametrize(
    'holdout, word',
    [
        (Holdout('(', ()), 'no regular expression'),
        (Holdout(r'(x\d)', ()), 'does not fit'),
        (Holdout(r'(\d+)m?\.mp4', ('99',)), 'no group 99'),
        (Holdout(None, (), 1.5), 'not between 0 and 1'),
        (Holdout(r'(mp4)', ('mp4',)), 'would be held out'),
        (Holdout(None, ('a',), 0.5), 'choose one'),
    ],
)
def test_a_wrong_holdout_is_refused(tmp_path, holdout, word):
    listing = list_folder(touch(tmp_path, *PEOPLE))
    with pytest.raises(InputError, match=word):
        hold_out(listing, holdout)


def test_an_unknown_split_is_refused(tmp_path):
    with pytest.raises(InputError, match='no split dev'):
        only_splits(list_folder(touch(tmp_path, 'a.mp4')), ['dev'])


def test_bad_folders_are_refused_in_one_sentence(tmp_path):
    with pytest.raises(InputError, match='there is no folder'):
        list_folder(str(tmp_path / 'nothing'))
    with pytest.raises(InputError, match='both in class folders and outside'):
        list_folder(touch(tmp_path, 'run/a.mp4', 'b.mp4'))
