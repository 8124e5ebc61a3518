"""Films into clips: how many, where they begin, and no split that tears a film apart."""

import numpy as np
import pytest
from prepared import run, stored
from sample_files import clip, write_video

from dvdgan_tf.errors import InputError
from dvdgan_tf.prepare import holdout
from dvdgan_tf.prepare.listing import Listing, Rules, SourceClip
from dvdgan_tf.prepare.sources import films, folders
from dvdgan_tf.prepare.sources.films import Cutting, cut


@pytest.fixture(scope='module')
def three(tmp_path_factory):
    """Films of 100, 130 and 10 frames at 25 frames/s, and a text that calls itself one."""
    root = tmp_path_factory.mktemp('films')
    for name, frames in (('a', 100), ('b', 130), ('c', 10)):
        write_video(root / f'{name}.mkv', clip(frames))
    (root / 'd.mkv').write_text('no video')
    return folders.list_folder(str(root))


def names(listing):
    return [item.name for item in listing.clips]


def test_clips_of_some_seconds(three):
    listing = cut(three, Cutting(seconds=1.0))
    assert names(listing) == [
        *(f'a.mkv#{second}.00' for second in range(4)),
        *(f'b.mkv#{second}.00' for second in range(5)),
    ]
    assert {item.group for item in listing.clips} == {'a.mkv', 'b.mkv'}
    assert dict(listing.absent)['c.mkv'] == 'is shorter than a clip of 1 seconds'
    assert 'not a video' in dict(listing.absent)['d.mkv']


def test_clips_may_overlap_or_leave_gaps(three):
    assert len(cut(three, Cutting(seconds=2.0, stride=0.5)).clips) == 5 + 7
    assert len(cut(three, Cutting(seconds=0.4, stride=2.0)).clips) == 2 + 3 + 1


def test_clips_of_some_frames_hold_just_these(three, tmp_path):
    listing = cut(three, Cutting(frames=30, stride=25))
    assert len(listing.clips) == 3 + 5
    run(listing, tmp_path / 'out', Rules('png'))
    found = list(stored(tmp_path / 'out'))
    assert [len(frames) for _, _, frames in found] == [30] * 8
    whole = clip(130).astype(int)
    for number, (_, _, frames) in enumerate(found[3:]):
        expected = whole[25 * number : 25 * number + 30]
        assert np.abs(frames - expected).mean() < 8  # another frame would be 20 off


def test_clips_of_some_frames_after_resampling(three, tmp_path):
    listing = cut(three, Cutting(frames=10, fps=5.0))
    assert len(listing.clips) == 2 + 2  # four and five seconds of five frames
    run(listing, tmp_path / 'out', Rules('png', fps=5.0))
    assert [len(frames) for _, _, frames in stored(tmp_path / 'out')] == [10] * 4


def test_seconds_are_cut_without_losing_or_sharing_a_frame(three, tmp_path):
    run(cut(three, Cutting(seconds=1.0)), tmp_path / 'out', Rules('png'))
    found = list(stored(tmp_path / 'out'))
    assert [len(frames) for _, _, frames in found] == [25] * 9
    joined = np.concatenate([frames for _, _, frames in found[:4]])
    assert np.abs(joined - clip(100).astype(int)).mean() < 8


def test_a_split_takes_films_whole(three):
    held = holdout.hold_out(cut(three, Cutting(seconds=1.0)), holdout.Holdout(test_fraction=0.5))
    by_film = {item.group: set() for item in held.clips}
    for item in held.clips:
        by_film[item.group].add(item.split)
    assert sorted(map(len, by_film.values())) == [1, 1] and {'train'} in by_film.values()


def test_a_film_of_two_hours(monkeypatch):
    """Only what its file declares is looked at, so that no such film is needed."""
    monkeypatch.setattr(films, 'film_facts', lambda item: (23.976, 7200.0))
    listing = Listing(tuple(SourceClip(name, name, group=name) for name in ('x.mkv', 'y.mkv')), ('all',))
    for cutting, each in (
        (Cutting(seconds=10.0), 720),
        (Cutting(seconds=10.0, stride=5.0), 1439),
        (Cutting(frames=48), int(7200 * 23.976) // 48),
        (Cutting(frames=48, stride=12, fps=12.0), (7200 * 12 - 48) // 12 + 1),
    ):
        found = cut(listing, cutting).clips
        assert len(found) == 2 * each
        assert len({item.name for item in found}) == len(found)
        assert [item.group for item in found] == ['x.mkv'] * each + ['y.mkv'] * each
        assert found[each - 1].part.start < 7200
    held = holdout.hold_out(cut(listing, Cutting(seconds=10.0)), holdout.Holdout(test_fraction=0.5))
    assert sorted(sum(item.split == split for item in held.clips) for split in ('train', 'test')) == [720, 720]


def test_parts_of_films_are_cut_within_themselves(three):
    from dvdgan_tf.prepare.listing import Part

    part = SourceClip('b', three.clips[1].path, group='b', part=Part(1.0, 3.5))
    listing = cut(Listing((part,), ('all',)), Cutting(seconds=1.0))
    assert [(item.part.start, item.part.end) for item in listing.clips] == [(1.0, 2.0), (2.0, 3.0)]


def test_scenes_are_clips(tmp_path, caplog):
    pytest.importorskip('scenedetect')
    dark, bright = clip(30) // 4, 255 - clip(40) // 4
    write_video(tmp_path / 'a.mp4', np.concatenate([dark, bright]))
    listing = cut(folders.list_folder(str(tmp_path)), Cutting(scenes=True))
    assert names(listing) == ['a.mp4#0.00-1.20', 'a.mp4#1.20-2.80']
    both = cut(folders.list_folder(str(tmp_path)), Cutting(seconds=0.5, scenes=True))
    assert [item.part.start for item in both.clips] == pytest.approx([0, 0.5, 1.2, 1.7, 2.2])
    assert not caplog.records


@pytest.mark.parametrize(
    'options, words',
    [
        ({'seconds': 1.0, 'frames': 3}, 'choose one'),
        ({'stride': 3.0}, 'without a length'),
        ({'frames': 3, 'stride': 1.5}, 'whole number'),
    ],
)
def test_a_contradictory_cut_is_refused(options, words):
    with pytest.raises(InputError, match=words):
        Cutting(**options)


def test_only_videos_can_be_cut(tmp_path):
    listing = Listing((SourceClip('a', 'a', 'images'),), ('all',))
    with pytest.raises(InputError, match='is no video file'):
        cut(listing, Cutting(seconds=1.0))
    assert cut(listing, Cutting()) == listing
