"""Inception-v1 I3D (Carreira & Zisserman 2017, arXiv 1705.07750) on tf_keras, for Kinetics-400 and Kinetics-600.

Variables carry the names of the published checkpoints, without prefix: 230 of them, 12,704,544 numbers at 400 classes.
"""

from __future__ import annotations

import tensorflow as tf
import tf_keras as keras

from dvdgan_tf.errors import InputError

SIZE = 224
MIN_FRAMES = 9
CLASSES = (400, 600)
_EPSILON = 1e-3

# Channels of the six convolutions of a mixed layer: branch 0, branches 1 and 2 (reduce, 3x3x3), branch 3 after a pool.
_MIXED = {
    'Mixed_3b': (64, 96, 128, 16, 32, 32),
    'Mixed_3c': (128, 128, 192, 32, 96, 64),
    'Mixed_4b': (192, 96, 208, 16, 48, 64),
    'Mixed_4c': (160, 112, 224, 24, 64, 64),
    'Mixed_4d': (128, 128, 256, 24, 64, 64),
    'Mixed_4e': (112, 144, 288, 32, 64, 64),
    'Mixed_4f': (256, 160, 320, 32, 128, 128),
    'Mixed_5b': (256, 160, 320, 32, 128, 128),
    'Mixed_5c': (384, 192, 384, 48, 128, 128),
}


class _Unit(keras.layers.Layer):
    """SAME convolution without bias, batch normalisation without scale by stored moments, ReLU."""

    def __init__(self, inputs: int, channels: int, kernel: int, stride: int = 1):
        super().__init__(trainable=False)
        self.stride = stride
        self.w = self.add_weight('w', (kernel, kernel, kernel, inputs, channels), initializer='he_normal')
        self.beta = self.add_weight('beta', (channels,), initializer='zeros')
        self.mean = self.add_weight('moving_mean', (channels,), initializer='zeros')
        self.variance = self.add_weight('moving_variance', (channels,), initializer='ones')

    def call(self, inputs: tf.Tensor) -> tf.Tensor:
        # The normalisation is folded into the kernel: one pass over the activations instead of three.
        scale = tf.math.rsqrt(self.variance + _EPSILON)
        hidden = tf.nn.conv3d(inputs, self.w * scale, [1, *[self.stride] * 3, 1], 'SAME')
        return tf.nn.relu(tf.nn.bias_add(hidden, self.beta - self.mean * scale))

    def named_variables(self) -> dict[str, tf.Variable]:
        return {
            'conv_3d/w': self.w,
            'batch_norm/beta': self.beta,
            'batch_norm/moving_mean': self.mean,
            'batch_norm/moving_variance': self.variance,
        }


class _Mixed(keras.layers.Layer):
    """Four branches side by side: 1, 1 then 3, 1 then 3, pool then 1."""

    def __init__(self, inputs: int, channels: tuple[int, ...], name: str):
        super().__init__(name=name, trainable=False)
        # The checkpoints misname one convolution: in Mixed_5b the second of branch 2 is 0a.
        second = 'Branch_2/Conv3d_0a_3x3' if name == 'Mixed_5b' else 'Branch_2/Conv3d_0b_3x3'
        self.units = {
            'Branch_0/Conv3d_0a_1x1': _Unit(inputs, channels[0], 1),
            'Branch_1/Conv3d_0a_1x1': _Unit(inputs, channels[1], 1),
            'Branch_1/Conv3d_0b_3x3': _Unit(channels[1], channels[2], 3),
            'Branch_2/Conv3d_0a_1x1': _Unit(inputs, channels[3], 1),
            second: _Unit(channels[3], channels[4], 3),
            'Branch_3/Conv3d_0b_1x1': _Unit(inputs, channels[5], 1),
        }

    def call(self, inputs: tf.Tensor) -> tf.Tensor:
        first, reduce1, conv1, reduce2, conv2, last = self.units.values()
        pooled = tf.nn.max_pool3d(inputs, 3, 1, 'SAME')
        return tf.concat([first(inputs), conv1(reduce1(inputs)), conv2(reduce2(inputs)), last(pooled)], -1)


class InceptionI3D(keras.Model):
    """Features of clips [B, T >= 9, 224, 224, 3] float32 in [-1, 1].

    Args:
        classes: 400 or 600.
        width_divisor: divides every width; 1 is the published network, 2 to 16 are for tests.
    """

    def __init__(self, classes: int = 400, width_divisor: int = 1):
        super().__init__(name='inception_i3d', trainable=False)
        if classes not in CLASSES:
            raise InputError(f'I3D with {classes} classes does not exist; the published ones have 400 and 600.')
        self.classes = classes
        first, features = 64 // width_divisor, 192 // width_divisor
        self.stages = {
            'Conv3d_1a_7x7': _Unit(3, first, 7, 2),
            'Conv3d_2b_1x1': _Unit(first, first, 1),
            'Conv3d_2c_3x3': _Unit(first, features, 3),
        }
        for name, full in _MIXED.items():
            channels = tuple(c // width_divisor for c in full)
            self.stages[name] = _Mixed(features, channels, name)
            features = channels[0] + channels[2] + channels[4] + channels[5]
        self.pools = {'Conv3d_2b_1x1': (1, 3), 'Mixed_3b': (1, 3), 'Mixed_4b': (3, 3), 'Mixed_5b': (2, 2)}
        self.logits_w = self.add_weight('logits_w', (1, 1, 1, features, classes), initializer='he_normal')
        self.logits_b = self.add_weight('logits_b', (classes,), initializer='zeros')

    def call(self, clips: tf.Tensor) -> dict[str, tf.Tensor]:
        """`avgpool` [B, 1024] and `logits` [B, classes], both averaged over time, float32."""
        hidden = clips
        for name, stage in self.stages.items():
            if name in self.pools:
                frames, pixels = self.pools[name]
                strides = [1, 2 if frames > 1 else 1, 2, 2, 1]
                hidden = tf.nn.max_pool3d(hidden, [1, frames, pixels, pixels, 1], strides, 'SAME')
            hidden = stage(hidden)
        pooled = tf.nn.avg_pool3d(hidden, [1, 2, 7, 7, 1], 1, 'VALID')
        logits = tf.nn.conv3d(pooled, self.logits_w, [1] * 5, 'VALID') + self.logits_b
        return {'avgpool': tf.reduce_mean(pooled, [1, 2, 3]), 'logits': tf.reduce_mean(logits, [1, 2, 3])}

    def named_variables(self) -> dict[str, tf.Variable]:
        """Every variable under its name in the published checkpoints."""
        names = {}
        for stage, layer in self.stages.items():
            inside = layer.units if stage in _MIXED else {'': layer}
            for place, unit in inside.items():
                prefix = f'{stage}/{place}'.rstrip('/')
                names.update({f'{prefix}/{name}': variable for name, variable in unit.named_variables().items()})
        logits = 'Logits/Conv3d_0c_1x1/conv_3d'
        return {**names, f'{logits}/w': self.logits_w, f'{logits}/b': self.logits_b}
