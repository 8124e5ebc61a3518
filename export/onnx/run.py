#!/usr/bin/env python3
"""Generates a clip with an ONNX model: run.py generator.onnx --label=0 --seed=1 --output=clip.png

It needs the folder export, numpy and onnxruntime. The clip is an animated PNG. A generator that continues clips takes
--context, an npy file of frames, uint8 [C_frames, H, W, C]. With --inputs=INPUTS.npz, which holds latent float32
[N, 120] and label int32 [N], or context float32 [N, C_frames, H, W, C] in [-1, 1], --output becomes an npz of
video float32 [N, T, H, W, C] in [-1, 1] and milliseconds [N], one clip at a time.
"""

from __future__ import annotations

import os
import sys
import time
from collections.abc import Sequence

import numpy as np
import onnxruntime

sys.path.insert(0, os.path.dirname(os.path.dirname(os.path.abspath(__file__))))

import runner  # noqa: E402


def main(words: Sequence[str] | None = None) -> None:
    parser = runner.make_parser(__doc__)
    parser.add_argument('--inputs', help='An npz of inputs; then the output is an npz.')
    arguments = parser.parse_args(words)
    try:
        session = load(arguments.model, arguments.threads)
        if arguments.inputs is not None:
            run_all(session, arguments.inputs, arguments.output)
            return
        shapes = {value.name: value.shape for value in session.get_inputs()}
        context_shape = shapes['context'][1:] if 'context' in shapes else None
        inputs = runner.make_inputs(arguments, shapes['latent'][1], context_shape)
        runner.write_clip(arguments.output, answer(session, inputs), arguments.fps)
    except (OSError, ValueError) as error:
        parser.error(f'{error}.')


def load(path: str, threads: int) -> onnxruntime.InferenceSession:
    """A session of the model."""
    if threads < 1:
        raise ValueError(f'--threads is {threads}; give at least 1')
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = threads
    try:
        return onnxruntime.InferenceSession(path, options, providers=['CPUExecutionProvider'])
    except Exception as error:  # of classes that the runtime does not name in public
        raise ValueError(f'{path} cannot be read as an ONNX model ({error})') from error


def run_all(session: onnxruntime.InferenceSession, path: str, output: str) -> None:
    """Answers every row of an npz, one at a time."""
    with np.load(path, allow_pickle=False) as arrays:
        given = dict(arrays)
    clips, milliseconds = [], []
    for index in range(len(given['latent'])):
        began = time.perf_counter()
        clips.append(answer(session, {name: value[[index]] for name, value in given.items()}))
        milliseconds.append(1000 * (time.perf_counter() - began))
    np.savez(output, video=np.stack(clips), milliseconds=milliseconds)


def answer(session: onnxruntime.InferenceSession, inputs: dict[str, np.ndarray]) -> np.ndarray:
    """The clip of one row, float32 [T, H, W, C] in [-1, 1]."""
    try:
        return session.run(['video'], inputs)[0][0]
    except Exception as error:  # as above
        raise ValueError(f'the model refuses these inputs ({error})') from error


if __name__ == '__main__':
    main()
