"""Runs a SavedModel through TensorFlow's C API, without importing TensorFlow: c_api.py MODEL INPUTS OUTPUTS

INPUTS is an npz of `signature/input/batch`, OUTPUTS becomes one of `signature/output/batch`. It needs numpy and the
shared library of TensorFlow's wheel, as a server in any language would.
"""

from __future__ import annotations

import collections
import ctypes
import importlib.util
import os
import sys
from collections.abc import Iterator

import numpy as np

_LIBRARY = 'libtensorflow_cc.so.2'
_DTYPES = {1: np.float32, 3: np.int32, 4: np.uint8, 9: np.int64}
_STRING, _STRING_BYTES = 7, 24
_POINTERS = (
    *('TF_NewStatus', 'TF_NewBuffer', 'TF_NewGraph', 'TF_NewSessionOptions', 'TF_LoadSessionFromSavedModel'),
    *('TF_GraphOperationByName', 'TF_AllocateTensor', 'TF_TensorData', 'TF_StringGetDataPointer'),
)


class _Buffer(ctypes.Structure):
    _fields_ = [('data', ctypes.c_void_p), ('length', ctypes.c_size_t), ('deallocator', ctypes.c_void_p)]


class _Output(ctypes.Structure):
    _fields_ = [('operation', ctypes.c_void_p), ('index', ctypes.c_int)]


class Model:
    """A SavedModel and its signatures.

    Args:
        folder: the version folder.

    Raises:
        RuntimeError: TensorFlow refused it.
    """

    def __init__(self, folder: str) -> None:
        self._library = _library()
        self._status = ctypes.c_void_p(self._library.TF_NewStatus())
        self._graph = ctypes.c_void_p(self._library.TF_NewGraph())
        buffer = ctypes.cast(self._library.TF_NewBuffer(), ctypes.POINTER(_Buffer))
        options = ctypes.c_void_p(self._library.TF_NewSessionOptions())
        tags = (ctypes.c_char_p * 1)(b'serve')
        session = self._library.TF_LoadSessionFromSavedModel(
            options, None, folder.encode(), tags, 1, self._graph, buffer, self._status
        )
        self._check()
        self._session = ctypes.c_void_p(session)
        self.signatures = _signatures(ctypes.string_at(buffer.contents.data, buffer.contents.length))

    def run(self, signature: str, inputs: dict[str, np.ndarray]) -> dict[str, np.ndarray]:
        """The outputs of a signature, by name.

        Raises:
            RuntimeError: with TensorFlow's message, when the request is refused.
        """
        places, results = self.signatures[signature]
        fed = [self._tensor(inputs[name], places[name][1]) for name in places]
        answers = (ctypes.c_void_p * len(results))()
        self._library.TF_SessionRun(
            *(self._session, None),
            *(self._outputs(places), (ctypes.c_void_p * len(fed))(*fed), len(fed)),
            *(self._outputs(results), answers, len(results)),
            *(None, 0, None, self._status),
        )
        for tensor in fed:
            self._library.TF_DeleteTensor(ctypes.c_void_p(tensor))
        self._check()
        return {name: self._array(answer, results[name][1]) for name, answer in zip(results, answers)}

    def _check(self) -> None:
        if self._library.TF_GetCode(self._status):
            raise RuntimeError(self._library.TF_Message(self._status).decode())

    def _outputs(self, tensors: dict[str, tuple[str, int]]) -> ctypes.Array:
        array = (_Output * len(tensors))()
        for place, (tensor, _) in zip(array, tensors.values()):
            operation, _, index = tensor.partition(':')
            place.operation = self._library.TF_GraphOperationByName(self._graph, operation.encode())
            place.index = int(index)
        return array

    def _tensor(self, value: np.ndarray, dtype: int) -> int:
        value = np.ascontiguousarray(value, _DTYPES[dtype])
        sizes = (ctypes.c_int64 * value.ndim)(*value.shape)
        tensor = self._library.TF_AllocateTensor(dtype, sizes, value.ndim, ctypes.c_size_t(value.nbytes))
        data = self._library.TF_TensorData(ctypes.c_void_p(tensor))
        ctypes.memmove(data, value.ctypes.data, value.nbytes)
        return tensor

    def _array(self, answer: int, dtype: int) -> np.ndarray:
        tensor = ctypes.c_void_p(answer)
        shape = [self._library.TF_Dim(tensor, axis) for axis in range(self._library.TF_NumDims(tensor))]
        place, size = self._library.TF_TensorData(tensor), self._library.TF_TensorByteSize(tensor)
        if dtype == _STRING:
            array = np.array([self._string(place + offset) for offset in range(0, size, _STRING_BYTES)])
        else:
            array = np.frombuffer(ctypes.string_at(place, size), _DTYPES[dtype])
        self._library.TF_DeleteTensor(tensor)
        return array.reshape(shape)

    def _string(self, place: int) -> bytes:
        string = ctypes.c_void_p(place)
        return ctypes.string_at(self._library.TF_StringGetDataPointer(string), self._library.TF_StringGetSize(string))


def _library() -> ctypes.CDLL:
    places = importlib.util.find_spec('tensorflow').submodule_search_locations
    library = ctypes.CDLL(next(path for path in (f'{place}/{_LIBRARY}' for place in places) if os.path.exists(path)))
    for name in _POINTERS:
        getattr(library, name).restype = ctypes.c_void_p
    library.TF_Message.restype = ctypes.c_char_p
    library.TF_Dim.restype = ctypes.c_int64
    library.TF_TensorByteSize.restype = library.TF_StringGetSize.restype = ctypes.c_size_t
    return library


def _signatures(meta_graph: bytes) -> dict[str, tuple]:
    """Signature name to ({input: (tensor, dtype)}, {output: (tensor, dtype)}), read from a serialised MetaGraphDef."""
    signatures = {}
    for number, entry in _fields(meta_graph):
        if number == 5:
            name, definition = (value for _, value in _fields(entry))
            signatures[name.decode()] = ({}, {})
            for kind, pair in _fields(definition):
                if kind in (1, 2):
                    key, info = (value for _, value in _fields(pair))
                    tensor = dict(_fields(info))
                    signatures[name.decode()][kind - 1][key.decode()] = (tensor[1].decode(), tensor.get(2, 0))
    return signatures


def _fields(message: bytes) -> Iterator[tuple[int, int | bytes]]:
    """Number and value of every field of a protocol buffer: integers, and bytes for strings and messages."""
    place = 0

    def integer() -> int:
        nonlocal place
        value = shift = 0
        while True:
            byte = message[place]
            place += 1
            value |= (byte & 127) << shift
            shift += 7
            if byte < 128:
                return value

    while place < len(message):
        key = integer()
        if key & 7 == 2:
            length = integer()
            place += length
            yield key >> 3, message[place - length : place]
        elif key & 7 == 0:
            yield key >> 3, integer()
        else:
            raise ValueError(f'a field of wire type {key & 7} is not expected here')


def main(folder: str, inputs: str, outputs: str) -> None:
    """Answers every request in `inputs`."""
    model = Model(folder)
    requests = collections.defaultdict(dict)
    with np.load(inputs) as arrays:
        for name, value in arrays.items():
            signature, argument, batch = name.split('/')
            requests[signature, batch][argument] = value
    answers = {}
    for (signature, batch), request in requests.items():
        for name, value in model.run(signature, request).items():
            answers[f'{signature}/{name}/{batch}'] = value
    np.savez(outputs, **answers)
    if 'tensorflow' in sys.modules:
        sys.exit('TensorFlow was imported; this is to show that it need not be')


if __name__ == '__main__':
    main(*sys.argv[1:])
