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
    """Prints by how many grey levels of 256 (root mean square) 64 clips change: all, the median one, the most."""
    generator = saved_run.open_run(work_dir, checkpoint).generator
    latents, labels = sample_latents(5, _SHOWN), tf.range(_SHOWN) % generator.num_classes
    generate = tf.function(lambda: generator(latents, labels, training=False), autograph=False)
    clips = {}
    for count in _COUNTS:
        with StandingStatistics(generator, seed=1, clips=count).at(1.0):
            clips[count] = 127.5 * generate().numpy()
    sys.stdout.write(f'deviation of the clips: {clips[_COUNTS[-1]].std():.1f}\n')
    for count, twice in zip(_COUNTS, _COUNTS[1:]):
        of_clips = np.sqrt(np.mean((clips[count] - clips[twice]) ** 2, (1, 2, 3, 4)))
        found = np.sqrt(np.mean(of_clips**2)), np.median(of_clips), np.max(of_clips)
        sys.stdout.write(f'{count} to {twice}: {", ".join(f"{each:.2f}" for each in found)}\n')


if __name__ == '__main__':
    main(*sys.argv[1:])
