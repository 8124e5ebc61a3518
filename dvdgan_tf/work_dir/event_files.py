"""TensorBoard's files of a run that goes on: what will be written again is cut off, so that a step has one point."""

from __future__ import annotations

import os

import tensorflow as tf

from dvdgan_tf import files

_FRAME_BYTES = 16  # of a record in a file: its length, and two checksums


def cut_after(folder: str, step: int) -> None:
    """Removes the events after a step, and what a kill left of one, from all event files of a folder."""
    for path in tf.io.gfile.glob(os.path.join(folder, 'events.out.tfevents.*')):
        kept = _bytes_until(path, step)
        if not kept or kept < tf.io.gfile.stat(path).length:
            _cut(path, kept)


def _bytes_until(path: str, step: int) -> int:
    """How many bytes of a file hold whole events up to and including a step."""
    held = 0
    try:
        for record in tf.data.TFRecordDataset(path).as_numpy_iterator():
            if tf.compat.v1.Event.FromString(record).step > step:
                break
            held += len(record) + _FRAME_BYTES
    except tf.errors.DataLossError:
        pass
    return held


def _cut(path: str, size: int) -> None:
    if not size:
        files.remove(path)
    elif not files.is_remote(path):
        os.truncate(path, size)
    else:
        with tf.io.gfile.GFile(path, 'rb') as file:
            content = file.read(size)
        files.write_atomically(path, content)
