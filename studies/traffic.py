"""What replicas send each other in a step: python studies/traffic.py gin/bair_fp_64x64.gin

Counts the bytes that an experiment sums over replicas: the gradients of two updates of D and one of G, and the moments
of every normalisation. Nothing is trained or allocated. With --teraflop, what a step computes as `bin/train --dry_run`
tells, the efficiency follows from --peak, --share and --link: computing and a ring all-reduce, one after the other.
"""

import argparse
import os
import sys

sys.path.insert(0, os.path.dirname(os.path.dirname(os.path.abspath(__file__))))

import tensorflow as tf  # noqa: E402

from dvdgan_tf import config  # noqa: E402
from dvdgan_tf.layers.moments import TimestepMoments  # noqa: E402
from dvdgan_tf.training import loop  # noqa: E402

_FLOAT_BYTES = 4


def traffic(gin_file: str) -> tuple[int, int]:
    """Bytes of gradients and of moments that one step sums over the replicas."""
    config.parse([gin_file], fallbacks={'DATA_DIR': 'records'})
    gan_step = config.bindings(loop.train, only=['gan_step'])['gan_step']
    with tf.Graph().as_default():
        step = gan_step(global_batch=1)
        generator, *judges = (
            sum(variable.shape.num_elements() for variable in network.trainable_variables)
            for network in (step.generator, step.spatial, step.temporal)
        )
        layers = [layer for layer in step.generator.submodules if isinstance(layer, TimestepMoments)]
        moments = sum(2 * layer.moving_mean.shape.num_elements() for layer in layers)
    gradients = step.discriminator_updates * sum(judges) + generator
    # G runs once in every update, and backwards in its own.
    passes = (step.discriminator_updates + 2) * step.micro_batches
    return _FLOAT_BYTES * gradients, _FLOAT_BYTES * passes * moments


def efficiency(sent: int, replicas: int, teraflop: float, peak: float, share: float, link: float) -> float:
    """The part of a step's time that is computing.

    Args:
        sent: bytes summed over replicas.
        replicas: how many there are.
        teraflop: what a step computes over all of them.
        peak: TFLOP/s of a replica.
        share: of the peak that computing reaches.
        link: GB/s out of a replica.
    """
    computing = teraflop / (replicas * peak * share)
    sending = 2 * (replicas - 1) / replicas * sent / (link * 1e9)
    return computing / (computing + sending)


def main() -> None:
    """Prints a row of a table for each experiment."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument('gin_files', nargs='+')
    parser.add_argument('--teraflop', type=float, help='operations of a step, TFLOP')
    parser.add_argument('--peak', type=float, default=61.5, help='TFLOP/s of a replica')
    parser.add_argument('--share', type=float, default=0.4, help='part of the peak that is reached')
    parser.add_argument('--link', type=float, default=82.0, help='GB/s out of a replica')
    arguments = parser.parse_args()
    for gin_file in arguments.gin_files:
        gradients, moments = traffic(gin_file)
        row = [gin_file, f'{gradients / 1e6:,.0f} MB', f'{moments / 1e6:,.2f} MB']
        if arguments.teraflop:
            speeds = arguments.teraflop, arguments.peak, arguments.share, arguments.link
            row += [f'{count}: {efficiency(gradients + moments, count, *speeds):.1%}' for count in (8, 32, 512)]
        sys.stdout.write('| ' + ' | '.join(row) + ' |\n')
        sys.stdout.flush()


if __name__ == '__main__':
    main()
