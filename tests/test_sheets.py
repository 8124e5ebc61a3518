"""Sheets of frames: every cell in its place, captions beside and above, nothing covered."""

import numpy as np
import pytest
from PIL import Image

from dvdgan_tf.sampling import sheets


def _cells(rows, columns, size=12):
    values = np.arange(rows * columns, dtype=np.uint8).reshape([rows, columns, 1, 1, 1]) * 5
    return np.broadcast_to(values, [rows, columns, size, size, 1])


def _check_cells(table, cells, factor=1):
    side = cells.shape[2] * factor
    for row in range(cells.shape[0]):
        for column in range(cells.shape[1]):
            top, left = row * (side + 2), column * (side + 2)
            assert (table[top : top + side, left : left + side] == cells[row, column, 0, 0, 0]).all()


def test_without_captions_the_sheet_is_the_table():
    cells = _cells(2, 3)
    sheet = sheets.draw_cells(cells, factor=2)
    assert sheet.shape == (2 * 24 + 2, 3 * 24 + 4, 3)
    _check_cells(sheet, cells, factor=2)


@pytest.mark.parametrize(
    'rows, columns', [(('bend', 'jump'), ()), ((), ('0', '0.5', '1')), (('a', 'b'), ('x', 'y', 'z'))]
)
def test_captions_stand_outside_of_the_table(rows, columns):
    cells = _cells(2, 3)
    plain = sheets.draw_cells(cells, factor=1)
    sheet = sheets.draw_cells(cells, rows, columns, factor=1)
    top, left = sheet.shape[0] - plain.shape[0], sheet.shape[1] - plain.shape[1]
    assert (left > 0) == bool(rows) and (top > 0) == bool(columns)
    np.testing.assert_array_equal(sheet[top:, left:], plain)
    if rows:
        assert all((sheet[top + 14 * row : top + 14 * row + 12, :left] < 128).any() for row in range(2))
    if columns:
        assert all((sheet[:top, left + 14 * column : left + 14 * column + 12] < 128).any() for column in range(3))


def test_a_long_caption_is_cut():
    short, long = (sheets.draw_cells(_cells(1, 1), ['m' * length]).shape[1] for length in (64, 500))
    assert long <= short + 12


def test_captions_in_any_script_are_drawn_or_replaced_but_never_fail():
    assert sheets.draw_cells(_cells(1, 1), ['走る ходьба']).shape[1] > 12


def test_raster_order_fills_rows_first_and_leaves_the_rest_white():
    frames = np.arange(7, dtype=np.uint8).reshape([7, 1, 1, 1])
    np.testing.assert_array_equal(
        sheets.raster(frames)[..., 0, 0, 0], [[0, 1, 2], [3, 4, 5], [6, 255, 255]]
    )
    assert sheets.raster(np.zeros([5, 2, 2, 3], np.float32))[-1, -1].min() == 1.0


def test_a_written_sheet_is_the_drawn_one(tmp_path):
    path = sheets.write_cells(str(tmp_path / 'new'), 'table', _cells(2, 2), ['a', 'b'])
    np.testing.assert_array_equal(np.asarray(Image.open(path)), sheets.draw_cells(_cells(2, 2), ['a', 'b']))
