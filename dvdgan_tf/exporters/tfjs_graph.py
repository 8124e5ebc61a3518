"""Graph models of TensorFlow.js: model.json with the graph and the list of its weights, and the weights in files.

The format is that of `tf.loadGraphModel`: nodes as in the JSON of a GraphDef, whose constants have no value there but
are named in `weightsManifest`, in the order in which their bytes follow each other in the files.
"""

from __future__ import annotations

import json
import os
from typing import NamedTuple

import numpy as np
import tensorflow as tf
from google.protobuf import json_format
from tensorflow.python.framework.convert_to_constants import convert_variables_to_constants_v2

from dvdgan_tf import __version__

PRECISIONS = ('float16', 'float32', 'uint8')
# The ops of frozen generators, of every block, attention and normalisation: TensorFlow.js 4.22 was seen to run them.
EXECUTABLE = frozenset(
    'AddV2 BatchMatMulV2 BiasAdd ConcatV2 Const Conv2D Conv2DBackpropInput ExpandDims Identity MatMul MaxPool Mean Mul '
    'Pack Placeholder Relu Reshape Rsqrt Shape Sigmoid Softmax Split SplitV Square StridedSlice Sub Tanh Tile '
    'Transpose Unpack'.split()
)
_SHARD_BYTES = 4 * 2**20  # what browsers fetch and keep well
_KERNEL_ELEMENTS = 1024  # what is smaller, or a vector, normalises: in few bits it would make most of the error


def write_graph(function: tf.types.experimental.ConcreteFunction, precision: str, folder: str) -> None:
    """Writes model.json and its weights.

    Args:
        function: tensors by name to a dict of one tensor, without loops.
        precision: of the kernels as they are stored, one of `PRECISIONS`; browsers compute in float32.
        folder: exists.

    Raises:
        ValueError: the function holds an op that TensorFlow.js does not run.
    """
    frozen = convert_variables_to_constants_v2(function)
    nodes = _needed(frozen.graph.as_graph_def(), frozen.outputs[0].op.name)
    unknown = sorted({node.op for node in nodes} - EXECUTABLE)
    if unknown:
        raise ValueError(f'TensorFlow.js does not run {", ".join(unknown)}.')
    weights, content = [], bytearray()
    for node in nodes:
        if node.op == 'Const':
            entry, stored = _stored(node.name, tf.make_ndarray(node.attr['value'].tensor), precision)
            weights.append(entry)
            content += stored.tobytes()
            node.attr['value'].tensor.ClearField('tensor_content')
            _clear_values(node.attr['value'].tensor)
    paths = _write_shards(bytes(content), folder)
    graph = tf.compat.v1.GraphDef(node=nodes, versions=frozen.graph.as_graph_def().versions)
    ((name, _),) = function.structured_outputs.items()
    model = {
        'format': 'graph-model',
        'generatedBy': tf.__version__,
        'convertedBy': f'dvdgan_tf {__version__}',
        'signature': {
            'inputs': {tensor.op.name: _described(tensor) for tensor in frozen.inputs},
            'outputs': {name: _described(frozen.outputs[0])},
        },
        'modelTopology': json_format.MessageToDict(graph),
        'weightsManifest': [{'paths': paths, 'weights': weights}],
    }
    with open(os.path.join(folder, 'model.json'), 'w') as file:
        json.dump(model, file, separators=(',', ':'))


def _needed(graph: tf.compat.v1.GraphDef, output: str) -> list:
    """The nodes that a node needs, itself included, without control edges, as nothing here has an effect."""
    by_name = {node.name: node for node in graph.node}
    needed, waiting = set(), [output]
    while waiting:
        node = by_name[waiting.pop()]
        if node.name not in needed:
            needed.add(node.name)
            node.input[:] = [name for name in node.input if not name.startswith('^')]
            waiting += [name.partition(':')[0] for name in node.input]
            for attribute in [name for name in node.attr if name.startswith('_')]:
                del node.attr[attribute]
    return [node for node in graph.node if node.name in needed]


def _clear_values(tensor: tf.compat.v1.TensorProto) -> None:
    for field, _ in tensor.ListFields():
        if field.name.endswith('_val'):
            tensor.ClearField(field.name)


def _described(tensor: tf.Tensor) -> dict:
    sizes = [-1 if size is None else size for size in tensor.shape]
    shape = {'dim': [{'size': str(size)} for size in sizes]}
    return {'name': tensor.name, 'dtype': 'DT_FLOAT', 'tensorShape': shape}


def _stored(name: str, value: np.ndarray, precision: str) -> tuple[dict, np.ndarray]:
    """The manifest's entry of an array, and its numbers as they are stored."""
    if value.dtype not in (np.float32, np.int32):
        raise ValueError(f'TensorFlow.js has no constants of {value.dtype}, as {name} is.')
    entry = {'name': name, 'shape': list(value.shape), 'dtype': value.dtype.name}
    if precision == 'float32' or value.dtype != np.float32 or value.ndim < 2 or value.size < _KERNEL_ELEMENTS:
        return entry, value
    if precision == 'float16':
        return {**entry, 'quantization': {'dtype': 'float16', 'original_dtype': 'float32'}}, value.astype(np.float16)
    low = float(value.min())
    scale = (float(value.max()) - low) / 255 or 1.0
    quantization = {'dtype': 'uint8', 'min': low, 'scale': scale, 'original_dtype': 'float32'}
    return {**entry, 'quantization': quantization}, np.round((value - low) / scale).astype(np.uint8)


def _write_shards(content: bytes, folder: str) -> list[str]:
    pieces = [content[start : start + _SHARD_BYTES] for start in range(0, len(content), _SHARD_BYTES)]
    paths = [f'group1-shard{number}of{len(pieces)}.bin' for number in range(1, len(pieces) + 1)]
    for path, piece in zip(paths, pieces):
        with open(os.path.join(folder, path), 'wb') as file:
            file.write(piece)
    return paths


class TfjsGraph(NamedTuple):
    """A graph model; `function` maps latents `[B, 120]` and classes `[B, num_classes]` to clips."""

    function: tf.types.experimental.ConcreteFunction
    num_classes: int

    def generate(self, latent: np.ndarray, label: np.ndarray) -> np.ndarray:
        """Latents float32 [B, 120] and labels int32 [B] to clips float32 [B, T, H, W, C]."""
        return self.function(tf.constant(latent), tf.one_hot(label, self.num_classes)).numpy()


def read_graph(folder: str) -> TfjsGraph:
    """Reads model.json and its weights."""
    with open(os.path.join(folder, 'model.json')) as file:
        model = json.load(file)
    weights = read_weights(folder, model['weightsManifest'])
    graph = json_format.ParseDict(model['modelTopology'], tf.compat.v1.GraphDef())
    nodes = [node for node in graph.node if node.op != 'Placeholder']
    for node in nodes:
        node.input[:] = [name for name in node.input if not name.startswith('^')]  # nothing here has an effect
        if node.op == 'Const':
            node.attr['value'].tensor.CopyFrom(tf.make_tensor_proto(weights[node.name]))
    graph = tf.compat.v1.GraphDef(node=nodes, versions=graph.versions)
    signature = model['signature']
    inputs, (output,) = signature['inputs'], signature['outputs'].values()

    def generate(latent: tf.Tensor, classes: tf.Tensor) -> tf.Tensor:
        given = {inputs['latent']['name']: latent, inputs['classes']['name']: classes}
        (clip,) = tf.graph_util.import_graph_def(graph, given, [output['name']], name='')
        return clip

    sizes = {name: int(value['tensorShape']['dim'][1]['size']) for name, value in inputs.items()}
    specs = [tf.TensorSpec([None, sizes[name]], tf.float32) for name in ('latent', 'classes')]
    traced = tf.function(generate, autograph=False).get_concrete_function(*specs)
    return TfjsGraph(traced, sizes['classes'])


def read_weights(folder: str, manifest: list) -> dict[str, np.ndarray]:
    """The arrays of a manifest, as TensorFlow.js decodes them."""
    weights = {}
    for group in manifest:
        content = b''
        for path in group['paths']:
            with open(os.path.join(folder, path), 'rb') as file:
                content += file.read()
        for weight in group['weights']:
            quantization = weight.get('quantization', {})
            stored = np.dtype(quantization.get('dtype', weight['dtype']))
            size = int(np.prod(weight['shape'])) * stored.itemsize
            values = np.frombuffer(content[:size], stored).reshape(weight['shape']).astype(weight['dtype'])
            if 'scale' in quantization:
                values = values * np.float32(quantization['scale']) + np.float32(quantization['min'])
            weights[weight['name']] = values
            content = content[size:]
    return weights
