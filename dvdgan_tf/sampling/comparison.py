"""Clips beside real ones: predictions beside the truth, samples beside what they may be remembered from."""
from __future__ import annotations

import numpy as np

from dvdgan_tf.sampling import sheets, video


def write_comparison(
    folder: str, context: np.ndarray, predicted: np.ndarray, truth: np.ndarray | None, fps: float
) -> list[str]:
    """Writes `predictions.gif`, `.mp4` and `.png`.

    The films show for each clip the context (which stays at its last frame), the prediction after its context, and the
    true clip, side by side. The sheet has a row for the prediction and below it one for the truth; its first columns
    are the context, whose place in the row of the prediction is drawn dark.

    Args:
        folder: made if it is missing.
        context: [N, C_frames, H, W, C] in [-1, 1].
        predicted: [N, T, H, W, C] in [-1, 1].
        truth: as `predicted`; None where it is not known.
        fps: frames per second.

    Returns:
        the paths written.

    Raises:
        InputError: the folder cannot be written.
    """
    still = np.concatenate([context, np.repeat(context[:, -1:], predicted.shape[1], axis=1)], axis=1)
    rows = [np.concatenate([context, predicted], axis=1)]
    if truth is not None:
        rows.append(np.concatenate([context, truth], axis=1))
    panels = np.concatenate([np.pad(clips, [(0, 0), (0, 0), (0, 0), (0, 2), (0, 0)]) for clips in (still, *rows)], 3)
    films = video.tile_clips(panels, gap=4)
    marked = rows[0].copy()
    marked[:, : context.shape[1]] = -1 + (marked[:, : context.shape[1]] + 1) / 4
    sheet = np.stack([marked, *rows[1:]], axis=1).reshape([-1, *marked.shape[1:]])
    factor = video.viewing_factor(context.shape[-2])
    paths = video.write_films(folder, 'predictions', films, fps, factor)
    return [*paths, sheets.write_cells(folder, 'predictions', sheet)]


def write_nearest(
    folder: str, clips: np.ndarray, nearest: np.ndarray, distances: np.ndarray, columns: int
) -> str:
    """Writes `nearest.png`: in a row the first frames of clips, in the next those of the real clips nearest to them.

    Args:
        folder: made if it is missing.
        clips: [N, T, H, W, C] in [-1, 1].
        nearest: as `clips`.
        distances: [N], of which each row says the smallest and the largest.
        columns: clips in a row.

    Returns:
        the path written.

    Raises:
        InputError: the folder cannot be written.
    """
    columns = min(columns, len(clips))
    rows = -(-len(clips) // columns)
    pairs = np.stack([clips[:, 0], nearest[:, 0]])
    pairs = np.pad(pairs, [(0, 0), (0, rows * columns - len(clips)), (0, 0), (0, 0), (0, 0)], constant_values=1.0)
    table = np.moveaxis(pairs.reshape([2, rows, columns, *pairs.shape[2:]]), 0, 1)
    captions = []
    for first in range(0, len(clips), columns):
        of_row = distances[first : first + columns]
        captions += ['generated', f'nearest: {of_row.min():.0f} to {of_row.max():.0f}']
    return sheets.write_cells(folder, 'nearest', table.reshape([-1, *table.shape[2:]]), captions)
