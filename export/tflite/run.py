#!/usr/bin/env python3
"""Generates a clip with a TFLite model: run.py MODEL --label=0 --seed=1 --output=clip.png

It needs numpy and an interpreter: tflite-runtime, ai-edge-litert or TensorFlow, whichever is installed. The clip is an
animated PNG, which browsers and most viewers play. A generator that continues clips takes --context, an npy file of
frames, uint8 [C_frames, H, W, C].
"""

import argparse
import importlib
import struct
import sys
import time
import zlib

import numpy as np

INTERPRETERS = ('tflite_runtime.interpreter', 'ai_edge_litert.interpreter', 'tensorflow.lite.python.interpreter')


def main(words=None):
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument('model')
    parser.add_argument('--label', type=int, default=0)
    parser.add_argument('--seed', type=int, default=0)
    parser.add_argument('--truncation', type=float, default=1.0)
    parser.add_argument('--context')
    parser.add_argument('--threads', type=int, default=1)
    parser.add_argument('--fps', type=float, default=8.0)
    parser.add_argument('--output', required=True)
    arguments = parser.parse_args(words)
    if not 0.0 <= arguments.truncation <= 1.0:
        parser.error(f'--truncation is {arguments.truncation}; give a number from 0 to 1')
    try:
        runner = load(arguments.model, arguments.threads)
        inputs = make_inputs(runner.get_input_details(), arguments)
    except (ImportError, OSError, ValueError) as error:
        parser.error(str(error))
    began = time.perf_counter()
    try:
        clip = runner(**inputs)['video'][0]
    except RuntimeError as error:
        parser.error(f'the model refuses label {arguments.label} ({error})')
    print(f'{len(clip)} frames in {time.perf_counter() - began:.3f} s')
    pixels = np.rint((np.clip(clip, -1.0, 1.0) + 1.0) * 127.5).astype(np.uint8)
    with open(arguments.output, 'wb') as file:
        file.write(animated_png(pixels, arguments.fps))


def load(path, threads):
    """The model's signature as a function."""
    for name in INTERPRETERS:
        try:
            module = importlib.import_module(name)
        except ImportError:
            continue
        interpreter = module.Interpreter(model_path=path, num_threads=threads)
        interpreter.allocate_tensors()
        return interpreter.get_signature_runner()
    raise ImportError('there is no interpreter; pip install tflite-runtime or ai-edge-litert')


def make_inputs(details, arguments):
    """Latents from the seed (numpy's generator: not the noise that a SavedModel draws), and a label or frames."""
    shape = details['latent']['shape']
    noise = np.random.default_rng(arguments.seed).standard_normal(shape, dtype=np.float32)
    inputs = {'latent': np.float32(arguments.truncation) * noise}
    if 'context' not in details:
        return {**inputs, 'label': np.array([arguments.label], np.int32)}
    if arguments.context is None:
        raise ValueError('this generator continues clips; give it frames with --context')
    context = np.load(arguments.context)
    expected = tuple(details['context']['shape'][1:])
    if context.dtype != np.uint8 or context.shape != expected:
        raise ValueError(f'--context holds {context.dtype} {context.shape}; give uint8 {expected}')
    return {**inputs, 'context': context[np.newaxis].astype(np.float32) / 127.5 - 1.0}


def animated_png(frames, fps):
    """Encodes uint8 [T, H, W, 3 or 1], looping for ever."""
    count, height, width, channels = frames.shape
    colour = {1: 0, 3: 2}[channels]
    delay = struct.pack('>HHBB', round(1000 / fps), 1000, 0, 0)
    parts = [
        b'\x89PNG\r\n\x1a\n',
        chunk(b'IHDR', struct.pack('>IIBBBBB', width, height, 8, colour, 0, 0, 0)),
        chunk(b'acTL', struct.pack('>II', count, 0)),
    ]
    number = 0
    for index, frame in enumerate(frames):
        rows = np.pad(frame.reshape(height, -1), [(0, 0), (1, 0)])
        data = zlib.compress(rows.tobytes(), 9)
        parts.append(chunk(b'fcTL', struct.pack('>IIIII', number, width, height, 0, 0) + delay))
        number += 1
        if index:
            parts.append(chunk(b'fdAT', struct.pack('>I', number) + data))
            number += 1
        else:
            parts.append(chunk(b'IDAT', data))
    return b''.join([*parts, chunk(b'IEND', b'')])


def chunk(kind, data):
    return struct.pack('>I', len(data)) + kind + data + struct.pack('>I', zlib.crc32(kind + data))


if __name__ == '__main__':
    sys.exit(main())
