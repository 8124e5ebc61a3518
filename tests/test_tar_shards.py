"""Tar shards as webdataset writes them: read where they lie, with what the notes beside the videos say."""

import io
import json
import tarfile

import pytest
from prepared import run, shard_bytes, stored
from sample_files import clip, write_video

from dvdgan_tf.errors import InputError
from dvdgan_tf.prepare import preparation
from dvdgan_tf.prepare.sources import folders, tar_shards


def write_tar(path, members):
    path.parent.mkdir(exist_ok=True)
    with tarfile.open(path, 'w') as archive:
        for name, content in members.items():
            data = content if isinstance(content, bytes) else json.dumps(content).encode()
            info = tarfile.TarInfo(name)
            info.size = len(data)
            archive.addfile(info, io.BytesIO(data))
    return path


@pytest.fixture(scope='module')
def videos(tmp_path_factory):
    root = tmp_path_factory.mktemp('videos')
    names = 'a.mp4', 'b.mkv', 'c.gif'
    return [write_video(root / name, clip(6, tint)).read_bytes() for tint, name in enumerate(names)]


def test_clips_come_out_as_from_a_folder(tmp_path, videos):
    members = {'x/1.mp4': videos[0], 'x/1.json': {'label': 'run'}, '2.mkv': videos[1], '2.cls': b'jump'}
    write_tar(tmp_path / 'in' / 'shard-000.tar', members)
    write_tar(tmp_path / 'in' / 'shard-001.tar', {'3.gif': videos[2], '3.json': {'class': 'run', 'split': 'Val'}})
    run(tar_shards.tar_clips(str(tmp_path / 'in')), tmp_path / 'out', processes=2)
    for name, data in (('run/1.mp4', videos[0]), ('jump/2.mkv', videos[1])):
        (tmp_path / 'folder' / name).parent.mkdir(parents=True)
        (tmp_path / 'folder' / name).write_bytes(data)
    run(folders.list_folder(str(tmp_path / 'folder')), tmp_path / 'plain')
    found = list(stored(tmp_path / 'out'))
    assert [(name, label) for name, label, _ in found] == [('shard-000.tar:x/1', 1), ('shard-000.tar:2', 0)]
    expected = {label: frames for _, label, frames in stored(tmp_path / 'plain')}
    for _, label, frames in found:
        assert (frames == expected[label]).all()
    assert [name for name, _, _ in stored(tmp_path / 'out', 'validate')] == ['shard-001.tar:3']
    run(tar_shards.tar_clips(str(tmp_path / 'in')), tmp_path / 'one')
    assert shard_bytes(tmp_path / 'one') == shard_bytes(tmp_path / 'out')


def test_splits_are_told_by_the_names_of_shards_where_one_says_train(tmp_path, videos):
    for name in ('train-0', 'val-0'):
        write_tar(tmp_path / 'in' / f'{name}.tar', {'1.mp4': videos[0]})
    listing = tar_shards.tar_clips(str(tmp_path / 'in'))
    assert [item.split for item in listing.clips] == ['train', 'validate'] and listing.class_names == ('all',)
    (lone,) = tar_shards.tar_clips(str(tmp_path / 'in' / 'val-0.tar')).clips
    assert lone.split == 'train'


def test_what_cannot_be_used_is_listed(tmp_path, videos):
    members = {
        '1.mp4': videos[0],
        '1.json': {'label': 0},
        '2.json': {'label': 0},
        '3.mp4': videos[0],
        '3.json': b'{',
        '4.mp4': videos[0],
        '5.mp4': videos[0],
        '5.json': [1],
        '6.mp4': b'no video',
        '6.json': {'label': 0},
    }
    path = write_tar(tmp_path / 'in' / 'a.tar', members)
    (tmp_path / 'in' / 'b.tar.gz').write_bytes(b'x')
    (tmp_path / 'in' / 'c.tar').write_bytes(path.read_bytes()[:1500])
    (tmp_path / 'in' / 'd.tar').write_bytes(b'no tar' * 200)
    manifest = run(tar_shards.tar_clips(str(tmp_path / 'in')), tmp_path / 'out')
    assert manifest['splits']['train']['clips'] == 1 and manifest['classes'] == ['0']
    reasons = dict(preparation.skipped_clips(str(tmp_path / 'out')))
    assert 'has 0 videos' in reasons['a.tar:2'] and '.json that cannot be read' in reasons['a.tar:3']
    assert reasons['a.tar:4'] == 'has no label' and 'no object' in reasons['a.tar:5']
    assert 'not a video' in reasons['a.tar:6'] and 'unpack it' in reasons['b.tar.gz']
    assert 'is damaged' in reasons['d.tar'] and any(name.startswith('c.tar') for name in reasons)


def test_no_shards_are_one_sentence(tmp_path):
    with pytest.raises(InputError, match='no folder'):
        tar_shards.tar_clips(str(tmp_path / 'nothing'))
    with pytest.raises(InputError, match='no clip in'):
        (tmp_path / 'empty').mkdir()
        run(tar_shards.tar_clips(str(tmp_path / 'empty')), tmp_path / 'out')
