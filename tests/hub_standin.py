"""Writes an I3D with random weights in the format of the TF-Hub module: the same graph, names, signature and tags.

It is built a second time, in TensorFlow 1 style and independently of the package, so that it can serve as the oracle.
"""

import os

import numpy as np
import tensorflow as tf

tf1 = tf.compat.v1

MIXED = [
    ('Mixed_3b', 64, 96, 128, 16, 32, 32, None),
    ('Mixed_3c', 128, 128, 192, 32, 96, 64, None),
    ('Mixed_4b', 192, 96, 208, 16, 48, 64, (3, 3)),
    ('Mixed_4c', 160, 112, 224, 24, 64, 64, None),
    ('Mixed_4d', 128, 128, 256, 24, 64, 64, None),
    ('Mixed_4e', 112, 144, 288, 32, 64, 64, None),
    ('Mixed_4f', 256, 160, 320, 32, 128, 128, None),
    ('Mixed_5b', 256, 160, 320, 32, 128, 128, (2, 2)),
    ('Mixed_5c', 384, 192, 384, 48, 128, 128, None),
]


def _variable(name, value):
    return tf1.get_variable(name, initializer=value.astype(np.float32), trainable=False)


def _unit(x, name, channels, size, stride, random):
    with tf1.variable_scope(name):
        inputs = int(x.shape[-1])
        scale = np.sqrt(2 / (size**3 * inputs))
        w = _variable('conv_3d/w', random.standard_normal((size, size, size, inputs, channels)) * scale)
        shape = (1, 1, 1, 1, channels)
        beta = _variable('batch_norm/beta', random.standard_normal(shape) * 0.2)
        mean = _variable('batch_norm/moving_mean', random.standard_normal(shape) * 0.2)
        variance = _variable('batch_norm/moving_variance', random.uniform(0.5, 1.5, shape))
        x = tf.nn.conv3d(x, w, [1, stride, stride, stride, 1], 'SAME')
        return tf.nn.relu(tf.nn.batch_normalization(x, mean, variance, beta, None, 1e-3))


def _pool(x, frames, size, frame_stride, stride):
    return tf.nn.max_pool3d(x, [1, frames, size, size, 1], [1, frame_stride, stride, stride, 1], 'SAME')


def _network(x, classes, divisor, random):
    x = _unit(x, 'Conv3d_1a_7x7', 64 // divisor, 7, 2, random)
    x = _pool(x, 1, 3, 1, 2)
    x = _unit(x, 'Conv3d_2b_1x1', 64 // divisor, 1, 1, random)
    x = _unit(x, 'Conv3d_2c_3x3', 192 // divisor, 3, 1, random)
    x = _pool(x, 1, 3, 1, 2)
    for name, b0, b1a, b1b, b2a, b2b, b3, pool in MIXED:
        if pool:
            x = _pool(x, pool[0], pool[1], 2, 2)
        with tf1.variable_scope(name):
            with tf1.variable_scope('Branch_0'):
                first = _unit(x, 'Conv3d_0a_1x1', b0 // divisor, 1, 1, random)
            with tf1.variable_scope('Branch_1'):
                second = _unit(x, 'Conv3d_0a_1x1', b1a // divisor, 1, 1, random)
                second = _unit(second, 'Conv3d_0b_3x3', b1b // divisor, 3, 1, random)
            with tf1.variable_scope('Branch_2'):
                third = _unit(x, 'Conv3d_0a_1x1', b2a // divisor, 1, 1, random)
                last = 'Conv3d_0a_3x3' if name == 'Mixed_5b' else 'Conv3d_0b_3x3'
                third = _unit(third, last, b2b // divisor, 3, 1, random)
            with tf1.variable_scope('Branch_3'):
                fourth = _unit(_pool(x, 3, 3, 1, 1), 'Conv3d_0b_1x1', b3 // divisor, 1, 1, random)
            x = tf.concat([first, second, third, fourth], 4)
    with tf1.variable_scope('Logits'):
        x = tf.nn.avg_pool3d(x, [1, 2, 7, 7, 1], [1] * 5, 'VALID')
        with tf1.variable_scope('Conv3d_0c_1x1'):
            features = int(x.shape[-1])
            w = _variable('conv_3d/w', random.standard_normal((1, 1, 1, features, classes)) / np.sqrt(features))
            x = tf.nn.conv3d(x, w, [1] * 5, 'SAME') + _variable('conv_3d/b', random.standard_normal(classes))
    return tf.squeeze(x, [2, 3])


def write(folder, classes=400, divisor=8, seed=0):
    """Writes the module, and beside it a checkpoint in the layout of rgb_scratch_kin600; returns the two paths."""
    module, random = os.path.join(folder, 'module'), np.random.default_rng(seed)
    with tf1.Graph().as_default(), tf1.Session() as session:
        frames = tf1.placeholder(tf.float32, [None, None, 224, 224, 3], 'input_frames')
        with tf1.variable_scope('RGB/inception_i3d'):
            logits = _network(frames, classes, divisor, random)
        output = tf.reduce_mean(logits, 1, name='RGB/inception_i3d/Mean')
        session.run(tf1.global_variables_initializer())
        builder = tf1.saved_model.Builder(module)
        signature = tf1.saved_model.predict_signature_def({'default': frames}, {'default': output})
        builder.add_meta_graph_and_variables(session, [], {'default': signature})
        builder.save()
        bare = {v.op.name.split('inception_i3d/')[1]: v.value() for v in tf1.global_variables()}
        slots = {f'{name}/Momentum': v for name, v in bare.items() if name.endswith(('/w', '/b', '/beta'))}
        tensors = {**bare, **slots}
        checkpoint = os.path.join(folder, 'model.ckpt')
        session.run(tf.raw_ops.SaveV2(
            prefix=checkpoint,
            tensor_names=list(tensors),
            shape_and_slices=[''] * len(tensors),
            tensors=list(tensors.values()),
        ))
    with open(os.path.join(module, 'tfhub_module.pb'), 'wb') as stream:
        stream.write(b'\x08\x03')  # ModuleDef.format = FORMAT_V3
    return module, checkpoint
