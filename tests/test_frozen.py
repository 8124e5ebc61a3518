"""The frozen generator: the same clips as the live one, and nothing left that depends on the weights alone."""

import exported
import numpy as np
import pytest
import tensorflow as tf

from dvdgan_tf.layers.attention import SelfAttention, SeparableAttention
from dvdgan_tf.layers.conv_gru import ConvGRU
from dvdgan_tf.layers.deep_residual import DeepGeneratorBlock
from dvdgan_tf.models import Generator, Groups

# What TFLite has builtin kernels for and TensorFlow.js knows.
OPS = {
    *('AddV2', 'Sub', 'Mul', 'Relu', 'Sigmoid', 'Tanh', 'MatMul', 'Conv2D', 'Conv2DBackpropInput', 'BiasAdd'),
    *('Reshape', 'Split', 'SplitV', 'ConcatV2', 'Pack', 'Unpack', 'StridedSlice', 'Shape', 'Identity'),
    *('AvgPool', 'Transpose'),
}

OF_ATTENTION = {'BatchMatMulV2', 'Softmax', 'MaxPool'}


@pytest.mark.parametrize('context_frames', [0, 2])
def test_it_makes_the_clips_of_the_live_generator(context_frames):
    source = exported.source(context_frames)
    inputs, clips = source.probe
    label = inputs.get('label', np.zeros(len(clips), np.int32))
    context = [inputs['context']] if context_frames else []
    assert clips.std() > 0.05
    for size in (1, 3, 8):
        made = source.frozen.generate(inputs['latent'][:size], label[:size], *(part[:size] for part in context))
        np.testing.assert_allclose(made, clips[:size], atol=1e-5)


def test_a_mixture_of_classes_is_a_mixture_of_embeddings():
    frozen, (inputs, clips) = exported.source().frozen, exported.source().probe
    embedding = tf.gather(frozen.embeddings, inputs['label'])
    np.testing.assert_allclose(frozen.from_embedding(inputs['latent'], embedding), clips, atol=1e-5)


@pytest.mark.parametrize('context_frames', [0, 2])
def test_only_ops_that_depend_on_the_inputs_remain(context_frames):
    graph = exported.source(context_frames).frozen.from_embedding.get_concrete_function(
        tf.TensorSpec([None, 120]),
        tf.TensorSpec([None, 120]),
        *([tf.TensorSpec([None, 2, 16, 16, 3])] if context_frames else []),
    )
    ops = graph.graph.get_operations()
    assert {op.type for op in ops} - {'Placeholder', 'ReadVariableOp', 'Const', 'NoOp'} <= OPS
    assert max(len(output.shape) for op in ops for output in op.outputs if output.shape.rank) <= 5
    weights = [v for v in exported.source(context_frames).frozen.variables if v is not None]
    assert len(weights) == sum(op.type == 'ReadVariableOp' for op in ops) + 1  # the embedding stays outside


@pytest.mark.parametrize(
    'groups',
    [Groups(attention={8: SeparableAttention}), Groups(attention={4: SelfAttention}), Groups(DeepGeneratorBlock)],
    ids=['separable', 'full', 'deep'],
)
def test_attention_and_deep_blocks_freeze_to_known_ops_too(groups):
    source = exported.of_generator(Generator(16, 2, 3, 2, groups=groups))
    inputs, clips = source.probe
    np.testing.assert_allclose(source.frozen.generate(inputs['latent'][:2], inputs['label'][:2]), clips[:2], atol=1e-5)
    spec = tf.TensorSpec([None, 120])
    ops = source.frozen.from_embedding.get_concrete_function(spec, spec).graph.get_operations()
    assert {op.type for op in ops} - {'Placeholder', 'ReadVariableOp', 'Const', 'NoOp'} <= OPS | OF_ATTENTION
    assert max(len(output.shape) for op in ops for output in op.outputs if output.shape.rank) <= 5


def test_freezing_leaves_the_generator_alone():
    generator = exported.source().generator
    assert not any(layer.unroll for layer in generator.submodules if isinstance(layer, ConvGRU))
    assert len(exported.source().frozen.variables) < len(generator.variables)


def test_its_digest_follows_the_weights():
    assert exported.source().frozen.sha256() != exported.source(2).frozen.sha256()
    assert len(exported.source().frozen.sha256()) == 64
