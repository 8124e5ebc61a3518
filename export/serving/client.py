#!/usr/bin/env python3
"""Asks TensorFlow Serving for a clip and writes a GIF: client.py --seed=3 --label=1 --output=clip.gif

--rest asks through HTTP. --context=frames.npy (uint8 [C_frames, H, W, C]) asks a model that continues clips.
"""

import json
import os
import re
import sys
import urllib.error
import urllib.request

sys.path.insert(0, os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__)))))

import grpc  # noqa: E402
import numpy as np  # noqa: E402
import tensorflow as tf  # noqa: E402
from absl import flags  # noqa: E402
from tensorflow_serving.apis import predict_pb2, prediction_service_pb2_grpc  # noqa: E402

from dvdgan_tf import command  # noqa: E402
from dvdgan_tf.errors import InputError  # noqa: E402
from dvdgan_tf.sampling import generate, video  # noqa: E402

_ADDRESS = flags.DEFINE_string('address', None, 'host:port; by default localhost:8500, or 8501 with --rest.')
_MODEL = flags.DEFINE_string('model', 'dvdgan', 'Its name in models.config.')
_REST = flags.DEFINE_bool('rest', False, 'Ask through HTTP instead of gRPC.')
_SEED = flags.DEFINE_integer('seed', 0, 'The same seed gives the same clip.')
_LABEL = flags.DEFINE_string('label', '0', 'A class by number, or with --metadata by name.')
_METADATA = flags.DEFINE_string('metadata', None, 'assets/metadata.json of the model, for names of classes.')
_TRUNCATION = flags.DEFINE_float('truncation', 1.0, 'Standard deviation of the latent, 0 to 1.')
_CONTEXT = flags.DEFINE_string('context', None, 'For a model that continues clips: an npy file of frames.')
_TIMEOUT_SECONDS = flags.DEFINE_float('timeout_seconds', 60.0, 'How long to wait.')
_FPS = flags.DEFINE_float('fps', 8.0, 'Frames per second of the GIF.', lower_bound=0.1)
_OUTPUT = flags.DEFINE_string('output', None, 'The GIF to write.', required=True)


def main(_: list) -> None:
    signature, inputs = make_request()
    ask = over_rest if _REST.value else over_grpc
    address = _ADDRESS.value or ('localhost:8501' if _REST.value else 'localhost:8500')
    clip = ask(address, _MODEL.value, signature, inputs, _TIMEOUT_SECONDS.value)[0]
    video.write_gif(_OUTPUT.value, video.magnify(clip, video.viewing_factor(clip.shape[1])), _FPS.value)
    print(_OUTPUT.value)


def make_request() -> tuple:
    seed = np.array([_SEED.value], np.int64)
    if _CONTEXT.value is not None:
        return 'predict', {'seed': seed, 'context': read_context(_CONTEXT.value)}
    label = np.array([find_label()], np.int32)
    return 'serving_default', {'seed': seed, 'label': label, 'truncation': np.array([_TRUNCATION.value], np.float32)}


def find_label() -> int:
    if _METADATA.value is not None:
        try:
            with open(_METADATA.value) as file:
                return generate.find_label(_LABEL.value, json.load(file)['classes'])
        except (OSError, KeyError, json.JSONDecodeError) as error:
            raise InputError(f'{_METADATA.value} is no metadata of a model ({error}); give its own.') from error
    if not _LABEL.value.isdecimal():
        raise InputError(f'the label {_LABEL.value!r} is a name; give its number, or --metadata with the names.')
    return int(_LABEL.value)


def read_context(path: str) -> np.ndarray:
    try:
        frames = np.load(path)
    except (OSError, ValueError) as error:
        raise InputError(f'cannot read {path} ({error}); give frames as an npy file.') from error
    if frames.dtype != np.uint8 or frames.ndim != 4:
        raise InputError(f'{path} holds {frames.dtype} {frames.shape}; give uint8 [C_frames, H, W, C].')
    return frames[np.newaxis]


def over_grpc(address: str, model: str, signature: str, inputs: dict, timeout_seconds: float) -> np.ndarray:
    """The clips of a request, uint8 [B, T, H, W, C].

    Raises:
      InputError: the server refused, or is not there.
    """
    request = predict_pb2.PredictRequest()
    request.model_spec.name = model
    request.model_spec.signature_name = signature
    for name, value in inputs.items():
        request.inputs[name].CopyFrom(tf.make_tensor_proto(value))
    with grpc.insecure_channel(address, [('grpc.max_receive_message_length', -1)]) as channel:
        try:
            answer = prediction_service_pb2_grpc.PredictionServiceStub(channel).Predict(request, timeout_seconds)
        except grpc.RpcError as error:
            raise InputError(f'{address} answers {error.code().name}: {reason(error.details())}') from error
    return tf.make_ndarray(answer.outputs['video'])


def over_rest(address: str, model: str, signature: str, inputs: dict, timeout_seconds: float) -> np.ndarray:
    """As `over_grpc`."""
    body = {'signature_name': signature, 'inputs': {name: value.tolist() for name, value in inputs.items()}}
    url = f'http://{address}/v1/models/{model}:predict'
    request = urllib.request.Request(url, json.dumps(body).encode(), {'Content-Type': 'application/json'})
    try:
        with urllib.request.urlopen(request, timeout=timeout_seconds) as answer:
            return np.array(json.load(answer)['outputs'], np.uint8)
    except urllib.error.HTTPError as error:
        raise InputError(f'{address} answers {error.code}: {reason(json.load(error)["error"])}') from error
    except OSError as error:
        raise InputError(f'cannot reach {url} ({error}); start the server or give --address.') from error


def reason(details: str) -> str:
    """What the graph said, without where it said so."""
    said = re.search(r'assertion failed: \[(.*)\]', details)
    return said[1] if said else details


if __name__ == '__main__':
    command.run(main)
