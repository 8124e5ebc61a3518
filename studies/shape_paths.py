"""Do generated shapes move as their class says? python studies/shape_paths.py WORK_DIR [STEP]

For runs of bright shapes on black (`SyntheticClips.black_background`). The centre of mass of what is bright is followed
over the frames of a clip. If it moves at least three times as far one way as the other, the motion is sideways or up
and down, otherwise circling. Printed is the share of clips that agree with their class, of samples and of real clips.
"""

from __future__ import annotations

import os
import sys

sys.path.insert(0, os.path.dirname(os.path.dirname(os.path.abspath(__file__))))

import numpy as np  # noqa: E402

from dvdgan_tf import saved_run  # noqa: E402
from dvdgan_tf.data.synthetic import MOTIONS, SHAPES  # noqa: E402
from dvdgan_tf.evaluation import labelled_clips  # noqa: E402

_CLIPS = 512
_FAINT = 0.2  # of the way from black to white: what is darker is background
_STRAIGHT = 3.0  # times as long as across


def motions(clips: np.ndarray) -> np.ndarray:
    """The motion of each clip [N, T, H, W, C] in [-1, 1], as its number in MOTIONS."""
    light = (clips.max(-1) + 1.0) / 2.0
    light = np.where(light > _FAINT, light, 0.0)
    mass = np.maximum(light.sum((2, 3)), 1e-6)
    ways = []
    for axis in (2, 3):
        places = np.arange(clips.shape[axis], dtype=np.float32)
        ways.append(((light.sum(5 - axis) * places).sum(2) / mass).std(1))
    down, across = ways
    return np.where(across > _STRAIGHT * down, 0, np.where(down > _STRAIGHT * across, 1, 2))


def main(work_dir: str, step: str = 'newest') -> None:
    """Prints the shares, one line a motion."""
    run = saved_run.open_run(work_dir, step)
    made = labelled_clips.generated(run.generator, _CLIPS, 0, 1.0, lambda clip: clip)
    real = labelled_clips.real(run.data.of_split('test'), _CLIPS, lambda clip: clip, held_out=True)
    for name, clips in (('samples', made), ('real', real)):
        asked = clips.labels // len(SHAPES)
        agrees = motions(clips.clips) == asked
        each = ', '.join(f'{motion} {agrees[asked == number].mean():.3f}' for number, motion in enumerate(MOTIONS))
        sys.stdout.write(f'{name}: {agrees.mean():.3f} of {len(agrees)} clips move as their class says ({each})\n')


if __name__ == '__main__':
    main(*sys.argv[1:])
