"""Predictions beside their context and the truth, in films and on a sheet."""

import av
import numpy as np
import pytest
from PIL import Image

from dvdgan_tf.sampling import comparison

CONTEXT, FRAMES, SIZE = 2, 3, 16


def _clips(first, frames, count=1):
    """Frame t of clip n is one grey, told by first + t + 10 n."""
    numbers = first + np.arange(frames) + 10 * np.arange(count)[:, None]
    return np.broadcast_to(numbers[..., None, None, None] / 50, [count, frames, SIZE, SIZE, 1]).astype(np.float32)


def _number(pixels):
    return np.rint((pixels.astype(float) / 127.5 - 1) * 50).astype(int)


@pytest.fixture(scope='module')
def folder(tmp_path_factory):
    path = tmp_path_factory.mktemp('predictions')
    parts = _clips(0, CONTEXT), _clips(20, FRAMES), _clips(CONTEXT, FRAMES)
    names = comparison.write_comparison(str(path), *parts, fps=8.0)
    assert [name.rsplit('/', 1)[1] for name in names] == ['predictions.gif', 'predictions.mp4', 'predictions.png']
    return path


def test_the_film_shows_context_prediction_and_truth_side_by_side(folder):
    with av.open(str(folder / 'predictions.mp4')) as container:
        frames = [frame.to_ndarray(format='gray') for frame in container.decode(video=0)]
    assert len(frames) == CONTEXT + FRAMES
    # Two pixels stand between the panels.
    shown = [[_number(frame[SIZE // 2, panel * (SIZE + 2) + SIZE // 2]) for panel in range(3)] for frame in frames]
    expected = [[0, 0, 0], [1, 1, 1], [1, 20, 2], [1, 21, 3], [1, 22, 4]]
    np.testing.assert_allclose(shown, expected, atol=2)


def test_the_sheet_has_a_row_for_the_prediction_and_one_for_the_truth(folder):
    sheet = np.asarray(Image.open(folder / 'predictions.png'))[..., 0]
    cell = 3 * SIZE + 2  # magnified, with a gap
    rows = [[_number(sheet[cell * row + 9, cell * column + 9]) for column in range(5)] for row in range(2)]
    assert rows[0][CONTEXT:] == [20, 21, 22]
    assert rows[1] == [0, 1, 2, 3, 4]
    assert max(rows[0][:CONTEXT]) < -20  # the context is dark there


def test_without_a_truth_there_is_only_the_prediction(tmp_path):
    comparison.write_comparison(str(tmp_path), _clips(0, CONTEXT, 2), _clips(20, FRAMES, 2), None, fps=8.0)
    assert Image.open(tmp_path / 'predictions.png').size[1] == 2 * (3 * SIZE + 2) - 2
