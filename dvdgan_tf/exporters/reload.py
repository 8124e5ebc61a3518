"""Runs a SavedModel in a process that has TensorFlow and nothing of this package: reload.py MODEL INPUTS OUTPUTS

INPUTS is an npz of `signature/input/batch`, OUTPUTS becomes one of `signature/output/batch`.
"""

import collections
import sys

import numpy as np
import tensorflow as tf


def main(folder: str, inputs: str, outputs: str) -> None:
    """Answers every request in `inputs`."""
    model = tf.saved_model.load(folder)
    requests = collections.defaultdict(dict)
    with np.load(inputs) as arrays:
        for name, value in arrays.items():
            signature, argument, batch = name.split('/')
            requests[signature, batch][argument] = tf.constant(value)
    answers = {}
    for (signature, batch), request in requests.items():
        for name, value in model.signatures[signature](**request).items():
            array = value.numpy()
            # Strings of fixed size, as an npz holds objects only by pickling them.
            answers[f'{signature}/{name}/{batch}'] = array.astype(np.bytes_) if array.dtype == object else array
    np.savez(outputs, **answers)
    foreign = sorted(name for name in sys.modules if name.startswith(('dvdgan_tf', 'tf_keras')))
    if foreign:
        sys.exit(f'{foreign} were imported; the model is not independent of them')


if __name__ == '__main__':
    main(*sys.argv[1:])
