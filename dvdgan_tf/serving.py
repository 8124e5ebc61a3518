"""The public signatures of a served generator, with requests checked in the graph.

A request that cannot be answered ends with the status INVALID_ARGUMENT and a sentence, wherever the graph runs.
Pixels depend on nothing but the request: noise is drawn from its seeds by a counter-based generator.
"""

from __future__ import annotations

import tensorflow as tf

from dvdgan_tf.sampling.latents import interpolate

Outputs = dict[str, tf.Tensor]


def signatures(network: tf.Module) -> dict[str, tf.types.experimental.ConcreteFunction]:
    """The named functions of a generator: those of `Synthesis`, or for a generator with context those of `Prediction`.

    Args:
        network: with `generate`, `from_embedding` and the attributes of `dvdgan_tf.exporters.frozen.Frozen`.
    """
    served = (Prediction if network.context_frames else Synthesis)(network)
    return {
        name: tf.function(getattr(served, name), inputs, autograph=False).get_concrete_function()
        for name, inputs in served.inputs.items()
    }


class Synthesis:
    """From nothing but noise and a class.

    Args:
        network: as `signatures`.
    """

    def __init__(self, network: tf.Module) -> None:
        self.network = network
        latent = (tf.float32, network.latent_size)
        self.inputs = {
            'serving_default': _specs(seed=(tf.int64,), label=(tf.int32,), truncation=(tf.float32,)),
            'generate_float': _specs(latent=latent, label=(tf.int32,)),
            'interpolate': _specs(
                first_latent=latent,
                second_latent=latent,
                first_label=(tf.int32,),
                second_label=(tf.int32,),
                weight=(tf.float32,),
            ),
            'embed': _specs(label=(tf.int32,)),
        }

    def serving_default(self, seed: tf.Tensor, label: tf.Tensor, truncation: tf.Tensor) -> Outputs:
        """Seeds `[B]` int64, labels `[B]` and truncations `[B]` in [0, 1] to `video [B, T, H, W, C]` uint8."""
        with tf.control_dependencies([*_together(seed, label, truncation), *_from_0_to_1('truncation', truncation)]):
            latent = truncation[:, tf.newaxis] * latents(seed, self.network.latent_size)
        return {'video': to_uint8(self.network.generate(latent, self._checked(label)))}

    def generate_float(self, latent: tf.Tensor, label: tf.Tensor) -> Outputs:
        """Latents `[B, 120]` and labels `[B]` to `video [B, T, H, W, C]` float32 in [-1, 1]."""
        latent = _finite('latent', latent, self.network.latent_size)
        with tf.control_dependencies(_together(latent, label)):
            return {'video': self.network.generate(latent, self._checked(label))}

    def interpolate(
        self,
        first_latent: tf.Tensor,
        second_latent: tf.Tensor,
        first_label: tf.Tensor,
        second_label: tf.Tensor,
        weight: tf.Tensor,
    ) -> Outputs:
        """Two latents and labels, and weights `[B]` from 0 (the first) to 1, to `video [B, T, H, W, C]` uint8."""
        size = self.network.latent_size
        first_latent, second_latent = _finite('latent', first_latent, size), _finite('latent', second_latent, size)
        together = _together(first_latent, second_latent, first_label, second_label, weight)
        with tf.control_dependencies([*together, *_from_0_to_1('weight', weight)]):
            latent = interpolate(first_latent, second_latent, weight)
        first, second = (tf.gather(self.network.embeddings, self._checked(x)) for x in (first_label, second_label))
        embedding = first + weight[:, tf.newaxis] * (second - first)
        return {'video': to_uint8(self.network.from_embedding(latent, embedding))}

    def embed(self, label: tf.Tensor) -> Outputs:
        """Labels `[B]` to their rows of the class embedding, `embedding [B, 120]`."""
        with tf.control_dependencies(_together(label)):
            return {'embedding': tf.gather(self.network.embeddings, self._checked(label))}

    def _checked(self, label: tf.Tensor) -> tf.Tensor:
        last = self.network.num_classes - 1
        inside = tf.reduce_all((label >= 0) & (label <= last))
        with tf.control_dependencies([_require(inside, f'label must be 0 to {last}')]):
            return tf.identity(label)


class Prediction:
    """From the first frames of a clip.

    Args:
        network: as `signatures`.
    """

    def __init__(self, network: tf.Module) -> None:
        self.network = network
        size = network.resolution
        self.context_shape = (network.context_frames, size, size, network.video_channels)
        self.inputs = {
            'predict': _specs(context=(tf.uint8, *self.context_shape), seed=(tf.int64,)),
            'generate_float': _specs(
                latent=(tf.float32, network.latent_size), context=(tf.float32, *self.context_shape)
            ),
        }

    def predict(self, context: tf.Tensor, seed: tf.Tensor) -> Outputs:
        """Frames `[B, C_frames, H, W, C]` uint8 and seeds `[B]` int64 to those that follow, `video [B, T, H, W, C]`."""
        with tf.control_dependencies([*_together(context, seed), _shaped('context', context, self.context_shape)]):
            pixels = tf.cast(context, tf.float32) / 127.5 - 1.0
            latent = latents(seed, self.network.latent_size)
        return {'video': to_uint8(self.network.generate(latent, tf.zeros_like(seed, tf.int32), pixels))}

    def generate_float(self, latent: tf.Tensor, context: tf.Tensor) -> Outputs:
        """Latents `[B, 120]` and frames in [-1, 1] to `video [B, T, H, W, C]` float32 in [-1, 1]."""
        latent = _finite('latent', latent, self.network.latent_size)
        context = _finite('context', context, *self.context_shape)
        with tf.control_dependencies(_together(latent, context)):
            label = tf.zeros_like(latent[:, 0], tf.int32)
        return {'video': self.network.generate(latent, label, context)}


def latents(seed: tf.Tensor, size: int) -> tf.Tensor:
    """Seeds `[B]` int64 to latents `[B, size]` ~ N(0, I): each row is `sample_latents(seed, 1)`."""
    return tf.map_fn(
        lambda number: tf.random.stateless_normal([size], tf.stack([number, 0]), alg='philox'),
        seed,
        fn_output_signature=tf.TensorSpec([size], tf.float32),
    )


def to_uint8(clip: tf.Tensor) -> tf.Tensor:
    """Pixels in [-1, 1] to 0 to 255, rounded to the nearest."""
    return tf.cast(tf.round((tf.clip_by_value(clip, -1.0, 1.0) + 1.0) * 127.5), tf.uint8)


def _specs(**inputs: tuple) -> tuple:
    """Name = (dtype, size of every axis but the first)."""
    return tuple(tf.TensorSpec([None, *shape], dtype, name) for name, (dtype, *shape) in inputs.items())


def _together(*inputs: tf.Tensor) -> list:
    """Checks that inputs have one batch size, and that it is not 0."""
    sizes = tf.stack([tf.shape(tensor)[0] for tensor in inputs])
    return [
        _require(sizes[0] > 0, 'the request is empty'),
        _require(tf.reduce_all(sizes == sizes[0]), 'the inputs differ in batch size'),
    ]


def _from_0_to_1(name: str, value: tf.Tensor) -> list:
    return [_require(tf.reduce_all((value >= 0.0) & (value <= 1.0)), f'{name} must be 0 to 1')]


def _finite(name: str, value: tf.Tensor, *shape: int) -> tf.Tensor:
    with tf.control_dependencies([_shaped(name, value, shape)]):
        finite = tf.reduce_all(tf.math.is_finite(value))
    with tf.control_dependencies([_require(finite, f'{name} holds NaN or infinity')]):
        return tf.identity(value)


def _shaped(name: str, value: tf.Tensor, shape: tuple) -> tf.Operation:
    """Checks the shape while the graph runs: programs other than Python feed what they like."""
    text = ', '.join(map(str, shape))
    same = tf.reduce_all(tf.equal(tf.shape(value)[1:], tf.constant(shape)))
    return _require(same, f'{name} must have shape [batch, {text}]')


def _require(condition: tf.Tensor, message: str) -> tf.Operation:
    return tf.debugging.Assert(condition, [message])
