"""The data sets of the paper in their official layouts, and arrays: clips, classes, splits and what is missing."""

import json

import numpy as np
import pytest
import tensorflow as tf
from sample_files import clip, write_video

from dvdgan_tf.errors import InputError
from dvdgan_tf.prepare.frames import clip_frames
from dvdgan_tf.prepare.listing import BadClip, Rules
from dvdgan_tf.prepare.sources import kth, papers, something

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
    listing = papers.ucf101(make_ucf(tmp_path, folders), '1')
    assert listing.class_names == ('ApplyEyeMakeup', 'HandstandPushups', 'YoYo')
    assert [(c.name, c.label, c.split, c.group) for c in listing.clips] == [
        ('v_ApplyEyeMakeup_g01_c01', 0, 'test', 'ApplyEyeMakeup_g01'),
        ('v_ApplyEyeMakeup_g08_c02', 0, 'train', 'ApplyEyeMakeup_g08'),
        ('v_HandStandPushups_g01_c01', 1, 'train', 'HandStandPushups_g01'),
    ]
    assert [reason for _, reason in listing.absent] == ['is in no list of split 1']


def test_ucf101_all_puts_every_clip_into_train(tmp_path):
    listing = papers.ucf101(make_ucf(tmp_path))
    assert [(c.label, c.split) for c in listing.clips] == [(0, 'train'), (0, 'train'), (1, 'train'), (2, 'train')]


def test_ucf101_lists_what_is_wrong_and_goes_on(tmp_path):
    root = make_ucf(tmp_path)
    videos = tmp_path / 'UCF-101'
    (videos / 'YoYo' / 'v_YoYo_g25_c03.avi').unlink()
    (videos / 'YoYo' / 'yoyo.avi').write_bytes(b'x')
    (videos / 'v_Juggling_g01_c01.avi').write_bytes(b'x')
    listing = papers.ucf101(root, '2')
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
        papers.ucf101(root, '3')
    (lists / 'classInd.txt').write_text('1 A\n3 B\n')
    with pytest.raises(InputError, match='does not number'):
        papers.ucf101(root)
    (lists / 'classInd.txt').write_text('ApplyEyeMakeup\n')
    with pytest.raises(InputError, match='damaged'):
        papers.ucf101(root)


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
    listing = papers.kinetics(str(tmp_path))
    assert listing.class_names == ('arm wrestling', 'playing piano', 'zumba')
    assert [(c.name, c.label, c.split, c.part and (c.part.start, c.part.end)) for c in listing.clips] == [
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
        papers.kinetics(str(tmp_path))
    (tmp_path / 'train.csv').write_text('label,youtube_id,time_start\na,b,1\n')
    with pytest.raises(InputError, match='no column time_end'):
        papers.kinetics(str(tmp_path))


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
        listing = papers.bair_pushing(str(tmp_path), camera)
        assert listing.lossless and listing.class_names == ('robot pushing',)
        assert [(c.name, c.split, c.label) for c in listing.clips] == [
            ('test/traj_0_to_255#000', 'test', 0),
            ('train/traj_0_to_255#000', 'train', 0),
            ('train/traj_0_to_255#001', 'train', 0),
        ]
        for item, frames in zip(listing.clips, (clips[2], clips[0], clips[1])):
            read = np.stack([frame.pixels for frame in clip_frames(item, Rules())])
            np.testing.assert_array_equal(read, frames if camera == 'image_aux1' else 255 - frames)


def test_bair_damage_is_found(tmp_path):
    path = tmp_path / 'train' / 'traj_0_to_255.tfrecords'
    write_bair(path, [clip(30, tint, 64, 64) for tint in range(2)])
    data = bytearray(path.read_bytes())
    data[1000] ^= 1
    path.write_bytes(bytes(data[:-100]))
    (tmp_path / 'train' / 'other.tfrecords').write_bytes(b'')
    listing = papers.bair_pushing(str(tmp_path))
    assert dict(listing.absent) == {
        'train/other.tfrecords': 'is not train/ or test/traj_<first>_to_<last>.tfrecords',
        'train/traj_0_to_255.tfrecords': 'is cut short inside record 1',
    }
    with pytest.raises(BadClip, match='is damaged'):
        list(clip_frames(listing.clips[0], Rules()))


def test_bair_without_the_frames_of_a_camera_is_a_bad_clip(tmp_path):
    write_bair(tmp_path / 'train' / 'traj_0_to_255.tfrecords', [clip(29, 0, 64, 64)])
    (item,) = papers.bair_pushing(str(tmp_path)).clips
    with pytest.raises(BadClip, match='29/image_aux1/encoded holds 0 bytes'):
        list(clip_frames(item, Rules()))


def test_ucf101_names_differ_in_case_between_lists_and_files(tmp_path):
    root = make_ucf(tmp_path)
    folder = tmp_path / 'UCF-101' / 'HandstandPushups'
    (folder / 'v_HandStandPushups_g01_c01.avi').rename(folder / 'v_HandstandPushups_g01_c01.avi')
    listing = papers.ucf101(root, '1')
    assert ('v_HandstandPushups_g01_c01', 1, 'train') in [(c.name, c.label, c.split) for c in listing.clips]
    assert [reason for _, reason in listing.absent] == ['is in no list of split 1']


def test_kinetics_beside_other_tables(tmp_path):
    (tmp_path / 'notes.csv').write_text('who,what\nme,nothing\n')
    (tmp_path / 'train.csv').write_text('label,youtube_id,time_start,time_end\na,AAAAAAAAAA1,1,11\n')
    (tmp_path / 'AAAAAAAAAA1.mp4').write_bytes(b'x')
    listing = papers.kinetics(str(tmp_path))
    assert len(listing.clips) == 1 and listing.absent == (('notes.csv', 'is no list of Kinetics'),)


def test_a_kinetics_clip_in_two_splits_is_not_trained_on(tmp_path):
    for name in ('train', 'validate'):
        (tmp_path / f'{name}.csv').write_text('label,youtube_id,time_start,time_end\na,AAAAAAAAAA1,1,11\n')
    (tmp_path / 'AAAAAAAAAA1.mp4').write_bytes(b'x')
    listing = papers.kinetics(str(tmp_path))
    assert [clip_.split for clip_ in listing.clips] == ['validate']
    assert 'kept in validate only' in listing.absent[0][1]


def test_kth_sequences_are_cut_out_by_their_list(tmp_path):
    frames = clip(40)
    for person, action in ((11, 'boxing'), (22, 'walking')):
        write_video(tmp_path / action / f'person{person}_{action}_d1_uncomp.avi', frames)
    text = 'Training: person11, 12\n\nperson11_boxing_d1\tframes\t1-10, 11-30\nperson22_walking_d1  frames  21-40\r\n'
    text += 'person13_handclapping_d3\t*missing*\nperson12_boxing_d2 frames 1-9\n'
    (tmp_path / '00sequences.txt').write_text(text)
    listing = kth.kth(str(tmp_path))
    assert [(c.name, c.label, c.split, c.group) for c in listing.clips] == [
        ('person11_boxing_d1#0001-0010', 0, 'train', 'person11'),
        ('person11_boxing_d1#0011-0030', 0, 'train', 'person11'),
        ('person22_walking_d1#0021-0040', 5, 'test', 'person22'),
    ]
    assert listing.absent == (('person12_boxing_d2', 'is missing'),)
    for item, (first, last) in zip(listing.clips, ((0, 10), (10, 30), (20, 40))):
        read_ = np.stack([frame.pixels for frame in clip_frames(item, Rules())]).astype(int)
        assert len(read_) == last - first and np.abs(read_ - frames[first:last]).mean() < 6
    with pytest.raises(InputError, match='no 00sequences.txt'):
        kth.kth(str(tmp_path / 'boxing'))


def test_something_something_is_read_as_it_comes(tmp_path):
    (tmp_path / 'v2-labels.json').write_text('{"Holding something": "1", "Closing something": "0"}')
    rows = [{'id': '7', 'label': 'holding a cup', 'template': 'Holding [something]'}]
    rows += [{'id': 8, 'template': 'Odd [one]'}, {'id': '9', 'template': 'Holding [something]'}]
    (tmp_path / 'v2-train.json').write_text(json.dumps(rows))
    (tmp_path / 'v2-validation.json').write_text(json.dumps([{'id': '10', 'template': 'Closing [something]'}]))
    (tmp_path / 'v2-test.json').write_text(json.dumps([{'id': '11'}, 'odd']))
    for stem in (7, 8, 10, 11, 12):
        (tmp_path / 'videos').mkdir(exist_ok=True)
        (tmp_path / 'videos' / f'{stem}.webm').write_bytes(b'x')
    listing = something.something_something(str(tmp_path))
    assert listing.class_names == ('Closing something', 'Holding something')
    assert [(c.name, c.label, c.split) for c in listing.clips] == [('10', 0, 'validate'), ('7', 1, 'train')]
    assert dict(listing.absent) == {
        '11': 'has no label',
        'a line of v2-test.json': 'has no id',
        '8': "has the template 'Odd one', which the labels do not name",
        '9': 'is missing',
        'videos/12.webm': 'is named by no list',
    }
    (tmp_path / 'v2-labels.json').write_text('{"a": "1"}')
    with pytest.raises(InputError, match='is damaged'):
        something.something_something(str(tmp_path))
