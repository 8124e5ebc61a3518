"""The generator of DVD-GAN and DVD-GAN-FP (paper 3, B.2, B.4).

Differences from the paper: none for 64x64 and 128x128. The widths at 256x256 repeat the third constant, as BigGAN's
step from 128 to 256 does [inferred]; those at 32x32 and 16x16 are ours, for small runs.
"""

from __future__ import annotations

import dataclasses
import functools
from collections.abc import Mapping
from typing import Callable

import tensorflow as tf
import tf_keras as keras

from dvdgan_tf.errors import InputError
from dvdgan_tf.layers.attention import AttentionClass
from dvdgan_tf.layers.conv_gru import ConvGRU
from dvdgan_tf.layers.convolution import SpectralConvolution
from dvdgan_tf.layers.moments import MomentsClass, TimestepMoments
from dvdgan_tf.layers.normalization import LearnedNormalization
from dvdgan_tf.layers.recompute import recomputed
from dvdgan_tf.layers.residual import GeneratorBlock
from dvdgan_tf.layers.spectral_norm import SpectralDense
from dvdgan_tf.models.frame_encoder import FrameEncoder
from dvdgan_tf.models.widths import constants

LATENT_SIZE = 120
EMBEDDING_SIZE = 120
BASE_SIZE = 4
WIDTHS = {
    16: (8, 4, 2),
    32: (8, 8, 4, 2),
    64: (8, 8, 8, 4, 2),
    128: (8, 8, 8, 4, 2, 1),
    256: (8, 8, 8, 8, 4, 2, 1),
}


@dataclasses.dataclass(frozen=True)
class Groups:
    """How the generator's groups are made and run.

    Attributes:
        block: residual blocks, as `residual.GeneratorBlock`.
        moments: what the normalisations within blocks take their mean and variance over.
        attention: size in pixels to the attention on features of that size, behind the block that keeps it.
        unroll: whether the ConvGRUs are unrolled instead of looped.
        recompute: whether the inner results of ConvGRUs and blocks are computed again in the backward pass, not kept.
    """

    block: Callable[..., keras.layers.Layer] = GeneratorBlock
    moments: MomentsClass = TimestepMoments
    attention: Mapping[int, AttentionClass] | None = None
    unroll: bool = False
    recompute: bool = False


class GeneratorGroup(keras.layers.Layer):
    """A ConvGRU, a residual block that keeps the size, attention if asked, and a block that doubles the size."""

    def __init__(
        self,
        gru: ConvGRU,
        make_block: Callable[..., keras.layers.Layer],
        units: int,
        attention: AttentionClass | None,
        recompute: bool,
        name: str | None = None,
    ) -> None:
        super().__init__(name=name)
        self.recompute = recompute
        self.gru = gru
        self.block = make_block(gru.units, name='block')
        self.attention = attention(name='attention') if attention else None
        self.upsampling_block = make_block(units, upsample=True, name='upsampling_block')

    def call(
        self, frames: tf.Tensor, condition: tf.Tensor, initial: tf.Tensor | None, constant: bool, training: bool
    ) -> tf.Tensor:
        def run(layer: Callable[..., tf.Tensor], *inputs: tf.Tensor) -> tf.Tensor:
            call = functools.partial(layer, training=training)
            return recomputed(call, *inputs) if self.recompute and training else call(*inputs)

        def gru(frames: tf.Tensor, initial: tf.Tensor | None = None, training: bool = False) -> tf.Tensor:
            return self.gru(frames, constant=constant, initial=initial, training=training)

        frames = run(gru, frames, *([] if initial is None else [initial]))
        frames = run(self.block, frames, condition)
        if self.attention is not None:
            clips = tf.reshape(frames, [-1, self.gru.num_frames, *frames.shape[1:]])
            frames = tf.reshape(run(self.attention, clips), [-1, *frames.shape[1:]])
        return run(self.upsampling_block, frames, condition)


class Generator(keras.Model):
    """Maps latents and labels, and for prediction context frames, to clips.

    Args:
        resolution: height and width of the clips: 16, 32, 64, 128 or 256.
        num_frames: T, frames that are generated.
        num_classes: size of the label embedding; with context 1, as prediction does not condition on a class (paper
            B.4).
        channel_multiplier: ch; the paper's is 128 at 64x64 and 96 above.
        video_channels: C, colours per pixel.
        context_frames: frames that the clip continues (DVD-GAN-FP), 0 for synthesis.
        groups: how its groups, one for every size, are made and run.
        last_moments: what the normalisation before the last convolution takes its mean and variance over.
    """

    def __init__(
        self,
        resolution: int,
        num_frames: int,
        num_classes: int,
        channel_multiplier: int,
        video_channels: int = 3,
        context_frames: int = 0,
        groups: Groups = Groups(),
        last_moments: MomentsClass = TimestepMoments,
        name: str = 'generator',
    ) -> None:
        super().__init__(name=name, autocast=False)
        if context_frames < 0 or num_frames < 1:
            raise InputError(f'{context_frames} context and {num_frames} generated frames make no clip; give more.')
        if context_frames and num_classes != 1:
            raise InputError(
                f'NUM_CLASSES is {num_classes} with {context_frames} context frames; '
                'prediction has no classes: set it to 1.'
            )
        widths = [constant * channel_multiplier for constant in constants(WIDTHS, resolution)]
        self.resolution = resolution
        self.num_frames = num_frames
        self.num_classes = num_classes
        self.video_channels = video_channels
        self.latent_size = LATENT_SIZE
        self.context_frames = context_frames
        self.embedding = keras.layers.Embedding(num_classes, EMBEDDING_SIZE, 'orthogonal', name='embedding')
        self.base = SpectralDense(BASE_SIZE * BASE_SIZE * widths[0], name='base')
        attention = dict(groups.attention or {})
        make_block = functools.partial(groups.block, num_frames=num_frames, moments=groups.moments)
        self.groups = []
        for index, (width, units) in enumerate(zip(widths, widths[1:])):
            gru, size = ConvGRU(width, num_frames, groups.unroll, name='gru'), BASE_SIZE << index
            chosen = attention.pop(size, None)
            self.groups.append(GeneratorGroup(gru, make_block, units, chosen, groups.recompute, name=f'group_{size}'))
        if attention:
            sizes = ', '.join(str(BASE_SIZE << index) for index in range(len(self.groups)))
            raise InputError(f'attention was asked for at {min(attention)} pixels; the generator has it at {sizes}.')
        self.frame_encoder = None
        if context_frames:
            self.frame_encoder = FrameEncoder(resolution, channel_multiplier, widths[:-1])
        self.norm = LearnedNormalization(num_frames, last_moments, name='norm')
        self.to_video = SpectralConvolution(video_channels, name='to_video')

    def call(
        self,
        latent: tf.Tensor,
        label: tf.Tensor | None = None,
        context: tf.Tensor | None = None,
        training: bool = False,
    ) -> tf.Tensor:
        """Generates clips.

        Args:
            latent: `[B, 120]` ~ N(0, I), or sigma N(0, I) with truncation.
            label: `[B]` int32 in [0, num_classes); None for class 0, the only one of prediction (paper B.4).
            context: `[B, C_frames, H, W, C]` in [-1, 1] for prediction, None for synthesis.
            training: normalise by the batch (and update the moving averages and spectral vectors) instead of the moving
                averages.

        Returns: `[B, T, H, W, C]` float32 in [-1, 1].
        """
        self._check_context(context)
        if label is None:
            label = tf.zeros_like(latent[:, 0], tf.int32)
        return self.from_embedding(latent, self.embedding(label), context, training)

    def from_embedding(
        self, latent: tf.Tensor, embedding: tf.Tensor, context: tf.Tensor | None = None, training: bool = False
    ) -> tf.Tensor:
        """As a call, with `[B, 120]` in place of the label: a row of the class embedding, or a mixture of rows."""
        condition = tf.concat([latent, tf.cast(embedding, latent.dtype)], -1)
        condition = tf.cast(condition, self.compute_dtype)
        frames = tf.reshape(
            self.base(condition, training=training), [-1, BASE_SIZE, BASE_SIZE, self.groups[0].gru.units]
        )
        states = [None] * len(self.groups)
        if self.frame_encoder is not None:
            states = self.frame_encoder(context, training=training)
        for index, (group, state) in enumerate(zip(self.groups, states)):
            frames = group(frames, condition, state, constant=index == 0, training=training)
        frames = tf.nn.relu(self.norm(frames, training=training))
        video = tf.tanh(tf.cast(self.to_video(frames, training=training), self.variable_dtype))
        return tf.reshape(video, [-1, self.num_frames, self.resolution, self.resolution, self.video_channels])

    def _check_context(self, context: tf.Tensor | None) -> None:
        frames = 0 if context is None else context.shape[1]
        if frames != self.context_frames:
            raise InputError(f'the generator continues {self.context_frames} frames and was given {frames}.')
