"""Animated PNG (APNG), which browsers and most viewers play, with Python's own modules alone."""

from __future__ import annotations

import os
import struct
import zlib
from collections.abc import Iterator, Sequence

_MAGIC = b'\x89PNG\r\n\x1a\n'
_MILLISECONDS = 1000
_SLOWEST, _FASTEST = 0.1, 1000.0  # frames per second; the delay is a fraction of 16-bit integers


def write(path: str, frames: Sequence[bytes], fps: float) -> None:
    """Writes PNG files of one size as one endlessly looping animation; a failed write leaves no file.

    Args:
        path: of the animation.
        frames: at least one.
        fps: frames per second, 0.1 to 1000.

    Raises:
        OSError: there is no room, no permission or no such folder.
        ValueError: a frame is no PNG of the size of the first, or fps is out of range.
    """
    animation, unfinished = animated(frames, fps), f'{path}.writing'
    try:
        with open(unfinished, 'wb') as file:
            file.write(animation)
        os.replace(unfinished, path)
    except OSError:
        if os.path.isfile(unfinished):
            os.unlink(unfinished)
        raise


def animated(frames: Sequence[bytes], fps: float) -> bytes:
    """The content of `write`."""
    if not _SLOWEST <= fps <= _FASTEST:
        raise ValueError(f'the speed is {fps} frames per second; give {_SLOWEST:g} to {_FASTEST:g}')
    stills = [dict(_chunks(frame)) for frame in frames]
    if any(still.get(b'IHDR') != stills[0].get(b'IHDR') or b'IDAT' not in still for still in stills):
        raise ValueError('the frames are not PNG files of one size and kind')
    size = stills[0][b'IHDR'][:8]
    delay = struct.pack('>HHBB', round(_MILLISECONDS / fps), _MILLISECONDS, 0, 0)
    parts = [_MAGIC, _chunk(b'IHDR', stills[0][b'IHDR']), _chunk(b'acTL', struct.pack('>II', len(stills), 0))]
    number = 0
    for still in stills:
        parts.append(_chunk(b'fcTL', struct.pack('>I', number) + size + bytes(8) + delay))
        number += 1
        if still is stills[0]:
            parts.append(_chunk(b'IDAT', still[b'IDAT']))
        else:
            parts.append(_chunk(b'fdAT', struct.pack('>I', number) + still[b'IDAT']))
            number += 1
    return b''.join([*parts, _chunk(b'IEND', b'')])


def still(width: int, height: int, pixels: bytes) -> bytes:
    """A PNG of pixels, row by row: a byte each for grey, three for red, green and blue."""
    stride = len(pixels) // height
    colour = {width: 0, 3 * width: 2}[stride]
    rows = b''.join(b'\0' + pixels[start : start + stride] for start in range(0, len(pixels), stride))
    header = struct.pack('>IIBBBBB', width, height, 8, colour, 0, 0, 0)
    return b''.join(
        [_MAGIC, _chunk(b'IHDR', header), _chunk(b'IDAT', zlib.compress(rows, 9)), _chunk(b'IEND', b'')]
    )


def _chunks(content: bytes) -> Iterator[tuple[bytes, bytes]]:
    """Kind and data of every chunk of a PNG, those of pixels as one."""
    pixels, place = b'', len(_MAGIC)
    while content.startswith(_MAGIC) and place + 8 <= len(content):
        length, kind = struct.unpack('>I4s', content[place : place + 8])
        data = content[place + 8 : place + 8 + length]
        pixels += data if kind == b'IDAT' else b''
        yield kind, pixels if kind == b'IDAT' else data
        place += length + 12


def _chunk(kind: bytes, data: bytes) -> bytes:
    return struct.pack('>I', len(data)) + kind + data + struct.pack('>I', zlib.crc32(kind + data))
