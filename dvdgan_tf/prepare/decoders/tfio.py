"""Videos decoded by tensorflow-io, for machines on which its ffmpeg (2 to 4) is present and PyAV is not wanted.

It knows neither rotation nor time stamps nor the shape of pixels, and it may give the first frame again and again
without an error (tensorflow/io issue 1471), which is caught here. PyAV is better wherever it can be installed.
"""

from __future__ import annotations

import importlib
import os
import uuid
import warnings
from collections.abc import Iterator
from typing import Any

import numpy as np

from dvdgan_tf.data import remote
from dvdgan_tf.errors import InputError
from dvdgan_tf.prepare.listing import BadClip


def operations() -> Any:
    """What tensorflow-io makes of an ffmpeg. Its public functions give all frames at once, or keep every file open.

    Raises:
        InputError: it finds no ffmpeg that it can use.
    """
    library = remote.tensorflow_io()
    try:
        with warnings.catch_warnings():
            warnings.simplefilter('ignore')  # it warns once for every version of ffmpeg that is not there
            return importlib.import_module(f'{library.__name__}.python.ops.ffmpeg_ops')
    except NotImplementedError:  # what tensorflow_io raises where it finds no ffmpeg
        raise InputError(
            '--decoder=tfio needs libavformat 58, 57 or 56 (ffmpeg 4, 3 or 2), which this machine does not have: '
            'install one, or use --decoder=pyav.'
        ) from None


def _decoded(path: str) -> Iterator[np.ndarray]:
    """Frames as they are decoded, a few at a time."""
    import tensorflow as tf

    video, reset, ffmpeg = None, True, operations()
    try:
        video = ffmpeg.io_ffmpeg_video_readable_init(os.fsencode(path), 0, container='', shared_name=uuid.uuid4().hex)
        while len(frames := ffmpeg.io_ffmpeg_video_readable_next(video, reset, dtype=tf.uint8).numpy()):
            reset = False
            yield from frames
    except tf.errors.OpError as error:
        raise BadClip(f'cannot be decoded by tensorflow-io ({error.message.splitlines()[0]})') from None
    finally:
        if video is not None:
            tf.raw_ops.DestroyResourceOp(resource=video)


def video_frames(path: str) -> Iterator[np.ndarray]:
    """The frames of a video, uint8 [height, width, 3].

    Raises:
        BadClip: it cannot be decoded, or only its first frame.
        InputError: tensorflow-io finds no ffmpeg.
    """
    first, count, same = None, 0, True
    for frame in _decoded(path):
        first, count = (frame if first is None else first), count + 1
        same = same and np.array_equal(frame, first)
        yield frame
    if count > 1 and same:
        raise BadClip(f'gives {count} times the same frame, a known fault of tensorflow-io')
