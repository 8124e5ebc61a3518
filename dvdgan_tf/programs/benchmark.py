"""Measures this machine: bin/benchmark --what=step --gin_file=gin/kinetics600_12x64x64.gin --output=step.json

  step      a training step beside its plain form and with each rewrite undone, the matrix product, memory
  scaling   how the time of a step grows with batch, frames, resolution and channels
  sampling  latency and throughput of the generator
  feeding   the share of the time that training waits for clips
  program   writes the device's programs, which export/xla/run.py runs where TensorFlow is not
  memory    what the options for memory save and cost
  data      preparing and reading clips
  metrics   scores

The first five measure a preset, by default the paper's networks at 64x64 with 12 frames, 16 channels and a batch of 8.
What --output wrote is a --baseline for later: then every number is told as a ratio too.
"""

from __future__ import annotations

import functools
import importlib
from collections.abc import Iterator
from typing import Callable

from absl import flags

from dvdgan_tf import command
from dvdgan_tf.errors import InputError

_OF_A_PRESET = ('step', 'scaling', 'sampling', 'feeding', 'program')
_WHAT = flags.DEFINE_enum('what', 'step', [*_OF_A_PRESET, 'memory', 'data', 'metrics'], 'What to measure.')
_GIN_FILE = flags.DEFINE_multi_string('gin_file', ['gin/kinetics600_12x64x64.gin'], 'The preset, as for bin/train.')
_GIN_PARAM = flags.DEFINE_multi_string(
    'gin_param', ['CHANNEL_MULTIPLIER = 16', 'GLOBAL_BATCH = 8'], 'One binding of the preset; may be repeated.'
)
_OUTPUT = flags.DEFINE_string('output', None, 'The JSON file to write; for program: the folder.')
_BASELINE = flags.DEFINE_string('baseline', None, 'What --output wrote before, of the same machine and preset.')
_TIMES = flags.DEFINE_integer('times', 5, 'How often each is timed; told is the median.', 1)
_VIDEOS = flags.DEFINE_string(
    'videos', None, 'For data: folder of class folders of small videos; not given: drawn ones.'
)
_FILMS = flags.DEFINE_string('films', None, 'For data: folder of ordinary videos; not given: drawn ones.')
_USED_BY = {
    **dict.fromkeys(('gin_file', 'gin_param', 'output'), _OF_A_PRESET),
    **dict.fromkeys(('baseline', 'times'), _OF_A_PRESET[:-1]),
    **dict.fromkeys(('videos', 'films'), ('data',)),
}


def main(_: list) -> None:
    what = _WHAT.value
    for name, uses in _USED_BY.items():
        if flags.FLAGS[name].present and what not in uses:
            raise InputError(f'--{name} has no use with --what={what}; leave it out.')
    if what == 'program' and not _OUTPUT.value:
        raise InputError('--what=program writes a folder; name it with --output.')
    with command.importing():
        measured = importlib.import_module(f'dvdgan_tf.benchmarks.{what}')
    if what in _OF_A_PRESET:
        lines = of_a_preset(what, measured.report)
    else:
        lines = measured.report(**({'videos': _VIDEOS.value, 'films': _FILMS.value} if what == 'data' else {}))
    for line in lines:
        print(line, flush=True)


def of_a_preset(what: str, report: Callable[..., Iterator[str]]) -> Iterator[str]:
    """The lines of a benchmark of what the flags bind."""
    from dvdgan_tf.benchmarks.preset import bound
    from dvdgan_tf.benchmarks.record import Record

    make = functools.partial(bound, _GIN_FILE.value, _GIN_PARAM.value)
    preset = make()
    yield f'{what}: {preset.name}'
    if what == 'program':
        yield from report(preset, _OUTPUT.value)
        return
    record = Record(what, preset.name, _BASELINE.value)
    yield record.about['machine']
    yield from report(record, make if what == 'scaling' else preset, _TIMES.value)
    if _OUTPUT.value:
        record.write(_OUTPUT.value)
        yield f'written: {_OUTPUT.value}'
