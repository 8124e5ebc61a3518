"""The network of the protocols offline_<n>: quality numbers that need no download.

It is a fixed, seeded, **untrained** 3-D convolutional network. The Frechet distance in its features is **not FVD**, and
its values compare with nothing but itself at the same clip size, number of clips and seed. Read it against the floor,
the distance between two disjoint sets of real clips. It falls as clips get closer to real ones in brightness, texture
and motion; blurred, frozen, frame-shuffled and noisy clips all score above the floor.
"""

from __future__ import annotations

import hashlib

import numpy as np
import tensorflow as tf

from dvdgan_tf.errors import InputError

FEATURES = 256
_CHANNELS = (32, 48, 48)
_STRIDES = ((1, 2, 2), (2, 2, 2), (2, 2, 2))
_SCALE = 10.0  # only so that typical distances are read without leading zeros


class OfflineNetwork(tf.Module):
    """Three strided 3x3x3 convolutions with ReLU; features are each channel's mean and deviation over the clip.

    A quarter of the first filters sees the plain clip, a quarter only its contrast in a 3x3x3 window, and half only
    its change over time, the latter two amplified: without that, brightness drowns motion. Weights come from NumPy's
    frozen legacy generator: equal everywhere, for ever.
    """

    def __init__(self, seed: int = 0):
        super().__init__(name='offline_network')
        random = np.random.RandomState(seed)
        kernels, inputs = [], 3
        for channels in _CHANNELS:
            kernels.append(random.standard_normal((3, 3, 3, inputs, channels)) * np.sqrt(2 / (27 * inputs)))
            inputs = channels
        quarter = _CHANNELS[0] // 4
        contrast, change = kernels[0][..., quarter : 2 * quarter], kernels[0][..., 2 * quarter :]
        contrast[:] = 2 * (contrast - contrast.mean((0, 1, 2), keepdims=True))
        change[:] = 4 * (change - change.mean(0, keepdims=True))
        self.seed = seed
        self._kernels = [tf.constant(kernel, tf.float32) for kernel in kernels]
        self.hash = hashlib.sha256(b''.join(kernel.astype('<f4').tobytes() for kernel in kernels)).hexdigest()

    @tf.function(autograph=False)
    def __call__(self, clips: tf.Tensor) -> tf.Tensor:
        """Features of clips.

        Args:
            clips: [B, T, H, W, 1 or 3] in [-1, 1], T >= 2, H and W >= 16; one channel is repeated to three.

        Returns:
            [B, 256] float32.
        """
        hidden = tf.cast(clips, tf.float32)
        if hidden.shape[-1] == 1:
            hidden = tf.repeat(hidden, 3, axis=-1)
        # Zero padding would show the filters of change a cut at both ends of every clip.
        hidden = tf.pad(hidden, [[0, 0], [1, 1], [1, 1], [1, 1], [0, 0]], 'SYMMETRIC')
        features = []
        for level, (kernel, strides) in enumerate(zip(self._kernels, _STRIDES)):
            hidden = tf.nn.relu(tf.nn.conv3d(hidden, kernel, [1, *strides, 1], 'SAME' if level else 'VALID'))
            mean, variance = tf.nn.moments(hidden, [1, 2, 3])
            features += [mean, tf.sqrt(variance + 1e-6)]
        return _SCALE * tf.concat(features, -1)


def check_clips(clips: tf.Tensor | np.ndarray) -> None:
    """Refuses what is no batch of clips that the offline network can read.

    Raises:
        InputError: wrong rank, channels or size.
    """
    shape = tuple(clips.shape)
    if len(shape) != 5 or shape[-1] not in (1, 3) or shape[1] < 2 or min(shape[2:4]) < 16:
        raise InputError(
            f'clips have shape {shape}; the offline network takes [clips, frames, height, width, channels] with '
            'at least 2 frames, 16 rows, 16 columns and 1 or 3 channels.'
        )
