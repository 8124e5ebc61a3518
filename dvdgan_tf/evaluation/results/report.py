"""Results as JSON lines and as a table for people."""

from __future__ import annotations

import contextlib
import importlib.metadata
import json
from collections.abc import Mapping, Sequence

import tensorflow as tf

from dvdgan_tf.errors import InputError

FILE_NAME = 'evaluation.jsonl'
_PACKAGES = ('tensorflow', 'tf-keras', 'tensorflow-hub', 'numpy')
_RISES = ('inception', 'precision', 'recall', 'psnr', 'ssim', 'recognised', 'diversity', 'csi_1', 'csi_4', 'fss_4')
_SYMBOLS = {'frechet': 'Frechet distance', 'inception': 'Inception score', 'kernel': 'kernel distance'}


def sign(score: str) -> float:
    """1 for a score that is best when small, -1 for one that is best when large."""
    return -1.0 if score in _RISES else 1.0


def versions() -> dict[str, str]:
    """Of the libraries that compute, where they are installed."""
    found = {}
    for name in _PACKAGES:
        with contextlib.suppress(importlib.metadata.PackageNotFoundError):
            found[name] = importlib.metadata.version(name)
    return found


def read(path: str) -> list[dict[str, object]]:
    """The results in a file of JSON lines, none where there is no such file; a torn line is passed over."""
    if not tf.io.gfile.exists(path):
        return []
    results = []
    with tf.io.gfile.GFile(path) as file:
        for line in file.read().splitlines():
            with contextlib.suppress(ValueError):
                results.append(json.loads(line))
    return results


def by_key(path: str) -> dict[str, dict[str, object]]:
    """The results in a file by their keys; of equal keys the last."""
    return {result['key']: result for result in read(path) if 'key' in result}


def append(path: str, results: Sequence[Mapping[str, object]]) -> None:
    """Appends one JSON line for each result."""
    # A line that a kill has torn must not spoil the next one.
    lines = '' if ends_whole(path) else '\n'
    lines += ''.join(json.dumps(result, sort_keys=True, allow_nan=False) + '\n' for result in results)
    with tf.io.gfile.GFile(path, 'a') as file:
        file.write(lines)


def ends_whole(path: str) -> bool:
    """Whether a file is absent, empty or ends with the end of a line."""
    if not tf.io.gfile.exists(path) or not tf.io.gfile.stat(path).length:
        return True
    with tf.io.gfile.GFile(path, 'rb') as file:
        file.seek(tf.io.gfile.stat(path).length - 1)
        return file.read() == b'\n'


def check_writable(path: str) -> None:
    """Refuses a file that cannot be written, before there is anything to write; leaves nothing behind.

    Raises:
        InputError: its folder is missing, or it cannot be opened.
    """
    try:
        there = tf.io.gfile.exists(path)
        with tf.io.gfile.GFile(path, 'a') as file:
            file.write('')
        if not there:
            tf.io.gfile.remove(path)
    except tf.errors.OpError as error:
        reason = error.message.rsplit('; ', 1)[-1]
        raise InputError(f'{path} cannot be written ({reason}); make its folder, or give another path.') from error


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
