"""Searches a recipe for small data: one change at a time against a base, on three data sets at 32x32.

  python studies/recipe.py --runs=runs/recipe --steps=1000 --sets=shapes,weizmann,scenes \
    --weizmann=data/weizmann32 --scenes=data/scenes32 [--variants=base,augmented] [--seeds=0,1,2]

Weizmann are records with held-out people at 32 pixels, scenes those of gin/small/scenes_64x64x12.gin at 32. Each run is
a process of its own and is scored four times by `recognition` and the offline distance. Results are appended to
RUNS/results.jsonl; a run that has its line there is not trained again, one that was stopped goes on. The table is
printed after each run: at equal steps, and at equal time, which is the processor time that the base took.
"""

from __future__ import annotations

import argparse
import json
import os
import resource
import subprocess
import sys
from collections.abc import Iterator

_CHECKOUT = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))
_LOOKS = 4  # evaluations of a run

SETS = {
    'shapes': ('gin/small/synthetic_32x32x16.gin', ['models.DiscriminatorInputs.augmentation = None']),
    'weizmann': ('gin/small/weizmann_32x32x12.gin', []),
    'scenes': ('gin/small/scenes_64x64x12.gin', ['RESOLUTION = 32', 'models.DiscriminatorInputs.augmentation = None']),
}
_BASE = [
    'CHANNEL_MULTIPLIER = 8',
    'GLOBAL_BATCH = 8',
    'models.Groups.unroll = True',
    'ema.MovingAverage.decay = 0.995',
    'ema.MovingAverage.start_step = 0',
    'generator/optimizers.Adam.learning_rate = 5e-4',
    'discriminator/optimizers.Adam.learning_rate = 5e-4',
]
_AUGMENTED = [
    'from dvdgan_tf.training import augmentation',
    'models.DiscriminatorInputs.augmentation = @augmentation.DifferentiableAugmentation()',
]
VARIANTS = {
    'base': [],
    'augmented': [*_AUGMENTED, 'augmentation.DifferentiableAugmentation.colour = True'],
    'moved and cut only': [*_AUGMENTED, 'augmentation.DifferentiableAugmentation.colour = False'],
    'moved only': [
        *_AUGMENTED,
        'augmentation.DifferentiableAugmentation.colour = False',
        'augmentation.DifferentiableAugmentation.cutout = 0.0',
    ],
    "the paper's rates": ['generator/optimizers.Adam.learning_rate = 1e-4'],
    'both rates 2e-4': [
        'generator/optimizers.Adam.learning_rate = 2e-4',
        'discriminator/optimizers.Adam.learning_rate = 2e-4',
    ],
    'rate of D 2e-4': ['discriminator/optimizers.Adam.learning_rate = 2e-4'],
    'one update of D': ['step.GanStep.discriminator_updates = 1'],
    'batch 16': ['GLOBAL_BATCH = 16'],
    'k = 4': ['models.DiscriminatorInputs.spatial_frames = 4'],
    'k = 1': ['models.DiscriminatorInputs.spatial_frames = 1'],
    'phi of whole frames': ['models.DiscriminatorInputs.phi = @discriminator_inputs.identity'],
    'beta1 0.5': ['optimizers.Adam.beta_1 = 0.5'],
    'average of 0.998': ['ema.MovingAverage.decay = 0.998'],
    'mirrored clips': ['pipeline.RecordClips.flip = True'],
}
COLUMNS = ('recognised', 'frechet', 'diversity', 'motion', 'outliers')


def is_possible(data_set: str, variant: str) -> bool:
    """Whether a change has a meaning for a data set: the shapes are endless and need no mirroring."""
    return (data_set, variant) != ('shapes', 'mirrored clips')


def bindings(data_set: str, variant: str, arguments: argparse.Namespace, seed: int) -> list[str]:
    """Every binding of a run but its gin file's, the variant's last."""
    look = arguments.steps // _LOOKS
    found = [*SETS[data_set][1], *_BASE]
    if data_set != 'shapes':
        found.append(f'DATA_DIR = {getattr(arguments, data_set)!r}')
    found += [
        f'TRAIN_STEPS = {arguments.steps}',
        f'SEED = {seed}',
        f'PRECISION = {arguments.precision!r}',
        'loop.train.summary_every = 50',
        f'schedule.Checkpoints.every = {look}',
        f'schedule.Previews.every = {look}',
        'from dvdgan_tf.evaluation import during_training',
        "during_training.ProtocolScores.names = ['recognition', 'offline_256']",
        f'during_training.ProtocolScores.every = {look}',
    ]
    return [*found, *VARIANTS[variant]]


def _train(work_dir: str, data_set: str, variant: str, arguments: argparse.Namespace, seed: int) -> float:
    """Trains to the end; returns seconds of processor time, those before a Ctrl-C or a failure included."""
    program = [sys.executable, os.path.join(_CHECKOUT, 'bin', 'train'), f'--gin_file={SETS[data_set][0]}']
    params = [f'--gin_param={binding}' for binding in bindings(data_set, variant, arguments, seed)]
    kept = os.path.join(work_dir, 'processor_seconds')
    os.makedirs(work_dir, exist_ok=True)
    spent = float(open(kept, encoding='utf-8').read()) if os.path.exists(kept) else 0.0
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    try:
        subprocess.run([*program, f'--work_dir={work_dir}', *params], check=True)
    finally:
        after = resource.getrusage(resource.RUSAGE_CHILDREN)
        spent += after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime
        with open(kept, 'w', encoding='utf-8') as file:
            file.write(f'{spent}\n')
    return spent


def result(work_dir: str) -> dict[str, object]:
    """What the log of a finished run says: scores by step, and the lowest losses of the discriminators."""
    with open(os.path.join(work_dir, 'metrics.jsonl'), encoding='utf-8') as file:
        records = [json.loads(line) for line in file]
    looks: dict[int, dict[str, float]] = {}
    for record in records:
        for name, value in record.items():
            if name.startswith(('recognition/', 'offline_')):
                looks.setdefault(record['step'], {})[name] = value
    losses = [record for record in records if 'loss/spatial' in record]
    late = losses[len(losses) // 4 :]
    return {
        'looks': {str(step): values for step, values in sorted(looks.items()) if step},
        'lowest': {name: min(record[f'loss/{name}'] for record in late) for name in ('spatial', 'temporal')},
    }


def _row(row: dict, look: int) -> list[str]:
    values = row['looks'][str(look)]
    cells = [f'{values[f"recognition/{name}"]:.3g}' for name in COLUMNS]
    return [*cells, f'{values["offline_256/frechet"]:.4g}']


def table(rows: list[dict]) -> Iterator[str]:
    """A Markdown table of each data set; at equal time, the last score that the base's processor time allows."""
    for data_set in dict.fromkeys(row['set'] for row in rows):
        members = [row for row in rows if row['set'] == data_set]
        base = next((row for row in members if row['variant'] == 'base'), members[0])
        held_out = base['looks'][str(base['steps'])]
        heads = [f'{name} ({held_out[f"recognition/{name}_floor"]:.3g})' for name in COLUMNS]
        heads.append(f'offline ({held_out["offline_256/frechet_floor"]:.3g})')
        heads += ['processor s a step', 'offline at equal time', 'lowest loss of D_S, D_T']
        yield f'\n{data_set}, {base["steps"]} steps (held-out clips)\n'
        yield f'| variant | seed | {" | ".join(heads)} |'
        yield '|---' * (len(heads) + 2) + '|'
        for row in members:
            cost = row['seconds'] / row['steps']
            allowed = [int(step) for step in row['looks'] if int(step) * cost <= 1.02 * base['seconds']]
            even = f'{_row(row, max(allowed))[-1]} (step {max(allowed)})' if allowed else '-'
            lowest = ', '.join(f'{value:.2g}' for value in row['lowest'].values())
            cells = [*_row(row, row['steps']), f'{cost:.2f}', even, lowest]
            yield f'| {row["variant"]} | {row["seed"]} | {" | ".join(cells)} |'


def main() -> None:
    """Trains what is missing, one run after the other."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument('--runs', required=True, help='folder of the runs and of results.jsonl')
    parser.add_argument('--sets', default='shapes,weizmann,scenes')
    parser.add_argument('--variants', default=','.join(VARIANTS))
    parser.add_argument('--seeds', default='0')
    parser.add_argument('--steps', type=int, default=1000)
    parser.add_argument('--precision', default='float32')
    parser.add_argument('--weizmann', default='data/weizmann32', help='records')
    parser.add_argument('--scenes', default='data/scenes32', help='records')
    arguments = parser.parse_args()
    os.makedirs(arguments.runs, exist_ok=True)
    results = os.path.join(arguments.runs, 'results.jsonl')
    rows = []
    if os.path.exists(results):
        with open(results, encoding='utf-8') as file:
            rows = [json.loads(line) for line in file]
    for seed in map(int, arguments.seeds.split(',')):
        for data_set in arguments.sets.split(','):
            for variant in arguments.variants.split(','):
                key = {'set': data_set, 'variant': variant, 'seed': seed, 'steps': arguments.steps}
                if not is_possible(data_set, variant) or any(row.items() >= key.items() for row in rows):
                    continue
                work_dir = os.path.join(arguments.runs, f'{data_set}-{variant.replace(" ", "_")}-{seed}')
                seconds = _train(work_dir, data_set, variant, arguments, seed)
                rows.append({**key, 'seconds': seconds, 'bindings': VARIANTS[variant], **result(work_dir)})
                with open(results, 'a', encoding='utf-8') as file:
                    file.write(json.dumps(rows[-1]) + '\n')
                sys.stdout.write('\n'.join(table(rows)) + '\n')
                sys.stdout.flush()


if __name__ == '__main__':
    main()
