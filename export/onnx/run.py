#!/usr/bin/env python3
"""Generates clips with an ONNX model, one at a time: run.py generator.onnx INPUTS.npz CLIPS.npz

INPUTS holds latent float32 [N, 120] with label int32 [N], or with context float32 [N, C_frames, H, W, C] in [-1, 1].
CLIPS gets video float32 [N, T, H, W, C] in [-1, 1] and milliseconds [N]. It needs numpy and onnxruntime.
"""

import sys
import time

import numpy as np
import onnxruntime


def main(model, inputs, output):
    session = onnxruntime.InferenceSession(model, providers=['CPUExecutionProvider'])
    with np.load(inputs) as arrays:
        given = dict(arrays)
    clips, milliseconds = [], []
    for index in range(len(given['latent'])):
        began = time.perf_counter()
        (clip,) = session.run(['video'], {name: value[[index]] for name, value in given.items()})
        milliseconds.append(1000 * (time.perf_counter() - began))
        clips.append(clip[0])
    np.savez(output, video=np.stack(clips), milliseconds=milliseconds)


if __name__ == '__main__':
    if len(sys.argv) != 4:
        sys.exit(__doc__)
    main(*sys.argv[1:])
