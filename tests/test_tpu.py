"""What can be known about a TPU without one: what TPUStrategy makes of the training loop."""

import functools
import os
import sys

import pytest
import tf_keras as keras

from dvdgan_tf.distribute.strategy import make_strategy
from dvdgan_tf.errors import InputError
from dvdgan_tf.layers.moments import TimestepMoments
from dvdgan_tf.models import (
    DiscriminatorInputs,
    Generator,
    Groups,
    Networks,
    SpatialDiscriminator,
    TemporalDiscriminator,
)
from dvdgan_tf.training.step import GanStep

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), '..', 'studies'))

import tpu_trace  # noqa: E402

FRAMES = 4


def _step(context_frames, micro_batches, recompute):
    groups = Groups(recompute=recompute)
    classes = 1 if context_frames else 9
    adam = functools.partial(keras.optimizers.Adam, 1e-3, beta_1=0.0, jit_compile=False)
    return GanStep(
        networks=Networks(
            lambda: Generator(16, FRAMES, classes, 1, context_frames=context_frames, groups=groups),
            lambda: SpatialDiscriminator(16, classes, 1),
            lambda: TemporalDiscriminator(16, classes, 1),
        ),
        generator_optimizer=adam,
        discriminator_optimizer=adam,
        global_batch=tpu_trace.CORES * micro_batches,
        seed=0,
        discriminator_inputs=DiscriminatorInputs(2),
        discriminator_updates=1,
        micro_batches=micro_batches,
    )


@pytest.mark.parametrize('context_frames, micro_batches, recompute', [(0, 2, True), (1, 1, False)])
def test_the_host_loop_is_traced_for_two_cores(context_frames, micro_batches, recompute):
    made = []

    def make_step():
        made.append(_step(context_frames, micro_batches, recompute))
        return made[0]

    program = tpu_trace.trace(make_step)
    assert program.operations > 5_000
    assert program.not_compiled == []
    assert program.not_static == []

    # A sum for each gradient, and one for the moments of each normalisation in the forward pass of D's update, in that
    # of G's and in its backward pass, of every micro-batch. Blocks that are recomputed have one pass more.
    generator, *judges = made[0].generator, made[0].spatial, made[0].temporal
    layers = [layer for layer in generator.submodules if isinstance(layer, TimestepMoments)]
    in_blocks = [layer for layer in layers if layer is not generator.norm.moments] if recompute else []
    gradients = [variable for network in (generator, *judges) for variable in network.trainable_variables]
    moments = micro_batches * [layer.moving_mean for layer in 3 * layers + in_blocks]
    assert program.sums == len(gradients) + len(moments)
    values = sum(value.shape.num_elements() for value in gradients)
    values += 2 * sum(value.shape.num_elements() for value in moments)
    assert program.summed_bytes == 4 * values


@pytest.mark.parametrize('name', ['tpu', 'tpu:nothing'])
def test_a_tpu_that_is_not_there_is_one_sentence(name, monkeypatch):
    monkeypatch.delenv('TPU_NAME', raising=False)
    with pytest.raises(InputError, match=f"there is no TPU '{name[4:]}' .*; on a TPU VM use \"tpu:local\""):
        make_strategy(name)
