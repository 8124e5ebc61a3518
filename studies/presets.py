"""Builds experiments at full size without running them: python studies/presets.py gin/bair_fp_64x64.gin ...

Prints for each a row of a table: parameters of G, D_S and D_T, operations of a step at the experiment's global batch,
and what a replica holds with one clip: variables and activations. Nothing of it is allocated.
"""

import os
import sys

sys.path.insert(0, os.path.dirname(os.path.dirname(os.path.abspath(__file__))))

from dvdgan_tf import config  # noqa: E402
from dvdgan_tf.planning import plan  # noqa: E402
from dvdgan_tf.training import loop  # noqa: E402


def _row(gin_file: str) -> str:
    config.parse([gin_file], fallbacks={'DATA_DIR': 'records'})
    gan_step = config.bindings(loop.train, only=['gan_step'])['gan_step']
    batch, cost = plan.bound_batch(gan_step), plan.cost_of_a_step(gan_step, 1, 1)
    flops = batch * (cost.updates * cost.discriminator_flops + cost.generator_flops)
    parameters = ' | '.join(f'{count / 1e6:.1f}' for count in cost.parameters)
    name = os.path.splitext(os.path.relpath(gin_file, 'gin'))[0]
    return f'| `{name}` | {parameters} | {flops / 1e12:,.1f} | {cost.held / 1e9:.1f} | {cost.activations / 1e9:.2f} |'


def main(gin_files: list[str]) -> None:
    """Prints the table, each row as soon as it is known."""
    names = 'G, million', 'D_S', 'D_T', 'TFLOP a step', 'variables, GB', 'activations of a clip, GB'
    sys.stdout.write(f'| experiment | {" | ".join(names)} |\n')
    sys.stdout.write('|---|---|---|---|---|---|---|\n')
    for gin_file in gin_files:
        sys.stdout.write(_row(gin_file) + '\n')
        sys.stdout.flush()


if __name__ == '__main__':
    main(sys.argv[1:])
