"""TFLite with kernels and activations of 8 bits, where 8 bits are enough.

An activation has one scale for all its channels. Sums of features, which add up over blocks and frames, have loud
channels beside quiet ones that the picture needs, so they stay float32, and so does what reads them, the convolutions
of the skips, and the last group, which makes the pixels. All other convolutions and matrix products are quantised.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import tensorflow as tf

from dvdgan_tf.errors import InputError
from dvdgan_tf.exporters.source import ExportSource
from dvdgan_tf.sampling.latents import sample_latents

Request = dict[str, np.ndarray]

_QUANTISED = ('CONV_2D', 'TRANSPOSE_CONV', 'FULLY_CONNECTED')
_LATENT_SEED = 1 << 21  # apart from the clips that are compared
_KEPT = 7 / 8


def quantised(converter: tf.lite.TFLiteConverter, as_float: bytes, source: ExportSource) -> bytes:
    """Converts.

    Args:
        converter: of the generator, that has not converted yet.
        as_float: the generator as float32.
        source: what is exported; its examples are from records.

    Raises:
        InputError: there are no examples.
    """
    requests = typical(as_float, calibration(source))
    converter.optimizations = [tf.lite.Optimize.DEFAULT]
    converter.representative_dataset = lambda: iter(requests)
    converter.target_spec.supported_ops = [tf.lite.OpsSet.TFLITE_BUILTINS_INT8, tf.lite.OpsSet.TFLITE_BUILTINS]
    ops = _Ops(as_float)
    options = tf.lite.experimental.QuantizationDebugOptions(
        denylisted_ops=sorted(set(ops.kinds) - set(_QUANTISED)),
        denylisted_nodes=[name for name in ops.names if stays_float(name, source.frozen.resolution)],
    )
    debugger = tf.lite.experimental.QuantizationDebugger(
        converter=converter, debug_dataset=lambda: iter(requests[:1]), debug_options=options
    )
    return debugger.get_nondebug_quantized_model()


def stays_float(name: str, resolution: int) -> bool:
    """Whether the op of this name, several with semicolons between for one that was put together, reads sums of
    features or makes pixels.
    """
    first = name.split(';')[0]
    return '/skip/' in first or first.startswith((f'group_{resolution // 2}/', 'norm/', 'to_video/'))


def calibration(source: ExportSource) -> list[Request]:
    """Requests of one clip: latents of truncation 1, each with the label or the frames of a clip from records.

    Raises:
        InputError: the source has no examples.
    """
    if source.examples is None:
        raise InputError('8-bit activations are calibrated by clips of the training data, which are not at hand.')
    ((name, values),) = source.examples.items()
    latents = sample_latents(_LATENT_SEED, len(values), 1.0, source.frozen.latent_size).numpy()
    requests = ({'latent': latents[[index]], name: values[[index]]} for index in range(len(values)))
    return [source.in_units(request) for request in requests]


def typical(as_float: bytes, requests: Sequence[Request]) -> list[Request]:
    """All requests but the eighth whose activations go farthest beyond what is usual.

    States without bound grow a hundredfold for a few latents; a scale that covers them has no levels for the rest.
    """
    ops = _Ops(as_float)
    largest = np.array([ops.largest(request) for request in requests])
    beyond = (largest / np.maximum(np.median(largest, 0), 1e-9)).max(1)
    return [requests[index] for index in np.sort(np.argsort(beyond)[: int(np.ceil(_KEPT * len(requests)))])]


class _Ops:
    """The ops of a model: their kinds, and the names of what they give."""

    def __init__(self, model: bytes) -> None:
        # A delegate, which newer releases apply by default, keeps what its ops give to itself.
        resolver = tf.lite.experimental.OpResolverType.BUILTIN_WITHOUT_DEFAULT_DELEGATES
        self._interpreter = tf.lite.Interpreter(
            model_content=model, experimental_op_resolver_type=resolver, experimental_preserve_all_tensors=True
        )
        self._interpreter.allocate_tensors()
        self._run = self._interpreter.get_signature_runner()
        # Public methods tell tensors, but not what made them.
        ops = self._interpreter._get_ops_details()
        self._outputs = [index for op in ops for index in op['outputs']]
        names = {tensor['index']: tensor['name'] for tensor in self._interpreter.get_tensor_details()}
        self.kinds = [op['op_name'] for op in ops]
        self.names = [names[index] for index in self._outputs]

    def largest(self, request: Request) -> list[float]:
        """The largest absolute value of every output."""
        self._run(**request)
        return [float(np.abs(self._interpreter.get_tensor(index)).max()) for index in self._outputs]
