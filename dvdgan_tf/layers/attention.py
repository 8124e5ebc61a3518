"""Attention over the positions of a clip: separable (paper, appendix A) and all at once (BigGAN's non-local block).

Both map clips `[B, T, H, W, C]` to `clips + gain * attention(clips)`, gain being one learned number that starts at 0.

Differences from the paper: appendix A defines the attention alone; the gain around it is BigGAN's [inferred].
"""

from __future__ import annotations

import tensorflow as tf
import tf_keras as keras

from dvdgan_tf.layers.spectral_norm import SpectralDense


class _Gained(keras.layers.Layer):
    """Adds what `_attend` makes of the clips, times a learned gain."""

    def __init__(self, name: str | None = None) -> None:
        super().__init__(name=name)

    def build(self, input_shape: tf.TensorShape) -> None:
        self.gain = self.add_weight('gain', (), initializer='zeros', experimental_autocast=False)
        self.built = True

    def call(self, clips: tf.Tensor, training: bool = False) -> tf.Tensor:
        return clips + tf.cast(self.gain, clips.dtype) * self._attend(clips, training)


class SeparableAttention(_Gained):
    """Attention over time, then height, then width: each pass replaces its input by what it has attended to.

    The largest attention map has max(H^2 W T, H W^2 T, H W T^2) entries a clip, against (H W T)^2 for all at once.

    Call: clips `[B, T, H, W, C]` to the same shape.
    """

    def __init__(self, name: str | None = None) -> None:
        super().__init__(name)
        self.passes = [AxisAttention(axis, name=label) for axis, label in ((1, 'time'), (2, 'height'), (3, 'width'))]

    def _attend(self, clips: tf.Tensor, training: bool) -> tf.Tensor:
        for along in self.passes:
            clips = along(clips, training=training)
        return clips


class AxisAttention(keras.layers.Layer):
    """softmax[XQ (XK)^T] XV over the positions along one axis, every other position apart (appendix A).

    Call: clips `[B, T, H, W, C]` to the same shape.

    Args:
        axis: 1 for time, 2 for height, 3 for width.
    """

    def __init__(self, axis: int, name: str | None = None) -> None:
        super().__init__(name=name)
        self.axis = axis

    def build(self, input_shape: tf.TensorShape) -> None:
        self.query, self.key, self.value = (
            SpectralDense(input_shape[-1], use_bias=False, name=name) for name in ('query', 'key', 'value')
        )
        self.built = True

    def call(self, clips: tf.Tensor, training: bool = False) -> tf.Tensor:
        order = [0, *(axis for axis in (1, 2, 3) if axis != self.axis), self.axis, 4]
        rows = tf.transpose(clips, order)  # as the appendix's footnote asks: the axis attended over comes last
        query, key, value = (
            _projected(rows, layer, rows.shape[3], training) for layer in (self.query, self.key, self.value)
        )
        attended = tf.reshape(_attention(query, key, value), [-1, *rows.shape[1:]])
        return tf.transpose(attended, [order.index(axis) for axis in range(5)])

    def get_config(self) -> dict:
        return {**super().get_config(), 'axis': self.axis}


class SelfAttention(_Gained):
    """BigGAN's non-local block over all positions of a clip: queries and keys of C/8, values of C/2, projected to C.

    Keys and values are max-pooled 2x2 within frames, so the attention map has (H W T)^2 / 4 entries a clip.

    Call: clips `[B, T, H, W, C]`, H and W even, to the same shape.
    """

    def build(self, input_shape: tf.TensorShape) -> None:
        width = input_shape[-1]
        self.query, self.key = (SpectralDense(max(1, width // 8), False, name=name) for name in ('query', 'key'))
        self.value = SpectralDense(max(1, width // 2), False, name='value')
        self.output_projection = SpectralDense(width, False, name='output')
        super().build(input_shape)

    def _attend(self, clips: tf.Tensor, training: bool) -> tf.Tensor:
        positions = clips.shape[1:4].num_elements()
        query = _projected(clips, self.query, positions, training)
        key, value = (self._pooled(clips, layer, training) for layer in (self.key, self.value))
        attended = _attention(query, key, value)
        return tf.reshape(_projected(attended, self.output_projection, positions, training), [-1, *clips.shape[1:]])

    def _pooled(self, clips: tf.Tensor, layer: SpectralDense, training: bool) -> tf.Tensor:
        """Projections of all positions, the largest of each 2x2: `[B, T*H/2*W/2, units]`."""
        time, height, width = clips.shape[1:4]
        frames = tf.reshape(_projected(clips, layer, 1, training), [-1, height, width, layer.units])
        pooled = tf.nn.max_pool2d(frames, 2, 2, 'VALID')
        return tf.reshape(pooled, [-1, time * pooled.shape[1] * pooled.shape[2], layer.units])


def _projected(features: tf.Tensor, layer: SpectralDense, positions: int, training: bool) -> tf.Tensor:
    """`[..., C]` to `[N, positions, units]`."""
    rows = layer(tf.reshape(features, [-1, features.shape[-1]]), training=training)
    return tf.reshape(rows, [-1, positions, layer.units])


def _attention(query: tf.Tensor, key: tf.Tensor, value: tf.Tensor) -> tf.Tensor:
    """`softmax(query key^T) value` of `[N, P, D]`, `[N, Q, D]`, `[N, Q, E]`: `[N, P, E]`; the softmax in float32."""
    weights = tf.nn.softmax(tf.cast(tf.matmul(query, key, transpose_b=True), tf.float32))
    return tf.matmul(tf.cast(weights, value.dtype), value)


AttentionClass = type[_Gained]
