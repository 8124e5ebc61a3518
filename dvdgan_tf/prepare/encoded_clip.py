"""A clip on its way from the process that decodes it to the one that writes it, in bounded memory.

The frames travel in the parts that become records. A clip of more than a few megabytes waits in a file of its own.
"""

from __future__ import annotations

import dataclasses
import hashlib
import io
import os
import pickle
import uuid
from collections.abc import Iterator
from typing import Any

import numpy as np
from PIL import Image

from dvdgan_tf.prepare.frames import clip_frames
from dvdgan_tf.prepare.listing import BadClip, Rules, SourceClip

# A window reads whole parts: few frames, so that it costs little more than its own bytes.
PART_FRAMES, PART_BYTES = 32, 1 << 22
_HELD_BYTES = 1 << 22


@dataclasses.dataclass(frozen=True)
class EncodedClip:
    """A clip ready to be written.

    Attributes:
        facts: for its line of the index.
        held: its parts, lists of encoded frames, where they are few.
        spool: else the file that they wait in.
    """

    facts: dict[str, Any]
    held: list[list[bytes]] = dataclasses.field(default_factory=list)
    spool: str | None = None

    def parts(self) -> Iterator[list[bytes]]:
        """The encoded frames, part by part."""
        yield from self.held
        if self.spool is not None:
            with open(self.spool, 'rb') as file:
                while file.peek(1):
                    yield from pickle.load(file)

    def discard(self) -> None:
        """Removes the file."""
        if self.spool is not None:
            os.remove(self.spool)


def encode_clip(clip: SourceClip, rules: Rules, scratch: str) -> EncodedClip | str:
    """The clip's frames as they will be stored, or the reason why they cannot be.

    Args:
        clip: where it is.
        rules: how to store it.
        scratch: a folder for a clip that is too large to be held in memory.
    """
    parts, shape, rate, damaged, enlarged = _Parts(scratch), None, 0.0, 0, False
    try:
        for frame in clip_frames(clip, rules):
            if shape not in (None, frame.pixels.shape):
                raise BadClip(f'changes its size from {shape} to {frame.pixels.shape} at frame {parts.frames}')
            shape, rate, enlarged = frame.pixels.shape, frame.fps, frame.enlarged
            parts.add(encode_frame(frame.pixels, rules))
            damaged += frame.damaged
        if parts.frames < 2:
            raise BadClip('holds a single frame, which is no clip' if parts.frames else 'holds no frame')
    except BadClip as reason:
        parts.discard()
        return str(reason)
    facts = {
        'height': shape[0],
        'width': shape[1],
        'fps': round(rate, 3),
        'group': clip.group,
        'hash': parts.digest.hexdigest(),
    }
    if damaged:
        facts['damaged_frames'] = damaged
    if enlarged:
        facts['enlarged'] = True
    facts['channels'] = shape[2]
    return EncodedClip(facts, *parts.finish())


class _Parts:
    """Collects encoded frames as parts, in memory at first and then in a file."""

    def __init__(self, scratch: str):
        self._path = os.path.join(scratch, uuid.uuid4().hex)
        self._spooled = False
        self._held, self._held_bytes = [], 0
        self._part, self._part_bytes = [], 0
        self.frames = 0
        self.digest = hashlib.sha256()

    def add(self, frame: bytes) -> None:
        self.digest.update(len(frame).to_bytes(4, 'little'))
        self.digest.update(frame)
        self._part.append(frame)
        self._part_bytes += len(frame)
        self.frames += 1
        if len(self._part) == PART_FRAMES or self._part_bytes >= PART_BYTES:
            self._end_part()
            if self._held_bytes > _HELD_BYTES:
                self._spool()

    def _end_part(self) -> None:
        if self._part:
            self._held.append(self._part)
        self._held_bytes += self._part_bytes
        self._part, self._part_bytes = [], 0

    def _spool(self) -> None:
        with open(self._path, 'ab') as file:
            pickle.dump(self._held, file)
        self._spooled, self._held, self._held_bytes = True, [], 0

    def finish(self) -> tuple[list[list[bytes]], str | None]:
        """The parts, or the file that holds them."""
        self._end_part()
        if not self._spooled:
            return self._held, None
        if self._held:
            self._spool()
        return [], self._path

    def discard(self) -> None:
        if self._spooled:
            os.remove(self._path)


def encode_frame(frame: np.ndarray, rules: Rules) -> bytes:
    """One frame [height, width, channels] as JPEG, PNG or raw little-endian bytes; `data.pipeline` reads them."""
    if rules.encoding == 'raw':
        return frame.astype(frame.dtype.newbyteorder('<'), copy=False).tobytes()
    image = Image.fromarray(np.ascontiguousarray(frame[..., 0] if frame.shape[-1] == 1 else frame))
    buffer = io.BytesIO()
    if rules.encoding == 'png':
        image.save(buffer, 'PNG')
    else:
        # Small frames suffer visibly from halved chroma, so it is kept whole.
        image.save(buffer, 'JPEG', quality=rules.quality, subsampling=0)
    return buffer.getvalue()
