"""Measures this machine: bin/benchmark --what=step (training), --what=memory (what its options save and cost),
--what=data (preparing, reading) or --what=metrics.
"""

import importlib

from absl import flags

_WHAT = flags.DEFINE_enum('what', 'step', ['step', 'memory', 'data', 'metrics'], 'What to measure.')

_VIDEOS = flags.DEFINE_string(
    'videos', None, 'For data: folder of class folders of small videos; not given: drawn ones.'
)
_FILMS = flags.DEFINE_string('films', None, 'For data: folder of ordinary videos; not given: drawn ones.')


def main(_: list) -> None:
    options = {'videos': _VIDEOS.value, 'films': _FILMS.value} if _WHAT.value == 'data' else {}
    for line in importlib.import_module(f'dvdgan_tf.benchmarks.{_WHAT.value}').report(**options):
        print(line, flush=True)
