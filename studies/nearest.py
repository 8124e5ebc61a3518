"""Memory or learning? Samples beside the training clips nearest to them, by pixels and by a classifier's features.

  python studies/nearest.py WORK_DIR PICTURE [STEP]

Every row of the picture is a sample, the training clip nearest in pixels and the one nearest in the features of the
protocol `recognition`, four frames of each, pooled to at most 32 pixels, out of 2,048 random windows of the split
train. Printed are the distances, and those of held-out real clips: a generator that remembers is much nearer than they
are. `bin/report` shows the same of a few samples.
"""

from __future__ import annotations

import os
import sys

sys.path.insert(0, os.path.dirname(os.path.dirname(os.path.abspath(__file__))))

from dvdgan_tf import saved_run  # noqa: E402
from dvdgan_tf.evaluation import nearest  # noqa: E402
from dvdgan_tf.evaluation.during_training import FOLDER  # noqa: E402
from dvdgan_tf.evaluation.recognition import Recognition  # noqa: E402
from dvdgan_tf.report import pictures  # noqa: E402

_SAMPLES = 200
_ROWS = 20  # of the picture


def main(work_dir: str, picture: str, step: str = 'newest') -> None:
    """Prints the distances and writes the picture."""
    run = saved_run.open_run(work_dir, step)
    judge = Recognition().judge(run.data, os.path.join(work_dir, FOLDER), lambda line: sys.stdout.write(f'{line}\n'))
    found = nearest.find(run.generator, run.data, _SAMPLES, judge)
    sys.stdout.write('\n'.join(nearest.lines(found)) + '\n')
    clips, rows, columns = nearest.columns(found, _ROWS)
    with open(picture, 'wb') as file:
        file.write(pictures.of_neighbours(work_dir, clips, rows, columns, ()).content)


if __name__ == '__main__':
    main(*sys.argv[1:])
