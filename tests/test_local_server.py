"""The stand-in is as strict as TensorFlow Serving, in the statuses of its sources, and bounded where those are not."""

import json
import os
import re
import shutil
import socket
import subprocess
import sys
import time
import urllib.error
import urllib.request
from pathlib import Path

import grpc
import numpy as np
import pytest
import tensorflow as tf
from tensorflow_serving.apis import (
    classification_pb2,
    get_model_metadata_pb2,
    get_model_status_pb2,
    model_service_pb2_grpc,
    predict_pb2,
    prediction_service_pb2_grpc,
)

PROGRAMS = Path(__file__).resolve().parent.parent / 'export' / 'serving'
sys.path.insert(0, str(PROGRAMS))
import local_server  # noqa: E402
from stand_in import rest, servable  # noqa: E402

sys.path.remove(str(PROGRAMS))

VERSION = 7
RIGHT = {'seed': np.int64([5, 6]), 'label': np.int32([0, 2]), 'truncation': np.float32([1.0, 0.5])}
BOUNDS = rest.Bounds(most_bytes=1 << 20, most_connections=8, read_seconds=0.5)


@pytest.fixture(scope='module')
def server(exported_folders):
    server = local_server.Server(servable.Servable(exported_folders['synthesis']), 0, 0, BOUNDS)
    yield server
    server.stop()


@pytest.fixture(scope='module')
def channel(server):
    with grpc.insecure_channel(f'localhost:{server.port}') as channel:
        yield channel


@pytest.fixture(scope='module')
def prediction(channel):
    return prediction_service_pb2_grpc.PredictionServiceStub(channel)


def make_request(inputs=None, signature='', version=None, outputs=(), name='dvdgan'):
    request = predict_pb2.PredictRequest(output_filter=outputs)
    request.model_spec.name, request.model_spec.signature_name = name, signature
    if version is not None:
        request.model_spec.version.value = version
    for key, value in (RIGHT if inputs is None else inputs).items():
        request.inputs[key].CopyFrom(tf.make_tensor_proto(value))
    return request


def damaged(**changes):
    request = make_request()
    for name, value in changes.items():
        setattr(request.inputs['seed'], name, value)
    return request


def gigantic():
    """One number that stands for 2^40."""
    request = make_request()
    request.inputs['seed'].ClearField('tensor_content')
    request.inputs['seed'].int64_val.append(1)
    request.inputs['seed'].tensor_shape.dim[0].size = 1 << 40
    return request


def labelled():
    request = make_request()
    request.model_spec.version_label = 'stable'
    return request


REFUSED = {  # what is wrong: the request, its status, and words of the reason; all but the last four as predict_util.cc
    'no model spec': (predict_pb2.PredictRequest(), 'INVALID_ARGUMENT', 'Missing ModelSpec'),
    'another model': (make_request(name='x'), 'NOT_FOUND', r'Servable not found for request: Latest\(x\)'),
    'another version': (make_request(version=8), 'NOT_FOUND', r'Specific\(dvdgan, 8\)'),
    'a version label': (labelled(), 'INVALID_ARGUMENT', 'Unrecognized servable version label: stable'),
    'another signature': (make_request(signature='x'), 'FAILED_PRECONDITION', 'signature key "x" not found'),
    'too few inputs': (make_request({'seed': RIGHT['seed']}), 'INVALID_ARGUMENT', 'required: {label,truncation}'),
    'too many inputs': (make_request({**RIGHT, 'x': 1.0}), 'INVALID_ARGUMENT', 'Sent extra: {x}'),
    'int64 labels': (make_request({**RIGHT, 'label': np.int64([0, 2])}), 'INVALID_ARGUMENT', 'label to be int32'),
    'float seeds': (make_request({**RIGHT, 'seed': np.float32([5, 6])}), 'INVALID_ARGUMENT', 'seed to be int64'),
    'unknown output': (make_request(outputs=['x']), 'INVALID_ARGUMENT', 'alias not found in signature: x'),
    'output twice': (make_request(outputs=['video'] * 2), 'INVALID_ARGUMENT', 'duplicate output tensor alias: video'),
    'unknown type': (damaged(dtype=99), 'INVALID_ARGUMENT', 'seed cannot be read'),
    'damaged content': (damaged(tensor_content=b'123'), 'INVALID_ARGUMENT', ''),
    'a tensor that would fill memory': (gigantic(), 'INVALID_ARGUMENT', 'it may have 1048576 bytes'),
    'a batch over the bound': (
        make_request({name: np.repeat(value, 500) for name, value in RIGHT.items()}),
        'INVALID_ARGUMENT',
        'at most 8 rows',
    ),
    'two axes': (make_request({**RIGHT, 'seed': np.int64([[5], [6]])}), 'INVALID_ARGUMENT', ''),
}


@pytest.mark.parametrize('wrong', REFUSED)
def test_grpc_refuses(prediction, wrong):
    request, status, reason = REFUSED[wrong]
    with pytest.raises(grpc.RpcError) as refused:
        prediction.Predict(request, 60.0)
    assert refused.value.code().name == status and re.search(reason, refused.value.details())


def test_grpc_answers_the_version_and_the_outputs_that_are_asked_for(prediction):
    answer = prediction.Predict(make_request(version=VERSION), 60.0)
    assert answer.model_spec.version.value == VERSION and answer.model_spec.signature_name == 'serving_default'
    asked = make_request({'label': np.int32([1])}, 'class_names', outputs=['name'])
    assert {name: list(value.string_val) for name, value in prediction.Predict(asked, 60.0).outputs.items()} == {
        'name': [b'jump']
    }


def test_a_message_over_the_bound_is_refused(prediction):
    with pytest.raises(grpc.RpcError) as refused:
        prediction.Predict(make_request({**RIGHT, 'seed': np.zeros(1 << 18, np.int64)}), 60.0)
    assert refused.value.code() is grpc.StatusCode.RESOURCE_EXHAUSTED


def test_a_request_that_waits_too_long_is_given_up(exported_folders, monkeypatch):
    slow = servable.Servable(exported_folders['synthesis'], threads=1, seconds=0.2)
    monkeypatch.setattr(slow, '_run', lambda *_: time.sleep(0.6) or {'video': 1})
    began = time.perf_counter()
    for _ in range(2):
        with pytest.raises(servable.Refused, match='waited too long') as refused:
            slow.predict('serving_default', RIGHT)
        assert refused.value.status is grpc.StatusCode.DEADLINE_EXCEEDED
    assert time.perf_counter() - began < 0.6  # the second one never ran


def test_status_and_metadata_over_grpc(channel, prediction):
    service = model_service_pb2_grpc.ModelServiceStub(channel)
    request = get_model_status_pb2.GetModelStatusRequest()
    request.model_spec.name = 'dvdgan'
    (state,) = service.GetModelStatus(request).model_version_status
    assert (state.version, state.state) == (VERSION, get_model_status_pb2.ModelVersionStatus.AVAILABLE)
    fields = get_model_metadata_pb2.GetModelMetadataRequest(metadata_field=['signature_def'])
    fields.model_spec.name = 'dvdgan'
    definitions = get_model_metadata_pb2.SignatureDefMap()
    answer = prediction.GetModelMetadata(fields)
    assert answer.metadata['signature_def'].Unpack(definitions) and answer.model_spec.version.value == VERSION
    assert {'serving_default', 'encoded', 'class_names'} <= set(definitions.signature_def)
    request.model_spec.version.value = 8
    fields.metadata_field[:] = ['x']
    classify = classification_pb2.ClassificationRequest()
    for call, wrong, status in (
        (service.GetModelStatus, request, 'NOT_FOUND'),
        (service.GetModelStatus, get_model_status_pb2.GetModelStatusRequest(), 'INVALID_ARGUMENT'),
        (prediction.GetModelMetadata, fields, 'INVALID_ARGUMENT'),
        (prediction.Classify, classify, 'INVALID_ARGUMENT'),
    ):
        with pytest.raises(grpc.RpcError) as refused:
            call(wrong)
        assert refused.value.code().name == status


def url(server, path):
    return f'http://localhost:{server.rest_port}{path}'


def status_of(request):
    with pytest.raises(urllib.error.HTTPError) as refused:
        urllib.request.urlopen(request, timeout=60)
    return refused.value.code, json.load(refused.value)['error']


COLUMNS = {'seed': [5, 6], 'label': [0, 2], 'truncation': [1.0, 0.5]}
ROWS = [{'seed': 5, 'label': 0, 'truncation': 1.0}, {'seed': 6, 'label': 2, 'truncation': 0.5}]
BODIES = {  # what is wrong: the body and words of the reason; as json_tensor.cc
    'nothing': ('', 'JSON Parse error'),
    'no JSON': ('{"inputs": ', 'JSON Parse error'),
    'too deep': ('[' * 100_000, 'too deep'),
    'deep values': (json.dumps({'inputs': {**COLUMNS, 'seed': 0}})[:-3] + '[' * 900 + ']' * 900 + '}}', ''),
    'a list': ([1], 'no JSON object'),
    'a list as signature': ({'signature_name': ['x'], 'inputs': COLUMNS}, "'signature_name' key must be a string"),
    'another signature': ({'signature_name': 'x', 'inputs': COLUMNS}, 'signature key "x" not found'),
    'neither': ({}, "'inputs' and 'instances'"),
    'both': ({'inputs': COLUMNS, 'instances': ROWS}, "'inputs' and 'instances'"),
    'no rows': ({'instances': []}, 'at least one element'),
    'rows of other keys': ({'instances': [ROWS[0], {'seed': 1}]}, 'element 1'),
    'plain rows': ({'instances': [1, 2]}, 'several inputs: label,seed,truncation'),
    'a missing column': ({'inputs': {'seed': [1]}}, 'Missing named input'),
    'seed 1.7': ({'inputs': {**COLUMNS, 'seed': [1.7, 2]}}, '1.7 of seed is not of expected type: int64'),
    'seed 2**70': ({'inputs': {**COLUMNS, 'seed': [2**70, 2]}}, 'of seed is not of expected type: int64'),
    'label 2**40': ({'inputs': {**COLUMNS, 'label': [0, 2**40]}}, 'of label is not of expected type: int32'),
    'a word': ({'inputs': {**COLUMNS, 'label': [0, 'x']}}, "'x' of label is not of expected type"),
    'true': ({'inputs': {**COLUMNS, 'label': [0, True]}}, 'True of label is not of expected type'),
    'truncation 1e39': ({'inputs': {**COLUMNS, 'truncation': [0, 1e39]}}, 'not of expected type: float32'),
    'ragged': ({'inputs': {**COLUMNS, 'seed': [[1, 2], [3]]}}, 'seed differ in length or depth'),
    'NaN': ('{"inputs": {"seed": [1], "label": [0], "truncation": [NaN]}}', 'truncation must be 0 to 1'),
    'no elements': ({'inputs': {'seed': [], 'label': [], 'truncation': []}}, 'the request is empty'),
}


@pytest.mark.parametrize('wrong', BODIES)
def test_rest_refuses_a_body(server, wrong):
    body, reason = BODIES[wrong]
    body = (body if isinstance(body, str) else json.dumps(body)).encode()
    code, said = status_of(urllib.request.Request(url(server, '/v1/models/dvdgan:predict'), body))
    assert code == 400 and reason in said


@pytest.mark.parametrize(
    'method, path, code',
    [
        ('POST', '/v1/models/other:predict', 404),
        ('POST', '/v1/models/dvdgan/versions/8:predict', 404),
        ('POST', '/v1/models/dvdgan/versions/99999999999999999999:predict', 400),
        ('POST', '/v1/models/dvdgan/labels/stable:predict', 400),
        ('POST', '/v1/models/dvdgan:classify', 400),
        ('POST', '/v1/models/dvdgan:explain', 400),
        ('POST', '/v2/models/dvdgan', 404),
        ('GET', '/v1/models/other', 404),
        ('GET', '/v1/models/dvdgan/versions/8', 404),
        ('GET', '/v1/models/other/metadata', 404),
        ('GET', '/v1/models/dvdgan/nonsense', 400),
        ('GET', '/', 404),
    ],
)
def test_rest_refuses_a_path(server, method, path, code):
    body = json.dumps({'inputs': COLUMNS}).encode() if method == 'POST' else None
    assert status_of(urllib.request.Request(url(server, path), body, method=method))[0] == code


def get(server, path):
    with urllib.request.urlopen(url(server, path), timeout=60) as answer:
        return json.load(answer)


def test_status_and_metadata_over_rest(server):
    ok = {'error_code': 'OK', 'error_message': ''}
    expected = {'model_version_status': [{'version': '7', 'state': 'AVAILABLE', 'status': ok}]}
    assert get(server, '/v1/models/dvdgan') == get(server, '/v1/models/dvdgan/versions/7') == expected
    metadata = get(server, '/v1/models/dvdgan/metadata')
    assert metadata['model_spec']['version'] == '7'
    signatures = metadata['metadata']['signature_def']['signature_def']
    assert signatures['serving_default']['inputs']['seed']['dtype'] == 'DT_INT64'


def post(server, body, place=''):
    content = json.dumps(body).encode()
    with urllib.request.urlopen(url(server, f'/v1/models/dvdgan{place}:predict'), content, 60) as answer:
        return json.load(answer)


def test_rows_are_answered_as_predictions_and_columns_as_outputs(server):
    outputs = post(server, {'inputs': COLUMNS}, '/versions/7')['outputs']
    assert post(server, {'instances': ROWS})['predictions'] == outputs
    named = post(server, {'signature_name': 'class_names', 'instances': [2, 0]})
    assert [row['name'] for row in named['predictions']] == ['wave', 'bend']
    assert post(server, {'signature_name': 'class_names', 'inputs': [2, 0]})['outputs']['name'] == ['wave', 'bend']
    encoded = post(server, {'signature_name': 'encoded', 'inputs': COLUMNS})['outputs']
    assert list(encoded[1][2]) == ['b64']


def talk(server, content):
    """What the server says to bytes that no library would send, until it closes."""
    with socket.create_connection(('127.0.0.1', server.rest_port), timeout=30) as connection:
        connection.sendall(content)
        said = b''
        while part := connection.recv(1 << 16):
            said += part
        return said


@pytest.mark.parametrize(
    'headers, status',
    [
        (b'', b' 400 '),
        (b'Content-Length: x\r\n', b' 400 '),
        (b'Content-Length: -1\r\n', b' 400 '),
        (b'Content-Length: 1200000000\r\n', b' 413 '),
        (b'Transfer-Encoding: chunked\r\n', b' 400 '),
        (b'Content-Length: 100\r\n', b' 400 '),  # and then nothing: the time to send is over
    ],
)
def test_rest_bounds_bodies_in_size_and_time(server, headers, status):
    said = talk(server, b'POST /v1/models/dvdgan:predict HTTP/1.0\r\n' + headers + b'\r\n{"')
    assert status in said.split(b'\r\n')[0] and b'"error"' in said


def test_a_client_that_says_nothing_does_not_hold_the_server(server):
    silent = [socket.create_connection(('127.0.0.1', server.rest_port)) for _ in range(BOUNDS.most_connections)]
    assert b' 503 ' in talk(server, b'')
    for connection in silent:
        connection.settimeout(30)
        assert connection.recv(1) == b''  # closed when its time was over
        connection.close()
    assert get(server, '/v1/models/dvdgan')


def test_one_server_holds_a_port(exported_folders, server):
    one = servable.Servable(exported_folders['synthesis'])
    with pytest.raises(OSError):
        local_server.Server(one, server.port, 0, BOUNDS)
    with pytest.raises(OSError):
        local_server.Server(one, 0, server.rest_port, BOUNDS)


def test_the_largest_version_is_served_and_what_is_none_is_a_sentence(exported_folders, tmp_path, server, capsys):
    newer = tmp_path / 'exports' / '12'
    shutil.copytree(exported_folders['synthesis'], newer)
    shutil.copytree(exported_folders['synthesis'], tmp_path / 'exports' / '9')
    assert servable.find_version(str(tmp_path / 'exports')) == (12, str(newer))
    assert servable.find_version(f'{newer}/') == (12, f'{newer}/')
    (tmp_path / '3').mkdir()
    (tmp_path / '3' / 'saved_model.pb').write_bytes(b'damaged')
    taken = ['--port=0', f'--rest_port={server.rest_port}']
    for words, reason in (
        ([str(tmp_path / 'none')], 'no SavedModel in a folder named by a number'),
        ([str(tmp_path)], 'cannot be read'),
        ([exported_folders['synthesis'], *taken], 'choose others'),
        ([exported_folders['synthesis'], '--threads=0'], 'must be above 0'),
    ):
        with pytest.raises(SystemExit) as left:
            local_server.main(words)
        said = capsys.readouterr().err.splitlines()[-1]
        assert left.value.code == 2 and reason in said and said.endswith('.')


def test_the_server_starts_from_anywhere_and_ends_at_once(exported_folders, tmp_path):
    command = [sys.executable, PROGRAMS / 'local_server.py', exported_folders['synthesis'], '--port=0', '--rest_port=0']
    with subprocess.Popen(command, cwd=tmp_path, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout.readline().startswith('version 7 of dvdgan: gRPC on 127.0.0.1:')
        process.terminate()
        assert process.communicate(timeout=60)[0] == 'accepted 0 requests and answered 0\n'
    assert process.returncode == 0 and os.listdir(tmp_path) == []
