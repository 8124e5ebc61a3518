"""From clips in [-1, 1] to what each network was trained on. The rules are part of a protocol: none may be swapped."""

from __future__ import annotations

import numpy as np
import tensorflow as tf

I3D_SIZE = 224
C3D_SIZE = 112
_MEAN_COLUMNS = slice(21, 149)
_CROP = slice(8, 120)


def colour(clips: tf.Tensor) -> tf.Tensor:
    """float32 with three channels; one channel is repeated."""
    clips = tf.cast(clips, tf.float32)
    return tf.repeat(clips, 3, axis=-1) if clips.shape[-1] == 1 else clips


def quantize(clips: tf.Tensor) -> tf.Tensor:
    """Clips in [-1, 1] rounded to the 256 levels of uint8, as writing them to a file would."""
    levels = tf.clip_by_value(tf.round((tf.cast(clips, tf.float32) + 1) * 127.5), 0, 255)
    return levels / 127.5 - 1


def _frames(clips: tf.Tensor) -> tf.Tensor:
    return tf.reshape(clips, [-1, *clips.shape[2:]])


def _clips(frames: tf.Tensor, num_frames: int) -> tf.Tensor:
    return tf.reshape(frames, [-1, num_frames, *frames.shape[1:]])


def i3d_input(clips: tf.Tensor, half_pixel: bool = False) -> tf.Tensor:
    """Preprocessing of FVD (Unterthiner et al. 2018): legacy bilinear to 224x224, aspect squashed, range [-1, 1].

    TensorFlow 1's legacy kernel (corners not aligned, pixel centres at whole numbers, no antialiasing). The half-pixel
    kernel of today shifts by 0.36 source pixels at 64 to 224.

    Args:
        clips: [B, T, H, W, 1 or 3] in [-1, 1].
        half_pixel: resize with the half-pixel kernel of today, to match code bases that do; it is not FVD's.

    Returns:
        [B, T, 224, 224, 3] float32.
    """
    pixels = (colour(clips) + 1) * 127.5
    resized = tf.raw_ops.ResizeBilinear(
        images=_frames(pixels), size=[I3D_SIZE, I3D_SIZE], align_corners=False, half_pixel_centers=half_pixel
    )
    return _clips(2 * resized / 255 - 1, clips.shape[1])


def cubic_matrix(size: int, target: int) -> np.ndarray:
    """[target, size] float32: cubic interpolation as OpenCV does it (a = -0.75, half-pixel centres, edge repeated)."""
    matrix = np.zeros((target, size))
    for row in range(target):
        place = (row + 0.5) * size / target - 0.5
        first = int(np.floor(place))
        for tap in range(first - 1, first + 3):
            matrix[row, min(max(tap, 0), size - 1)] += _cubic(abs(place - tap))
    return matrix.astype(np.float32)


def _cubic(distance: float, a: float = -0.75) -> float:
    if distance <= 1:
        return (a + 2) * distance**3 - (a + 3) * distance**2 + 1
    if distance < 2:
        return a * (distance**3 - 5 * distance**2 + 8 * distance - 4)
    return 0.0


def tgan_input(clips: tf.Tensor, mean: np.ndarray) -> tf.Tensor:
    """Preprocessing of tgan's Inception score: x 128 + 128, cubic to 128x128, BGR, minus mean, centre 112x112.

    Args:
        clips: [B, 16, H, W, 1 or 3] in [-1, 1].
        mean: [3, 16, 128, 171] BGR, as in mean2.npz.

    Returns:
        [B, 16, 112, 112, 3] float32.
    """
    pixels = colour(clips) * 128 + 128
    if tuple(clips.shape[2:4]) != (128, 128):
        rows, columns = (cubic_matrix(size, 128) for size in clips.shape[2:4])
        pixels = tf.einsum('yh,xw,bthwc->btyxc', rows, columns, pixels)
    centred = pixels[..., ::-1] - mean.transpose(1, 2, 3, 0)[:, :, _MEAN_COLUMNS]
    return centred[:, :, _CROP, _CROP]


def tgan2_input(clips: tf.Tensor, mean: np.ndarray) -> tf.Tensor:
    """Preprocessing of tgan2's Inception score: BGR x 128, bilinear with aligned corners to 112x112, + 128 - mean.

    Its mean is cropped from the mean's left side, not from its middle as tgan does.

    Args and returns: as `tgan_input`.
    """
    pixels = colour(clips)[..., ::-1] * 128
    resized = tf.raw_ops.ResizeBilinear(
        images=_frames(pixels), size=[C3D_SIZE, C3D_SIZE], align_corners=True, half_pixel_centers=False
    )
    return _clips(resized, clips.shape[1]) + 128 - mean.transpose(1, 2, 3, 0)[:, _CROP, _CROP]
