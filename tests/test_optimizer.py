"""The optimizers: loss scaling gives what float32 would, and the fused Adam is Keras' own."""

import numpy as np
import pytest
import tensorflow as tf
import tf_keras as keras

from dvdgan_tf.distribute.strategy import make_strategy
from dvdgan_tf.training.optimizer import FusedAdam, ScaledOptimizer, fused

SHAPES = ((3, 2), (5,), ())


def _trained(make_optimizer, strategy='one_device', steps=4):
    """Weights and the optimizer after some updates by gradients from a seed."""
    distribution, random = make_strategy(strategy), np.random.RandomState(0)
    with distribution.scope():
        weights = [tf.Variable(random.normal(size=shape).astype('float32')) for shape in SHAPES]
        optimizer = ScaledOptimizer(make_optimizer(), weights)

    def on_a_replica(gradients):
        optimizer.apply([gradient + 0.0 * weight for gradient, weight in zip(gradients, weights)])

    update = tf.function(lambda *gradients: distribution.run(on_a_replica, args=(gradients,)), autograph=False)
    for _ in range(steps):
        update(*(tf.constant(random.normal(size=shape).astype('float32')) for shape in SHAPES))
    return [weight.numpy() for weight in weights], optimizer.optimizer


ADAMS = [
    {'learning_rate': 1e-2, 'beta_1': 0.0, 'beta_2': 0.999},
    {'learning_rate': 1e-2, 'weight_decay': 0.1, 'clipnorm': 0.5},
    {'learning_rate': keras.optimizers.schedules.ExponentialDecay(0.1, 1, 0.5), 'epsilon': 1e-3},
]


@pytest.mark.parametrize('options', ADAMS, ids=['of the paper', 'decay and clipping', 'schedule'])
@pytest.mark.parametrize('strategy', ['one_device', 'mirrored'])
def test_the_fused_adam_is_that_of_keras(options, strategy, monkeypatch):
    make = lambda: keras.optimizers.Adam(**options, jit_compile=False)  # noqa: E731
    found, optimizer = _trained(make, strategy)
    assert type(optimizer) is FusedAdam
    monkeypatch.setattr('dvdgan_tf.training.optimizer.fused', lambda optimizer: optimizer)
    expected, plain = _trained(make, strategy)
    assert type(plain) is keras.optimizers.Adam
    assert [v.name for v in optimizer.variables] == [v.name for v in plain.variables]
    for ours, theirs in zip(
        [*found, *(v.numpy() for v in optimizer.variables)], [*expected, *(v.numpy() for v in plain.variables)]
    ):
        # Keras takes 1 - beta_2 in float64, and the operation in float32, where that of 0.999 is off by 1.3e-5.
        np.testing.assert_allclose(ours, theirs, rtol=1e-4, atol=1e-6)


def test_a_checkpoint_of_the_one_is_one_of_the_other(tmp_path, monkeypatch):
    make = lambda: keras.optimizers.Adam(0.1, jit_compile=False)  # noqa: E731
    _, optimizer = _trained(make)
    with monkeypatch.context() as patched:
        patched.setattr('dvdgan_tf.training.optimizer.fused', lambda optimizer: optimizer)
        _, plain = _trained(make, steps=0)
    path = tf.train.Checkpoint(optimizer=optimizer).save(str(tmp_path / 'checkpoint'))
    tf.train.Checkpoint(optimizer=plain).restore(path).assert_consumed()
    assert [v.numpy().tolist() for v in plain.variables] == [v.numpy().tolist() for v in optimizer.variables]


@pytest.mark.parametrize(
    'optimizer', [keras.optimizers.Adam(amsgrad=True), keras.optimizers.AdamW(), keras.optimizers.SGD()]
)
def test_other_optimizers_stay_as_they_are(optimizer):
    assert fused(optimizer) is optimizer


def test_an_update_is_one_operation_a_variable():
    variables = [tf.Variable(tf.ones(shape)) for shape in SHAPES]
    optimizer = ScaledOptimizer(keras.optimizers.Adam(0.1, jit_compile=False), variables)
    traced = tf.function(lambda: optimizer.apply([tf.ones(shape) for shape in SHAPES]), autograph=False)
    kinds = [operation.type for operation in traced.get_concrete_function().graph.get_operations()]
    assert kinds.count('ResourceApplyAdam') == len(SHAPES)
    assert kinds.count('Pow') == 2 and not {'AssignSubVariableOp', 'Sqrt'} & set(kinds)


def _minimized(strategy, factors):
    """A weight of 1 under gradient descent with float16's loss scaling: after each factor its value and the scale."""
    keras.mixed_precision.set_global_policy('mixed_float16')
    with strategy.scope():
        weight = tf.Variable(1.0)
        optimizer = ScaledOptimizer(keras.optimizers.SGD(0.1, jit_compile=False), [weight])

    def update(factor):
        with tf.GradientTape() as tape:
            loss = optimizer.scaled(factor * weight)
        return tf.linalg.global_norm(optimizer.apply(tape.gradient(loss, optimizer.variables)))

    spread = tf.function(lambda factor: strategy.run(update, args=(factor,)), autograph=False)
    found = []
    for factor in factors:
        (norm, *_) = strategy.experimental_local_results(spread(tf.constant(factor)))
        found.append((float(norm), float(weight.numpy()), float(optimizer.optimizer.loss_scale)))
    return found, optimizer


@pytest.mark.parametrize('name, replicas', [('one_device', 1), ('mirrored', 4)])
def test_an_update_that_is_not_finite_is_left_out_and_halves_the_scale(name, replicas):
    found, optimizer = _minimized(make_strategy(name), [1.0, np.inf, 1.0])
    first, skipped, after = found
    assert first == pytest.approx((replicas, 1 - 0.1 * replicas, 2**15))
    assert skipped == pytest.approx((0.0, 1 - 0.1 * replicas, 2**14))
    assert after == pytest.approx((replicas, 1 - 0.2 * replicas, 2**14))
    assert optimizer.optimizer.iterations.numpy() == 3


def test_a_gradient_that_no_scale_mends_is_reported():
    found, _ = _minimized(make_strategy('one_device'), [np.inf] * 17)
    assert [norm for norm, *_ in found] == [0.0] * 15 + [np.inf] * 2
    assert {weight for _, weight, _ in found} == {1.0}


def test_float32_has_no_scale():
    optimizer = keras.optimizers.SGD(0.1, jit_compile=False)
    assert ScaledOptimizer(optimizer, [tf.Variable(1.0)]).optimizer is optimizer
