"""Graph models of TensorFlow.js read back into TensorFlow: what the files say, without the program that made them."""

import json
import os
from typing import Dict, NamedTuple

import numpy as np
import tensorflow as tf
from google.protobuf import json_format


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


def read_weights(folder: str, manifest: list) -> Dict[str, np.ndarray]:
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
