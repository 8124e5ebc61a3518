"""tensorflow-io as the decoder: a clear word where its ffmpeg is missing, PyAV's pictures where it is there."""

import importlib
import importlib.util
import pathlib
import subprocess
import sys
import tarfile

import numpy as np
import pytest
from sample_files import clip, write_video

from dvdgan_tf.data import remote
from dvdgan_tf.errors import InputError
from dvdgan_tf.prepare import frames, preparation
from dvdgan_tf.prepare.decoders import tfio
from dvdgan_tf.prepare.listing import BadClip, Listing, Part, Rules, SourceClip
from dvdgan_tf.prepare.sources import tar_shards

TFIO = Rules(decoder='tfio')


needs_tensorflow_io = pytest.mark.skipif(
    importlib.util.find_spec('tensorflow_io') is None, reason='tensorflow-io is not installed: it needs TensorFlow 2.15'
)


@pytest.fixture(scope='module')
def ffmpeg():
    try:
        tfio.operations()
    except InputError as error:
        pytest.skip(str(error))


def test_a_missing_ffmpeg_is_one_sentence_before_anything_is_written(tmp_path, monkeypatch):
    (tmp_path / 'no_ffmpeg' / 'python' / 'ops').mkdir(parents=True)
    there = tmp_path / 'no_ffmpeg' / 'python' / 'ops' / 'ffmpeg_ops.py'
    there.write_text('raise NotImplementedError("could not find ffmpeg after search through ...")')
    monkeypatch.syspath_prepend(tmp_path)
    monkeypatch.setattr(remote, 'tensorflow_io', lambda: importlib.import_module('no_ffmpeg'))
    listing = Listing((SourceClip('a', str(tmp_path / 'a.mp4')),), ('all',))
    with pytest.raises(InputError, match=r'libavformat 58.*--decoder=pyav'):
        preparation.prepare(listing, TFIO, str(tmp_path / 'out'), source={'name': 'folder', 'input': 'x'})
    assert not (tmp_path / 'out').exists()


def test_what_it_cannot_do_is_refused(tmp_path):
    listing = Listing((SourceClip('a', str(tmp_path / 'a.mp4')),), ('all',))
    with pytest.raises(InputError, match='no time stamps'):
        preparation.prepare(listing, Rules(decoder='tfio', fps=10), str(tmp_path / 'out'), source={'input': 'x'})
    path = write_video(tmp_path / 'a.mp4', clip(4))
    with pytest.raises(BadClip, match='only --decoder=pyav'):
        list(frames.clip_frames(SourceClip('a', str(path), part=Part(0.0, 1.0)), TFIO))


def test_the_first_frame_again_and_again_is_caught(monkeypatch):
    monkeypatch.setattr(tfio, '_decoded', lambda path: iter(np.ones((5, 8, 8, 3), np.uint8)))
    with pytest.raises(BadClip, match='5 times the same frame'):
        list(tfio.video_frames('a.mp4'))


def test_frames_are_those_of_pyav(ffmpeg, tmp_path):
    source = SourceClip('a', str(write_video(tmp_path / 'a.mp4', clip(9))))
    mine, others = (
        np.stack([frame.pixels for frame in frames.clip_frames(source, rules)]).astype(int) for rules in (TFIO, Rules())
    )
    assert mine.shape == others.shape
    assert np.abs(mine - others).mean() < 3


def test_a_video_in_a_tar_is_read_too(ffmpeg, tmp_path):
    write_video(tmp_path / 'a.mp4', clip(9))
    with tarfile.open(tmp_path / 'a.tar', 'w') as shard:
        shard.add(tmp_path / 'a.mp4', 'a.mp4')
    (inside,) = tar_shards.tar_clips(str(tmp_path / 'a.tar')).clips
    alone = SourceClip('a', str(tmp_path / 'a.mp4'))
    pictures = [np.stack([frame.pixels for frame in frames.clip_frames(each, TFIO)]) for each in (inside, alone)]
    np.testing.assert_array_equal(*pictures)


def test_frames_are_given_as_they_are_decoded(ffmpeg, tmp_path):
    """A film that does not fit into memory can be read; a file that was left in the middle is closed."""
    path = write_video(tmp_path / 'a.mp4', clip(100))
    given = tfio.video_frames(str(path))
    next(given)
    opened = [link for link in pathlib.Path('/proc/self/fd').iterdir() if link.exists() and link.resolve() == path]
    assert opened
    given.close()
    assert not any(link.exists() and link.resolve() == path for link in pathlib.Path('/proc/self/fd').iterdir())


def test_a_damaged_video_is_a_bad_clip(ffmpeg, tmp_path):
    (tmp_path / 'a.mp4').write_text('no video' * 100)
    with pytest.raises(BadClip, match='cannot be decoded'):
        list(frames.clip_frames(SourceClip('a', str(tmp_path / 'a.mp4')), TFIO))


@needs_tensorflow_io
def test_a_library_that_does_not_load_is_one_sentence():
    """In a process of its own: tensorflow_io loads its library while it is imported, and only warns of a failure."""
    program = """
import tensorflow as tf

def refuse(*unused):
    raise tf.errors.NotFoundError(None, None, 'undefined symbol')

tf.load_op_library = tf.experimental.register_filesystem_plugin = refuse
from dvdgan_tf.data import remote
remote.register('s3://bucket/clips')
"""
    shown = subprocess.run([sys.executable, '-c', program], capture_output=True, text=True)
    assert 'InputError: tensorflow_io does not open s3:// with TensorFlow' in shown.stderr.splitlines()[-1]
    assert shown.stderr.splitlines()[-1].endswith('use gs://, a bucket mounted as a folder, and --decoder=pyav.')


def test_without_tensorflow_io_one_sentence_names_the_alternatives(monkeypatch):
    monkeypatch.setitem(sys.modules, 'tensorflow_io', None)
    with pytest.raises(InputError, match='TensorFlow 2.15; elsewhere use gs://, a bucket mounted as a folder'):
        remote.register('s3://bucket/clips')
    with pytest.raises(InputError, match='--decoder=pyav'):
        tfio.operations()
