"""One of several workers that score together, the tiny generator and two folders; python worker_scores.py FOLDER, with
TF_CONFIG.
"""

import json
import sys

import numpy as np
from scored import TinyClips, TinyGenerator

from dvdgan_tf.distribute.strategy import make_strategy
from dvdgan_tf.evaluation.during_training import ProtocolScores
from dvdgan_tf.evaluation.extraction import Extractor
from dvdgan_tf.evaluation.folders import comparison
from dvdgan_tf.evaluation.folders.clips import FolderClips
from dvdgan_tf.metrics.networks.features import offline_network

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
    return found + [compared(folder, strategy)]


def write_folders(folder):
    """Clips to compare: the last batch is not whole, and one worker has none of it."""
    for name, count in (('real', 21), ('fake', 17)):
        (folder / name).mkdir()
        np.save(folder / name / 'clips.npy', (127.5 * (1 + TinyClips(count).clips)).astype(np.uint8))


def compared(folder, strategy):
    """The scores of two folders, whose sums are kept in a third."""
    sides = tuple(FolderClips(f'{folder}/{name}', decode=None) for name in ('real', 'fake'))
    extractor = Extractor({'offline': offline_network()}, 8, strategy)
    (result,) = comparison.compare(sides, extractor, comparison.Comparison(kept=f'{folder}/kept'), lambda line: None)
    return {name: score['value'] for name, score in result['scores'].items()}


if __name__ == '__main__':
    workers = make_strategy('multi_worker', 300.0)
    with open(f'{sys.argv[1]}/worker_{workers.cluster_resolver.task_id}.json', 'w') as file:
        json.dump(scores(sys.argv[1], workers), file)
