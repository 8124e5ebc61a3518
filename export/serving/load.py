#!/usr/bin/env python3
"""Loads a server with requests, a third of them invalid, and checks every answer: load.py --requests=2000

Every valid request is asked once before; under load it must get the same answer. The invalid ones are wrong in twelve
ways, in types, shapes, ranges, sizes, versions, signatures and bodies, and each must get its status. With --pid the
memory of a local server is watched: after the first quarter it may grow by 5 %. With --terminate it gets SIGTERM in the
middle, and then requests may find nobody. Ends with status 1 if an answer is wrong or memory grows.
"""

from __future__ import annotations

import argparse
import collections
import concurrent.futures
import json
import os
import signal
import sys
import threading
import time
import urllib.error
import urllib.request
from collections.abc import Sequence
from typing import Callable, NamedTuple

import grpc
import numpy as np
import tensorflow as tf
from tensorflow_serving.apis import get_model_metadata_pb2, predict_pb2, prediction_service_pb2_grpc

SECONDS = 120.0
SEEDS = 8
MANY_ROWS = {'serving_default': 100_000, 'predict': 100}
QUARTERS = 4
LARGEST_GROWTH = 0.05
GONE = 'nobody there'


class Ask(NamedTuple):
    """A request and what it must get: a status, and with OK always the same answer."""

    send: Callable[[], tuple]
    status: str


class Server:
    """A server's two addresses.

    Args:
        address: host:port of gRPC.
        rest_address: host:port of REST.
        model: its name.
    """

    def __init__(self, address: str, rest_address: str, model: str) -> None:
        channel = grpc.insecure_channel(address, [('grpc.max_receive_message_length', -1)])
        self._stub = prediction_service_pb2_grpc.PredictionServiceStub(channel)
        self._url = f'http://{rest_address}/v1/models/{model}'
        self._model = model

    def signatures(self) -> dict:
        """The inputs of every signature: name to shape without batch."""
        request = get_model_metadata_pb2.GetModelMetadataRequest(metadata_field=['signature_def'])
        request.model_spec.name = self._model
        packed = self._stub.GetModelMetadata(request, SECONDS).metadata['signature_def']
        definitions = get_model_metadata_pb2.SignatureDefMap()
        packed.Unpack(definitions)
        return {
            name: {key: [axis.size for axis in info.tensor_shape.dim][1:] for key, info in definition.inputs.items()}
            for name, definition in definitions.signature_def.items()
        }

    def predict(self, signature: str, inputs: dict, version: int | None = None, only: str | None = None) -> tuple:
        """The status of a gRPC request, and the answer of one that is OK."""
        request = predict_pb2.PredictRequest(output_filter=[only] if only else [])
        request.model_spec.name, request.model_spec.signature_name = self._model, signature
        if version is not None:
            request.model_spec.version.value = version
        for name, value in inputs.items():
            request.inputs[name].CopyFrom(tf.make_tensor_proto(value))
        try:
            answer = self._stub.Predict(request, SECONDS)
        except grpc.RpcError as error:
            gone = error.code() in (grpc.StatusCode.UNAVAILABLE, grpc.StatusCode.CANCELLED)
            return (GONE if gone else error.code().name), None
        return 'OK', {name: tf.make_ndarray(value).tolist() for name, value in answer.outputs.items()}

    def post(self, body: object, place: str = '') -> tuple:
        """The status of a REST request, and the answer of one that is OK."""
        content = body if isinstance(body, bytes) else json.dumps(body).encode()
        try:
            with urllib.request.urlopen(f'{self._url}{place}:predict', content, SECONDS) as answer:
                return 'OK', json.load(answer)
        except urllib.error.HTTPError as error:
            return (str(error.code) if 'error' in json.load(error) else 'no reason'), None
        except OSError:
            return GONE, None


def main(words: Sequence[str] | None = None) -> int:
    parser = make_parser()
    arguments = parser.parse_args(words)
    if arguments.terminate and arguments.pid is None:
        parser.error('--terminate needs --pid.')
    server = Server(arguments.address, arguments.rest_address, arguments.model)
    try:
        known, invalid = make_requests(server)
    except grpc.RpcError as error:
        parser.error(f'{arguments.address} answers {error.code().name}: {error.details()}; start the server first.')
    expected = {ask: ask.send() for ask in known}
    wrong = [ask for ask, (status, _) in expected.items() if status != 'OK']
    if wrong:
        parser.error(f'{len(wrong)} of {len(known)} valid requests are refused: {expected[wrong[0]][0]}.')
    random = np.random.default_rng(0)
    plan = [
        invalid[number // 3 % len(invalid)] if number % 3 == 0 else known[random.integers(len(known))]
        for number in range(arguments.requests)
    ]
    return tell(*run(plan, expected, arguments), len(known))


def make_requests(server: Server) -> tuple[list[Ask], list[Ask]]:
    """Valid requests, and one of each invalid kind."""
    signatures = server.signatures()
    name = 'serving_default' if 'serving_default' in signatures else 'predict'
    right, exact = make_row(signatures[name]), make_row(signatures['generate_float'])
    as_json = {key: value.tolist() for key, value in right.items()}
    known = []
    for seed in range(SEEDS):
        row = {**right, 'seed': np.int64([seed])}
        known.append(Ask(lambda row=row: server.predict(name, row), 'OK'))
        known.append(Ask(lambda seed=seed: server.post(rest({**as_json, 'seed': [seed]})), 'OK'))

    return known, invalid_requests(server, name, right, exact)


def rest(inputs: dict) -> dict:
    return {'signature_name': 'encoded', 'inputs': inputs}


def invalid_requests(server: Server, name: str, right: dict, exact: dict) -> list[Ask]:
    as_json, width = {key: value.tolist() for key, value in right.items()}, exact['latent'].shape[1]

    def bad(**changes: np.ndarray) -> Callable[[], tuple]:
        return lambda: server.predict(name, {**right, **changes})

    def exactly(latent: np.ndarray) -> Callable[[], tuple]:
        return lambda: server.predict('generate_float', {**exact, 'latent': latent})

    many = {key: np.repeat(value, MANY_ROWS[name], 0) for key, value in right.items()}
    label = np.int32([1 << 30]) if 'label' in right else None
    shapes = {'context': right['context'][:, :, :4]} if label is None else {'label': label}
    return [
        Ask(bad(**shapes), 'INVALID_ARGUMENT'),
        Ask(bad(seed=np.int32([0])), 'INVALID_ARGUMENT'),
        Ask(bad(seed=np.int64([0, 1])), 'INVALID_ARGUMENT'),
        Ask(bad(**many), 'INVALID_ARGUMENT'),
        Ask(exactly(np.zeros((1, width // 2), np.float32)), 'INVALID_ARGUMENT'),
        Ask(exactly(np.full((1, width), 1e30, np.float32)), 'INVALID_ARGUMENT'),
        Ask(lambda: server.predict(name, right, version=1 << 40), 'NOT_FOUND'),
        Ask(lambda: server.predict('none', right), 'FAILED_PRECONDITION'),
        Ask(lambda: server.predict(name, right, only='none'), 'INVALID_ARGUMENT'),
        Ask(lambda: server.post(b'{"inputs": ['), '400'),
        Ask(lambda: server.post(rest({**as_json, 'seed': [1.7]})), '400'),
        Ask(lambda: server.post(rest(as_json), '/versions/999999999'), '404'),
    ]


def make_row(shapes: dict) -> dict:
    """One row of inputs that are right: zeros, and a truncation of 1."""
    types = {'seed': np.int64, 'label': np.int32, 'truncation': np.float32, 'latent': np.float32, 'context': np.uint8}
    if 'latent' in shapes:
        types['context'] = np.float32
    row = {name: np.zeros([1, *shape], types[name]) for name, shape in shapes.items()}
    return {**row, 'truncation': np.float32([1.0])} if 'truncation' in row else row


def run(plan: list, expected: dict, arguments: argparse.Namespace) -> tuple:
    """Sends all; gives status, rightness and seconds of each, the seconds of all, and memory after each quarter."""
    ended = threading.Event()

    def one(number: int) -> tuple:
        if arguments.terminate and number == len(plan) // 2:
            ended.set()
            os.kill(arguments.pid, signal.SIGTERM)
        ask, began = plan[number], time.perf_counter()
        status, answer = ask.send()
        right = status == ask.status and (status != 'OK' or answer == expected[ask][1])
        return status, right or (status == GONE and ended.is_set()), time.perf_counter() - began

    results, memory, began = [], [memory_mib(arguments.pid)], time.perf_counter()
    with concurrent.futures.ThreadPoolExecutor(arguments.concurrency) as pool:
        for part in np.array_split(np.arange(len(plan)), QUARTERS):
            results += pool.map(one, part.tolist())
            memory.append(memory_mib(None if ended.is_set() else arguments.pid))
    return results, time.perf_counter() - began, memory


def memory_mib(pid: int | None) -> float:
    """What the server holds in memory, or NaN where its process is not known."""
    if pid is None:
        return np.nan
    with open(f'/proc/{pid}/status') as file:
        return next(int(line.split()[1]) for line in file if line.startswith('VmRSS')) / 1024


def tell(results: list, seconds: float, memory: list, before: int) -> int:
    statuses = collections.Counter(status for status, _, _ in results)
    wrong = sum(not right for _, right, _ in results)
    print(f'{len(results)} requests in {seconds:.1f} s, {len(results) / seconds:.1f} a second: {dict(statuses)}')
    for status in sorted(statuses):
        times = [1000 * taken for got, _, taken in results if got == status]
        shown = ', '.join(f'{rank} % {np.percentile(times, rank):.0f}' for rank in (50, 90, 99))
        print(f'latency of {status} in ms: {shown}, most {max(times):.0f}')
    growth = memory[-1] / memory[1] - 1
    if not np.isnan(memory[0]):
        shown = ', '.join(f'{mib:.0f}' for mib in memory)
        print(f'memory of the server in MiB, at the start and after each quarter: {shown}')
    if not np.isnan(growth):
        print(f'growth after the first quarter: {100 * growth:.1f} %')
    print(f'{len(results) - statuses[GONE]} answered, and {before + 1} before; {wrong} wrong answers')
    return int(wrong > 0 or growth > LARGEST_GROWTH)


def make_parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument('--address', default='localhost:8500', help='host:port of gRPC.')
    parser.add_argument('--rest_address', default='localhost:8501', help='host:port of REST.')
    parser.add_argument('--model', default='dvdgan', help='Its name in models.config.')
    parser.add_argument('--requests', type=int, default=2000, help='How many.')
    parser.add_argument('--concurrency', type=int, default=16, help='How many at the same time.')
    parser.add_argument('--pid', type=int, help='Process of a local server, whose memory is read.')
    parser.add_argument('--terminate', action='store_true', help='Send it SIGTERM in the middle.')
    return parser


if __name__ == '__main__':
    sys.exit(main())
