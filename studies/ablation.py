"""Trains the small ablation of figure 6 and draws it: python studies/ablation.py RUNS_FOLDER PICTURE

Three variants with three seeds each. A run that is done is not trained again, one that was stopped goes on. Printed are
the distances at the last step: of each seed, their mean and their standard deviation.
"""

import json
import os
import statistics
import subprocess
import sys

import matplotlib

matplotlib.use('Agg')

from matplotlib import pyplot  # noqa: E402

_CHECKOUT = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))
_VARIANTS = {
    'k = 8, phi 2x2': 'gin/small/synthetic_16x16x8.gin',
    'k = 1, phi 2x2': 'gin/ablations/small_k_1.gin',
    'k = 8, phi 4x4': 'gin/ablations/small_phi_4x4.gin',
}
_SEEDS = (0, 1, 2)
_DISTANCE, _FLOOR = 'offline_256/frechet', 'offline_256/frechet_floor'


def _work_dir(folder: str, gin_file: str, seed: int) -> str:
    return os.path.join(folder, f'{os.path.splitext(os.path.basename(gin_file))[0]}_{seed}')


def _records(work_dir: str) -> list[dict]:
    path = os.path.join(work_dir, 'metrics.jsonl')
    if not os.path.exists(path):
        return []
    with open(path, encoding='utf-8') as file:
        return [record for record in map(json.loads, file) if _DISTANCE in record]


def _train(work_dir: str, gin_file: str, seed: int) -> None:
    program = [sys.executable, os.path.join(_CHECKOUT, 'bin', 'train')]
    arguments = [f'--gin_file={gin_file}', f'--work_dir={work_dir}', f'--gin_param=SEED = {seed}']
    subprocess.run([*program, *arguments], check=True)


def _curves(folder: str, gin_file: str) -> list[dict[int, float]]:
    """Step to distance, for each seed."""
    logs = [_records(_work_dir(folder, gin_file, seed)) for seed in _SEEDS]
    return [{record['step']: record[_DISTANCE] for record in log} for log in logs]


def _draw(folder: str, picture: str) -> None:
    figure, axis = pyplot.subplots(figsize=(7, 4.5), constrained_layout=True)
    for name, gin_file in _VARIANTS.items():
        curves = _curves(folder, gin_file)
        steps = sorted(set.intersection(*(set(curve) for curve in curves)))
        means = [statistics.mean(curve[step] for curve in curves) for step in steps]
        spreads = [statistics.stdev(curve[step] for curve in curves) for step in steps]
        (line,) = axis.plot(steps, means, marker='.', label=name)
        low, high = ([mean + sign * spread for mean, spread in zip(means, spreads)] for sign in (-1, 1))
        axis.fill_between(steps, low, high, alpha=0.2, color=line.get_color())
        each = ', '.join(f'{curve[steps[-1]]:.1f}' for curve in curves)
        sys.stdout.write(f'| {name} | {each} | {means[-1]:.1f} | {spreads[-1]:.1f} |\n')
    floor = _records(_work_dir(folder, _VARIANTS['k = 8, phi 2x2'], _SEEDS[0]))[0][_FLOOR]
    axis.axhline(floor, linestyle=':', color='black', label='two draws of real clips')
    axis.set(xlabel='generator step', ylabel='offline Frechet distance (not FVD)', yscale='log')
    axis.grid(alpha=0.3)
    axis.legend()
    figure.savefig(picture, dpi=90)


def main(folder: str, picture: str) -> None:
    """Trains what is missing, then reads the logs, prints a table and writes the picture."""
    for seed in _SEEDS:
        for gin_file in _VARIANTS.values():
            work_dir = _work_dir(folder, gin_file, seed)
            done = os.path.join(work_dir, 'done')
            if not os.path.exists(done):
                _train(work_dir, gin_file, seed)
                open(done, 'w').close()
    _draw(folder, picture)


if __name__ == '__main__':
    main(*sys.argv[1:])
