"""Two folders of clips from any code base, compared."""

import numpy as np
import pytest
from PIL import Image
from scored import small_network

from dvdgan_tf.errors import InputError
from dvdgan_tf.evaluation import passes
from dvdgan_tf.evaluation.extraction import Extractor
from dvdgan_tf.evaluation.folders import comparison
from dvdgan_tf.evaluation.folders.clips import FolderClips
from dvdgan_tf.evaluation.selftest import moments_of
from dvdgan_tf.metrics import scores
from dvdgan_tf.metrics.networks.features import offline_network
from dvdgan_tf.metrics.offline import OfflineNetwork


def moving(count, seed, frames=10, size=24, channels=3):
    random = np.random.default_rng(seed)
    clips = np.empty((count, frames, size, size, channels), np.uint8)
    for clip in clips:
        start, speed, shade = random.uniform(0, 6), random.uniform(-1, 1), random.integers(20, 120)
        wave = np.sin((np.arange(size) + start)[None] * 0.6 + speed * np.arange(frames)[:, None])
        clip[:] = (shade + 60 * (1 + wave))[:, None, :, None]
    return clips


def no_videos(path):
    raise AssertionError(path)


def folder(path, *arrays, suffix='npz', **more):
    path.mkdir()
    for index, array in enumerate(arrays):
        if suffix == 'npz':
            np.savez(path / f'{index}.npz', clips=array, **more)
        else:
            np.save(path / f'{index}.npy', array)
    return str(path)


@pytest.fixture(scope='module')
def extractor():
    return Extractor({'offline': offline_network()}, 8)


def compare(extractor, real, fake, num_frames=None, **how):
    sides = tuple(FolderClips(side, no_videos, num_frames) for side in (real, fake))
    return comparison.compare(sides, extractor, comparison.Comparison(**how), lambda line: None)


def test_two_folders_are_compared_and_the_scores_are_those_of_their_features(extractor, tmp_path):
    real, fake = moving(40, 0), moving(30, 1)
    a = folder(tmp_path / 'a', real[:25], real[25:])
    b = folder(tmp_path / 'b', *fake, suffix='npy')
    (result,) = compare(extractor, a, b)
    moments = [moments_of(OfflineNetwork()(clips.astype(np.float32) / 127.5 - 1).numpy()) for clips in (real, fake)]
    frechet = result['scores']['frechet']
    assert frechet['value'] == pytest.approx(scores.frechet_distance(*moments), rel=1e-4)
    assert frechet['floor']['clips'] == [20, 20]
    assert (result['real_clips'], result['fake_clips'], result['frames']) == (40, 30, 10)
    assert result['encodings'] == [['.npz'], ['.npy']] and result['value_ranges'] == ['uint8', 'uint8']
    assert set(result['scores']) == {'frechet', 'kernel', 'precision', 'recall'}
    assert any('40 clips against 30' in note for note in result['warnings'])
    (other,) = compare(extractor, a, b, ddof=0)
    expected = scores.frechet_distance(*moments, ddof=0)
    assert other['ddof'] == 0 and other['scores']['frechet']['value'] == pytest.approx(expected, rel=1e-4)


def test_a_named_protocol_takes_its_clips_and_frames(tmp_path):
    network = Extractor({'i3d-400': small_network('i3d-400')}, 8)
    a, b = folder(tmp_path / 'a', moving(40, 0)), folder(tmp_path / 'b', moving(30, 1, frames=11))
    with pytest.raises(InputError, match='10 frames in .* and 11 in'):
        compare(network, a, b, names=['fvd_20_5f_every2'])
    (result,) = compare(network, a, b, num_frames=10, names=['fvd_20_5f_every2'])
    assert (result['protocol'], result['real_clips'], result['fake_clips']) == ('fvd_20_5f_every2', 20, 20)
    assert (result['frames'], result['every']) == (5, 2)
    assert result['scores']['frechet']['floor']['clips'] == [20, 20]
    for names, sentence in (
        (['fvd_20_16f'], 'needs 16 frames'),
        (['fvd_31_5f'], 'holds 30'),
        (['k600_fid_is'], 'for a run and not for folders'),
        (['offline_8'], 'needs the network offline'),
    ):
        with pytest.raises(InputError, match=sentence):
            compare(network, a, b, num_frames=10, names=names)


def test_what_is_kept_is_taken_again_and_a_killed_comparison_goes_on(extractor, tmp_path, monkeypatch):
    monkeypatch.setattr(passes, 'SAVE_EVERY_SECONDS', 0.0)
    a, b, kept = folder(tmp_path / 'a', moving(40, 0)), folder(tmp_path / 'b', moving(30, 1)), tmp_path / 'kept'
    (whole,) = compare(extractor, a, b)
    seen, of = [], extractor.of

    def killed(clips, views):
        if len(seen) == 7:
            raise KeyboardInterrupt
        seen.append(len(clips))
        return of(clips, views)

    monkeypatch.setattr(extractor, 'of', killed)
    with pytest.raises(KeyboardInterrupt):
        compare(extractor, a, b, kept=str(kept))
    monkeypatch.setattr(extractor, 'of', lambda clips, views: seen.append(len(clips)) or of(clips, views))
    (resumed,) = compare(extractor, a, b, kept=str(kept))
    assert sum(seen) == 70
    (again,) = compare(extractor, a, b, kept=str(kept))
    assert sum(seen) == 70
    for result in (resumed, again):
        assert result['scores']['frechet']['value'] == pytest.approx(whole['scores']['frechet']['value'], rel=1e-9)
    assert not list(kept.glob('partial-*'))
    compare(extractor, a, folder(tmp_path / 'c', moving(30, 2)), kept=str(kept))
    assert sum(seen) == 100


def test_videos_are_decoded_by_what_is_passed(tmp_path):
    clips = moving(6, 0)
    (tmp_path / 'v').mkdir()
    for index in range(6):
        (tmp_path / 'v' / f'{index}.mp4').write_bytes(b'')
    videos = FolderClips(str(tmp_path / 'v'), lambda path: clips[int(path[-5])], 4)
    np.testing.assert_allclose(list(videos.clips(range(6))), clips[:, :4] / 127.5 - 1, atol=1e-6)


def test_labels_floats_and_pictures_are_read(extractor, tmp_path):
    clips = moving(8, 0)
    floats = [folder(tmp_path / str(low), (clips / 255 * (1 - low) + low).astype(np.float32)) for low in (0, -1)]
    labelled = folder(tmp_path / 'labelled', clips, labels=np.arange(8))
    for number, clip in enumerate(clips):
        place = tmp_path / 'pictures' / str(number)
        place.mkdir(parents=True)
        for time, frame in enumerate(clip):
            Image.fromarray(frame).save(place / f'{time:03d}.png')
    for other in (*floats, str(tmp_path / 'pictures')):
        (result,) = compare(extractor, labelled, other)
        assert result['scores']['frechet']['value'] == pytest.approx(0, abs=1e-3)
    assert result['encodings'][1] == ['pictures']


def test_clips_of_other_sizes_and_colours_are_noted(extractor, tmp_path):
    a = folder(tmp_path / 'a', moving(4, 0))
    b = folder(tmp_path / 'b', moving(3, 0, size=32, channels=1))
    (result,) = compare(extractor, a, b)
    assert any('(24, 24, 3) in one folder and (32, 32, 1) in the other' in note for note in result['warnings'])
    assert any('precision and recall need more than 3' in note for note in result['warnings'])
    assert set(result['scores']) == {'frechet', 'kernel'}


def test_bad_folders_are_one_sentence_before_any_clip_is_looked_at(extractor, tmp_path, monkeypatch):
    good = folder(tmp_path / 'good', moving(4, 0))
    with pytest.raises(InputError, match='no folder'):
        FolderClips(str(tmp_path / 'absent'), no_videos)
    (tmp_path / 'empty').mkdir()
    with pytest.raises(InputError, match='no videos'):
        FolderClips(str(tmp_path / 'empty'), no_videos)
    (tmp_path / 'torn').mkdir()
    (tmp_path / 'torn' / 'x.npz').write_bytes((tmp_path / 'good' / '0.npz').read_bytes()[:300])
    cases = {
        'holds 1 clip': folder(tmp_path / 'one', moving(1, 0)),
        'make them equal': folder(tmp_path / 'mixed', moving(2, 0), moving(2, 0, frames=9)),
        '10 frames in .* and 9 in': folder(tmp_path / 'short', moving(4, 0, frames=9)),
        'int64': folder(tmp_path / 'integers', moving(4, 0).astype(np.int64)),
        'cannot be read': str(tmp_path / 'torn'),
    }
    monkeypatch.setattr(extractor, 'of', no_videos)
    for sentence, place in cases.items():
        with pytest.raises(InputError, match=sentence):
            compare(extractor, good, place)
    with pytest.raises(InputError, match='lower --num_frames=12'):
        compare(extractor, good, good, num_frames=12)


def test_floats_out_of_range_and_of_two_ranges_are_refused(extractor, tmp_path):
    clips = (moving(4, 0) / 255).astype(np.float32)
    with pytest.raises(InputError, match=r'floats in \[.*give \[-1, 1\]'):
        compare(extractor, folder(tmp_path / 'a', clips * 255), folder(tmp_path / 'b', clips))
    with pytest.raises(InputError, match='which is sure'):
        compare(extractor, folder(tmp_path / 'c', clips, clips * 2 - 1), str(tmp_path / 'b'))


def test_lengths_can_be_made_equal(extractor, tmp_path):
    a, b = folder(tmp_path / 'a', moving(4, 0)), folder(tmp_path / 'b', moving(4, 1, frames=9))
    assert compare(extractor, a, b, num_frames=8)[0]['frames'] == 8
