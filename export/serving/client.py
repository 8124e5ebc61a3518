#!/usr/bin/env python3
"""Asks TensorFlow Serving for a clip and writes an animated PNG: client.py --seed=3 --label=jump --output=clip.png

It needs the folder export and Python alone, and asks through HTTP; --grpc needs tensorflow-serving-api. Names of
classes are asked from the server. --context=frames.npy (uint8 [C_frames, H, W, C]), which needs numpy, asks a model
that continues clips.
"""

from __future__ import annotations

import argparse
import base64
import binascii
import json
import math
import os
import re
import sys
import urllib.error
import urllib.request
from collections.abc import Sequence

sys.path.insert(0, os.path.dirname(os.path.dirname(os.path.abspath(__file__))))

import animated_png  # noqa: E402

TYPES = {'seed': 'int64', 'label': 'int32', 'truncation': 'float32', 'context': 'uint8'}
MAX_ANSWER_BYTES = 1 << 28


class Refused(ValueError):
    """The server refused, or is not there; the message is a sentence without its full stop."""


def main(words: Sequence[str] | None = None) -> None:
    parser = make_parser()
    arguments = parser.parse_args(words)
    try:
        (frames,) = ask(arguments, 'encoded', make_inputs(arguments))
        animated_png.write(arguments.output, [decoded(frame) for frame in frames], arguments.fps)
    except (ImportError, OSError, ValueError) as error:
        parser.error(f'{error}.')
    print(arguments.output)


def make_parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument('--address', help='host:port; by default localhost:8501, or 8500 with --grpc.')
    parser.add_argument('--model', default='dvdgan', help='Its name in models.config.')
    parser.add_argument('--grpc', action='store_true', help='Ask through gRPC instead of HTTP.')
    parser.add_argument('--seed', type=int, default=0, help='The same seed gives the same clip.')
    parser.add_argument('--label', default='0', help='A class by number or name.')
    parser.add_argument('--truncation', type=float, default=1.0, help='Standard deviation of the latent, 0 to 1.')
    parser.add_argument('--context', help='For a model that continues clips: an npy file of frames.')
    parser.add_argument('--timeout_seconds', type=float, default=60.0, help='How long to wait.')
    parser.add_argument('--fps', type=float, default=8.0, help='Frames per second of the clip.')
    parser.add_argument('--output', required=True, help='The animated PNG to write.')
    return parser


def make_inputs(arguments: argparse.Namespace) -> dict[str, list]:
    """The inputs of one row, without what the server would refuse in words of its own."""
    if not -(1 << 63) <= arguments.seed < 1 << 63:
        raise Refused(f'--seed is {arguments.seed}; give a signed integer of 64 bits')
    if not (math.isfinite(arguments.timeout_seconds) and arguments.timeout_seconds > 0):
        raise Refused(f'--timeout_seconds is {arguments.timeout_seconds}; give a number of seconds above 0')
    if arguments.context is not None:
        return {'seed': [arguments.seed], 'context': [read_context(arguments.context)]}
    if not 0.0 <= arguments.truncation <= 1.0:
        raise Refused(f'--truncation is {arguments.truncation}; give a number from 0 to 1')
    return {'seed': [arguments.seed], 'label': [find_label(arguments)], 'truncation': [arguments.truncation]}


def find_label(arguments: argparse.Namespace) -> int:
    """The number of the class that is asked for; a name is looked up in what the server knows."""
    name = arguments.label
    if name.isascii() and name.isdecimal() and int(name) < 1 << 31:
        return int(name)
    (names,) = ask(arguments, 'class_names', {'label': [0]})['all']
    names = [part.decode() if isinstance(part, bytes) else part for part in names]
    if name not in names:
        raise Refused(f'there is no class {name!r}; the server has {", ".join(names[:10])}')
    return names.index(name)


def read_context(path: str) -> list:
    import numpy as np

    frames = np.load(path, allow_pickle=False)
    if not isinstance(frames, np.ndarray) or frames.dtype != np.uint8 or frames.ndim != 4:
        raise Refused(f'{path} does not hold one uint8 array [C_frames, H, W, C]')
    return frames.tolist()


def ask(arguments: argparse.Namespace, signature: str, inputs: dict[str, list]) -> list | dict:
    """What a signature answers: its one output, or several by name."""
    over = over_grpc if arguments.grpc else over_rest
    address = arguments.address or ('localhost:8500' if arguments.grpc else 'localhost:8501')
    return over(address, arguments.model, signature, inputs, arguments.timeout_seconds)


def over_rest(address: str, model: str, signature: str, inputs: dict[str, list], timeout_seconds: float) -> list | dict:
    """As `ask`, through HTTP.

    Raises:
        Refused: the server refused, or is not there.
    """
    url = f'http://{address}/v1/models/{model}:predict'
    body = json.dumps({'signature_name': signature, 'inputs': inputs}).encode()
    request = urllib.request.Request(url, body, {'Content-Type': 'application/json'})
    try:
        with urllib.request.urlopen(request, timeout=timeout_seconds) as answer:
            content = answer.read(MAX_ANSWER_BYTES + 1)
    except urllib.error.HTTPError as error:
        raise Refused(f'{address} answers {error.code}: {reason(error.read(MAX_ANSWER_BYTES))}') from error
    except (OSError, ValueError) as error:
        raise Refused(f'cannot reach {url} ({error}); start the server or give --address') from error
    try:
        return json.loads(content)['outputs']
    except (KeyError, TypeError, ValueError) as error:
        raise Refused(f'{address} answers what is not TensorFlow Serving: {content[:60]!r}') from error


def over_grpc(address: str, model: str, signature: str, inputs: dict[str, list], timeout_seconds: float) -> list | dict:
    """As `over_rest`, through gRPC."""
    import grpc
    import tensorflow as tf
    from tensorflow_serving.apis import predict_pb2, prediction_service_pb2_grpc

    request = predict_pb2.PredictRequest()
    request.model_spec.name = model
    request.model_spec.signature_name = signature
    for name, value in inputs.items():
        request.inputs[name].CopyFrom(tf.make_tensor_proto(value, TYPES.get(name)))
    with grpc.insecure_channel(address, [('grpc.max_receive_message_length', MAX_ANSWER_BYTES)]) as channel:
        try:
            answer = prediction_service_pb2_grpc.PredictionServiceStub(channel).Predict(request, timeout_seconds)
        except grpc.RpcError as error:
            raise Refused(f'{address} answers {error.code().name}: {reason(error.details())}') from error
    outputs = {name: tf.make_ndarray(value).tolist() for name, value in answer.outputs.items()}
    return next(iter(outputs.values())) if len(outputs) == 1 else outputs


def decoded(frame: bytes | dict) -> bytes:
    """A PNG, which HTTP carries in base64."""
    try:
        return frame if isinstance(frame, bytes) else base64.b64decode(frame['b64'], validate=True)
    except (KeyError, TypeError, binascii.Error) as error:
        raise Refused(f'a frame is no bytes: {frame!r:.60}') from error


def reason(details: bytes | str) -> str:
    """What the server said, without where in the graph it said so."""
    if isinstance(details, bytes):
        try:
            details = json.loads(details)['error']
        except (KeyError, TypeError, ValueError):
            details = repr(details[:60])
    said = re.search(r'assertion failed: \[(.*?)\]\s*(?:\[|$|\{|\\n)', str(details), re.DOTALL)
    return said[1] if said else str(details)


if __name__ == '__main__':
    main()
