"""The client and the load generator against a service that speaks TensorFlow Serving's protocol."""

import io
import os
import re
import signal
import subprocess
import sys
from pathlib import Path

import c_api
import numpy as np
import pytest
import tensorflow as tf
from PIL import Image

PROGRAMS = Path(__file__).resolve().parent.parent / 'export' / 'serving'
sys.path.insert(0, str(PROGRAMS))
import client  # noqa: E402
import load  # noqa: E402
import local_server  # noqa: E402
from stand_in import rest, servable  # noqa: E402

sys.path.remove(str(PROGRAMS))
RIGHT = {'seed': [5, 6], 'label': [0, 2], 'truncation': [1.0, 0.5]}
ARRAYS = {'seed': np.int64([5, 6]), 'label': np.int32([0, 2]), 'truncation': np.float32([1.0, 0.5])}


def serve(folder):
    return local_server.Server(servable.Servable(folder), 0, 0, rest.Bounds())


@pytest.fixture(scope='module')
def server(exported_folders):
    """The tiny generator of classes."""
    server = serve(exported_folders['synthesis'])
    yield server
    server.stop()


@pytest.fixture(scope='module')
def prediction_server(exported_folders):
    """The tiny generator that continues clips."""
    server = serve(exported_folders['prediction'])
    yield server
    server.stop()


def address(server, over_grpc):
    return f'localhost:{server.port if over_grpc else server.rest_port}'


def asking(server, over_grpc):
    ask = client.over_grpc if over_grpc else client.over_rest
    return lambda signature, inputs, model='dvdgan': ask(address(server, over_grpc), model, signature, inputs, 60.0)


both = pytest.mark.parametrize('over_grpc', [False, True], ids=['rest', 'grpc'])


@both
def test_every_way_gives_the_bytes_of_the_graph_in_c(server, exported_folders, over_grpc):
    expected = c_api.Model(exported_folders['synthesis']).run('serving_default', ARRAYS)['video']
    ask = asking(server, over_grpc)
    np.testing.assert_array_equal(ask('serving_default', RIGHT), expected)
    for clip, frames in zip(ask('encoded', RIGHT), expected):
        for file, frame in zip(clip, frames):
            np.testing.assert_array_equal(np.asarray(Image.open(io.BytesIO(client.decoded(file)))), frame)


@both
@pytest.mark.parametrize(
    'model, signature, inputs, reason',
    [
        ('dvdgan', 'serving_default', {**RIGHT, 'label': [0, 3]}, 'label must be 0 to 2$'),
        ('dvdgan', 'serving_default', {**RIGHT, 'truncation': [0.0, 2.0]}, 'truncation must be 0 to 1$'),
        ('dvdgan', 'serving_default', {'seed': [1]}, 'issing'),
        ('dvdgan', 'predict', RIGHT, 'Serving signature key "predict" not found'),
        ('other', 'serving_default', RIGHT, r'Latest\(other\)'),
    ],
)
def test_a_refusal_is_one_sentence(server, over_grpc, model, signature, inputs, reason):
    status = {'other': 'NOT_FOUND' if over_grpc else '404'}.get(model, '(INVALID_ARG|FAILED_P)' if over_grpc else '400')
    with pytest.raises(client.Refused, match=f'answers {status}.*{reason}'):
        asking(server, over_grpc)(signature, inputs, model)


def test_nobody_there_is_one_sentence():
    with pytest.raises(client.Refused, match='UNAVAILABLE'):
        client.over_grpc('localhost:1', 'dvdgan', 'serving_default', RIGHT, 5.0)
    with pytest.raises(client.Refused, match='cannot reach'):
        client.over_rest('localhost:1', 'dvdgan', 'serving_default', RIGHT, 5.0)


@both
def test_the_client_writes_the_film_of_a_class_that_is_named(server, tmp_path, over_grpc):
    way = ['--grpc'] if over_grpc else []
    words = [*way, f'--address={address(server, over_grpc)}', '--seed=3', f'--output={tmp_path}/clip.png']
    client.main([*words, '--label=jump', '--fps=4'])
    film = Image.open(tmp_path / 'clip.png')
    assert (film.n_frames, film.size, film.info['duration']) == (3, (16, 16), 250.0)
    video = asking(server, True)('serving_default', {'seed': [3], 'label': [1], 'truncation': [1.0]})
    np.testing.assert_array_equal(np.asarray(film.convert('RGB')), video[0][0])


def test_the_client_continues_frames(prediction_server, tmp_path):
    np.save(tmp_path / 'frames.npy', np.zeros((2, 16, 16, 3), np.uint8))
    words = [f'--address={address(prediction_server, False)}', f'--context={tmp_path}/frames.npy']
    client.main([*words, f'--output={tmp_path}/clip.png'])
    assert Image.open(tmp_path / 'clip.png').n_frames == 3


@pytest.mark.parametrize(
    'words, reason',
    [
        (['--fps=nan'], 'nan frames per second; give 0.1 to 1000'),
        (['--label=run'], "no class 'run'; the server has bend, jump, wave"),
        (['--truncation=nan'], 'give a number from 0 to 1'),
        (['--seed=9223372036854775808'], 'give a signed integer of 64 bits'),
        (['--timeout_seconds=0'], 'seconds above 0'),
        (['--context=none.npy'], 'none.npy'),
        (['--output=none/clip.png'], 'none/clip.png'),
    ],
)
def test_the_client_refuses_with_a_sentence(server, tmp_path, monkeypatch, capsys, words, reason):
    monkeypatch.chdir(tmp_path)
    with pytest.raises(SystemExit) as left:
        client.main([f'--address={address(server, False)}', '--output=clip.png', *words])
    said = capsys.readouterr().err.splitlines()[-1]
    assert left.value.code == 2 and reason in said and said.endswith('.')
    assert not list(tmp_path.iterdir())


def test_the_client_runs_no_code_of_a_file(server, tmp_path, capsys):
    np.save(tmp_path / 'frames.npy', np.array([{}]), allow_pickle=True)
    with pytest.raises(SystemExit):
        client.main([f'--context={tmp_path}/frames.npy', f'--output={tmp_path}/clip.png'])
    assert 'allow_pickle=' in capsys.readouterr().err


def loaded(server):
    addresses = [f'--address={address(server, True)}', f'--rest_address={address(server, False)}']
    return load.main([*addresses, '--requests=36', '--concurrency=4'])


def test_the_load_generator_finds_every_answer_right(server, prediction_server, capsys):
    for one in (server, prediction_server):
        assert loaded(one) == 0
        told = capsys.readouterr().out
        assert "'OK': 24" in told and "'INVALID_ARGUMENT': 7" in told and '0 wrong answers' in told


def test_the_load_generator_finds_a_wrong_answer(server, monkeypatch, capsys):
    """A server whose clips depend on when they are asked for."""
    predict, calls = servable.Servable.predict, iter(range(10**6))

    def restless(self, signature, inputs, *rest):
        if 'seed' in inputs and inputs['seed'].dtype == np.int64:
            inputs = {**inputs, 'seed': inputs['seed'] + 100 * next(calls)}
        return predict(self, signature, inputs, *rest)

    monkeypatch.setattr(servable.Servable, 'predict', restless)
    assert loaded(server) == 1
    assert ' 24 wrong answers' in capsys.readouterr().out


def test_the_client_takes_what_a_graph_says_out_of_where_it_says_so():
    @tf.function(autograph=False)
    def checked(right):
        with tf.control_dependencies([tf.debugging.Assert(right, ['label must be 0 to [2]'])]):
            return tf.identity(right)

    with pytest.raises(tf.errors.InvalidArgumentError) as refused:
        checked(tf.constant(False))
    assert client.reason(refused.value.message) == 'label must be 0 to [2]'
    assert client.reason('assertion failed: [empty]\n\t [[{{node Assert}}]]') == 'empty'
    assert client.reason(b'<html>') == "b'<html>'"


def test_sigterm_in_the_middle_loses_no_accepted_request(exported_folders, capsys):
    command = [sys.executable, PROGRAMS / 'local_server.py', exported_folders['synthesis'], '--port=0', '--rest_port=0']
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True) as process:
        try:
            ports = re.findall(r'127.0.0.1:(\d+)', process.stdout.readline())
            places = [f'--address=localhost:{ports[0]}', f'--rest_address=localhost:{ports[1]}']
            words = [*places, '--requests=60', f'--pid={process.pid}', '--terminate', '--concurrency=8']
            status = load.main(words)
            said, wailed = process.communicate(timeout=60)
        finally:
            if process.poll() is None:
                os.kill(process.pid, signal.SIGKILL)
    told = capsys.readouterr().out
    assert status == 0, told
    answered, before = map(int, re.search(r'(\d+) answered, and (\d+) before', told).groups())
    assert process.returncode == 0 and 'Traceback' not in wailed
    assert f'accepted {answered + before} requests and answered {answered + before}' in said
    assert "'nobody there'" in told
