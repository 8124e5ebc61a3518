"""Measures what attention takes: python studies/attention.py SeparableAttention 12 32

The arguments are the layer, the frames and the height (and width) of one clip of 64 channels. Printed are the entries
of the largest attention map, and by how much the process grew over a forward and a backward pass.
"""

import os
import resource
import sys

sys.path.insert(0, os.path.dirname(os.path.dirname(os.path.abspath(__file__))))

import tensorflow as tf  # noqa: E402

from dvdgan_tf.layers import attention  # noqa: E402

_CHANNELS = 64


def _peak_megabytes() -> float:
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1e3


def main(name: str, frames: int, size: int) -> None:
    """Prints one line."""
    layer = getattr(attention, name)()

    @tf.function(autograph=False)
    def gradient(clip: tf.Tensor) -> tf.Tensor:
        with tf.GradientTape() as tape:
            tape.watch(clip)
            total = tf.reduce_sum(layer(clip, training=True))
        return tape.gradient(total, clip)

    gradient(tf.random.normal([1, 2, 4, 4, _CHANNELS]))  # what TensorFlow itself takes
    clip = tf.random.normal([1, frames, size, size, _CHANNELS])
    graph = gradient.get_concrete_function(tf.TensorSpec(clip.shape)).graph
    before = _peak_megabytes()
    gradient(clip).numpy()
    largest = max(op.outputs[0].shape.num_elements() for op in graph.get_operations() if op.type == 'Softmax')
    sys.stdout.write(f'{name} {frames} x {size} x {size}: {largest:,} entries, {_peak_megabytes() - before:.0f} MB\n')


if __name__ == '__main__':
    main(sys.argv[1], *map(int, sys.argv[2:]))
