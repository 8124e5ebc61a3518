"""The whole step compiled by XLA, as a TPU needs it: it compiles, and changes what the plain step changes."""

import functools
import os

import numpy as np
import pytest
import tensorflow as tf
import tf_keras as keras
from tensorflow.python.eager.polymorphic_function.concrete_function import ConcreteFunction

from dvdgan_tf.models import DiscriminatorInputs, Generator, Networks, SpatialDiscriminator, TemporalDiscriminator
from dvdgan_tf.training.step import GanStep

# XLA makes one function of a step, and LLVM's optimisation takes time as the square of its size: minutes.
os.environ.setdefault('XLA_FLAGS', '--xla_backend_optimization_level=0')

BATCH, FRAMES = 2, 2


def _step(context_frames):
    classes = 1 if context_frames else 3
    # An epsilon this large, or Adam makes as much of a gradient that is rounding as of any other.
    adam = functools.partial(keras.optimizers.Adam, 1e-3, beta_1=0.0, epsilon=1e-2, jit_compile=False)
    return GanStep(
        networks=Networks(
            lambda: Generator(16, FRAMES, classes, 1, context_frames=context_frames),
            lambda: SpatialDiscriminator(16, classes, 1),
            lambda: TemporalDiscriminator(16, classes, 1),
        ),
        generator_optimizer=adam,
        discriminator_optimizer=adam,
        global_batch=BATCH,
        seed=0,
        discriminator_inputs=DiscriminatorInputs(1),
        discriminator_updates=1,
    )


def _compiled(context_frames):
    """A step of two updates as a function that XLA compiles, traced."""
    keras.utils.set_random_seed(0)
    step = _step(context_frames)
    shape = [BATCH, context_frames + FRAMES, 16, 16, 3]
    clips = [
        (tf.constant(np.random.RandomState(number).uniform(-1, 1, shape), tf.float32), tf.zeros([BATCH], tf.int32))
        for number in range(step.batches_per_step)
    ]
    return tf.function(lambda: step(clips), autograph=False, jit_compile=True), step


@pytest.fixture
def fixed_draws(monkeypatch):
    """XLA draws other numbers from a seed than TensorFlow does; these are the same for both."""
    random = np.random.RandomState(0)
    uniform = lambda shape, seed: tf.constant(random.uniform(size=shape), tf.float32)  # noqa: E731
    monkeypatch.setattr(tf.random, 'stateless_uniform', uniform)
    monkeypatch.setattr(tf.random, 'stateless_normal', uniform)


@pytest.mark.parametrize('context_frames', [0, 1])
def test_in_float32_it_equals_the_plain_step(context_frames, fixed_draws):
    function, step = _compiled(context_frames)
    compiled = function.get_concrete_function()
    plain = ConcreteFunction.from_func_graph(compiled.graph, compiled.function_type, {})
    optimizers = (step._generator_optimizer.optimizer, step._discriminator_optimizer.optimizer)
    variables = [*step.variables, *(variable for each in optimizers for variable in each.variables)]
    start, found = [variable.numpy() for variable in variables], []
    for each in (compiled, plain):
        for variable, value in zip(variables, start):
            variable.assign(value)
        metrics = each()
        found.append({**metrics, **{f'{v.name} {number}': v.numpy() for number, v in enumerate(variables)}})
    assert len(found[0]) > 400
    for name, value in found[1].items():
        limit = 1e-4 * max(1e-2, float(np.max(np.abs(value))))
        np.testing.assert_allclose(found[0][name], value, rtol=0, atol=limit, err_msg=name)


@pytest.mark.parametrize('context_frames', [0, 1])
def test_in_bfloat16_it_compiles(context_frames):
    keras.mixed_precision.set_global_policy('mixed_bfloat16')
    metrics = _compiled(context_frames)[0]()
    assert all(np.isfinite(value) for value in metrics.values())
