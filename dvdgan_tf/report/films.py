"""Films for a page: animated WebP, a tenth of the GIFs that a run keeps, and not magnified: the page does that."""

from __future__ import annotations

import io

import numpy as np
from PIL import Image, ImageSequence

_QUALITY, _EFFORT = 85, 2
_LARGEST_FACTOR = 16


def encode(frames: np.ndarray, milliseconds: int) -> bytes:
    """Frames uint8 [T, H, W, 3] as an endless WebP, each shown so long."""
    first, *others = (Image.fromarray(frame) for frame in frames)
    buffer = io.BytesIO()
    how = {'duration': milliseconds, 'loop': 0, 'quality': _QUALITY, 'method': _EFFORT}
    first.save(buffer, 'WEBP', save_all=True, append_images=others, **how)
    return buffer.getvalue()


def smaller(gif: bytes) -> tuple[bytes, str]:
    """A GIF as a WebP, or as it is where that is no larger, and its type.

    Raises:
        OSError: it is no picture, or not whole.
    """
    film = Image.open(io.BytesIO(gif))
    frames = np.stack([np.asarray(frame.convert('RGB')) for frame in ImageSequence.Iterator(film)])
    content = encode(_unmagnified(frames), film.info.get('duration', 0))
    return (content, 'image/webp') if len(content) < len(gif) else (gif, 'image/gif')


def _unmagnified(frames: np.ndarray) -> np.ndarray:
    """The frames before every pixel was repeated, if it was."""
    _, height, width, _ = frames.shape
    for factor in range(_LARGEST_FACTOR, 1, -1):
        if height % factor == 0 and width % factor == 0:
            small = frames[:, ::factor, ::factor]
            if np.array_equal(small.repeat(factor, 1).repeat(factor, 2), frames):
                return small
    return frames
