"""The spatial and the temporal discriminator (paper 3.1, B.2).

Differences from the paper: none for 64x64 and 128x128. It does not say whether the 3-D blocks of the temporal
discriminator pool time as well as space (here: both, as an option), nor how the scores of the remaining time steps are
combined (here: summed) [inferred]. The widths at 256x256 follow BigGAN [inferred]; those at 32x32 and 16x16 are ours,
for small runs.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Callable

import tensorflow as tf
import tf_keras as keras

from dvdgan_tf.errors import InputError
from dvdgan_tf.layers.attention import AttentionClass
from dvdgan_tf.layers.residual import DiscriminatorBlock
from dvdgan_tf.layers.spectral_norm import SpectralDense, SpectralEmbedding
from dvdgan_tf.models.widths import constants

WIDTHS = {
    16: (8, 16, 16),
    32: (4, 8, 16, 16),
    64: (2, 4, 8, 16, 16),
    128: (1, 2, 4, 8, 16, 16),
    256: (1, 2, 4, 8, 8, 16, 16),
}
BLOCKS_3D = 2


class Discriminator(keras.Model):
    """Residual blocks, all but the last pooling, and a projection head that scores every remaining time step.

    Args:
        resolution: height and width of the clips (not of this network's input): chooses the width constants.
        num_classes: size of the label embedding.
        channel_multiplier: ch.
        pools: for each block but the last, what `DiscriminatorBlock` takes.
        block: residual blocks, as `residual.DiscriminatorBlock`.
        attention: size in pixels to the attention on the first features of that size.
    """

    def __init__(
        self,
        resolution: int,
        num_classes: int,
        channel_multiplier: int,
        pools: Sequence,
        block: Callable[..., keras.layers.Layer],
        attention: Mapping[int, AttentionClass] | None,
        name: str,
    ) -> None:
        super().__init__(name=name, autocast=False)
        widths = [constant * channel_multiplier for constant in constants(WIDTHS, resolution)]
        pools = [*pools, *[(2, 2)] * (len(widths) - 1 - len(pools)), (1, 1)]
        self.blocks = [
            block(width, pool=pool, first=index == 0, name=f'block_{index}')
            for index, (width, pool) in enumerate(zip(widths, pools))
        ]
        self.attention_sizes = sorted(attention or {}, reverse=True)
        self.attentions = [attention[size](name=f'attention_{size}') for size in self.attention_sizes]
        self.linear = SpectralDense(1, name='linear', dtype=self.variable_dtype)
        self.projection = SpectralEmbedding(num_classes, widths[-1], name='projection', dtype=self.variable_dtype)

    def build(self, input_shape: tf.TensorShape) -> None:
        """Checks that features have the sizes at which attention is wanted; the layers build themselves."""
        sizes = [input_shape[-2]]
        for block in self.blocks:
            sizes.append(-(-sizes[-1] // block.pool[-1]))
        missing = sorted(set(self.attention_sizes) - set(sizes[1:]))
        if missing:
            known = ', '.join(map(str, dict.fromkeys(sizes[1:])))
            raise InputError(f'attention was asked for at {missing[0]} pixels; {self.name} has features of {known}.')
        self.built = True

    def call(self, clip: tf.Tensor, label: tf.Tensor, training: bool = False) -> tf.Tensor:
        """Scores clips.

        Args:
            clip: `[B, T, H, W, C]` in [-1, 1].
            label: `[B]` int32.
            training: refine the spectral vectors.

        Returns: logits `[B]` float32, the sum of the scores of the time steps that remain.
        """
        features = tf.cast(clip, self.compute_dtype)
        for block in self.blocks:
            if len(block.pool) == 2 and features.shape.rank == 5:
                features = _as_frames(features)
            features = block(features, training=training)
            if features.shape[-2] in self.attention_sizes and max(block.pool) > 1:
                features = self._attended(features, clip.shape[1], training)
        pooled = tf.reduce_sum(tf.cast(tf.nn.relu(features), self.variable_dtype), [1, 2])
        pooled = tf.reshape(pooled, [clip.shape[0] or -1, self._steps(clip.shape[1]), pooled.shape[-1]])
        scores = self.linear(pooled, training=training)[..., 0]
        scores += tf.einsum('btc,bc->bt', pooled, self.projection(label, training=training))
        return tf.reduce_sum(scores, 1)

    def _attended(self, features: tf.Tensor, num_frames: int, training: bool) -> tf.Tensor:
        shape = features.shape
        if shape.rank == 4:
            features = tf.reshape(features, [-1, self._seen_together(num_frames), *shape[1:]])
        attention = self.attentions[self.attention_sizes.index(shape[-2])]
        return tf.reshape(attention(features, training=training), [-1, *shape[1:]])

    def _seen_together(self, num_frames: int) -> int:
        """How many frames attention may connect, once features are frames."""
        return self._steps(num_frames)

    def _steps(self, num_frames: int) -> int:
        """How many time steps are left of `num_frames` after the blocks that pool time."""
        for block in self.blocks:
            num_frames = -(-num_frames // block.pool[0]) if len(block.pool) == 3 else num_frames
        return num_frames


class SpatialDiscriminator(Discriminator):
    """Judges single frames at full resolution; its score is the sum over the frames it is given (paper 3.1).

    Args: as `Discriminator`, without pools.
    """

    def __init__(
        self,
        resolution: int,
        num_classes: int,
        channel_multiplier: int,
        block: Callable[..., keras.layers.Layer] = DiscriminatorBlock,
        attention: Mapping[int, AttentionClass] | None = None,
        name: str = 'spatial_discriminator',
    ) -> None:
        super().__init__(resolution, num_classes, channel_multiplier, (), block, attention, name)

    def _seen_together(self, num_frames: int) -> int:
        return 1


class TemporalDiscriminator(Discriminator):
    """Judges the whole, spatially reduced clip; its first two blocks are 3-D (paper 3.1, B.2).

    Args: as `Discriminator`, without pools, and
        pool_time: whether the 3-D blocks halve time as well as space [inferred].
    """

    def __init__(
        self,
        resolution: int,
        num_classes: int,
        channel_multiplier: int,
        pool_time: bool = True,
        block: Callable[..., keras.layers.Layer] = DiscriminatorBlock,
        attention: Mapping[int, AttentionClass] | None = None,
        name: str = 'temporal_discriminator',
    ) -> None:
        pools = [(2 if pool_time else 1, 2, 2)] * BLOCKS_3D
        super().__init__(resolution, num_classes, channel_multiplier, pools, block, attention, name)


def _as_frames(clips: tf.Tensor) -> tf.Tensor:
    """`[B, T, H, W, C] -> [B*T, H, W, C]`, batch-major."""
    return tf.reshape(clips, [-1, *clips.shape[2:]])
