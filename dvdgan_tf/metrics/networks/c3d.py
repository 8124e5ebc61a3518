"""C3D (Tran et al. 2015, arXiv 1412.0767) fine-tuned on UCF-101: the network of tgan's Inception score."""

from __future__ import annotations

import numpy as np
import tensorflow as tf

from dvdgan_tf.errors import InputError
from dvdgan_tf.metrics.networks.weights import digest, read_arrays

FRAMES = 16
CLASSES = 101
MEAN_SHAPE = (3, 16, 128, 171)
_CONVOLUTIONS = {
    'conv1a': 64,
    'conv2a': 128,
    'conv3a': 256,
    'conv3b': 256,
    'conv4a': 512,
    'conv4b': 512,
    'conv5a': 512,
    'conv5b': 512,
}
_POOLED_AFTER = ('conv1a', 'conv2a', 'conv3b', 'conv4b', 'conv5b')
_FULLY_CONNECTED = {'fc6': 4096, 'fc7': 4096, 'fc8': CLASSES}
_FLAT = 4 * 4  # positions of the last pool: 1 frame, 4 rows, 4 columns
_SOURCE = 'conv3d_deepnetA_ucf.npz and mean2.npz are files of release v1.0 of github.com/rezoo/tgan2'


def shapes(width_divisor: int = 1) -> dict[str, tuple[int, ...]]:
    """Shape of every array of the weight file: kernels (out, in, t, h, w), matrices (out, in)."""
    found, inputs = {}, 3
    for name, channels in _CONVOLUTIONS.items():
        channels //= width_divisor
        found[f'{name}/W'], found[f'{name}/b'] = (channels, inputs, 3, 3, 3), (channels,)
        inputs = channels
    inputs *= _FLAT
    for name, full in _FULLY_CONNECTED.items():
        units = full if name == 'fc8' else full // width_divisor
        found[f'{name}/W'], found[f'{name}/b'] = (units, inputs), (units,)
        inputs = units
    return found


class C3D(tf.Module):
    """Class probabilities of clips that `preprocessing.tgan_input` or `tgan2_input` prepared.

    Args:
        weights: arrays named and shaped as `shapes()`; 78,409,573 numbers at full width.
    """

    def __init__(self, weights: dict[str, np.ndarray]):
        super().__init__(name='c3d')
        axes = {5: (2, 3, 4, 1, 0), 2: (1, 0), 1: (0,)}
        self._weights = {
            name: tf.Variable(value.transpose(axes[value.ndim]), trainable=False, dtype=tf.float32)
            for name, value in weights.items()
        }

    def __call__(self, clips: tf.Tensor) -> dict[str, tf.Tensor]:
        """`softmax` [B, 101] of clips [B, 16, 112, 112, 3]."""
        hidden = clips
        for name in _CONVOLUTIONS:
            hidden = tf.nn.conv3d(hidden, self._weights[f'{name}/W'], [1] * 5, 'SAME') + self._weights[f'{name}/b']
            hidden = tf.nn.relu(hidden)
            if name in _POOLED_AFTER:
                window = [1, 1 if name == 'conv1a' else 2, 2, 2, 1]
                hidden = tf.nn.max_pool3d(hidden, window, window, 'SAME')
        # fc6 was trained on channels first.
        hidden = tf.reshape(tf.transpose(hidden, [0, 4, 1, 2, 3]), [-1, self._weights['fc6/W'].shape[0]])
        for name in _FULLY_CONNECTED:
            hidden = tf.matmul(hidden, self._weights[f'{name}/W']) + self._weights[f'{name}/b']
            hidden = hidden if name == 'fc8' else tf.nn.relu(hidden)
        return {'softmax': tf.nn.softmax(hidden)}


def load(path: str, width_divisor: int = 1) -> tuple[C3D, str]:
    """C3D with the weights of conv3d_deepnetA_ucf.npz, and their hash.

    Raises:
        InputError: the file is unreadable, or of another network.
    """
    arrays = read_arrays(path, 'C3D weights')
    expected = shapes(width_divisor)
    for name, shape in expected.items():
        if name not in arrays or arrays[name].shape != shape:
            found = arrays[name].shape if name in arrays else 'missing'
            raise InputError(f'{path} is no C3D of UCF-101: {name} is {found} where {shape} is expected; {_SOURCE}')
    weights = {name: np.asarray(arrays[name], np.float32) for name in expected}
    return C3D(weights), digest(weights)


def load_mean(path: str) -> tuple[np.ndarray, str]:
    """The mean clip [3, 16, 128, 171] BGR of mean2.npz, and its hash.

    Raises:
        InputError: the file is unreadable, or holds something else.
    """
    arrays = read_arrays(path, 'the mean of C3D')
    mean = arrays.get('mean')
    if mean is None or mean.size != np.prod(MEAN_SHAPE):
        raise InputError(f'{path} has no array "mean" of shape {MEAN_SHAPE}; {_SOURCE}')
    mean = np.asarray(mean, np.float32).reshape(MEAN_SHAPE)
    return mean, digest({'mean': mean})
