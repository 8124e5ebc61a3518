"""Forecasts of rain as forecasters look at them: classes of colour, members beside the truth, mean and probability."""

from __future__ import annotations

import numpy as np

from dvdgan_tf.data.scales import Scale
from dvdgan_tf.sampling import sheets, video

UNIT = 'mm/h'

# From this rate on, mm/h, this colour; below the first it is dry. After the scales of weather services: blue, green,
# yellow, red, magenta, each about twice the rate before.
CLASSES = (
    (0.1, (190, 220, 250)),
    (0.25, (130, 180, 240)),
    (0.5, (60, 120, 220)),
    (1.0, (20, 60, 170)),
    (2.0, (20, 140, 60)),
    (4.0, (110, 200, 60)),
    (8.0, (250, 220, 40)),
    (16.0, (245, 140, 20)),
    (32.0, (215, 30, 30)),
    (64.0, (170, 20, 150)),
)
_DRY, _MISSING = (245, 245, 245), (150, 150, 150)
_SURE = np.array([70, 10, 110])  # the colour of probability 1; 0 is white
_SHOWN_MEMBERS = 3


def colours(rates: np.ndarray) -> np.ndarray:
    """Rates [...] in mm/h to uint8 [..., 3]; NaN, a missing pixel, is grey."""
    palette = np.array([_DRY, *(colour for _, colour in CLASSES), _MISSING], np.uint8)
    number = np.searchsorted([rate for rate, _ in CLASSES], np.nan_to_num(rates), side='right')
    return palette[np.where(np.isnan(rates), len(palette) - 1, number)]


def pictures(clips: np.ndarray, scale: Scale, real: bool = False) -> np.ndarray:
    """Clips of rain [..., 1] in [-1, 1] in their colours, uint8 [..., 3]; clips of anything else as they are.

    Args:
        clips: any shape.
        scale: of their numbers.
        real: whether pixels may be missing; what is generated has none.
    """
    return colours(video.in_units(clips, scale, real)[..., 0]) if scale.unit == UNIT else clips


def shades(probability: np.ndarray) -> np.ndarray:
    """Probabilities [...] to uint8 [..., 3], white to violet."""
    return np.rint(255 + np.asarray(probability)[..., None] * (_SURE - 255)).astype(np.uint8)


def probability(members: np.ndarray, threshold: float) -> np.ndarray:
    """The share [N, ...] of members [N, S, ...] that exceed, or reach, a threshold."""
    return (members >= threshold).mean(1)


def write_forecasts(
    folder: str, context: np.ndarray, truth: np.ndarray | None, members: np.ndarray, threshold: float, fps: float
) -> list[str]:
    """Writes `predictions.gif`, `.mp4` and `.png`.

    A film shows for each context the truth (without one, its last frame), up to three members, their mean, and the
    probability of reaching the threshold, side by side. The sheet has a row for each of these and a column for each
    frame.

    Args:
        folder: made if it is missing.
        context: [N, C_frames, H, W] mm/h, NaN where a pixel is missing.
        truth: [N, T, H, W] mm/h; None where it is not known.
        members: [N, S, T, H, W] mm/h.
        threshold: mm/h.
        fps: frames per second.

    Returns:
        the paths written.

    Raises:
        InputError: the folder cannot be written.
    """
    frames = members.shape[2]
    came = np.repeat(context[:, -1:], frames, 1) if truth is None else truth
    shown = {'last frame' if truth is None else 'truth': colours(came)}
    shown.update({f'member {number + 1}': colours(members[:, number]) for number in range(_count(members))})
    shown['mean'] = colours(members.mean(1))
    shown[f'P({threshold:g} mm/h)'] = shades(probability(members, threshold))
    before = [colours(context)] * (len(shown) - 1) + [shades(np.zeros(context.shape))]
    rows = [np.concatenate(parts, 1) for parts in zip(before, shown.values())]
    rows = np.stack(rows, 1)  # [N, panels, T, H, W, 3]
    gap = [(0, 0)] * 4 + [(0, 2), (0, 0)]
    panels = np.concatenate(np.moveaxis(np.pad(rows, gap, constant_values=255), 1, 0), axis=3)
    film = video.tile_clips(panels, columns=1, gap=4)
    table = rows.reshape([-1, *rows.shape[2:]])
    captions = [name for _ in range(len(rows)) for name in shown]
    columns = [f'{number:+d}' for number in range(1 - context.shape[1], frames + 1)]
    paths = video.write_films(folder, 'predictions', film, fps, video.viewing_factor(context.shape[-1]))
    return [*paths, sheets.write_cells(folder, 'predictions', table, captions, columns)]


def _count(members: np.ndarray) -> int:
    return min(_SHOWN_MEMBERS, members.shape[1])
