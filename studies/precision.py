"""Convolutions of this machine in float32 and bfloat16: python studies/precision.py

Prints for each kind the floating-point operations of a CPU second, which other programs disturb less than the clock: of
the convolution and of its gradients, first in float32.
"""

import sys
import time

import tensorflow as tf

_GIGA = 1e9
_CALLS = 3
KINDS = {
    '2-D, 128 channels, 32x32': ([8, 32, 32, 128], [3, 3, 128, 128]),
    '2-D, 512 channels, 8x8': ([8, 8, 8, 512], [3, 3, 512, 512]),
    '3-D, 64 channels, 6x32x32': ([2, 6, 32, 32, 64], [3, 3, 3, 64, 64]),
}


def rate(inputs: tf.Tensor, kernel: tf.Tensor, gradients: bool) -> float:
    """Operations per CPU second, a multiply-add as 2."""

    def run() -> object:
        with tf.GradientTape() as tape:
            tape.watch([inputs, kernel])
            outputs = tf.nn.convolution(inputs, kernel, padding='SAME')
        return tape.gradient(outputs, [inputs, kernel]) if gradients else outputs

    function = tf.function(run, autograph=False)
    tf.nest.map_structure(lambda value: value.numpy(), function())
    started = time.process_time()
    for _ in range(_CALLS):
        tf.nest.map_structure(lambda value: value.numpy(), function())
    once = 2 * inputs.shape.num_elements() * kernel.shape[:-2].num_elements() * kernel.shape[-1]
    # The outputs themselves are not needed for the gradients and are not computed.
    return (2 if gradients else 1) * once * _CALLS / (time.process_time() - started)


def main() -> None:
    """Prints a row of a table for each kind."""
    for name, shapes in KINDS.items():
        row = [name]
        for dtype in (tf.float32, tf.bfloat16):
            values = [tf.cast(tf.random.stateless_normal(shape, [0, 0]), dtype) for shape in shapes]
            row += [f'{rate(*values, gradients) / _GIGA:.0f}' for gradients in (False, True)]
        sys.stdout.write('| ' + ' | '.join(row) + ' |\n')


if __name__ == '__main__':
    main()
