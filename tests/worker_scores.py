"""One of several workers that score the tiny generator together; python worker_scores.py FOLDER, with TF_CONFIG."""

import json
import sys

from scored import TinyClips, TinyGenerator

from dvdgan_tf.distribute.strategy import make_strategy
from dvdgan_tf.evaluation.during_training import ProtocolScores

NAMES = ['offline_30', 'prediction']


def scores(folder, strategy):
    """Scalars of two steps, of which the second finds the sums of real clips of the first."""
    source = TinyClips(40, splits=('train', 'test'))
    scored = ProtocolScores(NAMES, batch_size=8)
    scored.check(source)
    with strategy.scope():
        generator = TinyGenerator(context_frames=4)
    found = []
    for step in (0, 1):
        generator.gain.assign(0.5 + 0.3 * step)
        found.append(scored(generator, source, step, folder, strategy))
    return found


if __name__ == '__main__':
    workers = make_strategy('multi_worker', 300.0)
    with open(f'{sys.argv[1]}/worker_{workers.cluster_resolver.task_id}.json', 'w') as file:
        json.dump(scores(sys.argv[1], workers), file)
