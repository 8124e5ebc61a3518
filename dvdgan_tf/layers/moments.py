"""The mean and variance that a normalisation uses: which activations they are taken over.

The generator's default is `TimestepMoments` (paper B.2): "we do not reduce over the time dimension", so frame t of
every clip is normalised by the moments of all frames t and no information passes between timesteps. The others are the
variants of appendix D.

Every layer maps batch-major frames `[B*T, H, W, C]` to `[2, b, t, c]` float32, mean and variance, where b is B or 1, t
is T or 1 and c is C or 1.

Differences from the paper: none. The decay of the moving averages is not stated there [inferred].
"""

from __future__ import annotations

import tensorflow as tf
import tf_keras as keras

from dvdgan_tf.layers import state

DECAY = 0.99
GROUPS = 32


def cross_replica_mean(value: tf.Tensor) -> tf.Tensor:
    """The mean of `value` over the replicas of the strategy in force; `value` itself where there is only one."""
    context = tf.distribute.get_replica_context()
    if context is None or context.num_replicas_in_sync == 1:
        return value
    return context.all_reduce(tf.distribute.ReduceOp.MEAN, value)


class InstanceMoments(keras.layers.Layer):
    """Mean and variance of each frame apart, over H and W (instance normalisation).

    Args:
        num_frames: T; frame t of clip b is row b*T + t.
    """

    def __init__(self, num_frames: int, name: str | None = None) -> None:
        super().__init__(name=name, autocast=False)
        self.num_frames = num_frames

    def call(self, frames: tf.Tensor, training: bool = False) -> tf.Tensor:
        height, width, channels = frames.shape[1:]
        pixels = tf.cast(tf.reshape(frames, [-1, height * width, channels]), self.variable_dtype)
        powers = tf.stack([tf.reduce_mean(pixels, 1), tf.reduce_mean(tf.square(pixels), 1)])
        mean, square = tf.unstack(self._pooled(tf.reshape(powers, [2, -1, self.num_frames, channels])))
        return tf.stack([mean, tf.nn.relu(square - tf.square(mean))])

    def _pooled(self, powers: tf.Tensor) -> tf.Tensor:
        """Averages the per-frame E[x] and E[x^2], `[2, B, T, C]`, over what the variant shares."""
        return powers

    def get_config(self) -> dict:
        return {**super().get_config(), 'num_frames': self.num_frames}


class LayerMoments(InstanceMoments):
    """Mean and variance of each frame over all its channels (layer normalisation)."""

    def _pooled(self, powers: tf.Tensor) -> tf.Tensor:
        return tf.reduce_mean(powers, 3, keepdims=True)


class GroupMoments(InstanceMoments):
    """Each frame's mean and variance over 32 groups of channels, or one channel each below 32 (Wu & He 2018)."""

    def _pooled(self, powers: tf.Tensor) -> tf.Tensor:
        channels = powers.shape[3]
        groups = min(GROUPS, channels)
        if channels % groups:
            raise ValueError(f'Group normalisation needs a width divisible by {groups}, got {channels}.')
        grouped = tf.reshape(powers, [2, -1, self.num_frames, groups, channels // groups])
        return tf.repeat(tf.reduce_mean(grouped, 4), channels // groups, axis=3)


class FixedMoments(InstanceMoments):
    """Mean 0 and variance 1 whatever the input: no normalisation."""

    def call(self, frames: tf.Tensor, training: bool = False) -> tf.Tensor:
        return tf.constant([0.0, 1.0], self.variable_dtype, shape=[2, 1, 1, 1])


class TimestepMoments(InstanceMoments):
    """Mean and variance per timestep over the global batch: `[2, 1, T, C]`.

    With `training=True` they are those of the batch, over all replicas [inferred, as BigGAN], and the moving averages
    `moving_mean` and `moving_variance` of shape [T, C] follow them; otherwise they are the moving averages.
    """

    def build(self, input_shape: tf.TensorShape) -> None:
        def moving(name: str, initializer: str) -> tf.Variable:
            return self.add_weight(
                name,
                (self._moving_frames, input_shape[-1]),
                initializer=initializer,
                trainable=False,
                experimental_autocast=False,
                synchronization=tf.VariableSynchronization.ON_READ,
                aggregation=tf.VariableAggregation.ONLY_FIRST_REPLICA,
            )

        self.moving_mean = moving('moving_mean', 'zeros')
        self.moving_variance = moving('moving_variance', 'ones')
        self.built = True

    def call(self, frames: tf.Tensor, training: bool = False) -> tf.Tensor:
        averages = (self.moving_mean, self.moving_variance)
        if not training:
            return tf.stack([tf.convert_to_tensor(average) for average in averages])[:, tf.newaxis]
        moments = super().call(frames)
        news = tf.unstack((1.0 - DECAY) * tf.stop_gradient(tf.squeeze(moments, 1)))
        for average, new in zip(averages, news):
            state.update(average, DECAY * tf.convert_to_tensor(average) + new)
        return moments

    @property
    def _moving_frames(self) -> int:
        return self.num_frames

    def _pooled(self, powers: tf.Tensor) -> tf.Tensor:
        return cross_replica_mean(tf.reduce_mean(powers, 1, keepdims=True))


class AllFrameMoments(TimestepMoments):
    """Mean and variance over all frames of all clips, `[2, 1, 1, C]`: the early variant of appendix D."""

    @property
    def _moving_frames(self) -> int:
        return 1

    def _pooled(self, powers: tf.Tensor) -> tf.Tensor:
        return cross_replica_mean(tf.reduce_mean(powers, [1, 2], keepdims=True))


MomentsClass = type[InstanceMoments]
