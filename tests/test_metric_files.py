"""Two folders of clips from any code base, compared."""

import numpy as np
import pytest

from dvdgan_tf.errors import InputError
from dvdgan_tf.evaluation import files
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


def folder(path, *arrays, suffix='npz'):
    path.mkdir()
    for index, array in enumerate(arrays):
        if suffix == 'npz':
            np.savez(path / f'{index}.npz', clips=array)
        else:
            np.save(path / f'{index}.npy', array)
    return str(path)


def compare(real, fake, **more):
    sides = tuple(files.FileClips(side, no_videos, **more) for side in (real, fake))
    return files.compare(sides, {'offline': offline_network()}, 8, lambda line: None)


def test_two_folders_are_compared_and_the_scores_are_those_of_their_features(tmp_path):
    real, fake = moving(40, 0), moving(30, 1)
    a = folder(tmp_path / 'a', real[:25], real[25:])
    b = folder(tmp_path / 'b', *fake, suffix='npy')
    (result,) = compare(a, b)
    moments = [moments_of(OfflineNetwork()(clips.astype(np.float32) / 127.5 - 1).numpy()) for clips in (real, fake)]
    assert result['scores']['frechet']['value'] == pytest.approx(scores.frechet_distance(*moments), rel=1e-4)
    assert (result['real_clips'], result['fake_clips'], result['frames']) == (40, 30, 10)
    assert result['encodings'] == [['.npz'], ['.npy']]
    assert set(result['scores']) == {'frechet', 'kernel', 'precision', 'recall'}
    assert any('full rank' in note for note in result['warnings'])


def test_videos_are_decoded_by_what_is_passed(tmp_path):
    clips = moving(6, 0)
    (tmp_path / 'v').mkdir()
    for index in range(6):
        (tmp_path / 'v' / f'{index}.mp4').write_bytes(b'')
    found = list(files.FileClips(str(tmp_path / 'v'), lambda path: clips[int(path[-5])], 4))
    np.testing.assert_array_equal(found, clips[:, :4])


def test_bad_folders_are_one_sentence(tmp_path):
    good = folder(tmp_path / 'good', moving(4, 0))
    with pytest.raises(InputError, match='no folder'):
        files.FileClips(str(tmp_path / 'absent'), no_videos)
    (tmp_path / 'empty').mkdir()
    with pytest.raises(InputError, match='no videos'):
        files.FileClips(str(tmp_path / 'empty'), no_videos)
    with pytest.raises(InputError, match='holds 1 clip'):
        compare(good, folder(tmp_path / 'one', moving(1, 0)))
    with pytest.raises(InputError, match='make them equal'):
        compare(good, folder(tmp_path / 'mixed', moving(2, 0), moving(2, 0, frames=9)))
    with pytest.raises(InputError, match='10 frames in .* and 9 in'):
        compare(good, folder(tmp_path / 'short', moving(4, 0, frames=9)))
    with pytest.raises(InputError, match='lower --num_frames=12'):
        compare(good, good, num_frames=12)
    with pytest.raises(InputError, match='float64'):
        compare(good, folder(tmp_path / 'floats', moving(4, 0) / 255))
    (tmp_path / 'torn').mkdir()
    (tmp_path / 'torn' / 'x.npz').write_bytes((tmp_path / 'good' / '0.npz').read_bytes()[:300])
    with pytest.raises(InputError, match='cannot be read'):
        compare(good, str(tmp_path / 'torn'))


def test_lengths_can_be_made_equal(tmp_path):
    a, b = folder(tmp_path / 'a', moving(4, 0)), folder(tmp_path / 'b', moving(4, 1, frames=9))
    assert compare(a, b, num_frames=8)[0]['frames'] == 8
