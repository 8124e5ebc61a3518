"""The BAIR robot pushing set (softmotion30_44k) as distributed: TFRecords with raw frames of two cameras."""

from collections.abc import Iterator

import numpy as np

from dvdgan_tf.data import remote
from dvdgan_tf.prepare.listing import BadClip, SourceClip

NUM_FRAMES = 30
SIDE = 64


def record_offsets(path: str) -> tuple[list[int], str]:
    """Where the complete records of a TFRecord file start, and a complaint if it ends inside another."""
    offsets, offset, size = [], 0, remote.file_size(path)
    with remote.open_input(path) as file:
        while offset < size:
            file.seek(offset)
            head = file.read(8)
            following = offset + 16 + int.from_bytes(head, 'little')
            if len(head) < 8 or following > size:
                return offsets, f'is cut short inside record {len(offsets)}'
            offsets.append(offset)
            offset = following
    return offsets, '' if offsets else 'is empty (0 bytes)'


def read_record(path: str, offset: int) -> bytes:
    """The record of a TFRecord file at an offset.

    Raises:
        BadClip: it is damaged.
    """
    import tensorflow as tf

    remote.register(path)
    try:
        records = tf.raw_ops.TFRecordDatasetV2(
            filenames=[path], compression_type='', buffer_size=1 << 20, byte_offsets=[offset]
        )
        dataset = tf.data.experimental.from_variant(records, tf.TensorSpec((), tf.string))
        return dataset.take(1).get_single_element().numpy()
    except (tf.errors.DataLossError, tf.errors.InvalidArgumentError) as error:
        raise BadClip(f'is damaged ({str(error).splitlines()[0]})') from None


def record_frames(clip: SourceClip) -> Iterator[np.ndarray]:
    """The 30 frames of a record, uint8 [64, 64, 3]; the clip's place is (byte offset, camera).

    Raises:
        BadClip: the record is damaged or lacks the camera's frames.
    """
    import tensorflow as tf
    from google.protobuf.message import DecodeError

    offset, camera = clip.place
    try:
        feature = tf.train.Example.FromString(read_record(clip.path, offset)).features.feature
    except DecodeError as error:
        raise BadClip(f'is damaged ({str(error).splitlines()[0]})') from None
    for key in (f'{time}/{camera}/encoded' for time in range(NUM_FRAMES)):
        raw = feature[key].bytes_list.value[0] if key in feature and feature[key].bytes_list.value else b''
        if len(raw) != SIDE * SIDE * 3:
            raise BadClip(f'{key} holds {len(raw)} bytes instead of {SIDE * SIDE * 3}')
        yield np.frombuffer(raw, np.uint8).reshape(SIDE, SIDE, 3)
