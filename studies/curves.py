"""Draws a run's curves: python studies/curves.py WORK_DIR/metrics.jsonl curves.png (needs matplotlib)."""

import json
import re
import sys

import matplotlib

matplotlib.use('Agg')

from matplotlib import pyplot  # noqa: E402

_PANELS = {
    'losses': ('loss/generator', 'loss/spatial', 'loss/temporal'),
    'spatial discriminator, mean logit': ('logits/spatial_real', 'logits/spatial_fake'),
    'temporal discriminator, mean logit': ('logits/temporal_real', 'logits/temporal_fake'),
    'offline Frechet distance (not FVD)': (
        *('distance', 'floor', 'ceiling'),
        *('frechet', 'frechet_floor', 'frechet_ceiling'),
    ),
}
_OFFLINE = re.compile(r'offline_\w+/')  # version 0.1 wrote offline_frechet/distance, today's offline_256/frechet


def _series(records: list[dict], name: str) -> tuple[list[int], list[float]]:
    found = [(record['step'], record[name]) for record in records if name in record]
    return [step for step, _ in found], [value for _, value in found]


def main(log: str, picture: str) -> None:
    """Reads the log and writes the picture."""
    with open(log, encoding='utf-8') as file:
        records = [
            {_OFFLINE.sub('', name): value for name, value in json.loads(line).items()} for line in file
        ]
    figure, axes = pyplot.subplots(2, 2, figsize=(11, 6.5), constrained_layout=True)
    for axis, (title, names) in zip(axes.flat, _PANELS.items()):
        for name in names:
            steps, values = _series(records, name)
            if not steps:
                continue
            axis.plot(steps, values, label=name.split('/')[-1], marker='.' if len(steps) < 40 else None)
        axis.set(title=title, xlabel='generator step')
        axis.grid(alpha=0.3)
        axis.legend()
    axes[1, 1].set_yscale('log')
    figure.savefig(picture, dpi=90)


if __name__ == '__main__':
    main(*sys.argv[1:])
