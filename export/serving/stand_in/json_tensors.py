"""Requests and answers in JSON, as strict as util/json_tensor.cc of github.com/tensorflow/serving."""

from __future__ import annotations

import base64
import json
import math
from collections.abc import Mapping
from typing import Callable

import numpy as np
import tensorflow as tf

from stand_in.servable import DEFAULT, refuse

Specs = Mapping[str, tf.TensorSpec]


def read_request(body: bytes, specs_of: Callable[[str], Specs]) -> tuple[str, bool, dict[str, np.ndarray]]:
    """The signature, whether the request is in rows, and its inputs by name.

    Args:
        body: the request.
        specs_of: the inputs of a signature, by its name.

    Raises:
        Refused: it is not of the documented form, or a value is not of the type that the signature wants.
    """
    try:
        request = json.loads(body)
        if not isinstance(request, dict):
            refuse('the request is no JSON object')
        signature = request.get('signature_name', DEFAULT)
        if not isinstance(signature, str):
            refuse("'signature_name' key must be a string value.")
        specs = specs_of(signature)
        if ('instances' in request) == ('inputs' in request):
            refuse("give one of the keys 'inputs' and 'instances'")
        in_rows = 'instances' in request
        inputs = _of_rows(request['instances'], specs) if in_rows else _of_columns(request['inputs'], specs)
    except RecursionError:
        refuse('JSON Parse error: the document is too deep')
    except ValueError as error:
        refuse(f'JSON Parse error: {error}')
    return signature, in_rows, inputs


def write_answer(outputs: Mapping[str, np.ndarray], in_rows: bool) -> dict:
    """What is answered: one output without its name, several by name; in rows if the request was."""
    lists = {name: _plain(value.tolist(), name.endswith('_bytes')) for name, value in outputs.items()}
    if not in_rows:
        return {'outputs': next(iter(lists.values())) if len(lists) == 1 else lists}
    if len(lists) == 1:
        return {'predictions': next(iter(lists.values()))}
    return {'predictions': [dict(zip(lists, row)) for row in zip(*lists.values())]}


def _of_columns(columns: object, specs: Specs) -> dict[str, np.ndarray]:
    if not isinstance(columns, dict):
        columns = {_only(specs, 'inputs'): columns}
    for name in specs:
        if name not in columns:
            refuse(f"Missing named input: {name} in 'inputs' object.")
    return {name: _to_array(name, columns[name], spec.dtype) for name, spec in specs.items()}


def _of_rows(rows: object, specs: Specs) -> dict[str, np.ndarray]:
    if not isinstance(rows, list) or not rows:
        refuse("'instances' must be a list with at least one element")
    if not isinstance(rows[0], dict):
        only = _only(specs, 'instances')
        rows = [{only: row} for row in rows]
    for index, row in enumerate(rows):
        if not isinstance(row, dict) or set(row) != set(specs):
            refuse(f"element {index} of 'instances' must be an object with the keys {','.join(sorted(specs))}")
    return {name: _to_array(name, [row[name] for row in rows], spec.dtype) for name, spec in specs.items()}


def _only(specs: Specs, key: str) -> str:
    if len(specs) > 1:
        refuse(f'{key} is a plain value or list, but there are several inputs: {",".join(sorted(specs))}')
    return next(iter(specs))


def _to_array(name: str, value: object, dtype: tf.DType) -> np.ndarray:
    shape, inner = [], value
    while isinstance(inner, list):
        shape.append(len(inner))
        inner = inner[0] if inner else None
    leaves: list = []
    _collect(name, value, shape, _integers if dtype.is_integer else _decimals, dtype.as_numpy_dtype, leaves)
    return np.array(leaves, dtype.as_numpy_dtype).reshape(shape)


def _collect(name: str, value: object, shape: list, check: Callable, dtype: type, leaves: list) -> None:
    if not shape:
        if not check(value, dtype):
            refuse(f'JSON Value: {value!r:.60} of {name} is not of expected type: {np.dtype(dtype).name}')
        leaves.append(value)
        return
    if not isinstance(value, list) or len(value) != shape[0]:
        refuse(f'the lists of {name} differ in length or depth')
    for part in value:
        _collect(name, part, shape[1:], check, dtype, leaves)


def _integers(value: object, dtype: type) -> bool:
    limits = np.iinfo(dtype)
    return type(value) is int and limits.min <= value <= limits.max


def _decimals(value: object, dtype: type) -> bool:
    limits = np.finfo(dtype)
    if type(value) is int:
        return abs(value) < 1 << (limits.nmant + 1)
    return type(value) is float and (not math.isfinite(value) or abs(value) <= float(limits.max))


def _plain(value: object, as_bytes: bool) -> object:
    if isinstance(value, list):
        return [_plain(part, as_bytes) for part in value] if value and not _numbers(value[0]) else value
    if isinstance(value, bytes):
        return {'b64': base64.b64encode(value).decode()} if as_bytes else value.decode('utf-8', 'replace')
    return value


def _numbers(value: object) -> bool:
    """Whether nested lists hold numbers, which are JSON as they are."""
    while isinstance(value, list) and value:
        value = value[0]
    return not isinstance(value, (bytes, list))
