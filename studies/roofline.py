"""What accelerators could do at best: python studies/roofline.py --gin_file=gin/kinetics600_48x64x64.gin

Counts the operations of convolutions and matrix products of a training step and of sampling two clips (the paper's
B.3), and the bytes that they read and write, each operation by itself. A device needs at least the longer of both, at
its peak rate for bfloat16 and at its peak memory bandwidth. Nothing is run or allocated.
"""

import argparse
import os
import sys
from typing import NamedTuple

sys.path.insert(0, os.path.dirname(os.path.dirname(os.path.abspath(__file__))))

import tensorflow as tf  # noqa: E402

from dvdgan_tf.benchmarks import plain, preset  # noqa: E402
from dvdgan_tf.benchmarks.sampling import LATENCY_CLIPS, sampler  # noqa: E402
from dvdgan_tf.models.variables import clip_spec, label_spec  # noqa: E402
from dvdgan_tf.planning import graph_cost  # noqa: E402


class Peak(NamedTuple):
    """Of a device: operations a second in bfloat16, and bytes a second of its memory."""

    flops: float
    bandwidth: float


# Of the makers' data sheets; a TPU v3 chip has two cores.
DEVICES = {
    'TPU v3, one core': Peak(61.5e12, 450e9),
    'TPU v5e, one chip': Peak(197e12, 819e9),
    'NVIDIA H100 SXM': Peak(989e12, 3.35e12),
    'NVIDIA H200': Peak(989e12, 4.8e12),
}


def main() -> None:
    """Prints the table."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument('--gin_file', action='append', required=True)
    parser.add_argument('--gin_param', action='append', default=["PRECISION = 'mixed_bfloat16'"])
    parser.add_argument('--batch', type=int, default=8, help='clips of a step on one device')
    arguments = parser.parse_args()
    bound = preset.bound(arguments.gin_file, arguments.gin_param)
    print(f'{bound.name}, {arguments.batch} clips a step')
    print('| what | TFLOP | GB | ' + ' | '.join(DEVICES) + ' |')
    print('|---' * (3 + len(DEVICES)) + '|')
    for what, (flops, size) in counted(bound, arguments.batch).items():
        cells = [f'{flops / 1e12:.3g}', f'{size / 1e9:.3g}']
        for peak in DEVICES.values():
            computing, moving = flops / peak.flops, size / peak.bandwidth
            bound_by = 'memory' if moving > computing else 'arithmetic'
            cells.append(f'{1e3 * max(computing, moving):.3g} ms ({bound_by})')
        print(f'| {what} | ' + ' | '.join(cells) + ' |')


def counted(bound: preset.Preset, batch: int) -> dict[str, tuple[int, int]]:
    """Operations and bytes of a step, of sampling, and of sampling in the plain form."""
    with tf.Graph().as_default():
        step = bound.gan_step(global_batch=batch)
        generator = step.generator
        frames = generator.context_frames + generator.num_frames
        pair = clip_spec(batch, frames, generator.resolution, generator.video_channels), label_spec(batch)
        judge = tf.function(lambda *pair: step.update_discriminators(pair, 0), autograph=False)
        deceive = tf.function(lambda *pair: step.update_generator(pair), autograph=False)
        judging, making = (_of(update.get_concrete_function(*pair).graph) for update in (judge, deceive))
        updates = step.discriminator_updates
        found = {'training step': tuple(updates * one + other for one, other in zip(judging, making))}
        ours = sampler(step.ema_generator, LATENCY_CLIPS)
        found[f'sampling {LATENCY_CLIPS} clips'] = _of(ours.get_concrete_function().graph)
        with plain.without():
            theirs = sampler(step.ema_generator, LATENCY_CLIPS)
            found[f'sampling {LATENCY_CLIPS} clips, plain form'] = _of(theirs.get_concrete_function().graph)
    return found


def _of(graph: tf.Graph) -> tuple[int, int]:
    return graph_cost.flops(graph), graph_cost.product_bytes(graph)


if __name__ == '__main__':
    main()
