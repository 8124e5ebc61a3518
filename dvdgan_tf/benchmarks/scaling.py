"""How the time of a training step grows: exponents fitted over batch, frames, resolution and channels."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Callable

import numpy as np

from dvdgan_tf.benchmarks.preset import Preset
from dvdgan_tf.benchmarks.record import Record
from dvdgan_tf.benchmarks.step import on_fixed_clips
from dvdgan_tf.benchmarks.timing import side_by_side

GRID = {
    'GLOBAL_BATCH': (4, 8, 16),
    'NUM_FRAMES': (8, 16, 32),
    'RESOLUTION': (32, 64, 128),
    'CHANNEL_MULTIPLIER': (8, 16, 32),
}


def report(record: Record, make: Callable[..., Preset], times: int) -> Iterator[str]:
    """Lines of text: the time of a step at each point and, for each macro, the exponent.

    Args:
        record: keeps the numbers.
        make: the preset with more bindings, given as `more`.
        times: steps of each point, of which the median is told.
    """
    for macro, values in GRID.items():
        functions = {str(value): on_fixed_clips(make(more=(f'{macro} = {value}',)).gan_step()) for value in values}
        found = side_by_side(functions, times)
        for value, spent in found.items():
            yield record.line(f'{macro} = {value}, seconds', spent.seconds, 's')
            yield record.line(f'{macro} = {value}, CPU', spent.cpu, 'CPU s')
        yield record.line(f'exponent in {macro}', exponent(values, [spent.cpu for spent in found.values()]), '')


def exponent(values: Sequence[float], costs: Sequence[float]) -> float:
    """The slope of a line through the logarithms: how costs grow with values."""
    return float(np.polyfit(np.log(values), np.log(costs), 1)[0])
