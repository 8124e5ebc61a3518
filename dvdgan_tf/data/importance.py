"""Windows and crops drawn more often where much happens, with the weight that undoes it in a mean.

After DGMR (Ravuri et al. 2021, "Datasets"), which keeps a crop with a probability that grows with its rain and weights
its score with one over that. Here every window of a grid of places is drawn with such a probability, of which a part is
the same for all, so that no weight is above one over that part.
"""

from __future__ import annotations

from collections.abc import Iterable

import numpy as np
import tensorflow as tf

from dvdgan_tf.errors import InputError

_EVEN = 0.1  # of the probability is the same for every window
_STEPS = 4  # places of crops are a quarter of their side apart


class Importance:
    """The windows of some clips, drawn by what happens in them.

    Args:
        clips: numbers [frames, H, W] of each clip, in parts of frames one after the other; NaN is nothing.
        firsts: [clips] the frame of each clip where its part of the split begins, added to what is drawn.
        span: frames from the first to the last of a window.
        side: pixels of a crop.
        low: the number at which nothing happens.
        saturation: above low, the number from which more does not count more: 1 - exp(-(number - low) / saturation).

    Raises:
        InputError: nothing happens in any window.
    """

    def __init__(
        self,
        clips: Iterable[Iterable[np.ndarray]],
        firsts: np.ndarray,
        span: int,
        side: int,
        low: float,
        saturation: float,
    ) -> None:
        if not saturation > 0:
            raise InputError(f'importance is {saturation}; give the number from which more rain does not count more.')
        places, values = [], []
        for clip, parts in enumerate(clips):
            sums, tops, lefts = _crop_means(parts, side, low, saturation)
            windows = _window_means(sums, span)
            grid = np.meshgrid(np.arange(len(windows)) + firsts[clip], tops, lefts, indexing='ij')
            places.append(np.stack([np.full(windows.size, clip), *(axis.ravel() for axis in grid)], 1))
            values.append(windows.ravel())
        happening = np.concatenate(values)
        total = happening.sum()
        if not total > 0:
            raise InputError(
                f'nothing lies above {low:g} in any of the {len(happening)} windows of the data, such as rain: give '
                'other data, or leave importance away.'
            )
        probability = (1 - _EVEN) * happening / total + _EVEN / len(happening)
        self.places = np.concatenate(places).astype(np.int32)
        self.weights = (1 / (len(happening) * probability)).astype(np.float64)
        self._ends = tf.constant(np.cumsum(probability) / probability.sum())
        self._places = tf.constant(self.places)

    def index(self, draw: tf.Tensor) -> tf.Tensor:
        """The number of the window that a float64 in [0, 1) draws."""
        found = tf.searchsorted(self._ends, tf.reshape(draw, [1]), side='right')[0]
        return tf.minimum(found, len(self.places) - 1)

    def place(self, draw: tf.Tensor) -> tf.Tensor:
        """(clip, first frame, top, left), int32 [4], of the window that a float64 in [0, 1) draws."""
        return self._places[self.index(draw)]


def _crop_means(
    parts: Iterable[np.ndarray], side: int, low: float, saturation: float
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """The mean [T, tops, lefts] of what happens in each crop of each frame, and where the crops are."""
    means, tops, lefts = [], None, None
    for frames in parts:
        if tops is None:
            tops, lefts = (_grid(length, side) for length in frames.shape[1:])
        happening = 1 - np.exp(-np.maximum(np.nan_to_num(frames, nan=low) - low, 0) / saturation)
        sums = np.pad(happening.astype(np.float64).cumsum(1).cumsum(2), [(0, 0), (1, 0), (1, 0)])
        rows = sums[:, tops + side] - sums[:, tops]
        means.append((rows[:, :, lefts + side] - rows[:, :, lefts]) / side**2)
    return np.concatenate(means), tops, lefts


def _grid(length: int, side: int) -> np.ndarray:
    """Where crops of a side begin along a length: a quarter of a side apart, and at the end."""
    return np.unique(np.append(np.arange(0, length - side + 1, max(1, side // _STEPS)), length - side))


def _window_means(frames: np.ndarray, span: int) -> np.ndarray:
    """Means of every `span` frames that follow one another, never below 0."""
    sums = np.pad(frames.cumsum(0), [(1, 0), (0, 0), (0, 0)])
    return np.maximum((sums[span:] - sums[:-span]) / span, 0)
