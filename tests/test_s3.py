"""Data, checkpoints, summaries and exports on an object store: a local moto server stands in for s3.

Every command runs in a process of its own, because the s3 client of tensorflow-io aborts a process that used it when it
exits the ordinary way; the commands must exit with 0 nevertheless.
"""

import os
import pathlib
import socket
import subprocess
import sys
import time

import pytest

pytest.importorskip('moto', reason='moto is not installed: pip install "moto[s3]" flask flask-cors')
pytest.importorskip('flask_cors', reason='flask-cors is not installed: pip install "moto[s3]" flask flask-cors')
import boto3  # noqa: E402
import numpy as np  # noqa: E402
from sample_files import clip, write_video  # noqa: E402

ROOT = pathlib.Path(__file__).resolve().parent.parent


@pytest.fixture(scope='module')
def store():
    """The environment of a process that finds the bucket `bucket` on a server of this machine."""
    with socket.socket() as free:
        free.bind(('127.0.0.1', 0))
        port = free.getsockname()[1]
    server = subprocess.Popen(
        [sys.executable, '-m', 'moto.server', '-H', '127.0.0.1', '-p', str(port)],
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )
    keys = {'AWS_ACCESS_KEY_ID': 'x', 'AWS_SECRET_ACCESS_KEY': 'y', 'AWS_REGION': 'us-east-1'}
    environment = {**os.environ, **keys, 'AWS_EC2_METADATA_DISABLED': 'true', 'S3_ENDPOINT': f'http://127.0.0.1:{port}'}
    try:
        for _ in range(300):
            with socket.socket() as probe:
                if probe.connect_ex(('127.0.0.1', port)) == 0:
                    break
            time.sleep(0.1)
        client = boto3.client(
            's3',
            endpoint_url=environment['S3_ENDPOINT'],
            region_name='us-east-1',
            aws_access_key_id='x',
            aws_secret_access_key='y',
        )
        client.create_bucket(Bucket='bucket')
        yield environment, client
    finally:
        server.terminate()
        server.wait()


def run(store, program, *arguments):
    done = subprocess.run(
        [sys.executable, str(ROOT / 'bin' / program), *arguments], env=store[0], capture_output=True, text=True
    )
    return done.returncode, done.stdout, done.stderr


def keys(store, prefix):
    return [entry['Key'] for entry in store[1].list_objects_v2(Bucket='bucket', Prefix=prefix).get('Contents', [])]


def test_videos_on_s3_become_records_on_s3(store, tmp_path):
    for number in range(3):
        path = write_video(tmp_path / f'{number}.mp4', clip(12, number))
        store[1].upload_file(str(path), 'bucket', f'videos/run/{number}.mp4')
    arguments = ['--source=folder', '--resolution=16', '--processes=1', '--shard_clips=2']
    status, output, errors = run(
        store, 'prepare', '--input=s3://bucket/videos', '--output=s3://bucket/records', *arguments
    )
    assert (status, '3 clips' in output) == (0, True), errors
    assert [key.split('/')[-1] for key in keys(store, 'records/')] == [
        'job.json',
        'manifest.json',
        'skipped.jsonl',
        'train-00000.index.jsonl',
        'train-00000.tfrecord',
        'train-00001.index.jsonl',
        'train-00001.tfrecord',
    ]
    (tmp_path / 'local' / 'run').mkdir(parents=True)
    for number in range(3):
        (tmp_path / f'{number}.mp4').rename(tmp_path / 'local' / 'run' / f'{number}.mp4')
    run(store, 'prepare', f'--input={tmp_path}/local', f'--output={tmp_path}/records', *arguments)
    remote = store[1].get_object(Bucket='bucket', Key='records/train-00000.tfrecord')['Body'].read()
    assert (tmp_path / 'records' / 'train-00000.tfrecord').read_bytes() == remote
    status, output, errors = run(store, 'inspect', '--data=s3://bucket/records', f'--pictures={tmp_path}/pictures')
    assert (status, '0 errors' in output) == (0, True), errors


def test_training_reads_from_s3_and_goes_on_there(store, tmp_path):
    np.save(tmp_path / 'clips.npy', np.stack([clip(8, tint, 24, 16) for tint in range(6)]))
    status, _, errors = run(
        store, 'prepare', '--source=npz', f'--input={tmp_path}/clips.npy', '--output=s3://bucket/npz', '--processes=1'
    )
    assert status == 0, errors
    gin = tmp_path / 'tiny.gin'
    gin.write_text("""
from __gin__ import dynamic_registration
from dvdgan_tf.data import pipeline
from dvdgan_tf.training import loop
from dvdgan_tf.training import schedule
from dvdgan_tf.training import step
include 'gin/base.gin'
RESOLUTION = 16
NUM_FRAMES = 2
NUM_CLASSES = 1
CHANNEL_MULTIPLIER = 1
GLOBAL_BATCH = 2
TRAIN_STEPS = 2
DATA_DIR = 's3://bucket/npz'
loop.train.data = @pipeline.RecordClips()
pipeline.RecordClips.data_dir = %DATA_DIR
pipeline.RecordClips.resolution = %RESOLUTION
pipeline.RecordClips.num_frames = %NUM_FRAMES
pipeline.RecordClips.seed = %SEED
loop.train.evaluation = None
loop.train.steps_per_loop = 1
schedule.Previews.clips = 1
models.DiscriminatorInputs.spatial_frames = 2
""")
    arguments = [f'--gin_file={gin}', '--work_dir=s3://bucket/run']
    status, _, errors = run(store, 'train', *arguments)
    assert status == 0, errors
    first = keys(store, 'run/')
    status, output, errors = run(store, 'train', *arguments, '--gin_param=TRAIN_STEPS = 4')
    assert status == 0, errors
    assert 'from step 2 to step 4' in output + errors
    later = keys(store, 'run/')
    assert any('00000002' in key for key in first) and any('00000004' in key for key in later)
    assert any('tfevents' in key for key in later)


def test_paths_that_do_not_exist_are_one_sentence(store, tmp_path):
    status, _, errors = run(store, 'inspect', '--data=s3://bucket/nothing')
    assert status == 2 and errors.strip().startswith('error: There is no manifest.json in s3://bucket/nothing')
    status, _, errors = run(
        store, 'prepare', '--source=folder', '--input=s3://bucket/nothing', f'--output={tmp_path}/out'
    )
    assert status == 2 and errors.strip().startswith('error: There is nothing at s3://bucket/nothing')
    write_video(tmp_path / 'in' / 'a.mp4', clip(4))
    status, _, errors = run(
        store, 'prepare', '--source=folder', f'--input={tmp_path}/in', '--output=s3://absent/out', '--processes=1'
    )
    assert status == 2 and 'error: s3://absent/out cannot be written' in errors and 'Traceback' not in errors
