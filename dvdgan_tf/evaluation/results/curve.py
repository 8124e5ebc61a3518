"""Scores over the steps of one or several runs: curves with error bars, the best step, mean and deviation over runs."""

from __future__ import annotations

import json
import math
import os
from collections.abc import Mapping, Sequence

import numpy as np

from dvdgan_tf import files
from dvdgan_tf.evaluation.results import figure, report

Results = Sequence[Mapping[str, object]]
Curves = dict[str, dict[str, object]]


def curves(scored: Mapping[str, Mapping[int, Results]]) -> Curves:
    """Curves by protocol/score.

    Args:
        scored: results by run and step; runs that differ in more than their seed are not to be given together.

    Returns:
        for each score the points of every run, mean and deviation (ddof = 1) over the runs at each step, the best step
        of every run, mean and deviation of those best values, and the best of all.
    """
    points: dict[str, dict[str, dict[int, Mapping[str, object]]]] = {}
    for run, steps in scored.items():
        for step, results in steps.items():
            for name, score in _named(results):
                points.setdefault(name, {}).setdefault(run, {})[step] = score
    return {name: _curve(name, runs) for name, runs in points.items()}


def _named(results: Results) -> list[tuple[str, Mapping[str, object]]]:
    """Scores by name; those of a truncation curve say at which sigma."""
    protocols = [result['protocol'] for result in results]
    found = []
    for result in results:
        where = ''
        if protocols.count(result['protocol']) > 1:
            standing = ', standing statistics' if result['standing_statistics'] else ''
            where = f' at sigma {result["truncation"]:g}{standing}'
        found += [(f'{result["protocol"]}/{name}{where}', score) for name, score in result['scores'].items()]
    return found


def _curve(name: str, runs: Mapping[str, Mapping[int, Mapping[str, object]]]) -> dict[str, object]:
    sign = report.sign(name.split('/')[1].split(' ')[0])
    at = {step: [own[step]['value'] for own in runs.values() if step in own] for step in _steps(runs)}
    best = {run: min(own, key=lambda step: (sign * own[step]['value'], step)) for run, own in runs.items()}
    values = [runs[run][step]['value'] for run, step in best.items()]
    first = min(best, key=lambda run: sign * runs[run][best[run]]['value'])
    floors = [score['floor']['value'] for own in runs.values() for score in own.values() if score.get('floor')]
    return {
        'runs': {
            run: {
                'steps': sorted(own),
                'values': [own[step]['value'] for step in sorted(own)],
                'spreads': [own[step].get('spread') for step in sorted(own)],
            }
            for run, own in runs.items()
        },
        'steps': list(at),
        'mean': [float(np.mean(values)) for values in at.values()],
        'deviation': [_deviation(values) for values in at.values()],
        'floor': float(np.mean(floors)) if floors else None,
        'best_steps': best,
        'best_mean': float(np.mean(values)),
        'best_deviation': _deviation(values),
        'best': {'run': first, 'step': best[first], 'value': runs[first][best[first]]['value']},
    }


def _steps(runs: Mapping[str, Mapping[int, object]]) -> list[int]:
    return sorted({step for own in runs.values() for step in own})


def _deviation(values: Sequence[float]) -> float | None:
    return float(np.std(values, ddof=1)) if len(values) > 1 else None


def table(found: Curves) -> str:
    """Mean and deviation at every step, and the best, as text."""
    lines = []
    for name, curve in found.items():
        lines.append(f'{name}, {len(curve["runs"])} run(s)')
        for step, mean, deviation in zip(curve['steps'], curve['mean'], curve['deviation']):
            lines.append(f'  step {step}: {mean:.5g}{"" if deviation is None else f" +- {deviation:.2g}"}')
        best, deviation = curve['best'], curve['best_deviation']
        over = '' if deviation is None else f'; best of each run {curve["best_mean"]:.5g} +- {deviation:.2g}'
        lines.append(f'  best: {best["value"]:.5g} at step {best["step"]} of {best["run"]}{over}')
    return '\n'.join(lines)


def write(found: Curves, prefix: str) -> list[str]:
    """Writes prefix.json and prefix.png, and returns their paths.

    Raises:
        InputError: matplotlib is not installed.
    """
    files.write_atomically(f'{prefix}.json', json.dumps(found, indent=1))
    columns = min(3, len(found))
    rows = math.ceil(len(found) / columns)
    picture = figure.empty(prefix, 5 * columns, 3.6 * rows)
    for axes, (name, curve) in zip(picture.subplots(rows, columns, squeeze=False).ravel(), found.items()):
        _draw(axes, name, curve)
    for axes in picture.axes[len(found) :]:
        axes.set_axis_off()
    return [f'{prefix}.json', figure.write(picture, prefix)]


def _draw(axes: object, name: str, curve: Mapping[str, object]) -> None:
    """The mean over runs with their deviation, every run thinly, the floor; of one run its own spread."""
    runs = curve['runs']
    names = {run: os.path.basename(run.rstrip('/')) for run in runs}
    if len(set(names.values())) < len(names):
        names = {run: run for run in runs}
    if len(runs) > 1:
        bars = [deviation or 0.0 for deviation in curve['deviation']]
        axes.errorbar(curve['steps'], curve['mean'], bars, marker='o', capsize=3, label=f'mean of {len(runs)} runs')
    for run, points in runs.items():
        bars = [spread or 0.0 for spread in points['spreads']] if len(runs) == 1 else None
        style = {'marker': 'o', 'capsize': 3} if len(runs) == 1 else {'linewidth': 0.8, 'alpha': 0.6}
        axes.errorbar(points['steps'], points['values'], bars, label=names[run], **style)
    if curve['floor'] is not None:
        axes.axhline(curve['floor'], color='grey', linestyle=':', label='floor of real clips')
    axes.plot(curve['best']['step'], curve['best']['value'], 'k*', label=f'best: step {curve["best"]["step"]}')
    axes.set(xlabel='step', title=name)
    axes.xaxis.get_major_locator().set_params(integer=True)
    axes.legend(fontsize='x-small')
