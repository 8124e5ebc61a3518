"""Every source in its official layout, through preparation and pipeline: pixels, labels and splits come back."""

import numpy as np
import pytest
from PIL import Image
from sample_files import clip, write_video
from test_sources import write_bair

from dvdgan_tf.data.pipeline import RecordClips
from dvdgan_tf.prepare import preparation
from dvdgan_tf.prepare.listing import Rules
from dvdgan_tf.prepare.sources import array_files, folders, lists, papers

FRAMES, SIDE = 10, 32


def stored(listing, folder, split='train', side=SIDE, encoding=None, **options):
    """(clips uint8-scaled [N, T, side, side, C], labels) of a split, in the order of their names."""
    rules = Rules(encoding or ('raw' if listing.lossless else 'jpeg'))
    preparation.prepare(listing, rules, str(folder), source={'name': 'test', 'input': 'x'}, **options)
    source = RecordClips(str(folder), side, FRAMES, split=split)
    clips, labels, valid = next(iter(source.evaluation(source.num_clips, 'first')))
    assert valid.numpy().all()
    return (clips.numpy() + 1) * 127.5, labels.numpy(), source


def centre(frames):
    left = (frames.shape[2] - SIDE + 1) // 2
    return frames[:FRAMES, :, left : left + SIDE].astype(np.float32)


def check(found, sources_, error):
    """Pixels within the encoding's error, and nearer to their own source than to any other."""
    for number, pixels in enumerate(found):
        distances = [np.abs(pixels - centre(source)).mean() for source in sources_]
        assert distances[number] < error and np.argmin(distances) == number


def test_ucf101(tmp_path):
    names = [('Archery', 'g01_c01'), ('Archery', 'g09_c02'), ('HandstandPushups', 'g02_c01'), ('YoYo', 'g25_c04')]
    frames = [clip(FRAMES + n, 3 * n) for n in range(4)]
    for (activity, ending), source in zip(names, frames):
        file = f'v_{activity.replace("Handstand", "HandStand")}_{ending}.avi'
        write_video(tmp_path / 'UCF-101' / activity / file, source)
    lists = tmp_path / 'ucfTrainTestlist'
    lists.mkdir()
    (lists / 'classInd.txt').write_text('1 Archery\n2 HandstandPushups\n3 YoYo\n')
    (lists / 'trainlist01.txt').write_text(
        'Archery/v_Archery_g09_c02.avi 1\nHandstandPushups/v_HandStandPushups_g02_c01.avi 2\n'
        'YoYo/v_YoYo_g24_c01.avi 3\n'
    )
    (lists / 'testlist01.txt').write_text('Archery/v_Archery_g01_c01.avi\nYoYo/v_YoYo_g25_c04.avi\n')
    listing = papers.ucf101(str(tmp_path), '1')
    assert listing.absent == (('v_YoYo_g24_c01', 'is missing'),)
    train, labels, source = stored(listing, tmp_path / 'out')
    assert source.class_names == ('Archery', 'HandstandPushups', 'YoYo')
    np.testing.assert_array_equal(labels, [0, 1])
    check(train, [frames[1], frames[2]], 8)  # MPEG-4 with halved chroma, then JPEG
    test, labels, _ = stored(listing, tmp_path / 'out', 'test')
    np.testing.assert_array_equal(labels, [0, 2])
    check(test, [frames[0], frames[3]], 8)


def test_kinetics_with_missing_files(tmp_path):
    frames = [clip(25, 3 * n) for n in range(3)]
    write_video(tmp_path / 'train' / 'arm wrestling' / 'AAAAAAAAAA1_000010_000020.mp4', frames[0])
    write_video(
        tmp_path / 'train' / 'juggling_balls' / 'AAAAAAAAAA2.mp4', np.concatenate([clip(50, 9), frames[1], clip(30, 8)])
    )
    write_video(tmp_path / 'validate' / 'AAAAAAAAAA3_000000_000010.mp4', frames[2])
    head = 'label,youtube_id,time_start,time_end,split\n'
    (tmp_path / 'train.csv').write_text(
        head + 'arm wrestling,AAAAAAAAAA1,10,20,train\njuggling balls,AAAAAAAAAA2,2,3,train\n'
        'zumba,AAAAAAAAAA4,0,10,train\n'
    )
    (tmp_path / 'validate.csv').write_text(head + '"juggling balls",AAAAAAAAAA3,0,10,validate\n')
    listing = papers.kinetics(str(tmp_path))
    train, labels, source = stored(listing, tmp_path / 'out')
    assert source.class_names == ('arm wrestling', 'juggling balls', 'zumba')
    np.testing.assert_array_equal(labels, [0, 1])
    check(train, frames[:2], 8)  # the second is cut out of a longer video
    validate, labels, _ = stored(listing, tmp_path / 'out', 'validate')
    np.testing.assert_array_equal(labels, [1])
    check(validate, frames[2:], 8)
    assert ('AAAAAAAAAA4_000000_000010', 'is missing') in preparation.skipped_clips(str(tmp_path / 'out'))


def test_bair_without_any_loss(tmp_path):
    frames = [clip(30, tint, 64, 64) for tint in range(3)]
    write_bair(tmp_path / 'softmotion30_44k' / 'train' / 'traj_0_to_255.tfrecords', frames[:2])
    write_bair(tmp_path / 'softmotion30_44k' / 'test' / 'traj_0_to_255.tfrecords', frames[2:])
    listing = papers.bair_pushing(str(tmp_path))
    for split, expected in (('train', frames[:2]), ('test', frames[2:])):
        found, labels, _ = stored(listing, tmp_path / 'out', split, side=64)
        np.testing.assert_allclose(found, np.stack(expected)[:, :FRAMES], atol=1e-3)
        assert not labels.any()


@pytest.mark.parametrize('ending', ['.mp4', '.avi', '.mkv', '.mov', '.webm', '.gif'])
def test_folders_of_videos(tmp_path, ending):
    frames = [clip(FRAMES + 2, 3 * tint) for tint in range(3)]
    for number, source in enumerate(frames):
        write_video(tmp_path / 'in' / ('run', 'jump')[number % 2] / f'{number}{ending}', source)
    found, labels, source = stored(folders.list_folder(str(tmp_path / 'in')), tmp_path / 'out')
    assert source.class_names == ('jump', 'run')
    np.testing.assert_array_equal(labels, [0, 1, 1])
    check(found, [frames[1], frames[0], frames[2]], 30 if ending == '.gif' else 8)


@pytest.mark.parametrize('ending, error', [('png', 0.01), ('jpg', 3)])
def test_folders_of_frame_images(tmp_path, ending, error):
    frames = [clip(FRAMES, 3 * tint) for tint in range(2)]
    for number, source in enumerate(frames):
        for time, frame in enumerate(source):
            path = tmp_path / 'in' / f'class{number}' / 'clip' / f'{time}.{ending}'
            path.parent.mkdir(parents=True, exist_ok=True)
            Image.fromarray(frame).save(path, quality=95)
    listing = folders.list_folder(str(tmp_path / 'in'))
    found, labels, _ = stored(listing, tmp_path / 'out', encoding='png')
    np.testing.assert_array_equal(labels, [0, 1])
    check(found, frames, error)


def test_lists_of_videos(tmp_path):
    frames = [clip(FRAMES, 3 * tint) for tint in range(2)]
    for number, source in enumerate(frames):
        write_video(tmp_path / 'videos' / f'{number}.mp4', source)
    (tmp_path / 'clips.csv').write_text('path,label,split\nvideos/0.mp4,run,train\nvideos/1.mp4,jump,test\n')
    listing = lists.list_clips(str(tmp_path / 'clips.csv'))
    for split, label, source in (('train', 1, frames[:1]), ('test', 0, frames[1:])):
        found, labels, _ = stored(listing, tmp_path / 'out', split)
        np.testing.assert_array_equal(labels, [label])
        check(found, source, 8)


@pytest.mark.parametrize('channels', [1, 3])
def test_arrays(tmp_path, channels):
    frames = np.stack([clip(FRAMES, 3 * tint) for tint in range(3)])[..., :channels]
    np.savez(tmp_path / 'a.npz', x=frames, labels=np.array([2, 0, 1]))
    found, labels, _ = stored(array_files.array_files(str(tmp_path / 'a.npz')), tmp_path / 'out')
    np.testing.assert_array_equal(labels, [2, 0, 1])
    np.testing.assert_allclose(found, [centre(source) for source in frames], atol=1e-3)
    np.save(tmp_path / 'mnist.npy', frames[..., 0].swapaxes(0, 1))  # [T, N, H, W], as Moving MNIST
    found, _, source = stored(array_files.array_files(str(tmp_path / 'mnist.npy')), tmp_path / 'mnist')
    assert source.video_channels == 1
    np.testing.assert_allclose(found, [centre(source)[..., :1] for source in frames], atol=1e-3)
