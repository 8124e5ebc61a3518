"""Records written without TensorFlow are those that TensorFlow writes, to the byte."""

import os
import pathlib
import subprocess
import sys

import numpy as np
import pytest
import tensorflow as tf
from prepared import make_folder

from dvdgan_tf.prepare import tfrecord

ROOT = pathlib.Path(__file__).resolve().parent.parent

CASES = [
    {'frames': [b'', b'abc'], 'label': 0, 'name': [b'']},
    {'frames': [b'x' * 127, b'y' * 128, b'z' * 70_000], 'label': 127, 'name': ['\u00e9/\u2028'.encode()]},
    {'frames': [np.random.default_rng(0).bytes(5_000_000)], 'label': 2**31 - 1, 'name': [b'a'], 'first_frame': 300},
    {'frames': [], 'label': 128, 'name': [b'n' * 300], 'first_frame': 2**40},
]


def reference(features):
    """The same by the library."""
    made = {}
    for name, value in features.items():
        if isinstance(value, int):
            made[name] = tf.train.Feature(int64_list=tf.train.Int64List(value=[value]))
        else:
            made[name] = tf.train.Feature(bytes_list=tf.train.BytesList(value=value))
    return tf.train.Example(features=tf.train.Features(feature=made)).SerializeToString(deterministic=True)


@pytest.mark.parametrize('features', CASES)
def test_an_example_is_the_bytes_of_the_library(features):
    assert tfrecord.example(features) == reference(features)


def test_a_file_is_the_bytes_of_the_library(tmp_path):
    records = [reference(features) for features in CASES] + [b'']
    with tf.io.TFRecordWriter(str(tmp_path / 'theirs')) as writer:
        for record in records:
            writer.write(record)
    assert b''.join(map(tfrecord.framed, records)) == (tmp_path / 'theirs').read_bytes()


def test_preparing_local_videos_imports_no_tensorflow(tmp_path):
    """Its import would hold half a gigabyte in every process and take seconds."""
    (tmp_path / 'without' / 'tensorflow').mkdir(parents=True)
    (tmp_path / 'without' / 'tensorflow' / '__init__.py').write_text('raise ImportError("tensorflow was imported")')
    root = make_folder(tmp_path / 'in', per_class=1)
    done = subprocess.run(
        [sys.executable, str(ROOT / 'bin' / 'prepare'), '--source=folder', f'--input={root}', '--processes=2']
        + [f'--output={tmp_path / "out"}', '--resolution=16'],
        env={**os.environ, 'PYTHONPATH': f'{tmp_path / "without"}{os.pathsep}{ROOT}'},
        capture_output=True,
        text=True,
    )
    assert done.returncode == 0, done.stderr
    assert 'train: 2 clips' in done.stdout
