"""What DVD-GAN-FP makes of its context frames: the first states of the generator's ConvGRUs (paper B.4, figure 8).

Differences from the paper: none. It leaves open which of the two blocks that end at 4x4 feeds the first ConvGRU; here
it is the last one, whose features "have been through the most layers" [inferred].
"""

from __future__ import annotations

from collections.abc import Sequence

import tensorflow as tf
import tf_keras as keras

from dvdgan_tf.layers.convolution import SpectralConvolution
from dvdgan_tf.layers.residual import DiscriminatorBlock
from dvdgan_tf.models.discriminators import WIDTHS
from dvdgan_tf.models.widths import constants


class FrameEncoder(keras.layers.Layer):
    """A residual network like the spatial discriminator's, applied to each context frame, with one output a resolution.

    Call: context `[B, C_frames, H, W, C]` to a list of states `[B, 4, 4, units[0]]`, `[B, 8, 8, units[1]]`, and so on.

    Args:
        resolution: height and width of the frames.
        channel_multiplier: ch.
        units: widths of the states, smallest resolution first.
    """

    def __init__(
        self, resolution: int, channel_multiplier: int, units: Sequence[int], name: str = 'frame_encoder'
    ) -> None:
        super().__init__(name=name)
        widths = [constant * channel_multiplier for constant in constants(WIDTHS, resolution)]
        last = len(widths) - 1
        self.blocks = [
            DiscriminatorBlock(width, (1, 1) if index == last else (2, 2), index == 0, name=f'block_{index}')
            for index, width in enumerate(widths)
        ]
        self.states = [SpectralConvolution(width, name=f'state_{index}') for index, width in enumerate(units)]

    def call(self, context: tf.Tensor, training: bool = False) -> list[tf.Tensor]:
        count = context.shape[1]
        features = tf.reshape(tf.cast(context, self.compute_dtype), [-1, *context.shape[2:]])
        of_size = {}
        for block in self.blocks:
            features = block(features, training=training)
            of_size[features.shape[1]] = features
        return [
            tf.nn.relu(state(_stacked(of_size[size], count), training=training))
            for size, state in zip(sorted(of_size), self.states)
        ]


def _stacked(frames: tf.Tensor, count: int) -> tf.Tensor:
    """`[B*count, H, W, C] -> [B, H, W, count*C]`: the frames of a clip side by side in the channels."""
    height, width, channels = frames.shape[1:]
    clips = tf.transpose(tf.reshape(frames, [-1, count, height, width, channels]), [0, 2, 3, 1, 4])
    return tf.reshape(clips, [-1, height, width, count * channels])
