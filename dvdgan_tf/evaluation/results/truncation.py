"""The truncation curve: FID and IS over the latents' deviation, as a picture and as numbers (paper section 4.1.1)."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence

from dvdgan_tf import files
from dvdgan_tf.errors import InputError
from dvdgan_tf.evaluation.results import figure

Results = Sequence[Mapping[str, object]]


def curves(results: Results) -> dict[str, list[dict[str, float]]]:
    """Points (sigma, FID, IS) of a curve's results, rising in sigma, by kind of normalisation statistics."""
    found: dict[str, list[dict[str, float]]] = {}
    for result in sorted(results, key=lambda result: result['truncation']):
        name = 'standing statistics' if result['standing_statistics'] else 'moving averages'
        point = {'sigma': result['truncation']}
        for score, short in (('frechet', 'fid'), ('inception', 'is')):
            point[short] = result['scores'][score]['value']
        found.setdefault(name, []).append(point)
    return found


def best(results: Results) -> dict[str, object]:
    """The level with the best Inception score, which the paper's Table 1 reports as "with truncation".

    Raises:
        InputError: there are no results.
    """
    if not results:
        raise InputError('a truncation curve without results has no best level; evaluate k600_truncation first.')
    result = max(results, key=lambda result: result['scores']['inception']['value'])
    return {
        'sigma': result['truncation'],
        'standing_statistics': result['standing_statistics'],
        'fid': result['scores']['frechet']['value'],
        'is': result['scores']['inception']['value'],
        'paper_fid': result['scores']['frechet']['paper'],
        'paper_is': result['scores']['inception']['paper'],
    }


def write(results: Results, prefix: str) -> list[str]:
    """Writes prefix.json and prefix.png, and returns their paths.

    Raises:
        InputError: matplotlib is not installed.
    """
    files.write_atomically(f'{prefix}.json', json.dumps({'best': best(results), 'curves': curves(results)}, indent=1))
    picture = figure.empty(prefix, 9, 4)
    against_sigma, against_each_other = picture.subplots(1, 2)
    scale = against_sigma.twinx()
    for (name, points), style in zip(curves(results).items(), ('-', '--')):
        sigma, fid, inception = ([point[key] for point in points] for key in ('sigma', 'fid', 'is'))
        against_sigma.plot(sigma, fid, f'C0{style}', marker='o', label=f'FID, {name}')
        scale.plot(sigma, inception, f'C1{style}', marker='o', label=f'IS, {name}')
        against_each_other.plot(fid, inception, f'C2{style}', marker='o', label=name)
    level = best(results)
    against_each_other.annotate(f'sigma {level["sigma"]:g}', (level['fid'], level['is']))
    against_sigma.set(xlabel='sigma', ylabel='FID')
    scale.set_ylabel('IS')
    against_each_other.set(xlabel='FID', ylabel='IS')
    handles = [*against_sigma.get_lines(), *scale.get_lines()]
    against_sigma.legend(handles=handles, fontsize='small')
    against_each_other.legend(fontsize='small')
    return [f'{prefix}.json', figure.write(picture, prefix)]
