"""How long two clips take: python studies/latency.py gin/kinetics600_48x64x64.gin ['CHANNEL_MULTIPLIER = 8' ...]

Paper B.3: two clips of 48 frames of 64x64 on one TPU core, under 150 ms. The generator is untrained and in float32, and
on the first device that TensorFlow finds; the call is compiled before it is timed.
"""

from __future__ import annotations

import os
import sys
import time

sys.path.insert(0, os.path.dirname(os.path.dirname(os.path.abspath(__file__))))

import numpy as np  # noqa: E402
import tensorflow as tf  # noqa: E402

from dvdgan_tf import config, saved_run  # noqa: E402
from dvdgan_tf.sampling.latents import sample_latents  # noqa: E402

_CLIPS, _TIMES = 2, 5


def main(gin_file: str, *bindings: str) -> None:
    """Prints the median of five calls."""
    config.parse([gin_file], bindings, fallbacks={'DATA_DIR': 'records'})
    generator = saved_run.make_generator()
    latents, labels = sample_latents(0, _CLIPS), tf.zeros([_CLIPS], tf.int32)
    generate = tf.function(lambda: generator(latents, labels, training=False), autograph=False)
    shape = generate().shape
    seconds = []
    for _ in range(_TIMES):
        started = time.perf_counter()
        generate().numpy()
        seconds.append(time.perf_counter() - started)
    where = f'{_CLIPS} clips {tuple(shape[1:])} on {tf.config.list_logical_devices()[-1].name}'
    sys.stdout.write(f'{where}: {1000 * np.median(seconds):.0f} ms, median of {_TIMES}\n')


if __name__ == '__main__':
    main(*sys.argv[1:])
