"""The data sets of the paper in their official layouts, and arrays: clips, classes, splits and what is missing."""

import numpy as np
import pytest
import tensorflow as tf
from sample_files import clip

from dvdgan_tf.errors import InputError
from dvdgan_tf.prepare import sources
from dvdgan_tf.prepare.frames import clip_frames
from dvdgan_tf.prepare.listing import BadClip, Rules

UCF = [
    ('ApplyEyeMakeup', 'v_ApplyEyeMakeup_g01_c01'),
    ('ApplyEyeMakeup', 'v_ApplyEyeMakeup_g08_c02'),
    ('HandstandPushups', 'v_HandStandPushups_g01_c01'),
    ('YoYo', 'v_YoYo_g25_c03'),
]


def make_ucf(root, folders=True):
    for folder, name in UCF:
        path = root / 'UCF-101' / (folder if folders else '') / f'{name}.avi'
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(b'x')
    lists = root / 'ucfTrainTestlist'
    lists.mkdir()
    (lists / 'classInd.txt').write_text('1 ApplyEyeMakeup\r\n2 HandstandPushups\r\n3 YoYo\r\n')
    for number in (1, 2, 3):
        train = [UCF[1], UCF[2]] if number == 1 else UCF[:2]
        test = [UCF[0]] if number == 1 else UCF[2:]
        classes = {'ApplyEyeMakeup': 1, 'HandstandPushups': 2, 'YoYo': 3}
        (lists / f'trainlist0{number}.txt').write_text(''.join(f'{c}/{n}.avi {classes[c]}\r\n' for c, n in train))
        (lists / f'testlist0{number}.txt').write_text(''.join(f'{c}/{n}.avi\n' for c, n in test))
    return str(root)


@pytest.mark.parametrize('folders', [True, False])
def test_ucf101_split_one(tmp_path, folders):
    listing = sources.ucf101(make_ucf(tmp_path, folders), '1')
    assert listing.class_names == ('ApplyEyeMakeup', 'HandstandPushups', 'YoYo')
    assert [(c.name, c.label, c.split, c.group) for c in listing.clips] == [
        ('v_ApplyEyeMakeup_g01_c01', 0, 'test', 'ApplyEyeMakeup_g01'),
        ('v_ApplyEyeMakeup_g08_c02', 0, 'train', 'ApplyEyeMakeup_g08'),
        ('v_HandStandPushups_g01_c01', 1, 'train', 'HandStandPushups_g01'),
    ]
    assert [reason for _, reason in listing.absent] == ['is in no list of split 1']


def test_ucf101_all_puts_every_clip_into_train(tmp_path):
    listing = sources.ucf101(make_ucf(tmp_path))
    assert [(c.label, c.split) for c in listing.clips] == [(0, 'train'), (0, 'train'), (1, 'train'), (2, 'train')]


def test_ucf101_lists_what_is_wrong_and_goes_on(tmp_path):
    root = make_ucf(tmp_path)
    videos = tmp_path / 'UCF-101'
    (videos / 'YoYo' / 'v_YoYo_g25_c03.avi').unlink()
    (videos / 'YoYo' / 'yoyo.avi').write_bytes(b'x')
    (videos / 'v_Juggling_g01_c01.avi').write_bytes(b'x')
    listing = sources.ucf101(root, '2')
    assert len(listing.clips) == 3
    assert dict(listing.absent) == {
        'v_YoYo_g25_c03': 'is missing',
        'UCF-101/YoYo/yoyo.avi': 'is not named v_<Class>_g<group>_c<clip>',
        'UCF-101/v_Juggling_g01_c01.avi': 'is of the class Juggling, which classInd.txt does not name',
    }


def test_ucf101_without_usable_lists_is_refused(tmp_path):
    root = make_ucf(tmp_path)
    lists = tmp_path / 'ucfTrainTestlist'
    (lists / 'testlist03.txt').unlink()
    with pytest.raises(InputError, match='no testlist03.txt'):
        sources.ucf101(root, '3')
    (lists / 'classInd.txt').write_text('1 A\n3 B\n')
    with pytest.raises(InputError, match='does not number'):
        sources.ucf101(root)
    (lists / 'classInd.txt').write_text('ApplyEyeMakeup\n')
    with pytest.raises(InputError, match='damaged'):
        sources.ucf101(root)


KINETICS = {
    'kinetics400': 'label,youtube_id,time_start,time_end,split,is_cc',
    'kinetics600': 'label,youtube_id,time_start,time_end,split',
    'kinetics700': 'youtube_id,time_start,time_end,label,split',
}


@pytest.mark.parametrize('version', KINETICS)
def test_kinetics_lists_and_file_names(tmp_path, version):
    header = KINETICS[version].split(',')
    rows = [
        ('playing piano', 'AAAAAAAAAA1', '3', '13', 'train'),
        ('arm wrestling', '-_AAAAAAAA2', '10', '20', 'train'),
        ('playing piano', 'AAAAAAAAAA3', '0', '10', 'validate'),
        ('arm wrestling', 'AAAAAAAAAA4', '1', '11', 'train'),
        ('zumba', 'AAAAAAAAAA5', '1.0', '11.0', 'test'),
        ('', 'AAAAAAAAAA6', '1', '11', 'test'),
    ]
    keys = ('label', 'youtube_id', 'time_start', 'time_end', 'split', 'is_cc')
    for split in ('train', 'validate', 'test'):
        lines = [','.join(dict(zip(keys, (*row, '0')))[key] for key in header) for row in rows if row[4] == split]
        (tmp_path / f'{split}.csv').write_text('\n'.join([','.join(header), *lines]))
    for path in (
        'train/playing piano/AAAAAAAAAA1_000003_000013.mp4',
        'train/arm_wrestling/-_AAAAAAAA2.mp4',
        'val/AAAAAAAAAA3_000000_000010.mkv',
        'test/AAAAAAAAAA5_000001_000011.mp4',
        'test/AAAAAAAAAA6_000001_000011.mp4',
        'test/surprise.mp4',
    ):
        (tmp_path / path).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / path).write_bytes(b'x')
    listing = sources.kinetics(str(tmp_path))
    assert listing.class_names == ('arm wrestling', 'playing piano', 'zumba')
    assert [(c.name, c.label, c.split, c.seconds) for c in listing.clips] == [
        ('-_AAAAAAAA2_000010_000020', 0, 'train', (10.0, 20.0)),
        ('AAAAAAAAAA1_000003_000013', 1, 'train', None),
        ('AAAAAAAAAA3_000000_000010', 1, 'validate', None),
        ('AAAAAAAAAA5_000001_000011', 2, 'test', None),
    ]
    assert dict(listing.absent) == {
        'AAAAAAAAAA4_000001_000011': 'is missing',
        'AAAAAAAAAA6_000001_000011': 'has no label',
        'test/surprise.mp4': 'is named by no CSV file',
    }


def test_kinetics_without_usable_lists_is_refused(tmp_path):
    with pytest.raises(InputError, match='no CSV file'):
        sources.kinetics(str(tmp_path))
    (tmp_path / 'train.csv').write_text('label,youtube_id,time_start\na,b,1\n')
    with pytest.raises(InputError, match='no column time_end'):
        sources.kinetics(str(tmp_path))


def write_bair(path, clips):
    """TFRecords as softmotion30_44k has them: raw frames of two cameras and the robot's state."""
    path.parent.mkdir(parents=True, exist_ok=True)
    with tf.io.TFRecordWriter(str(path)) as writer:
        for frames in clips:
            feature = {}
            for time, frame in enumerate(frames):
                for camera, picture in (('image_aux1', frame), ('image_main', 255 - frame)):
                    value = tf.train.BytesList(value=[picture.tobytes()])
                    feature[f'{time}/{camera}/encoded'] = tf.train.Feature(bytes_list=value)
                state = tf.train.FloatList(value=[0.0, 1.0, 2.0])
                feature[f'{time}/endeffector_pos'] = tf.train.Feature(float_list=state)
            writer.write(tf.train.Example(features=tf.train.Features(feature=feature)).SerializeToString())


def test_bair_is_read_exactly(tmp_path):
    clips = [clip(30, tint, 64, 64) for tint in range(3)]
    root = tmp_path / 'softmotion30_44k'
    write_bair(root / 'train' / 'traj_0_to_255.tfrecords', clips[:2])
    write_bair(root / 'test' / 'traj_0_to_255.tfrecords', clips[2:])
    for camera in ('image_aux1', 'image_main'):
        listing = sources.bair_pushing(str(tmp_path), camera)
        assert listing.lossless and listing.class_names == ('robot pushing',)
        assert [(c.name, c.split, c.label) for c in listing.clips] == [
            ('test/traj_0_to_255#000', 'test', 0),
            ('train/traj_0_to_255#000', 'train', 0),
            ('train/traj_0_to_255#001', 'train', 0),
        ]
        for item, frames in zip(listing.clips, (clips[2], clips[0], clips[1])):
            read = np.stack([frame for frame, _, _ in clip_frames(item, Rules())])
            np.testing.assert_array_equal(read, frames if camera == 'image_aux1' else 255 - frames)


def test_bair_damage_is_found(tmp_path):
    path = tmp_path / 'train' / 'traj_0_to_255.tfrecords'
    write_bair(path, [clip(30, tint, 64, 64) for tint in range(2)])
    data = bytearray(path.read_bytes())
    data[1000] ^= 1
    path.write_bytes(bytes(data[:-100]))
    (tmp_path / 'train' / 'other.tfrecords').write_bytes(b'')
    listing = sources.bair_pushing(str(tmp_path))
    assert dict(listing.absent) == {
        'train/other.tfrecords': 'is not train/ or test/traj_<first>_to_<last>.tfrecords',
        'train/traj_0_to_255.tfrecords': 'is cut short inside record 1',
    }
    with pytest.raises(BadClip, match='is damaged'):
        list(clip_frames(listing.clips[0], Rules()))


def test_bair_without_the_frames_of_a_camera_is_a_bad_clip(tmp_path):
    write_bair(tmp_path / 'train' / 'traj_0_to_255.tfrecords', [clip(29, 0, 64, 64)])
    (item,) = sources.bair_pushing(str(tmp_path)).clips
    with pytest.raises(BadClip, match='29/image_aux1/encoded holds 0 bytes'):
        list(clip_frames(item, Rules()))


def read(listing):
    return np.stack([np.stack([frame for frame, _, _ in clip_frames(item, Rules())]) for item in listing.clips])


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
        np.testing.assert_array_equal(read(sources.array_files(str(tmp_path / f'{layout}.npy'), layout)), grey)
    np.testing.assert_array_equal(read(sources.array_files(str(tmp_path / 'NTHWC.npy'))), grey)
    np.testing.assert_array_equal(read(sources.array_files(str(tmp_path / 'TNHW.npy'))), grey)


def test_archives_have_labels_and_splits(tmp_path):
    clips = np.stack([clip(4, tint) for tint in range(3)])
    np.savez(tmp_path / 'a.npz', x=clips, labels=np.array([1, 0, 1]))
    listing = sources.array_files(str(tmp_path / 'a.npz'))
    assert [c.label for c in listing.clips] == [1, 0, 1] and listing.class_names == ('0', '1')
    np.testing.assert_array_equal(read(listing), clips)
    np.savez_compressed(tmp_path / 'b.npz', train=clips[:2], test=clips[2:])
    assert [c.split for c in sources.array_files(str(tmp_path / 'b.npz')).clips] == ['train', 'train', 'test']


def test_numbers_other_than_bytes_need_their_range(tmp_path):
    rain = np.linspace(0, 60, 2 * 4 * 16 * 16, dtype=np.float64).reshape(2, 4, 16, 16, 1)
    np.save(tmp_path / 'rain.npy', rain)
    with pytest.raises(InputError, match=r'--value_range=0,60'):
        sources.array_files(str(tmp_path / 'rain.npy'))
    listing = sources.array_files(str(tmp_path / 'rain.npy'), value_range=(0, 60))
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
    listing = sources.array_files(str(tmp_path))
    assert [c.path.split('/')[-1] for c in listing.clips] == ['good.npy']
    reasons = dict(listing.absent)
    assert sorted(reasons) == ['cut.npy', 'cut.npz', 'flat.npy', 'labels.npz:x', 'text.npy', 'wide.npy', 'zero.npy']
    assert '4 channels' in reasons['wide.npy'] and 'labels of the shape' in reasons['labels.npz:x']


def test_values_that_are_not_finite_make_a_bad_clip(tmp_path):
    array = np.zeros((2, 3, 8, 8, 1), np.float32)
    array[1, 2, 0, 0] = np.nan
    np.save(tmp_path / 'a.npy', array)
    listing = sources.array_files(str(tmp_path), value_range=(0, 1))
    assert len(list(clip_frames(listing.clips[0], Rules()))) == 3
    with pytest.raises(BadClip, match='not finite'):
        list(clip_frames(listing.clips[1], Rules()))


def test_mixed_arrays_are_refused(tmp_path):
    np.save(tmp_path / 'a.npy', np.zeros((1, 2, 4, 4, 1), np.uint8))
    np.save(tmp_path / 'b.npy', np.zeros((1, 2, 4, 4, 3), np.uint8))
    with pytest.raises(InputError, match='one by one'):
        sources.array_files(str(tmp_path))
