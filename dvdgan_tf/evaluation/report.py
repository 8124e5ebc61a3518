"""Results as JSON lines and as a table for people."""

from __future__ import annotations

import importlib.metadata
import json
from collections.abc import Mapping, Sequence

import tensorflow as tf

FILE_NAME = 'evaluation.jsonl'
_PACKAGES = ('tensorflow', 'tf-keras', 'tensorflow-hub', 'numpy')
_SYMBOLS = {'frechet': 'Frechet distance', 'inception': 'Inception score', 'kernel': 'kernel distance'}


def versions() -> dict[str, str]:
    """Of the libraries that compute."""
    return {name: importlib.metadata.version(name) for name in _PACKAGES}


def append(path: str, results: Sequence[Mapping[str, object]]) -> None:
    """Appends one JSON line for each result."""
    lines = ''.join(json.dumps(result, sort_keys=True, allow_nan=False) + '\n' for result in results)
    with tf.io.gfile.GFile(path, 'a') as file:
        file.write(lines)


def table(results: Sequence[Mapping[str, object]]) -> str:
    """The results as text, one score a line, with what it is to be read against beside it."""
    rows = [('protocol', 'score', 'value', 'spread', 'real floor', 'last frame', 'paper', 'clips', 'sigma')]
    for result in results:
        for name, score in result['scores'].items():
            real_floor = score.get('floor')
            standing = ' standing' if result['standing_statistics'] else ''
            sigma = '-' if result['truncation'] is None else f'{result["truncation"]:g}{standing}'
            rows.append(
                (
                    result['protocol'],
                    _SYMBOLS.get(name, name),
                    f'{score["value"]:.5g}',
                    f'{score["spread"]:.2g}' if score.get('spread') is not None else '-',
                    f'{real_floor["value"]:.5g} ({"+".join(map(str, real_floor["clips"]))})' if real_floor else '-',
                    f'{score["last_frame_repeated"]:.5g}' if 'last_frame_repeated' in score else '-',
                    f'{score["paper"]:g}' if score.get('paper') is not None else '-',
                    str(result['fake_clips']),
                    sigma,
                )
            )
    widths = [max(map(len, column)) for column in zip(*rows)]
    lines = ['  '.join(cell.ljust(width) for cell, width in zip(row, widths)).rstrip() for row in rows]
    notes = sorted({note for result in results for note in result['warnings']})
    return '\n'.join([*lines, *(f'note: {note}' for note in notes)])
