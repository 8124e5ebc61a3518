"""TFLite: one clip at a time, from a latent, in four precisions.

Noise is not drawn inside: TFLite has no builtin op for it. Inputs and outputs are float32 in all of them.
"""

from __future__ import annotations

import os
from collections.abc import Iterator, Sequence
from typing import Callable

import numpy as np
import tensorflow as tf

from dvdgan_tf import native_stderr
from dvdgan_tf.data.scales import PICTURES, Scale
from dvdgan_tf.exporters import report, tflite_int8
from dvdgan_tf.exporters.report import Row
from dvdgan_tf.exporters.source import ExportSource, write_about

PRECISIONS = ('float32', 'float16', 'dynamic', 'int8')
# What mean absolute difference of a pixel in [-1, 1] is still the same generator, rounded.
_TOLERANCES = {'float32': 1e-4, 'float16': 5e-3, 'dynamic': 5e-2, 'int8': 0.1}


def write(precisions: Sequence[str], source: ExportSource, folder: str) -> None:
    """Writes `generator_<precision>.tflite` for each precision, metadata.json and labels.txt, and runs every model.

    Args:
        precisions: of `PRECISIONS`.

    Raises:
        InputError: the source has no examples, which `int8` needs.
        RuntimeError: the clips of a file are not those of the live generator.
    """
    write_about(source.about, folder)
    with native_stderr.held():
        as_float = _converter(source).convert()
    for precision in precisions:
        with native_stderr.held():
            content = _converted(source, precision, as_float)
        with tf.io.gfile.GFile(path_of(folder, precision), 'wb') as file:
            file.write(content)
        made = Interpreter(path_of(folder, precision), scale=source.scale)
        row = {name: value[:1] for name, value in source.probe.inputs.items()}
        apart = float(np.abs(made(row) - _expected(source)).mean())
        if not apart <= _TOLERANCES[precision]:
            raise RuntimeError(f'the {precision} model differs from the live generator by {apart:g} in [-1, 1]')


def measure(precisions: Sequence[str], source: ExportSource, folder: str) -> Iterator[Row]:
    """Runs the models that were written, by number of threads: 1, 2 and 4, as far as there are processors."""
    for precision in precisions:
        path = path_of(folder, precision)
        for threads in [count for count in (1, 2, 4) if count <= processors()]:
            of_threads = f'{threads} thread{"s" if threads > 1 else ""}'
            model = Interpreter(path, threads, source.scale)
            yield report.measure(f'TFLite {precision}, {of_threads}', path, model, source)


def path_of(folder: str, precision: str) -> str:
    """The file of a precision."""
    return os.path.join(folder, f'generator_{precision}.tflite')


def processors() -> int:
    """How many processors this process may use."""
    return len(os.sched_getaffinity(0)) if hasattr(os, 'sched_getaffinity') else os.cpu_count() or 1


class Interpreter:
    """Calls a model with the inputs of `generate_float`, one clip at a time; returns `[1, T, H, W, C]` in [-1, 1].

    A model of numbers in a unit takes and gives these; here they are in [-1, 1] all the same.

    Args:
        path: of a model.
        threads: of the interpreter.
        scale: of its numbers.
    """

    def __init__(self, path: str, threads: int = 1, scale: Scale = PICTURES) -> None:
        self._scale = scale
        self._interpreter = tf.lite.Interpreter(path, num_threads=threads)
        self._interpreter.allocate_tensors()
        self._run = self._interpreter.get_signature_runner()

    def __call__(self, inputs: dict[str, np.ndarray]) -> np.ndarray:
        if self._scale.is_of_pictures:
            return self._run(**inputs)['video']
        if 'context' in inputs:
            inputs = {**inputs, 'context': self._scale.measured(inputs['context'])}
        return self._scale.to_clip(self._run(**inputs)['video']).numpy()


def _expected(source: ExportSource) -> np.ndarray:
    """The first clip of the probe; of numbers, what they say of it: values below the lowest number are that."""
    clips, scale = source.probe.clips[:1], source.scale
    return clips if scale.is_of_pictures else scale.to_clip(scale.to_numbers(clips)).numpy()


def _converted(source: ExportSource, precision: str, as_float: bytes) -> bytes:
    if precision == 'float32':
        return as_float
    converter = _converter(source)
    if precision == 'int8':
        return tflite_int8.quantised(converter, as_float, source)
    converter.optimizations = [tf.lite.Optimize.DEFAULT]
    if precision == 'float16':
        converter.target_spec.supported_types = [tf.float16]
    return converter.convert()


def _converter(source: ExportSource) -> tf.lite.TFLiteConverter:
    function = _of_one_clip(source)
    module = tf.Module()
    module.network, module.generate = source.frozen, function
    return tf.lite.TFLiteConverter.from_concrete_functions([function.get_concrete_function()], module)


def _of_one_clip(source: ExportSource) -> tf.types.experimental.GenericFunction:
    specs = [tf.TensorSpec([1, *value.shape[1:]], value.dtype, name) for name, value in source.probe.inputs.items()]
    frozen = source.frozen

    def synthesis(latent: tf.Tensor, label: tf.Tensor) -> dict[str, tf.Tensor]:
        return {'video': numbers(frozen.generate(latent, label))}

    def prediction(latent: tf.Tensor, context: tf.Tensor) -> dict[str, tf.Tensor]:
        if not source.scale.is_of_pictures:
            context = _flat(source.scale.to_clip, context)
        return {'video': numbers(frozen.generate(latent, tf.zeros([1], tf.int32), context))}

    def numbers(clip: tf.Tensor) -> tf.Tensor:
        return clip if source.scale.is_of_pictures else _flat(source.scale.to_numbers, clip)

    chosen: Callable = prediction if frozen.context_frames else synthesis
    return tf.function(chosen, specs, autograph=False)


def _flat(scaled: Callable[[tf.Tensor], tf.Tensor], clip: tf.Tensor) -> tf.Tensor:
    """A function of single numbers of a clip, which are put in a row: TFLite compares tensors of four axes at most."""
    return tf.reshape(scaled(tf.reshape(clip, [-1])), clip.shape)
