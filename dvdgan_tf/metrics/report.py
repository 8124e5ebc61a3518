"""Results: scores with their spread, JSON lines that carry their protocol, and a table for people."""

from __future__ import annotations

import importlib.metadata
import json
from collections.abc import Callable, Mapping, Sequence

import numpy as np
import tensorflow as tf

from dvdgan_tf.metrics import scores
from dvdgan_tf.metrics.collecting import Collector

FILE_NAME = 'evaluation.jsonl'
_PACKAGES = ('tensorflow', 'tf-keras', 'tensorflow-gan', 'tensorflow-hub', 'numpy')
_SYMBOLS = {'frechet': 'Frechet distance', 'inception': 'Inception score', 'kernel': 'kernel distance'}


def jackknife(score: Callable[[object], float], collector: Collector) -> float | None:
    """Standard error of a score by leaving out each tenth of its clips; None with fewer than 20 clips."""
    groups = len(collector.moments or collector.entropies)
    if collector.count < 20:
        return None
    values = np.array([score(collector.merged(without=index)) for index in range(groups)])
    return float(np.sqrt((groups - 1) / groups * np.square(values - values.mean()).sum()))


def floor(real: Collector) -> dict[str, object] | None:
    """Frechet distance between two disjoint halves of the real clips; None with fewer than four clips."""
    halves = [type(real.moments[0])(real.size) for _ in range(2)]
    for index, group in enumerate(real.moments):
        halves[index % 2].merge(group)
    if min(half.count for half in halves) < 2:
        return None
    return {'value': scores.frechet_distance(*halves), 'clips': [half.count for half in halves]}


def mean_and_spread(values: Sequence[float], error: float | None) -> dict[str, object]:
    """The mean over repeats with their standard deviation (ddof = 0), or one value with its standard error."""
    if len(values) > 1:
        return {'value': float(np.mean(values)), 'spread': float(np.std(values)), 'spread_kind': 'std over repeats'}
    return {'value': float(values[0]), 'spread': error, 'spread_kind': 'jackknife standard error'}


def versions() -> dict[str, str]:
    """Of the libraries that compute."""
    return {name: importlib.metadata.version(name) for name in _PACKAGES}


def append(path: str, results: Sequence[Mapping[str, object]]) -> None:
    """Appends one JSON line for each result."""
    lines = ''.join(json.dumps(result, sort_keys=True, allow_nan=False) + '\n' for result in results)
    with tf.io.gfile.GFile(path, 'a') as file:
        file.write(lines)


def table(results: Sequence[Mapping[str, object]]) -> str:
    """The results as text, one score a line, with floor and the paper's number beside it."""
    rows = [('protocol', 'score', 'value', 'spread', 'real floor', 'paper', 'clips', 'sigma')]
    for result in results:
        for name, score in result['scores'].items():
            real_floor = score.get('floor')
            standing = ' standing' if result['standing_statistics'] else ''
            rows.append(
                (
                    result['protocol'],
                    _SYMBOLS.get(name, name),
                    f'{score["value"]:.5g}',
                    f'{score["spread"]:.2g}' if score.get('spread') is not None else '-',
                    f'{real_floor["value"]:.5g} ({"+".join(map(str, real_floor["clips"]))})' if real_floor else '-',
                    f'{score["paper"]:g}' if score.get('paper') is not None else '-',
                    str(result['fake_clips']),
                    f'{result["truncation"]:g}{standing}',
                )
            )
    widths = [max(map(len, column)) for column in zip(*rows)]
    lines = ['  '.join(cell.ljust(width) for cell, width in zip(row, widths)).rstrip() for row in rows]
    notes = sorted({note for result in results for note in result['warnings']})
    return '\n'.join([*lines, *(f'note: {note}' for note in notes)])
