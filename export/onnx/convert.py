#!/usr/bin/env python3
"""Converts an exported SavedModel to ONNX and compares the two: convert.py exported/1606 generator.onnx

Inputs of the result: latent [B, 120] float32 and label [B] int32, or latent and context [B, C_frames, H, W, C] float32
in [-1, 1]; output: video [B, T, H, W, C] float32 in [-1, 1].
"""

import argparse
import json
import os
import sys
import tempfile

import numpy as np
import onnxruntime
import tensorflow as tf
import tf2onnx

OPSET = 17
BATCH_SIZES = (1, 3, 8)
TOLERANCE = 1e-3  # of a pixel in [-1, 1]


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument('folder', help='A version folder of bin/export --format=savedmodel.')
    parser.add_argument('output', help='The file to write.')
    arguments = parser.parse_args()
    try:
        with open(os.path.join(arguments.folder, 'assets', 'metadata.json')) as file:
            about = json.load(file)
        model = tf.saved_model.load(arguments.folder)  # functions of a model do not keep its variables
        function = generator_of(model, about)
    except (AttributeError, KeyError, OSError, TypeError, ValueError) as error:
        parser.error(f'{arguments.folder} is no export of bin/export --format=savedmodel ({error!r:.200}).')
    with tempfile.TemporaryDirectory() as place:
        path = os.path.join(place, 'generator.onnx')
        tf2onnx.convert.from_function(function, function.input_signature, opset=OPSET, output_path=path)
        apart = compare(path, function, about)
        if not apart <= TOLERANCE:
            sys.exit(f'the ONNX model differs from the SavedModel by {apart:g} in [-1, 1]; nothing was written')
        try:
            with open(path, 'rb') as source, open(arguments.output, 'wb') as file:
                file.write(source.read())
        except OSError as error:
            parser.error(f'cannot write {arguments.output} ({error.strerror}); choose another place.')
    print(f'{arguments.output}: {os.path.getsize(arguments.output) / 2**20:.2f} MiB, largest difference {apart:g}')


def generator_of(model, about):
    """The network of the model as a function of named inputs; the checks of a served request stay behind."""
    latent = tf.TensorSpec([None, about['latent_size']], tf.float32, 'latent')
    generate = model.network.generate
    if about['context_frames']:
        size = about['resolution']
        shape = [None, about['context_frames'], size, size, about['video_channels']]
        specs = [latent, tf.TensorSpec(shape, tf.float32, 'context')]

        def prediction(latent, context):
            return {'video': generate(latent, tf.zeros_like(latent[:, 0], tf.int32), context)}

        return tf.function(prediction, specs, autograph=False)

    def synthesis(latent, label):
        return {'video': generate(latent, label)}

    return tf.function(synthesis, [latent, tf.TensorSpec([None], tf.int32, 'label')], autograph=False)


def compare(path, function, about):
    """The largest difference of a pixel, over several batch sizes."""
    session = onnxruntime.InferenceSession(path, providers=['CPUExecutionProvider'])
    random, worst = np.random.default_rng(0), 0.0
    for batch in BATCH_SIZES:
        inputs = {'latent': random.standard_normal([batch, about['latent_size']], dtype=np.float32)}
        if about['context_frames']:
            shape = [batch, *function.input_signature[1].shape[1:]]
            inputs['context'] = random.uniform(-1, 1, shape).astype(np.float32)
        else:
            inputs['label'] = (np.arange(batch) % len(about['classes'])).astype(np.int32)
        (video,) = session.run(['video'], inputs)
        worst = max(worst, float(np.abs(video - function(**inputs)['video'].numpy()).max()))
    return worst


if __name__ == '__main__':
    main()
