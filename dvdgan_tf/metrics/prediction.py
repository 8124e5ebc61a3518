"""How close predicted frames are to the true ones: PSNR, SSIM and LPIPS of each frame."""

from __future__ import annotations

import numpy as np
import tensorflow as tf

from dvdgan_tf.errors import InputError
from dvdgan_tf.metrics.networks.weights import digest, read_arrays
from dvdgan_tf.metrics.preprocessing import colour

SSIM_WINDOW = 11  # pixels
_WORST_CASE = 1e-10  # of the squared error: equal frames have 100 dB, not infinity


def _frames(clips: tf.Tensor) -> tf.Tensor:
    return tf.reshape((tf.cast(clips, tf.float32) + 1) / 2, [-1, *clips.shape[2:]])


def _per_frame(frames: tf.Tensor, num_frames: int) -> tf.Tensor:
    return tf.reshape(frames, [-1, num_frames])


def psnr(real: tf.Tensor, fake: tf.Tensor) -> tf.Tensor:
    """Peak signal-to-noise ratio in dB of each frame of clips [B, T, H, W, C] in [-1, 1]: [B, T]."""
    error = tf.reduce_mean(tf.math.squared_difference(_frames(real), _frames(fake)), [1, 2, 3])
    decibel = -10 * tf.math.log(tf.maximum(error, _WORST_CASE)) / tf.math.log(10.0)
    return _per_frame(decibel, real.shape[1])


def ssim(real: tf.Tensor, fake: tf.Tensor) -> tf.Tensor:
    """Structural similarity (Wang et al. 2004) of each frame of clips [B, T, H, W, C] in [-1, 1]: [B, T].

    Gaussian window of 11 pixels and deviation 1.5, K1 = 0.01, K2 = 0.03.

    Raises:
        InputError: the frames are smaller than the window.
    """
    height, width = real.shape[2:4]
    if min(height, width) < SSIM_WINDOW:
        raise InputError(
            f'frames of {height}x{width} pixels are smaller than the window of SSIM, {SSIM_WINDOW} pixels; '
            'compare larger clips.'
        )
    return _per_frame(tf.image.ssim(_frames(real), _frames(fake), 1.0, filter_size=SSIM_WINDOW), real.shape[1])


# AlexNet as LPIPS takes it: (name in lpips' state_dict, kernel, stride, padding), a 3x3 stride 2 pool before the second
# and the third.
_LAYERS = (
    ('net.slice1.0', (64, 3, 11, 11), 4, 2),
    ('net.slice2.3', (192, 64, 5, 5), 1, 2),
    ('net.slice3.6', (384, 192, 3, 3), 1, 1),
    ('net.slice4.8', (256, 384, 3, 3), 1, 1),
    ('net.slice5.10', (256, 256, 3, 3), 1, 1),
)
_SHIFT = (-0.030, -0.088, -0.188)
_SCALE = (0.458, 0.448, 0.450)


class LPIPS(tf.Module):
    """Learned perceptual distance (Zhang et al. 2018), version 0.1 on AlexNet.

    Args:
        path: npz of the state_dict of lpips.LPIPS(net='alex'), under its own names:
            np.savez(path, **{k: v.numpy() for k, v in lpips.LPIPS(net='alex').state_dict().items()}).

    Attributes:
        hash: of the weights.

    Raises:
        InputError: the file is unreadable, or of another network.
    """

    def __init__(self, path: str):
        super().__init__(name='lpips')
        arrays = read_arrays(path, 'LPIPS weights')
        expected = {f'{name}.weight': shape for name, shape, _, _ in _LAYERS}
        expected.update({f'{name}.bias': shape[:1] for name, shape, _, _ in _LAYERS})
        expected.update({f'lin{i}.model.1.weight': (1, layer[1][0], 1, 1) for i, layer in enumerate(_LAYERS)})
        for name, shape in expected.items():
            if name not in arrays or arrays[name].shape != shape:
                found = arrays[name].shape if name in arrays else 'missing'
                raise InputError(f'{path} is no LPIPS on AlexNet: {name} is {found} where {shape} is expected.')
        self.hash = digest({name: arrays[name] for name in expected})
        self._weights = {name: tf.constant(arrays[name], tf.float32) for name in expected}

    @tf.function(autograph=False)
    def __call__(self, real: tf.Tensor, fake: tf.Tensor) -> tf.Tensor:
        """Distance of each frame of clips [B, T, H, W, 1 or 3] in [-1, 1]: [B, T]."""
        distance = 0.0
        pairs = zip(self._features(real), self._features(fake))
        for index, (first, second) in enumerate(pairs):
            weight = tf.reshape(self._weights[f'lin{index}.model.1.weight'], [-1])
            squares = tf.math.squared_difference(_unit(first), _unit(second))
            distance += tf.reduce_mean(tf.reduce_sum(squares * weight, -1), [1, 2])
        return _per_frame(distance, real.shape[1])

    def _features(self, clips: tf.Tensor) -> list[tf.Tensor]:
        clips = colour(clips)
        hidden = (tf.reshape(clips, [-1, *clips.shape[2:]]) - _SHIFT) / np.float32(_SCALE)
        features = []
        for index, (name, _, stride, pad) in enumerate(_LAYERS):
            if index in (1, 2):
                hidden = tf.nn.max_pool2d(hidden, 3, 2, 'VALID')
            kernel = tf.transpose(self._weights[f'{name}.weight'], [2, 3, 1, 0])
            hidden = tf.nn.conv2d(hidden, kernel, stride, [[0, 0], [pad, pad], [pad, pad], [0, 0]])
            hidden = tf.nn.relu(hidden + self._weights[f'{name}.bias'])
            features.append(hidden)
        return features


def _unit(features: tf.Tensor) -> tf.Tensor:
    return features / (tf.norm(features, axis=-1, keepdims=True) + 1e-10)
