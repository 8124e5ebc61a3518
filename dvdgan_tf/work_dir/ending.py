"""What a run says when it ends: its scores, where its pictures are, what was wrong, and what to try next."""

from __future__ import annotations

import json
import os
import shlex

import tensorflow as tf

from dvdgan_tf import files
from dvdgan_tf.work_dir.checkpoint import best_step

_NO_SCORES = ('loss/', 'logits/', 'gradient_norm/', 'sigma/', 'time/', 'health/', 'states/')
_BESIDE = ('_floor', '_ceiling')


def summary(work_dir: str, step: int) -> str:
    """Scores, pictures and warnings of a run that has reached this step."""
    lines = [f'step {step} is the last, and saved in {work_dir}', *_scores(work_dir)]
    newest = sorted(tf.io.gfile.glob(os.path.join(work_dir, 'previews', 'preview-*.gif')))[-1:]
    lines += [f'pictures: {path}, and those before it' for path in newest]
    warned = _records(os.path.join(work_dir, 'warnings.jsonl'))
    if warned:
        last = warned[-1]
        lines.append(f'warnings: {len(warned)}; the last, at step {last.get("step")}: {last.get("warning")}')
    return '\n'.join(lines)


def next_commands(work_dir: str, predicts: bool) -> str:
    """What to try with a run, as command lines.

    Args:
        work_dir: the run's.
        predicts: whether it continues clips.
    """
    place = '.' if files.is_remote(work_dir) else work_dir
    run = f'--work_dir={shlex.quote(work_dir)}'
    mode = '--mode=predict ' if predicts else ''
    outputs = {name: shlex.quote(os.path.join(place, name)) for name in ('samples', 'report.html', 'exported')}
    lines = [
        'next:',
        f'  bin/sample {mode}{run} --output={outputs["samples"]}',
        f'  bin/evaluate {run}' + (' --protocol=prediction' if predicts else ''),
        f'  bin/report {run} --output={outputs["report.html"]}',
        f'  bin/export {run} --format=savedmodel --output={outputs["exported"]}',
    ]
    return '\n'.join(lines)


def _scores(work_dir: str) -> list[str]:
    """The newest scores, those of the best step and those of real clips, as a table."""
    records = _records(os.path.join(work_dir, 'metrics.jsonl'))
    scored = [(record['step'], found) for record in records if (found := _scores_in(record))]
    if not scored:
        return []
    at, newest = scored[-1]
    best_at = best_step(work_dir)
    best = next((found for step, found in reversed(scored) if step == best_at), {}) if best_at != at else {}
    rows = [('score', f'step {at}', *([f'best: {best_at}'] if best else []), 'real clips')]
    for name in newest:
        if not name.endswith(_BESIDE):
            values = [newest[name], *([best.get(name)] if best else []), newest.get(f'{name}_floor')]
            rows.append((name, *('-' if value is None else f'{value:.4g}' for value in values)))
    widths = [max(map(len, column)) for column in zip(*rows)]
    return ['  ' + '  '.join(cell.ljust(width) for cell, width in zip(row, widths)).rstrip() for row in rows]


def _scores_in(record: dict[str, float]) -> dict[str, float]:
    return {
        name: value
        for name, value in record.items()
        if '/' in name and not name.startswith(_NO_SCORES) and isinstance(value, (int, float))
    }


def _records(path: str) -> list[dict[str, float]]:
    """The records of a file of JSON lines that this run has written whole."""
    if not tf.io.gfile.exists(path):
        return []
    with tf.io.gfile.GFile(path) as file:
        return [json.loads(line) for line in file.read().splitlines() if line.strip()]
