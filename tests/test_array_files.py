"""Arrays as data sets: every order of axes, labels, splits, ranges, and what cannot be used."""

import concurrent.futures
import posixpath
import tracemalloc

import numpy as np
import pytest
from sample_files import clip

from dvdgan_tf.errors import InputError
from dvdgan_tf.prepare.decoders import arrays
from dvdgan_tf.prepare.frames import clip_frames
from dvdgan_tf.prepare.listing import BadClip, Listing, Rules
from dvdgan_tf.prepare.sources import array_files


def read(listing):
    return np.stack([np.stack([frame.pixels for frame in clip_frames(item, Rules())]) for item in listing.clips])


def test_arrays_of_every_layout_give_the_same_clips(tmp_path):
    grey = np.stack([clip(5, tint)[..., :1] for tint in range(3)])  # [N, T, H, W, C]
    forms = {
        'NTHWC': grey,
        'TNHWC': grey.swapaxes(0, 1),
        'NTHW': grey[..., 0],
        'TNHW': grey[..., 0].swapaxes(0, 1),
    }
    for layout, array in forms.items():
        np.save(tmp_path / f'{layout}.npy', array)
        np.testing.assert_array_equal(read(array_files.array_files(str(tmp_path / f'{layout}.npy'), layout)), grey)
    np.testing.assert_array_equal(read(array_files.array_files(str(tmp_path / 'NTHWC.npy'))), grey)
    np.testing.assert_array_equal(read(array_files.array_files(str(tmp_path / 'TNHW.npy'))), grey)


@pytest.mark.parametrize('layout', ['NTHWC', 'TNHWC', 'NTCHW', 'TNCHW'])
@pytest.mark.parametrize('save', [np.savez, np.savez_compressed])
@pytest.mark.parametrize('order', ['C', 'F'])
def test_archives_are_read_whatever_their_order(tmp_path, layout, save, order):
    clips = np.stack([clip(3, tint) for tint in range(4)])
    axes = ['NTHWC'.index(axis) for axis in layout]
    array = np.asarray(clips.transpose(axes), order=order)
    save(tmp_path / 'a.npz', other=np.zeros((1, 2, 3, 4, 5), np.uint8), x=array)
    listing = array_files.array_files(str(tmp_path / 'a.npz'), layout)
    mine = Listing(tuple(item for item in listing.clips if ':x#' in item.name), ('all',))
    np.testing.assert_array_equal(read(mine), clips)
    backwards = Listing(mine.clips[::-1], ('all',))
    np.testing.assert_array_equal(read(backwards), clips[::-1])


@pytest.mark.parametrize('save, layout', [(np.savez, 'TNHWC'), (np.savez, 'NTHWC'), (np.savez_compressed, 'NTHWC')])
def test_archives_are_not_read_whole(tmp_path, save, layout):
    save(tmp_path / 'a.npz', x=np.zeros((40, 40, 64, 64, 3), np.uint8))
    listing = array_files.array_files(str(tmp_path / 'a.npz'), layout)
    tracemalloc.start()
    for item in listing.clips[:5]:
        for _ in clip_frames(item, Rules()):
            pass
    most = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert most < 4e6  # of 20e6


def test_threads_may_read_one_archive_at_the_same_time(tmp_path):
    clips = np.stack([clip(20, tint) for tint in range(8)])
    np.savez_compressed(tmp_path / 'a.npz', x=clips)
    listing = array_files.array_files(str(tmp_path / 'a.npz'))
    alone = [Listing((item,), ('all',)) for item in listing.clips]
    with concurrent.futures.ThreadPoolExecutor(4) as threads:
        np.testing.assert_array_equal(np.concatenate(list(threads.map(read, alone))), clips)


def test_what_would_have_to_be_held_has_a_bound(tmp_path, monkeypatch):
    monkeypatch.setattr(arrays, 'LARGEST_HELD', 1000)
    clips = np.zeros((3, 2, 8, 8, 3), np.uint8)
    np.savez_compressed(tmp_path / 'scattered.npz', x=clips)
    np.save(tmp_path / 'fortran.npy', np.asfortranarray(clips))
    np.savez(tmp_path / 'fine.npz', x=clips)
    listing = array_files.array_files(str(tmp_path), 'TNHWC')
    assert {posixpath.basename(item.path) for item in listing.clips} == {'fine.npz'}
    reasons = dict(listing.absent)
    assert sorted(reasons) == ['fortran.npy', 'scattered.npz:x'] and all('numpy.savez' in r for r in reasons.values())


def test_a_flipped_byte_in_an_archive_is_noticed(tmp_path):
    np.savez(tmp_path / 'a.npz', x=np.zeros((2, 3, 16, 16, 3), np.uint8))
    content = bytearray((tmp_path / 'a.npz').read_bytes())
    content[len(content) // 2] ^= 1
    (tmp_path / 'a.npz').write_bytes(content)
    assert 'checksum of x.npy' in dict(array_files.array_files(str(tmp_path / 'a.npz')).absent)['a.npz']


def test_labels_that_are_no_class_numbers_are_names(tmp_path):
    np.savez(tmp_path / 'a.npz', x=np.zeros((3, 2, 8, 8, 1), np.uint8), labels=np.array([20240102, 20240101, 20240102]))
    listing = array_files.array_files(str(tmp_path / 'a.npz'))
    assert listing.class_names == ('20240101', '20240102') and [c.label for c in listing.clips] == [1, 0, 1]


def test_an_array_without_numbers_is_no_endless_list_of_clips(tmp_path):
    np.save(tmp_path / 'a.npy', np.zeros((10**12, 0, 8, 8, 1), np.uint8))
    listing = array_files.array_files(str(tmp_path / 'a.npy'))
    assert listing.clips == () and 'is empty' in dict(listing.absent)['a.npy']


def test_archives_have_labels_and_splits(tmp_path):
    clips = np.stack([clip(4, tint) for tint in range(3)])
    np.savez(tmp_path / 'a.npz', x=clips, labels=np.array([1, 0, 1]))
    listing = array_files.array_files(str(tmp_path / 'a.npz'))
    assert [c.label for c in listing.clips] == [1, 0, 1] and listing.class_names == ('0', '1')
    np.testing.assert_array_equal(read(listing), clips)
    np.savez_compressed(tmp_path / 'b.npz', train=clips[:2], test=clips[2:])
    assert [c.split for c in array_files.array_files(str(tmp_path / 'b.npz')).clips] == ['train', 'train', 'test']


def test_numbers_other_than_bytes_need_their_range(tmp_path):
    rain = np.linspace(0, 60, 2 * 4 * 16 * 16, dtype=np.float64).reshape(2, 4, 16, 16, 1)
    np.save(tmp_path / 'rain.npy', rain)
    with pytest.raises(InputError, match=r'--value_range=0,60'):
        array_files.array_files(str(tmp_path / 'rain.npy'))
    listing = array_files.array_files(str(tmp_path / 'rain.npy'), value_range=(0, 60))
    assert listing.dtype == 'float32' and listing.lossless
    np.testing.assert_array_equal(read(listing), rain.astype(np.float32))


def test_arrays_that_cannot_be_used_are_listed(tmp_path):
    np.save(tmp_path / 'flat.npy', np.zeros((4, 4), np.uint8))
    np.save(tmp_path / 'wide.npy', np.zeros((1, 2, 4, 4, 4), np.uint8))
    np.save(tmp_path / 'text.npy', np.zeros((1, 2, 4, 4, 1), 'U3'))
    np.savez(tmp_path / 'labels.npz', x=np.zeros((2, 2, 4, 4, 1), np.uint8), labels=np.zeros(3, int))
    np.save(tmp_path / 'good.npy', np.zeros((1, 2, 4, 4, 1), np.uint8))
    (tmp_path / 'cut.npy').write_bytes((tmp_path / 'good.npy').read_bytes()[:140])
    (tmp_path / 'cut.npz').write_bytes((tmp_path / 'labels.npz').read_bytes()[:200])
    (tmp_path / 'zero.npy').write_bytes(b'')
    (tmp_path / 'open.npy').write_bytes((tmp_path / 'good.npy').read_bytes().replace(b'}', b' '))
    listing = array_files.array_files(str(tmp_path))
    assert [c.path.split('/')[-1] for c in listing.clips] == ['good.npy']
    reasons = dict(listing.absent)
    assert sorted(reasons) == sorted(
        ['cut.npy', 'cut.npz', 'flat.npy', 'labels.npz:x', 'open.npy', 'text.npy', 'wide.npy', 'zero.npy']
    )
    assert '4 channels' in reasons['wide.npy'] and 'labels of the shape' in reasons['labels.npz:x']


def test_values_that_are_not_finite_make_a_bad_clip(tmp_path):
    array = np.zeros((2, 3, 8, 8, 1), np.float32)
    array[1, 2, 0, 0] = np.nan
    np.save(tmp_path / 'a.npy', array)
    listing = array_files.array_files(str(tmp_path), value_range=(0, 1))
    assert len(list(clip_frames(listing.clips[0], Rules()))) == 3
    with pytest.raises(BadClip, match='not finite'):
        list(clip_frames(listing.clips[1], Rules()))


def test_mixed_arrays_are_refused(tmp_path):
    np.save(tmp_path / 'a.npy', np.zeros((1, 2, 4, 4, 1), np.uint8))
    np.save(tmp_path / 'b.npy', np.zeros((1, 2, 4, 4, 3), np.uint8))
    with pytest.raises(InputError, match='one by one'):
        array_files.array_files(str(tmp_path))


def test_a_name_with_test_in_it_is_a_split_only_beside_one_with_train(tmp_path):
    np.save(tmp_path / 'mnist_test_seq.npy', np.zeros((2, 3, 4, 4), np.uint8))
    assert {c.split for c in array_files.array_files(str(tmp_path / 'mnist_test_seq.npy')).clips} == {'train'}
    np.save(tmp_path / 'mnist_train_seq.npy', np.zeros((2, 3, 4, 4), np.uint8))
    assert [c.split for c in array_files.array_files(str(tmp_path)).clips] == ['test'] * 3 + ['train'] * 3


def test_channels_may_lie_before_the_height(tmp_path):
    clips = np.stack([clip(3, tint) for tint in range(2)])
    np.save(tmp_path / 'a.npy', np.moveaxis(clips, -1, 2))
    np.testing.assert_array_equal(read(array_files.array_files(str(tmp_path / 'a.npy'), 'NTCHW')), clips)
    np.save(tmp_path / 'a.npy', np.moveaxis(clips, -1, 2).swapaxes(0, 1))
    np.testing.assert_array_equal(read(array_files.array_files(str(tmp_path / 'a.npy'), 'TNCHW')), clips)
    assert 'give --layout=NTCHW' in array_files.array_files(str(tmp_path / 'a.npy')).absent[0][1]
