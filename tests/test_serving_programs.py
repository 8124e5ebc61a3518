"""The client and the load generator against a service that speaks TensorFlow Serving's protocol."""

import concurrent.futures
import http.server
import json
import subprocess
import sys
import threading
import urllib.error
import urllib.request
from pathlib import Path

import c_api
import grpc
import numpy as np
import pytest
from google.protobuf import text_format
from tensorflow_serving.apis import predict_pb2, prediction_service_pb2_grpc
from tensorflow_serving.config import model_server_config_pb2

from dvdgan_tf.errors import InputError

PROGRAMS = Path(__file__).resolve().parent.parent / 'export' / 'serving'
sys.path.insert(0, str(PROGRAMS))
import client  # noqa: E402
import local_server  # noqa: E402

sys.path.remove(str(PROGRAMS))
RIGHT = {'seed': np.int64([5, 6]), 'label': np.int32([0, 2]), 'truncation': np.float32([1.0, 0.5])}


@pytest.fixture(scope='module')
def addresses(exported_folders):
    """The gRPC and the REST address of the tiny generator."""
    servable = local_server.Servable(exported_folders['synthesis'])
    server = grpc.server(concurrent.futures.ThreadPoolExecutor(4))
    service = local_server.PredictionService(servable)
    prediction_service_pb2_grpc.add_PredictionServiceServicer_to_server(service, server)
    port = server.add_insecure_port('localhost:0')
    server.start()
    rest = http.server.ThreadingHTTPServer(('localhost', 0), local_server.rest_handler(servable))
    threading.Thread(target=rest.serve_forever, daemon=True).start()
    yield f'localhost:{port}', f'localhost:{rest.server_port}'
    rest.shutdown()
    rest.server_close()
    server.stop(None)


def test_grpc_rest_and_c_give_the_same_bytes(addresses, exported_folders):
    expected = c_api.Model(exported_folders['synthesis']).run('serving_default', RIGHT)['video']
    for ask, address in zip((client.over_grpc, client.over_rest), addresses):
        video = ask(address, 'dvdgan', 'serving_default', RIGHT, 60.0)
        assert video.dtype == np.uint8
        np.testing.assert_array_equal(video, expected)


@pytest.mark.parametrize('rest', [False, True], ids=['grpc', 'rest'])
@pytest.mark.parametrize(
    'model, signature, inputs, reason',
    [
        ('dvdgan', 'serving_default', {**RIGHT, 'label': np.int32([0, 3])}, 'label must be 0 to 2$'),
        ('dvdgan', 'serving_default', {**RIGHT, 'truncation': np.float32([0, 2])}, 'truncation must be 0 to 1$'),
        ('dvdgan', 'serving_default', {'seed': RIGHT['seed']}, 'input must hold label, seed, truncation, not seed'),
        ('dvdgan', 'predict', RIGHT, 'Serving signature key "predict" not found'),
        ('other', 'serving_default', RIGHT, r'Latest\(other\)'),
    ],
)
def test_a_refusal_is_one_sentence(addresses, rest, model, signature, inputs, reason):
    ask = client.over_rest if rest else client.over_grpc
    status = {True: {'other': '404'}, False: {'other': 'NOT_FOUND'}}[rest].get(model, '400' if rest else 'INVALID_ARG')
    with pytest.raises(InputError, match=f'answers {status}.*{reason}'):
        ask(addresses[rest], model, signature, inputs, 60.0)


def test_damaged_requests_are_refused(addresses):
    with grpc.insecure_channel(addresses[0]) as channel:
        request = predict_pb2.PredictRequest()
        request.model_spec.name = 'dvdgan'
        request.inputs['seed'].dtype = 99
        with pytest.raises(grpc.RpcError) as refused:
            prediction_service_pb2_grpc.PredictionServiceStub(channel).Predict(request, 60.0)
        assert refused.value.code() is grpc.StatusCode.INVALID_ARGUMENT
    for path, body, status in (
        ('/v1/models/dvdgan:predict', b'{', 400),
        ('/v1/models/dvdgan:predict', b'{"instances": []}', 400),
        ('/v1/models/dvdgan:predict', b'{"inputs": {"seed": [], "label": [], "truncation": []}}', 400),
        ('/v1/models/dvdgan:predict', b'{"inputs": {"seed": ["x"], "label": [0], "truncation": [1]}}', 400),
        ('/v1/models/dvdgan:classify', b'{}', 404),
    ):
        with pytest.raises(urllib.error.HTTPError) as refused:
            urllib.request.urlopen(f'http://{addresses[1]}{path}', body)
        assert refused.value.code == status and json.load(refused.value)['error']


def test_rows_are_answered_as_predictions(addresses):
    rows = [{'seed': 5, 'label': 0, 'truncation': 1.0}, {'seed': 6, 'label': 2, 'truncation': 0.5}]
    body = json.dumps({'instances': rows}).encode()
    with urllib.request.urlopen(f'http://{addresses[1]}/v1/models/dvdgan:predict', body) as answer:
        predictions = np.array(json.load(answer)['predictions'])
    np.testing.assert_array_equal(
        predictions, client.over_grpc(addresses[0], 'dvdgan', 'serving_default', RIGHT, 60.0)
    )


def test_the_server_would_find_the_exports():
    text = (PROGRAMS / 'models.config').read_text()
    (config,) = text_format.Parse(text, model_server_config_pb2.ModelServerConfig()).model_config_list.config
    compose = (PROGRAMS / 'compose.yaml').read_text()
    assert config.name == local_server.MODEL and f':{config.base_path}:ro' in compose


def test_nobody_there_is_one_sentence():
    with pytest.raises(InputError, match='UNAVAILABLE'):
        client.over_grpc('localhost:1', 'dvdgan', 'serving_default', RIGHT, 5.0)
    with pytest.raises(InputError, match='cannot reach'):
        client.over_rest('localhost:1', 'dvdgan', 'serving_default', RIGHT, 5.0)


def test_the_load_generator_finds_every_answer_right(addresses, exported_folders):
    metadata = f'{exported_folders["synthesis"]}/assets/metadata.json'
    command = [PROGRAMS / 'load.py', f'--address={addresses[0]}', f'--metadata={metadata}', '--requests=40']
    done = subprocess.run([sys.executable, *command], capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    assert "'INVALID_ARGUMENT': 8" in done.stdout and "'OK': 32" in done.stdout and '0 wrong answers' in done.stdout
