"""Frames out of records, for people to look at."""

from __future__ import annotations

import io
from collections.abc import Sequence
from typing import Any, Callable

import numpy as np
import tensorflow as tf
from PIL import Image

from dvdgan_tf.data import records
from dvdgan_tf.data.pipeline import read_records
from dvdgan_tf.errors import InputError


def find_clip(folder: str, manifest: dict[str, Any], split: str, number: int) -> tuple[str, dict[str, Any]]:
    """(shard, line of its index) of one clip of a split.

    Raises:
        InputError: there is no such split or number, or its index is missing.
    """
    if split not in manifest['splits']:
        raise InputError(f'{folder} has no split {split}: it has {", ".join(manifest["splits"])}.')
    rest = number
    for shard in manifest['splits'][split]['shards']:
        if 0 <= rest < shard['records']:
            return f'{folder}/{shard["file"]}', records.check_shard(folder, shard)[rest]
        rest -= shard['records']
    raise InputError(
        f'{split} has no record {number}: they are numbered 0 to {manifest["splits"][split]["clips"] - 1}.'
    )


def read_frames(
    shard: str,
    manifest: dict[str, Any],
    line: dict[str, Any],
    numbers: Sequence[int],
    resized: Callable[[np.ndarray], np.ndarray] = lambda frame: frame,
) -> np.ndarray:
    """Some frames of a clip; only the parts that hold them are read.

    Args:
        shard: the file.
        manifest: of the folder.
        line: of the index.
        numbers: of the frames, increasing.
        resized: from a frame to what is shown of it; frames of films are too large to be held.

    Returns:
        uint8 [len(numbers), H, W, C], whatever the stored type.
    """
    shown = []
    for first, frames, offset, size in records.parts_of(line):
        wanted = [number - first for number in numbers if first <= number < first + frames]
        if wanted:
            place = (tf.constant(value, tf.int64) for value in (offset, size, 1))
            encoded = read_records(tf.constant(shard), *place).numpy()
            shown += [resized(_as_uint8(encoded[number], manifest, line)) for number in wanted]
    return np.stack(shown)


def _as_uint8(encoded: bytes, manifest: dict[str, Any], line: dict[str, Any]) -> np.ndarray:
    shape = line['height'], line['width'], manifest['channels']
    if manifest['encoding'] != 'raw':
        return np.asarray(Image.open(io.BytesIO(encoded))).reshape(shape)
    low, high = manifest['value_range']
    values = np.frombuffer(encoded, manifest['dtype']).reshape(shape).astype(np.float32)
    share = np.nan_to_num((values - low) / (high - low))  # of numbers, NaN is a pixel that is not known
    return np.rint(255 * np.clip(share, 0, 1)).astype(np.uint8)


def sample(folder: str, manifest: dict[str, Any], split: str, clips: int, frames: int, largest_side: int) -> np.ndarray:
    """Clips spread over a split, and over its classes, for a contact sheet.

    Args:
        folder: the records.
        manifest: theirs.
        split: which part.
        clips: how many at most.
        frames: of each clip, evenly spread from its first to its last.
        largest_side: the central squares are not larger than this, and as large as the smallest frame allows.

    Returns:
        uint8 [N, frames, S, S, C].
    """
    total = manifest['splits'][split]['clips']
    chosen = np.unique(np.linspace(0, total - 1, min(clips, total)).astype(int))
    found = [find_clip(folder, manifest, split, int(number)) for number in chosen]
    side = min(largest_side, *(min(line['height'], line['width']) for _, line in found))
    return np.stack(
        [
            read_frames(shard, manifest, line, _spread(line, frames), lambda frame: square(frame, side))
            for shard, line in found
        ]
    )


def _spread(line: dict[str, Any], frames: int) -> np.ndarray:
    return np.rint(np.linspace(0, line['frames'] - 1, frames)).astype(int)


def square(frame: np.ndarray, side: int) -> np.ndarray:
    """The central square of a frame [H, W, C], resized to side."""
    height, width, _ = frame.shape
    short = min(height, width)
    top, left = (height - short) // 2, (width - short) // 2
    return _resized(frame, (side, side), (left, top, left + short, top + short))


def shrunk(frame: np.ndarray, largest_side: int) -> np.ndarray:
    """A frame [H, W, C] no side of which is longer than that."""
    height, width, _ = frame.shape
    scale = min(1.0, largest_side / max(height, width))
    return _resized(frame, (max(1, round(width * scale)), max(1, round(height * scale))))


def _resized(frame: np.ndarray, size: tuple[int, int], box: tuple[int, int, int, int] | None = None) -> np.ndarray:
    channels = frame.shape[-1]
    image = Image.fromarray(np.ascontiguousarray(frame[..., 0] if channels == 1 else frame))
    return np.asarray(image.resize(size, Image.Resampling.BILINEAR, box)).reshape(*size[::-1], channels)
