"""What a configuration costs, told before it is trained."""

import functools
import re

import tf_keras as keras
import tiny

from dvdgan_tf.training import planner
from dvdgan_tf.training.step import GanStep


def test_parameters_operations_and_memory_of_the_smallest_networks():
    adam = functools.partial(keras.optimizers.Adam, jit_compile=False)
    said = planner.plan(
        generator=tiny.Generator,
        spatial_discriminator=tiny.Discriminator,
        temporal_discriminator=tiny.Discriminator,
        generator_optimizer=adam,
        discriminator_optimizer=adam,
        gan_step=functools.partial(GanStep, spatial_frames=1),
        global_batch=400,
        strategy='mirrored',
        precision='float32',
    )
    values, inputs = 2 * 16 * 16 * 3, 120 + 9
    generator, spatial, temporal = (inputs + 1) * values, 16 * 16 * 3 + 9 + 1, 2 * 8 * 8 * 3 + 9 + 1
    assert f'generator {generator:,}, spatial {spatial:,}, temporal {temporal:,}' in said
    assert '100 clips on each of 4 replica(s)' in said
    # A multiply-add is 2. D: G forwards once, each D on real and generated clips forwards and once backwards.
    once, judged = 2 * inputs * values, 2 * (spatial - 1 + temporal - 1)
    expected = 400 * (2 * (once + 2 * judged * 2) + (2 * once + 2 * judged))
    (total,) = re.findall(r'operations of a step: ([\d.,]+) GFLOP', said)
    assert abs(float(total) - expected / 1e9) <= 0.05
    # G and its average, Adam's two slots for G, D_S and D_T with theirs.
    held = 4 * (4 * generator + 3 * (spatial + temporal))
    assert f'{held / 1e9:.2f} for variables' in said
