"""Videos decoded by tensorflow-io, for machines on which its ffmpeg (2 to 4) is present and PyAV is not wanted.

It knows neither rotation nor time stamps nor the shape of pixels, and it may give the first frame again and again
without an error (tensorflow/io issue 1471), which is caught here. PyAV is better wherever it can be installed.
"""

import warnings

import numpy as np

from dvdgan_tf.data import remote
from dvdgan_tf.errors import InputError
from dvdgan_tf.prepare.listing import BadClip


def check() -> None:
    """Raises InputError unless tensorflow-io finds an ffmpeg that it can use."""
    try:
        _decode(b'')  # the libraries are loaded by the first call
    except BadClip:
        pass


def _decode(contents: bytes) -> np.ndarray:
    import tensorflow as tf

    decoder = remote.tensorflow_io().experimental.ffmpeg.decode_video
    try:
        with warnings.catch_warnings():
            warnings.simplefilter('ignore')  # it warns once for every version of ffmpeg that is not there
            return decoder(contents, 0).numpy()
    except NotImplementedError:  # what tensorflow_io raises where it finds no ffmpeg
        raise InputError(
            '--decoder=tfio needs libavformat 58, 57 or 56 (ffmpeg 4, 3 or 2), which this machine does not have: '
            'install one, or use --decoder=pyav.'
        ) from None
    except tf.errors.OpError as error:
        raise BadClip(f'cannot be decoded by tensorflow-io ({error.message.splitlines()[0]})') from None


def video_frames(contents: bytes) -> np.ndarray:
    """All frames of a video as uint8 [T, height, width, 3].

    Raises:
        BadClip: it cannot be decoded, or only its first frame.
        InputError: tensorflow-io finds no ffmpeg.
    """
    frames = _decode(contents)
    if len(frames) > 1 and (frames == frames[0]).all():
        raise BadClip(f'gives {len(frames)} times the same frame, a known fault of tensorflow-io')
    return frames
