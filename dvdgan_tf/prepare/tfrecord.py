"""TFRecord files of tf.train.Example without TensorFlow, whose import alone would hold half a gigabyte.

A record is framed by its length and by masked CRC-32C checksums (tensorflow/core/lib/io/record_writer.h). An Example is
a protocol buffer (protobuf.dev/programming-guides/encoding), of which only texts and whole numbers are needed here.
"""

from __future__ import annotations

import struct
from collections.abc import Mapping, Sequence

import google_crc32c


def example(features: Mapping[str, Sequence[bytes] | int]) -> bytes:
    """The bytes of a tf.train.Example, as SerializeToString(deterministic=True) gives them.

    Args:
        features: a list of byte strings, or a whole number of 0 or more, by name.
    """
    entries = (
        _field(1, _field(1, name.encode()) + _field(2, _feature(value))) for name, value in sorted(features.items())
    )
    return _field(1, b''.join(entries))


def _feature(value: Sequence[bytes] | int) -> bytes:
    if isinstance(value, int):
        return _field(3, _field(1, _varint(value)))
    return _field(1, b''.join(_field(1, item) for item in value))


def _field(number: int, content: bytes) -> bytes:
    return bytes([number << 3 | 2]) + _varint(len(content)) + content


def _varint(number: int) -> bytes:
    """Seven bits a byte, the lowest first; the highest bit says that more follow."""
    groups = bytearray()
    while number > 127:
        groups.append(number & 127 | 128)
        number >>= 7
    return bytes([*groups, number])


def framed(record: bytes) -> bytes:
    """A record as it lies in a file."""
    length = struct.pack('<Q', len(record))
    return b''.join((length, _masked_crc(length), record, _masked_crc(record)))


def _masked_crc(data: bytes) -> bytes:
    crc = google_crc32c.value(data)
    return struct.pack('<I', ((crc >> 15 | crc << 17) + 0xA282EAD8) & 0xFFFFFFFF)
