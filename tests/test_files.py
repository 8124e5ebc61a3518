"""One writer for all files: whole or not at all."""

import os
import resource
import time

import pytest
import tensorflow as tf

from dvdgan_tf import files
from dvdgan_tf.errors import InputError


@pytest.fixture(params=['', 'file://'], ids=['local', 'through TensorFlow'])
def path(request, tmp_path):
    """Of a file whose content is `old`, beside no other; the same one by both ways to write."""
    (tmp_path / 'file').write_bytes(b'old')
    return f'{request.param}{tmp_path}/file'


def _content(tmp_path):
    assert [each.name for each in tmp_path.iterdir()] == ['file']
    return (tmp_path / 'file').read_bytes()


@pytest.mark.parametrize('content, bytes_there', [(b'\x00new', b'\x00new'), ('né\n', b'n\xc3\xa9\n')])
def test_a_file_is_replaced(path, tmp_path, content, bytes_there):
    files.write_atomically(path, content)
    assert _content(tmp_path) == bytes_there


def test_a_full_disk_is_one_sentence_and_leaves_the_old_file(path, tmp_path):
    limits = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (4096, limits[1]))
    try:
        with pytest.raises(InputError, match=r'^could not write .*file \(File too large\); make room'):
            files.write_atomically(path, bytes(100_000))
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, limits)
    assert _content(tmp_path) == b'old'


def test_a_missing_folder_is_one_sentence(path):
    with pytest.raises(InputError, match='could not write .*none/file .*No such file or directory'):
        files.write_atomically(path.replace('/file', '/none/file'), b'')


@pytest.mark.parametrize('error', [KeyboardInterrupt(), ValueError('wrong'), InputError('other')])
def test_what_fails_within_keeps_its_name_and_the_old_file(path, tmp_path, error):
    with pytest.raises(type(error)):
        with files.replacing(path) as temporary:
            with tf.io.gfile.GFile(temporary, 'w') as file:
                file.write('half')
            raise error
    assert _content(tmp_path) == b'old'


def test_two_writers_of_one_file_do_not_meet(path):
    assert files.temporary_name(path) != files.temporary_name(path)


def test_orphans_of_kills_are_removed_and_nothing_else(path, tmp_path):
    os.makedirs(files.temporary_name(f'{tmp_path}/folder'))
    (tmp_path / 'preview.gif.0a1b2c3d.writing').write_bytes(b'half')
    (tmp_path / 'preview.gif.writing').write_bytes(b'half of an earlier version')
    names = files.remove_orphans(path.rpartition('/')[0])
    assert len(names) == 3 and names[1:] == ['preview.gif.0a1b2c3d.writing', 'preview.gif.writing']
    assert _content(tmp_path) == b'old'
    assert files.remove_orphans(f'{path}-not-there') == []


def test_what_a_writer_killed_hours_ago_left_goes_with_the_next_writing_of_that_file(tmp_path):
    path = str(tmp_path / 'file')
    old, fresh, other = files.temporary_name(path), files.temporary_name(path), files.temporary_name(f'{path}2')
    for name, age in ((old, 4000), (fresh, 60), (other, 4000)):
        open(name, 'wb').close()
        os.utime(name, (time.time() - age,) * 2)
    files.write_atomically(path, 'new')
    assert {str(each) for each in tmp_path.iterdir()} == {path, fresh, other}


def test_a_killed_writer_leaves_the_old_file(tmp_path):
    (tmp_path / 'file').write_bytes(b'old')
    pid = os.fork()
    if not pid:
        with files.replacing(f'{tmp_path}/file') as temporary:
            open(temporary, 'wb').write(b'half')
            os.kill(os.getpid(), 9)
    assert os.waitpid(pid, 0)[1] == 9
    assert len(files.remove_orphans(str(tmp_path))) == 1
    assert _content(tmp_path) == b'old'
