"""A SavedModel that answers requests as TensorFlow Serving does.

Statuses follow tensorflow_serving/servables/tensorflow/predict_util.cc and core/ of github.com/tensorflow/serving.
"""

from __future__ import annotations

import concurrent.futures
import os
import threading
from collections.abc import Mapping, Sequence

import grpc
import numpy as np
import tensorflow as tf
from tensorflow.core.framework import tensor_pb2
from tensorflow.core.protobuf import saved_model_pb2
from tensorflow_serving.apis import model_pb2

DEFAULT = 'serving_default'
Code = grpc.StatusCode

_CODES = {code.value[0]: code for code in Code}


class Refused(Exception):
    """A request that cannot be answered.

    Args:
        status: a gRPC status code.
        reason: what to tell the client.
    """

    def __init__(self, status: grpc.StatusCode, reason: str) -> None:
        super().__init__(reason)
        self.status = status
        self.reason = reason


def refuse(reason: str, status: grpc.StatusCode = Code.INVALID_ARGUMENT) -> None:
    """Ends a request.

    Raises:
        Refused: always.
    """
    raise Refused(status, reason)


def find_version(folder: str) -> tuple[int, str]:
    """The version that a server would take: the folder itself, named by a number, or the largest number in it.

    Raises:
        ValueError: there is no SavedModel in such a folder.
    """
    named = [(os.path.basename(os.path.abspath(folder)), folder)]
    if os.path.isdir(folder) and not os.path.exists(os.path.join(folder, 'saved_model.pb')):
        named = [(name, os.path.join(folder, name)) for name in os.listdir(folder)]
    found = [
        (int(name), place)
        for name, place in named
        if name.isdecimal() and os.path.isfile(os.path.join(place, 'saved_model.pb'))
    ]
    if not found:
        raise ValueError(f'{folder} holds no SavedModel in a folder named by a number; give what bin/export wrote')
    return max(found)


class Servable:
    """A version of a model.

    Args:
        folder: as `find_version`.
        name: of the model.
        threads: requests that run at the same time; the others wait.
        seconds: after which a request that waits is given up.

    Raises:
        ValueError: the folder holds no SavedModel that can be read.
    """

    def __init__(self, folder: str, name: str = 'dvdgan', threads: int = 2, seconds: float = 30.0) -> None:
        self.name = name
        self.version, place = find_version(folder)
        self.seconds = seconds
        try:
            self._model = tf.saved_model.load(place)
            with open(os.path.join(place, 'saved_model.pb'), 'rb') as file:
                graphs = saved_model_pb2.SavedModel.FromString(file.read()).meta_graphs
        except Exception as error:  # a damaged file ends in many classes
            raise ValueError(f'the SavedModel in {place} cannot be read ({error!r:.200})') from error
        self.definitions = dict(graphs[0].signature_def)
        self._pool = concurrent.futures.ThreadPoolExecutor(threads)

    def find(self, spec: model_pb2.ModelSpec) -> None:
        """Checks that a request means this model and version.

        Raises:
            Refused: it does not.
        """
        if spec.WhichOneof('version_choice') == 'version_label':
            refuse(f'Unrecognized servable version label: {spec.version_label}')
        version = spec.version.value if spec.HasField('version') else None
        if spec.name != self.name or version not in (None, self.version):
            which = f'Latest({spec.name})' if version is None else f'Specific({spec.name}, {version})'
            refuse(f'Servable not found for request: {which}', Code.NOT_FOUND)

    def inputs_of(self, signature: str, missing: Code = Code.FAILED_PRECONDITION) -> dict[str, tf.TensorSpec]:
        """The inputs of a signature by name.

        Raises:
            Refused: there is none of this name; with the status `missing`, which differs between gRPC and REST.
        """
        if signature not in self._model.signatures:
            refuse(f'Serving signature key "{signature}" not found.', missing)
        specs = self._model.signatures[signature].structured_input_signature[1]
        return {spec.name: spec for spec in specs.values()}

    def predict(
        self,
        signature: str,
        inputs: Mapping[str, np.ndarray],
        output_filter: Sequence[str] = (),
        seconds: float | None = None,
    ) -> dict[str, np.ndarray]:
        """Answers a request, of which model and signature were found.

        Args:
            signature: its name.
            inputs: arrays by name.
            output_filter: outputs that are wanted; all if it is empty.
            seconds: how long the client waits, if that is shorter than the server does.

        Raises:
            Refused: the inputs, the filter or the graph do not allow it, or time is up.
        """
        self._check_inputs(signature, inputs)
        wanted = self._wanted(signature, output_filter)
        job = self._pool.submit(self._run, signature, dict(inputs))
        try:
            outputs = job.result(self.seconds if seconds is None else max(0.0, min(seconds, self.seconds)))
        except concurrent.futures.TimeoutError:
            job.cancel()
            refuse('the request waited too long; ask again later', Code.DEADLINE_EXCEEDED)
        return {name: outputs[name] for name in wanted}

    def _check_inputs(self, signature: str, inputs: Mapping[str, np.ndarray]) -> None:
        specs = self.inputs_of(signature)
        extra, missing = sorted(set(inputs) - set(specs)), sorted(set(specs) - set(inputs))
        if extra or missing:
            sizes = f'{len(inputs)}!={len(specs)}'
            refuse(
                f'input size does not match signature: {sizes} Sent extra: {{{",".join(extra)}}}. '
                f'Missing but required: {{{",".join(missing)}}}.'
            )
        for name, value in inputs.items():
            expected = specs[name].dtype.as_numpy_dtype
            if value.dtype != expected:
                refuse(f'Expects {name} to be {np.dtype(expected).name} but {value.dtype.name} is provided')

    def _wanted(self, signature: str, output_filter: Sequence[str]) -> list[str]:
        known = self._model.signatures[signature].structured_outputs
        for index, name in enumerate(output_filter):
            if name not in known:
                among = ','.join(sorted(known))
                refuse(
                    f'output tensor alias not found in signature: {name} Outputs expected to be in the set {{{among}}}.'
                )
            if name in output_filter[:index]:
                refuse(f'duplicate output tensor alias: {name}')
        return list(output_filter) or list(known)

    def _run(self, signature: str, inputs: dict[str, np.ndarray]) -> dict[str, np.ndarray]:
        try:
            fed = {name: tf.constant(value) for name, value in inputs.items()}
            return {name: value.numpy() for name, value in self._model.signatures[signature](**fed).items()}
        except tf.errors.OpError as error:
            raise Refused(_CODES[error.error_code], error.message) from error
        except (TypeError, ValueError) as error:
            raise Refused(Code.INVALID_ARGUMENT, str(error)) from error
        except MemoryError as error:
            raise Refused(Code.RESOURCE_EXHAUSTED, 'there is no memory for this request') from error


def to_array(name: str, tensor: tensor_pb2.TensorProto, most_bytes: int) -> np.ndarray:
    """A tensor of a request.

    Raises:
        Refused: it is damaged, or would be larger than `most_bytes`: one value can stand for any number of them.
    """
    try:
        dtype, shape = tf.dtypes.as_dtype(tensor.dtype), [axis.size for axis in tensor.tensor_shape.dim]
        if min(shape, default=0) < 0 or np.prod(shape, dtype=object) * dtype.size > most_bytes:
            refuse(f'{name} has shape {shape}; it may have {most_bytes} bytes')
        return tf.make_ndarray(tensor)
    except (KeyError, TypeError, ValueError, OverflowError) as error:
        raise Refused(Code.INVALID_ARGUMENT, f'{name} cannot be read: {error}') from error


class Tally:
    """Counts requests that were accepted and answered, as a context; once it is closed, none is accepted any more."""

    def __init__(self) -> None:
        self.accepted = self.answered = 0
        self._closed = False
        self._changed = threading.Condition()

    def __enter__(self) -> None:
        with self._changed:
            if self._closed:
                refuse('the server is ending', Code.UNAVAILABLE)
            self.accepted += 1

    def __exit__(self, *_: object) -> None:
        with self._changed:
            self.answered += 1
            self._changed.notify_all()

    def close(self, seconds: float) -> None:
        """Accepts no more requests, and waits so long at most until the others are answered."""
        with self._changed:
            self._closed = True
            self._changed.wait_for(lambda: self.answered == self.accepted, seconds)
