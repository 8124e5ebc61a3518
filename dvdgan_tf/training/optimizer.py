"""From gradients to an update: summed over micro-batches, scaled for float16, and Adam as one operation a variable."""

from __future__ import annotations

import numbers
import types
from collections.abc import Iterable, Sequence
from typing import Callable

import tensorflow as tf
import tf_keras as keras

from dvdgan_tf.layers import state


def accumulated(count: int, of_part: Callable[[int], object]) -> object:
    """Sums what `of_part` returns for every micro-batch, one after the other, so that only one is in memory.

    State moves once, at the end, by the mean of what the parts would have done: they all begin with the same. Nor does
    it move before the gradients of a part are made, so that they may compute a layer again.

    Args:
        count: micro-batches, at least 1.
        of_part: number of a micro-batch to a structure of tensors.

    Returns:
        the same structure of their sums.
    """
    total, moves = None, []
    for number in range(count):
        with tf.control_dependencies(tf.nest.flatten(total) if number else []), state.collected() as updates:
            values = tf.nest.map_structure(tf.convert_to_tensor, of_part(number))  # an embedding's gradient is sparse
            total = tf.nest.map_structure(tf.add, total, values) if number else values
        moves.append(updates)
    for of_parts in zip(*moves):
        values = [value for _, value in of_parts]
        state.update(of_parts[0][0], tf.add_n(values) / count if count > 1 else values[0])
    return total


class ScaledOptimizer:
    """One optimizer and the variables that it trains.

    Under the policy mixed_float16 the loss is multiplied by a scale, so that small gradients do not vanish. An update
    whose gradients are not finite is left out and halves the scale; 2,000 updates without one double it.

    Args:
        optimizer: applies the gradients.
        variables: are trained.
    """

    def __init__(self, optimizer: keras.optimizers.Optimizer, variables: Sequence[tf.Variable]) -> None:
        half = keras.mixed_precision.global_policy().compute_dtype == 'float16'
        self._inner = fused(optimizer)
        self.optimizer = keras.mixed_precision.LossScaleOptimizer(self._inner) if half else self._inner
        self.variables = list(variables)
        self._is_scaled = half
        self.optimizer.build(self.variables)

    @property
    def learning_rate(self) -> object:
        """The learning rate, a number; of a schedule its configuration, and setting that changes nothing."""
        return self._inner.get_config().get('learning_rate')

    @learning_rate.setter
    def learning_rate(self, rate: object) -> None:
        if isinstance(rate, numbers.Real) and rate != self.learning_rate:
            self.optimizer.learning_rate = rate

    def scaled(self, loss: tf.Tensor) -> tf.Tensor:
        """The loss to take gradients of, inside the tape's block."""
        return self.optimizer.get_scaled_loss(loss) if self._is_scaled else loss

    def apply(self, gradients: Sequence[tf.Tensor]) -> list[tf.Tensor]:
        """Sums the gradients, still scaled, over the replicas, applies them and returns the sums.

        Those of an update that is left out for its scale are returned as zeros; at a scale of 1, which cannot be
        halved any more, they are returned as they are.
        """
        context = tf.distribute.get_replica_context()
        if context.num_replicas_in_sync > 1:
            gradients = context.all_reduce(tf.distribute.ReduceOp.SUM, list(gradients))
        found = gradients
        if self._is_scaled:
            gradients = self.optimizer.get_unscaled_gradients(gradients)
            finite = tf.reduce_all([tf.reduce_all(tf.math.is_finite(gradient)) for gradient in gradients])
            reported = finite | (self.optimizer.loss_scale <= 1.0)
            found = [tf.where(reported, gradient, tf.zeros_like(gradient)) for gradient in gradients]
        self.optimizer.apply_gradients(zip(gradients, self.variables), skip_gradients_aggregation=True)
        return found


class FusedAdam(keras.optimizers.Adam):
    """Keras' Adam with the same variables and formula, but one operation a variable where that has thirty."""

    def apply_gradients(self, grads_and_vars: Iterable, *args: object, **options: object) -> tf.Variable:
        self._now: dict[tf.DType, types.SimpleNamespace] = {}
        return super().apply_gradients(grads_and_vars, *args, **options)

    def update_step(self, gradient: tf.Tensor, variable: tf.Variable) -> None:
        index = self._index_dict[self._var_key(variable)]
        if variable.dtype not in self._now:
            self._now[variable.dtype] = self._constants(variable.dtype)
        tf.raw_ops.ResourceApplyAdam(
            var=variable.handle,
            m=self._momentums[index].handle,
            v=self._velocities[index].handle,
            grad=gradient,
            **vars(self._now[variable.dtype]),
        )

    def _constants(self, dtype: tf.DType) -> types.SimpleNamespace:
        """What is the same for every variable of an update."""
        step = tf.cast(self.iterations + 1, dtype)
        beta_1, beta_2 = (tf.constant(value, dtype) for value in (self.beta_1, self.beta_2))
        return types.SimpleNamespace(
            lr=tf.cast(self.learning_rate, dtype),
            beta1=beta_1,
            beta2=beta_2,
            beta1_power=tf.pow(beta_1, step),
            beta2_power=tf.pow(beta_2, step),
            epsilon=tf.constant(self.epsilon, dtype),
        )


def fused(optimizer: keras.optimizers.Optimizer) -> keras.optimizers.Optimizer:
    """Makes an Adam that `FusedAdam` equals one; any other optimizer stays as it is."""
    if type(optimizer) is keras.optimizers.Adam and not (
        optimizer.amsgrad or getattr(optimizer, 'adaptive_epsilon', False)
    ):
        optimizer.__class__ = FusedAdam  # in place: its variables belong to the strategy in force
        optimizer.jit_compile = False  # there is nothing left to fuse
    return optimizer
