#!/usr/bin/env python3
"""Generates a clip with a TFLite model: run.py MODEL --label=0 --seed=1 --output=clip.png

It needs the folder export, numpy and an interpreter: tflite-runtime, ai-edge-litert or TensorFlow, whichever is
installed. The clip is an animated PNG, which browsers and most viewers play. A generator that continues clips takes
--context, an npy file of frames [C_frames, H, W, C], uint8; one of rain takes mm/h, float32, and writes an npy file.
"""

from __future__ import annotations

import importlib
import os
import sys
import time
from collections.abc import Sequence
from typing import Callable

sys.path.insert(0, os.path.dirname(os.path.dirname(os.path.abspath(__file__))))

import runner  # noqa: E402

INTERPRETERS = ('tflite_runtime.interpreter', 'ai_edge_litert.interpreter', 'tensorflow.lite.python.interpreter')


def main(words: Sequence[str] | None = None) -> None:
    parser = runner.make_parser(__doc__)
    arguments = parser.parse_args(words)
    try:
        model = load(arguments.model, arguments.threads)
        shapes = {name: [int(size) for size in of['shape']] for name, of in model.get_input_details().items()}
        context_shape = shapes['context'][1:] if 'context' in shapes else None
        unit = runner.unit_of(arguments.model)
        inputs = runner.make_inputs(arguments, shapes['latent'][1], context_shape, unit)
        began = time.perf_counter()
        clip = answer(model, inputs)
        print(f'{time.perf_counter() - began:.3f} s')
        if unit is None:
            runner.write_clip(arguments.output, clip, arguments.fps)
        else:
            runner.write_numbers(arguments.output, clip, unit)
    except (ImportError, OSError, ValueError) as error:
        parser.error(f'{error}.')


def load(path: str, threads: int) -> Callable:
    """The model's signature as a function."""
    if threads < 1:
        raise ValueError(f'--threads is {threads}; give at least 1')
    for name in INTERPRETERS:
        try:
            module = importlib.import_module(name)
        except ImportError:
            continue
        interpreter = module.Interpreter(model_path=path, num_threads=threads)
        interpreter.allocate_tensors()
        return interpreter.get_signature_runner()
    raise ImportError('there is no interpreter; pip install tflite-runtime or ai-edge-litert')


def answer(model: Callable, inputs: dict):
    try:
        return model(**inputs)['video'][0]
    except RuntimeError as error:
        label = f' label {inputs["label"][0]}' if 'label' in inputs else ' this'
        raise ValueError(f'the model refuses{label} ({error})') from error


if __name__ == '__main__':
    main()
