"""Where black blobs come from: python studies/blobs.py [FOLDER OF THE PAGE'S MODEL, default export/tfjs/model]

Runs the page's graph in TensorFlow, as it is and with a bound put on the states of its ConvGRUs or on what its
normalisations give, and prints the share of black pixels of the worst latents. So far no bound cures them:
docs/results has the numbers.
"""

from __future__ import annotations

import copy
import json
import os
import sys

sys.path.insert(0, os.path.dirname(os.path.dirname(os.path.abspath(__file__))))

import numpy as np  # noqa: E402
import tensorflow as tf  # noqa: E402
from google.protobuf import json_format  # noqa: E402

from dvdgan_tf.sampling.latents import sample_latents  # noqa: E402

_LATENTS = 128
_WORST = 5
_BLACK = -0.9


def _weights(folder: str, manifest: list[dict]) -> dict[str, np.ndarray]:
    found = {}
    for group in manifest:
        content = b''.join(open(os.path.join(folder, path), 'rb').read() for path in group['paths'])
        offset = 0
        for weight in group['weights']:
            stored = np.dtype(weight.get('quantization', weight)['dtype'])
            count = int(np.prod(weight['shape'], dtype=np.int64))
            values = np.frombuffer(content, stored, count, offset)
            found[weight['name']] = values.reshape(weight['shape']).astype(weight['dtype'])
            offset += count * stored.itemsize
    return found


def _nodes(folder: str) -> list[tf.compat.v1.NodeDef]:
    """The graph's nodes, with the weights in their constants."""
    with open(os.path.join(folder, 'model.json'), encoding='utf-8') as file:
        model = json.load(file)
    weights = _weights(folder, model['weightsManifest'])
    nodes = []
    for entry in model['modelTopology']['node']:
        if entry['name'] in weights:
            value = weights[entry['name']]
            node = tf.compat.v1.NodeDef(name=entry['name'], op='Const')
            node.attr['value'].tensor.CopyFrom(tf.make_tensor_proto(value))
            node.attr['dtype'].type = tf.as_dtype(value.dtype).as_datatype_enum
        else:
            node = json_format.ParseDict(entry, tf.compat.v1.NodeDef(), ignore_unknown_fields=True)
        nodes.append(node)
    return nodes


def _bounded(nodes: list[tf.compat.v1.NodeDef], ends: tuple[str, ...], bound: float | None) -> tf.compat.v1.Session:
    """The graph with no result larger than the bound of those ConvGRU or normalisation nodes whose name has an end."""
    graph_def = tf.compat.v1.GraphDef()
    limit = graph_def.node.add(name='bound', op='Const')
    limit.attr['value'].tensor.CopyFrom(tf.make_tensor_proto(np.float32(bound or 0.0)))
    limit.attr['dtype'].type = tf.float32.as_datatype_enum
    for node in nodes:
        node = copy.deepcopy(node)
        if bound is not None and any(end in node.name for end in ends):
            name, node.name = node.name, f'{node.name}_unbounded'
            least = graph_def.node.add(name=name, op='Minimum', input=[node.name, 'bound'])
            least.attr['T'].type = tf.float32.as_datatype_enum
        graph_def.node.add().CopyFrom(node)
    graph = tf.Graph()
    with graph.as_default():
        tf.import_graph_def(graph_def, name='')
    return tf.compat.v1.Session(graph=graph)


def _black(session: tf.compat.v1.Session, latents: np.ndarray, classes: np.ndarray) -> np.ndarray:
    """The share of black pixels of each clip."""
    clips = session.run('Identity:0', {'latent:0': latents, 'classes:0': classes})
    return (clips < _BLACK).mean((1, 2, 3, 4))


def main(folder: str = 'export/tfjs/model') -> None:
    """Prints a line for each bound."""
    nodes = _nodes(folder)
    latents = np.concatenate([sample_latents(seed, 1).numpy() for seed in range(_LATENTS)])
    with open(os.path.join(folder, 'metadata.json'), encoding='utf-8') as file:
        count = len(json.load(file)['classes'])
    classes = np.eye(count, dtype=np.float32)[np.arange(_LATENTS) % count]
    plain = _bounded(nodes, (), None)
    shares = _black(plain, latents, classes)
    worst = np.argsort(-shares)[:_WORST]
    sys.stdout.write(f'{np.mean(shares > 0.02):.3f} of {_LATENTS} clips are more than 2 % black; the worst: {worst}\n')
    settings: list[tuple[str, tuple[str, ...], float | None]] = [('as it is', (), None)]
    settings += [(f'states to {bound:g}', ('gru/Relu',), bound) for bound in (100.0, 60.0, 30.0)]
    settings += [(f'normalised to {bound:g}', ('norm1/add_2', 'norm2/add_2'), bound) for bound in (32.0, 16.0, 10.0)]
    for name, ends, bound in settings:
        found = _black(_bounded(nodes, ends, bound), latents[worst], classes[worst])
        sys.stdout.write(f'{name}: {" ".join(f"{share:.3f}" for share in found)}\n')
    for sigma in (0.8, 0.6):
        found = _black(plain, sigma * latents[worst], classes[worst])
        sys.stdout.write(f'truncation {sigma}: {" ".join(f"{share:.3f}" for share in found)}\n')


if __name__ == '__main__':
    main(*sys.argv[1:])
