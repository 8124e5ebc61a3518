"""A trained generator reduced to what depends on its inputs.

Everything that depends on the weights alone is computed once: kernels are divided by their spectral norms, moments
become gains, the kernels of an upsampling and of a ConvGRU's gates are put together. What remains is one graph without
loops, of ops that TFLite and TensorFlow.js know, and the numbers it needs.
"""

from __future__ import annotations

import contextlib
import hashlib
from collections.abc import Iterator, Sequence
from typing import NamedTuple

import numpy as np
import tensorflow as tf
import tf_keras as keras

from dvdgan_tf.layers.conv_gru import ConvGRU
from dvdgan_tf.models import variables

_VARIABLE_ELEMENTS = 1024  # smaller constants stay in the graph, so that shapes are known


class Frozen(tf.Module):
    """A generator at its moving averages, of any batch size.

    Attributes: those of the generator, and `embeddings`, the variable `[num_classes, 120]` of its class embedding.
    """

    def __init__(self, generator: keras.Model) -> None:
        super().__init__(name='frozen')
        self.resolution = generator.resolution
        self.num_frames = generator.num_frames
        self.num_classes = generator.num_classes
        self.video_channels = generator.video_channels
        self.latent_size = generator.latent_size
        self.context_frames = generator.context_frames
        self.embeddings = tf.Variable(generator.embedding.embeddings, trainable=False, name='embeddings')
        self._network = _evaluated(_traced(generator))
        self._values = {
            name: tf.Variable(value, trainable=False, name=name.partition(':')[0])
            for name, value in self._network.values.items()
            if value.dtype.kind == 'f' and value.size >= _VARIABLE_ELEMENTS
        }
        self.from_embedding = tf.function(self._from_embedding, autograph=False)
        self.generate = tf.function(self._generate, autograph=False)

    def _generate(self, latent: tf.Tensor, label: tf.Tensor, context: tf.Tensor | None = None) -> tf.Tensor:
        """Latents `[B, 120]` and labels `[B]` int32, and for prediction the context `[B, C_frames, H, W, C]`, to clips
        `[B, T, H, W, C]` float32 in [-1, 1].
        """
        return self._from_embedding(latent, tf.gather(self.embeddings, label), context)

    def _from_embedding(
        self, latent: tf.Tensor, embedding: tf.Tensor, context: tf.Tensor | None = None
    ) -> tf.Tensor:
        """As `generate`, with `[B, 120]` in place of the label: a row of `embeddings`, or a mixture of rows."""
        given = [latent, embedding] if context is None else [latent, embedding, context]
        arguments = dict(zip(self._network.inputs, given))
        for name, value in self._network.values.items():
            arguments[name] = tf.convert_to_tensor(self._values.get(name, value))
        graph, output = self._network.graph, self._network.output
        (clip,) = tf.graph_util.import_graph_def(graph, arguments, [output], name='')
        return clip

    def sha256(self) -> str:
        """A digest of the network and all its numbers."""
        digest = hashlib.sha256(self.embeddings.numpy().tobytes())
        for name, value in sorted(self._network.values.items()):
            digest.update(name.encode() + value.tobytes())
        return digest.hexdigest()


class _Network(NamedTuple):
    """A graph whose other ops depend on its inputs; tensors are named as in it."""

    graph: tf.compat.v1.GraphDef
    inputs: list[str]
    output: str
    values: dict[str, np.ndarray]


def _traced(generator: keras.Model) -> tf.types.experimental.ConcreteFunction:
    """The generator from embeddings, its ConvGRUs unrolled, for any batch size."""
    latent = variables.latent_spec(None, generator.latent_size)
    embedding = tf.TensorSpec([None, generator.embedding.output_dim], tf.float32)
    inputs = [latent, embedding]
    if generator.context_frames:
        size, channels = generator.resolution, generator.video_channels
        inputs.append(variables.clip_spec(None, generator.context_frames, size, channels))
    with _unrolled(generator):
        return tf.function(generator.from_embedding, autograph=False).get_concrete_function(*inputs)


@contextlib.contextmanager
def _unrolled(generator: keras.Model) -> Iterator[None]:
    layers = [layer for layer in generator.submodules if isinstance(layer, ConvGRU)]
    before = [layer.unroll for layer in layers]
    try:
        for layer in layers:
            layer.unroll = True
        yield
    finally:
        for layer, unroll in zip(layers, before):
            layer.unroll = unroll


def _evaluated(traced: tf.types.experimental.ConcreteFunction) -> _Network:
    """Computes what does not depend on the inputs."""
    handles = {internal.name: external for external, internal in traced.graph.captures}
    inputs = [tensor.name for tensor in traced.inputs if tensor.name not in handles]
    depending = {name.partition(':')[0] for name in inputs}
    needed = []
    for op in traced.graph.get_operations():
        if any(tensor.op.name in depending for tensor in op.inputs):
            needed += [tensor.name for tensor in op.inputs if tensor.op.name not in depending]
            depending.add(op.name)
    needed = list(dict.fromkeys(needed))
    nodes = {node.name: node for node in traced.graph.as_graph_def().node}
    of_inputs = [name for name in nodes if name in depending and f'{name}:0' not in inputs]
    of_weights = [name for name in nodes if name not in depending and f'{name}:0' not in handles]

    def values() -> list[tf.Tensor]:
        capture = tf.compat.v1.get_default_graph().capture
        arguments = {name: capture(handle) for name, handle in handles.items()}
        return tf.graph_util.import_graph_def(_graph(nodes, of_weights), arguments, needed, name='')

    values = [value.numpy() for value in tf.function(values, autograph=False)()]
    return _Network(_graph(nodes, of_inputs), inputs, traced.outputs[0].name, dict(zip(needed, values)))


def _graph(nodes: dict[str, tf.compat.v1.NodeDef], names: Sequence[str]) -> tf.compat.v1.GraphDef:
    """Some nodes as a graph; control edges are dropped, as no op of a generator at its averages has an effect."""
    graph = tf.compat.v1.GraphDef(versions=tf.compat.v1.get_default_graph().as_graph_def().versions)
    for name in names:
        node = graph.node.add()
        node.CopyFrom(nodes[name])
        node.input[:] = [tensor for tensor in node.input if not tensor.startswith('^')]
    return graph
