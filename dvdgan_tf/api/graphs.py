"""What the graph of an export may hold: only ops that compute, so that opening it runs nobody's program.

TensorFlow's graphs are programs, with ops that read and write files. Exports of this package need none of those.
"""

from __future__ import annotations

import json
import os
from collections.abc import Iterable, Iterator

import tensorflow as tf
from tensorflow.core.protobuf import saved_model_pb2
from tensorflow.lite.python import schema_py_generated as schema

from dvdgan_tf.errors import InputError
from dvdgan_tf.exporters.tfjs_graph import EXECUTABLE

# The converter of TensorFlow.js, which wrote exports of earlier versions, fuses ops.
_FUSED = {'_FusedConv2D', '_FusedMatMul', 'NoOp'}
# Of frozen generators outside of TensorFlow.js, and of the signatures around them.
_OF_SAVED_MODELS = set(
    'Acos All Assert AvgPool BitwiseOr Cast EncodePng Equal Exp Fill GatherV2 Greater GreaterEqual IsFinite LeftShift '
    'Less LessEqual Log LogicalAnd Maximum Min Minimum PartitionedCall PlaceholderWithDefault ReadVariableOp RealDiv '
    'ResourceGather Round Select SelectV2 Sin Sqrt Squeeze StatefulPartitionedCall StatelessRandomNormalV2 '
    'StatelessRandomUniformFullIntV2 StatelessWhile Sum TensorListFromTensor TensorListGetItem TensorListReserve '
    'TensorListSetItem TensorListStack While'.split()
)
_MAGIC = b'TFL3'


def check_saved_model(folder: str) -> None:
    """Looks at every function that loading or calling a SavedModel can reach.

    Raises:
        InputError: one holds another op, or it is no SavedModel of TensorFlow 2.
    """
    path = os.path.join(folder, 'saved_model.pb')
    model = saved_model_pb2.SavedModel()
    with tf.io.gfile.GFile(path, 'rb') as file:
        model.ParseFromString(file.read())
    if len(model.meta_graphs) != 1 or not model.meta_graphs[0].HasField('object_graph_def'):
        raise InputError(f'{path} is of TensorFlow 1 and no export of this package; export again.')
    graph = model.meta_graphs[0]
    functions = {function.signature.name: function for function in graph.graph_def.library.function}
    waiting, reached = list(graph.object_graph_def.concrete_functions), set()
    while waiting:
        name = waiting.pop()
        if name in functions and name not in reached:
            reached.add(name)
            for node in functions[name].node_def:
                waiting += _called(node, functions)
    ops = {node.op for name in reached for node in functions[name].node_def} - functions.keys()
    _check(ops - EXECUTABLE - _FUSED - _OF_SAVED_MODELS, path)


def check_graph_model(folder: str) -> None:
    """Looks at a graph model for browsers.

    Raises:
        InputError: it holds another op or functions, or names weights outside of its folder.
    """
    path = os.path.join(folder, 'model.json')
    with open(path) as file:
        model = json.load(file)
    topology = model['modelTopology']
    _check({node['op'] for node in topology['node']} - EXECUTABLE - _FUSED, path)
    if topology.get('library', {}).get('function'):
        raise _refusal(path, 'holds functions')
    for weights in (name for group in model['weightsManifest'] for name in group['paths']):
        if os.path.basename(weights) != weights:
            raise _refusal(path, f'names weights outside of its folder, {weights!r}')


def check_tflite(path: str) -> None:
    """Looks at a TFLite model.

    Raises:
        InputError: it holds ops that are not built into TFLite, or is none.
    """
    with tf.io.gfile.GFile(path, 'rb') as file:
        content = file.read()
    if content[4:8] != _MAGIC:
        raise InputError(f'{path} is no TFLite model; export again.')
    model = schema.Model.GetRootAsModel(content, 0)
    codes = [model.OperatorCodes(index) for index in range(model.OperatorCodesLength())]
    _check({code.CustomCode().decode() for code in codes if code.CustomCode()}, path)


def _called(node: tf.compat.v1.NodeDef, functions: Iterable[str]) -> Iterator[str]:
    """The functions that a node calls."""
    if node.op in functions:
        yield node.op
    for value in node.attr.values():
        yield from (function.name for function in (value.func, *value.list.func) if function.name)


def _check(unknown: set[str], path: str) -> None:
    if unknown:
        raise _refusal(path, f'holds {", ".join(sorted(unknown))}')


def _refusal(path: str, what: str) -> InputError:
    return InputError(
        f'{path} {what}, which exports of this package do not, so opening it could run code of whoever wrote it; give '
        'trust=True if you trust them.'
    )
