"""The public signatures of a served generator, with requests checked in the graph.

A request that cannot be answered ends with the status INVALID_ARGUMENT and a sentence, wherever the graph runs: wrong
labels, more rows than the export allows, latents so large that the clip is no numbers. Pixels depend on nothing but the
request: noise is drawn from its seeds by a counter-based generator.
"""

from __future__ import annotations

from collections.abc import Sequence

import tensorflow as tf

from dvdgan_tf.data.scales import PICTURES, Scale
from dvdgan_tf.sampling.latents import interpolate

Outputs = dict[str, tf.Tensor]

_CHANNELS_OF_PNG = (1, 3)


def signatures(
    network: tf.Module, class_names: Sequence[str], max_batch: int, scale: Scale = PICTURES
) -> dict[str, tf.types.experimental.ConcreteFunction]:
    """The named functions of a generator: those of `Synthesis`, or for a generator with context those of `Prediction`.

    Args:
        network: with `generate`, `from_embedding` and the attributes of `dvdgan_tf.exporters.frozen.Frozen`.
        class_names: one a label; not used by a generator with context.
        max_batch: the most rows a request may have, at least 1.
        scale: of the clips' numbers.
    """
    if not network.context_frames:
        served = Synthesis(network, class_names, max_batch)
    elif scale.is_of_pictures:
        served = Prediction(network, max_batch)
    else:
        served = Forecast(network, max_batch, scale)
    return {
        name: tf.function(getattr(served, name), inputs, autograph=False).get_concrete_function()
        for name, inputs in served.inputs.items()
    }


def encodes(network: tf.Module, scale: Scale = PICTURES) -> bool:
    """Whether PNG files can hold its frames, so that there is the signature `encoded`."""
    return network.video_channels in _CHANNELS_OF_PNG and scale.is_of_pictures


class Synthesis:
    """From nothing but noise and a class.

    Args:
        network, class_names, max_batch: as `signatures`.
    """

    def __init__(self, network: tf.Module, class_names: Sequence[str], max_batch: int) -> None:
        self.network = network
        self.all_names = tuple(class_names)
        self.max_batch = max_batch
        latent = (tf.float32, network.latent_size)
        sampled = _specs(seed=(tf.int64,), label=(tf.int32,), truncation=(tf.float32,))
        self.inputs = {
            'serving_default': sampled,
            'generate_float': _specs(latent=latent, label=(tf.int32,)),
            'interpolate': _specs(
                first_latent=latent,
                second_latent=latent,
                first_label=(tf.int32,),
                second_label=(tf.int32,),
                weight=(tf.float32,),
            ),
            'embed': _specs(label=(tf.int32,)),
            'class_names': _specs(label=(tf.int32,)),
        }
        if encodes(network):
            self.inputs['encoded'] = sampled

    def serving_default(self, seed: tf.Tensor, label: tf.Tensor, truncation: tf.Tensor) -> Outputs:
        """Seeds `[B]` int64, labels `[B]` and truncations `[B]` in [0, 1] to `video [B, T, H, W, C]` uint8."""
        return {'video': self._sampled(seed, label, truncation)}

    def encoded(self, seed: tf.Tensor, label: tf.Tensor, truncation: tf.Tensor) -> Outputs:
        """As `serving_default`, to frames as PNG files, `png_bytes [B, T]`, which REST answers in base64."""
        return {'png_bytes': tf.io.encode_png(self._sampled(seed, label, truncation))}

    def generate_float(self, latent: tf.Tensor, label: tf.Tensor) -> Outputs:
        """Latents `[B, 120]` and labels `[B]` to `video [B, T, H, W, C]` float32 in [-1, 1]."""
        latent = _finite('latent', latent, self.network.latent_size)
        with tf.control_dependencies(_together(self.max_batch, latent, label)):
            return {'video': _numbers(self.network.generate(latent, self._checked(label)))}

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
        together = _together(self.max_batch, first_latent, second_latent, first_label, second_label, weight)
        with tf.control_dependencies([*together, *_from_0_to_1('weight', weight)]):
            latent = interpolate(first_latent, second_latent, weight)
        first, second = (tf.gather(self.network.embeddings, self._checked(x)) for x in (first_label, second_label))
        embedding = first + weight[:, tf.newaxis] * (second - first)
        return {'video': to_uint8(_numbers(self.network.from_embedding(latent, embedding)))}

    def embed(self, label: tf.Tensor) -> Outputs:
        """Labels `[B]` to their rows of the class embedding, `embedding [B, 120]`."""
        with tf.control_dependencies(_together(self.max_batch, label)):
            return {'embedding': tf.gather(self.network.embeddings, self._checked(label))}

    def class_names(self, label: tf.Tensor) -> Outputs:
        """Labels `[B]` to their `name [B]`, and to the names of all labels, `all [B, num_classes]`, in UTF-8.

        TensorFlow Serving answers no REST request without inputs and batches nothing whose first axis is not the batch.
        """
        with tf.control_dependencies(_together(self.max_batch, label)):
            names = tf.constant(self.all_names, tf.string)
            return {
                'name': tf.gather(names, self._checked(label)),
                'all': tf.tile(names[tf.newaxis], [tf.shape(label)[0], 1]),
            }

    def _sampled(self, seed: tf.Tensor, label: tf.Tensor, truncation: tf.Tensor) -> tf.Tensor:
        together = _together(self.max_batch, seed, label, truncation)
        with tf.control_dependencies([*together, *_from_0_to_1('truncation', truncation)]):
            latent = truncation[:, tf.newaxis] * latents(seed, self.network.latent_size)
        return to_uint8(_numbers(self.network.generate(latent, self._checked(label))))

    def _checked(self, label: tf.Tensor) -> tf.Tensor:
        last = self.network.num_classes - 1
        inside = tf.reduce_all((label >= 0) & (label <= last))
        with tf.control_dependencies([_require(inside, f'label must be 0 to {last}')]):
            return tf.identity(label)


class Prediction:
    """From the first frames of a clip.

    Args:
        network, max_batch: as `signatures`.
    """

    def __init__(self, network: tf.Module, max_batch: int) -> None:
        self.network = network
        self.max_batch = max_batch
        size = network.resolution
        self.context_shape = (network.context_frames, size, size, network.video_channels)
        predicted = _specs(context=(tf.uint8, *self.context_shape), seed=(tf.int64,))
        self.inputs = {
            'predict': predicted,
            'generate_float': _specs(
                latent=(tf.float32, network.latent_size), context=(tf.float32, *self.context_shape)
            ),
        }
        if encodes(network):
            self.inputs['encoded'] = predicted

    def predict(self, context: tf.Tensor, seed: tf.Tensor) -> Outputs:
        """Frames `[B, C_frames, H, W, C]` uint8 and seeds `[B]` int64 to those that follow, `video [B, T, H, W, C]`."""
        return {'video': self._predicted(context, seed)}

    def encoded(self, context: tf.Tensor, seed: tf.Tensor) -> Outputs:
        """As `predict`, to frames as PNG files, `png_bytes [B, T]`, which REST answers in base64."""
        return {'png_bytes': tf.io.encode_png(self._predicted(context, seed))}

    def generate_float(self, latent: tf.Tensor, context: tf.Tensor) -> Outputs:
        """Latents `[B, 120]` and frames in [-1, 1] to `video [B, T, H, W, C]` float32 in [-1, 1]."""
        latent = _finite('latent', latent, self.network.latent_size)
        context = _finite('context', context, *self.context_shape)
        with tf.control_dependencies(_together(self.max_batch, latent, context)):
            label = tf.zeros_like(latent[:, 0], tf.int32)
        return {'video': _numbers(self.network.generate(latent, label, context))}

    def _predicted(self, context: tf.Tensor, seed: tf.Tensor) -> tf.Tensor:
        together = _together(self.max_batch, context, seed)
        with tf.control_dependencies([*together, _shaped('context', context, self.context_shape)]):
            pixels = tf.cast(context, tf.float32) / 127.5 - 1.0
            latent = latents(seed, self.network.latent_size)
        return to_uint8(_numbers(self.network.generate(latent, tf.zeros_like(seed, tf.int32), pixels)))


class Forecast(Prediction):
    """From the first frames of numbers in a unit, such as rain in mm/h, to those that follow.

    Args:
        network, max_batch, scale: as `signatures`.
    """

    def __init__(self, network: tf.Module, max_batch: int, scale: Scale) -> None:
        super().__init__(network, max_batch)
        self.scale = scale
        self.inputs['predict'] = _specs(context=(tf.float32, *self.context_shape), seed=(tf.int64,))
        self.inputs.pop('encoded', None)

    def predict(self, context: tf.Tensor, seed: tf.Tensor) -> Outputs:
        """Frames `[B, C_frames, H, W, C]` and seeds `[B]` int64 to those that follow, `video [B, T, H, W, C]`.

        Both are float32 in the unit of the data. Where pixels of these may be missing, NaN is one in a frame.
        """
        together = _together(self.max_batch, context, seed)
        with tf.control_dependencies([*together, _shaped('context', context, self.context_shape)]):
            clip = self.scale.to_clip(context)
            latent = latents(seed, self.network.latent_size)
        with tf.control_dependencies([_require(tf.reduce_all(tf.math.is_finite(clip)), 'context holds NaN')]):
            clip = tf.identity(clip)
        made = _numbers(self.network.generate(latent, tf.zeros_like(seed, tf.int32), clip))
        return {'video': self.scale.to_numbers(made)}


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


def _together(most: int, *inputs: tf.Tensor) -> list:
    """Checks that inputs have one batch size, that it is not 0, and that memory suffices for it."""
    sizes = tf.stack([tf.shape(tensor)[0] for tensor in inputs])
    return [
        _require(sizes[0] > 0, 'the request is empty'),
        _require(sizes[0] <= most, f'a request may have at most {most} rows'),
        _require(tf.reduce_all(sizes == sizes[0]), 'the inputs differ in batch size'),
    ]


def _numbers(clip: tf.Tensor) -> tf.Tensor:
    """The clip, if all of it is numbers: bytes would hide NaN, and JSON has no word for it."""
    finite = tf.reduce_all(tf.math.is_finite(clip))
    with tf.control_dependencies([_require(finite, 'the clip holds NaN or infinity; give smaller latents')]):
        return tf.identity(clip)


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
