"""Sheets: many frames on one picture, with captions at the rows and columns. Films are in `video`."""

from __future__ import annotations

import io
import os
from collections.abc import Sequence

import numpy as np
from PIL import Image, ImageDraw, ImageFont

from dvdgan_tf import files
from dvdgan_tf.sampling import video

_GAP = 2  # white pixels between cells
_FONT_PIXELS = 12
_MARGIN = 4  # white pixels around a caption
_LONGEST_CAPTION = 64  # characters: two names of Kinetics' classes


def draw_cells(
    cells: np.ndarray,
    row_captions: Sequence[str] = (),
    column_captions: Sequence[str] = (),
    factor: int | None = None,
) -> np.ndarray:
    """Draws a table of frames.

    Args:
        cells: [rows, columns, H, W, C], C = 1 or 3, uint8 or float in [-1, 1].
        row_captions: a text for each row, drawn at its left; none for no captions.
        column_captions: a text for each column, drawn above it; none for no captions.
        factor: whole magnification; None brings small frames to a size that eyes can judge.

    Returns:
        uint8 [height, width, 3], captions black on white.
    """
    cells = video.to_uint8(cells)
    rows, columns, height, width, channels = cells.shape
    factor = factor or max(1, video.viewing_factor(height) // 2)
    flat = video.magnify(cells.reshape([rows * columns, 1, height, width, channels]), factor)
    table = video.as_rgb(video.tile_clips(flat, columns, _GAP))[0]
    left, top = _caption_space(row_captions, column_captions)
    sheet = Image.new('RGB', (left + table.shape[1], top + table.shape[0]), 'white')
    sheet.paste(Image.fromarray(table), (left, top))
    draw, font = ImageDraw.Draw(sheet), ImageFont.load_default(_FONT_PIXELS)
    for row, caption in enumerate(row_captions):
        middle = top + row * (height * factor + _GAP) + height * factor // 2
        draw.text((_MARGIN, middle), _shortened(caption), 'black', font, anchor='lm')
    for column, caption in enumerate(column_captions):
        start = left + column * (width * factor + _GAP)
        draw.text((start, top - _MARGIN), _shortened(caption), 'black', font, anchor='ls')
    return np.asarray(sheet)


def write_cells(
    folder: str,
    name: str,
    cells: np.ndarray,
    row_captions: Sequence[str] = (),
    column_captions: Sequence[str] = (),
) -> str:
    """Writes a table of frames, see `draw_cells`, as `name`.png into a folder, made if it is missing; returns the path.

    Raises:
        InputError: the folder cannot be written.
    """
    video.make_folder(folder)
    path = os.path.join(folder, f'{name}.png')
    files.write_atomically(path, encode_png(draw_cells(cells, row_captions, column_captions)))
    return path


def contact_sheet(path: str, clips: np.ndarray, max_frames: int = 16, factor: int | None = None) -> None:
    """Writes a PNG whose rows are clips and whose columns are frames.

    Args:
        path: the file to write; its folder exists.
        clips: [N, T, H, W, C], C = 1 or 3.
        max_frames: longer clips show this many frames, see `spread_frames`.
        factor: whole magnification; None brings small clips to a size that eyes can judge.
    """
    files.write_atomically(path, encode_png(draw_cells(spread_frames(clips, max_frames), factor=factor)))


def spread_frames(clips: np.ndarray, max_frames: int = 16) -> np.ndarray:
    """At most so many frames of each clip [N, T, ...], evenly spread, the first and the last among them."""
    frames = clips.shape[1]
    return clips[:, np.unique(np.rint(np.linspace(0, frames - 1, min(frames, max_frames))).astype(int))]


def raster(frames: np.ndarray) -> np.ndarray:
    """Frames [N, H, W, C] in raster order as cells [rows, columns, H, W, C], about square; the rest is white."""
    count = len(frames)
    columns = int(np.ceil(np.sqrt(count)))
    rows = -(-count // columns)
    white = np.full([rows * columns - count, *frames.shape[1:]], 1.0, np.float32)
    filling = video.to_uint8(white) if frames.dtype == np.uint8 else white
    return np.concatenate([frames, filling]).reshape([rows, columns, *frames.shape[1:]])


def _caption_space(row_captions: Sequence[str], column_captions: Sequence[str]) -> tuple[int, int]:
    """Pixels that captions take at the left and above."""
    font = ImageFont.load_default(_FONT_PIXELS)
    widths = [font.getlength(_shortened(caption)) for caption in row_captions]
    left = int(np.ceil(max(widths))) + 2 * _MARGIN if widths else 0
    return left, _FONT_PIXELS + 2 * _MARGIN if column_captions else 0


def _shortened(caption: str) -> str:
    return caption if len(caption) <= _LONGEST_CAPTION else caption[: _LONGEST_CAPTION - 1] + '…'


def encode_png(picture: np.ndarray) -> bytes:
    """A picture [height, width, 3] uint8 as the bytes of a PNG file."""
    buffer = io.BytesIO()
    Image.fromarray(picture).save(buffer, format='PNG')
    return buffer.getvalue()
