"""How much the clips of a run change when standing statistics are taken over twice as many clips.

python studies/standing_statistics.py WORK_DIR CHECKPOINT
"""

import os
import sys

sys.path.insert(0, os.path.dirname(os.path.dirname(os.path.abspath(__file__))))

import numpy as np  # noqa: E402
import tensorflow as tf  # noqa: E402

from dvdgan_tf import saved_run  # noqa: E402
from dvdgan_tf.models.standing import StandingStatistics  # noqa: E402
from dvdgan_tf.sampling.latents import sample_latents  # noqa: E402

_COUNTS = (256, 512, 1024, 2048)
_SHOWN = 64


def main(work_dir: str, checkpoint: str) -> None:
    """Prints the root mean square of the change of 64 clips, in grey levels of 256."""
    generator = saved_run.open_run(work_dir, checkpoint).generator
    latents, labels = sample_latents(5, _SHOWN), tf.range(_SHOWN) % generator.num_classes
    generate = tf.function(lambda: generator(latents, labels, training=False), autograph=False)
    clips = {}
    for count in _COUNTS:
        with StandingStatistics(generator, seed=1, clips=count).at(1.0):
            clips[count] = 127.5 * generate().numpy()
    sys.stdout.write(f'deviation of the clips: {clips[_COUNTS[-1]].std():.1f}\n')
    for count, twice in zip(_COUNTS, _COUNTS[1:]):
        change = np.sqrt(np.mean((clips[count] - clips[twice]) ** 2))
        sys.stdout.write(f'{count} to {twice}: {change:.2f}\n')


if __name__ == '__main__':
    main(*sys.argv[1:])
