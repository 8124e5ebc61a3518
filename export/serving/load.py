#!/usr/bin/env python3
"""Loads a server with requests, some of them invalid, and checks every answer: load.py --metadata=.../metadata.json

Every valid request is asked once before; under load it must get the same bytes. Every invalid one must be refused with
INVALID_ARGUMENT. Ends with status 1 if one is not.
"""

import collections
import concurrent.futures
import json
import os
import sys
import time

sys.path.insert(0, os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__)))))

import grpc  # noqa: E402
import numpy as np  # noqa: E402
import tensorflow as tf  # noqa: E402
from absl import flags  # noqa: E402
from tensorflow_serving.apis import predict_pb2, prediction_service_pb2_grpc  # noqa: E402

from dvdgan_tf import command  # noqa: E402

_ADDRESS = flags.DEFINE_string('address', 'localhost:8500', 'host:port of the gRPC service.')
_MODEL = flags.DEFINE_string('model', 'dvdgan', 'Its name in models.config.')
_METADATA = flags.DEFINE_string('metadata', None, 'assets/metadata.json of the model.', required=True)
_REQUESTS = flags.DEFINE_integer('requests', 1000, 'How many.', 1)
_CONCURRENCY = flags.DEFINE_integer('concurrency', 8, 'How many at the same time.', 1)
_PID = flags.DEFINE_integer('pid', None, 'Process of a local server, whose memory is read.')

SEEDS = 4
INVALID_EVERY = 5
QUARTERS = 4


def main(_: list) -> int:
    with open(_METADATA.value) as file:
        classes = len(json.load(file)['classes'])
    stub = prediction_service_pb2_grpc.PredictionServiceStub(grpc.insecure_channel(_ADDRESS.value))
    known = [row(seed, label, sigma) for seed in range(SEEDS) for label in range(classes) for sigma in (1.0, 0.5)]
    answers = [ask(stub, request) for request in known]
    invalid = invalid_requests(classes)
    random = np.random.default_rng(0)

    def one(number: int) -> tuple:
        began = time.perf_counter()
        if number % INVALID_EVERY == 0:
            status, _ = ask(stub, invalid[(number // INVALID_EVERY) % len(invalid)])
            right = status == 'INVALID_ARGUMENT'
        else:
            chosen = choices[number]
            status, clip = ask(stub, known[chosen])
            right = status == 'OK' and np.array_equal(clip, answers[chosen][1])
        return status, right, time.perf_counter() - began

    choices = random.integers(0, len(known), _REQUESTS.value)
    results, memory = [], [memory_mib()]
    began = time.perf_counter()
    with concurrent.futures.ThreadPoolExecutor(_CONCURRENCY.value) as pool:
        for part in np.array_split(np.arange(_REQUESTS.value), QUARTERS):
            results += pool.map(one, part)
            memory.append(memory_mib())
    return tell(results, time.perf_counter() - began, memory)


def row(seed: int, label: int, truncation: float) -> dict:
    return {'seed': np.int64([seed]), 'label': np.int32([label]), 'truncation': np.float32([truncation])}


def invalid_requests(classes: int) -> list:
    right = row(0, 0, 1.0)
    return [
        row(0, classes, 1.0),
        row(0, -1, 1.0),
        row(0, 0, 1.5),
        row(0, 0, np.nan),
        {name: value[:0] for name, value in right.items()},
        {name: right[name] for name in ('seed', 'label')},
        {**right, 'seed': np.int64([1, 2])},
    ]


def ask(stub: prediction_service_pb2_grpc.PredictionServiceStub, inputs: dict) -> tuple:
    """The status, and the clip of one that is OK."""
    request = predict_pb2.PredictRequest()
    request.model_spec.name = _MODEL.value
    for name, value in inputs.items():
        request.inputs[name].CopyFrom(tf.make_tensor_proto(value))
    try:
        return 'OK', tf.make_ndarray(stub.Predict(request, 120.0).outputs['video'])
    except grpc.RpcError as error:
        return error.code().name, None


def memory_mib() -> float:
    """What the server holds in memory, or NaN where its process is not known."""
    if _PID.value is None:
        return np.nan
    with open(f'/proc/{_PID.value}/status') as file:
        return next(int(line.split()[1]) for line in file if line.startswith('VmRSS')) / 1024


def tell(results: list, seconds: float, memory: list) -> int:
    statuses = collections.Counter(status for status, _, _ in results)
    wrong = sum(not right for _, right, _ in results)
    print(f'{len(results)} requests in {seconds:.1f} s, {len(results) / seconds:.1f} a second: {dict(statuses)}')
    for status in sorted(statuses):
        times = [1000 * taken for got, _, taken in results if got == status]
        shown = ', '.join(f'{rank} % {np.percentile(times, rank):.0f}' for rank in (50, 90, 99))
        print(f'latency of {status} in ms: {shown}, most {max(times):.0f}')
    print('memory of the server in MiB, at the start and after each quarter:', ', '.join(f'{m:.0f}' for m in memory))
    print(f'{wrong} wrong answers')
    return int(wrong > 0)


if __name__ == '__main__':
    command.run(main)
