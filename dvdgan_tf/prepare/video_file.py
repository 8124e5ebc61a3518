"""The beginning of one video file as training would see it, without preparing it first."""

import itertools

import numpy as np

from dvdgan_tf.errors import InputError
from dvdgan_tf.prepare.listing import BadClip, Rules


def first_frames(path: str, resolution: int, num_frames: int, stride: int, channels: int) -> np.ndarray:
    """The first frames of a video: the shorter side resized to the resolution, the central square cut out.

    Args:
        path: of the video.
        resolution: height and width.
        num_frames: how many frames, at most; a shorter video gives fewer.
        stride: take every stride-th frame.
        channels: 1 for grey, 3 for colour.

    Returns:
        float32 [T, resolution, resolution, channels] in [-1, 1].

    Raises:
        InputError: there is no such file, it is no video, or PyAV is not installed.
    """
    from dvdgan_tf.prepare.decoders import pyav  # needs PyAV

    frames = pyav.video_frames(path, Rules(short_side=resolution, channels=channels))
    try:
        window = itertools.islice(frames, 0, (num_frames - 1) * stride + 1, stride)
        clip = np.stack([frame.pixels for frame in window]).astype(np.float32)
    except (OSError, BadClip) as error:
        raise InputError(f'the video {path} cannot be used: {error}.') from error
    top, left = ((side - resolution) // 2 for side in clip.shape[1:3])
    return clip[:, top : top + resolution, left : left + resolution] / 127.5 - 1.0
