"""Trains the smallest networks for many steps, and follows the memory, open files and threads of the process.

    python studies/soak.py --steps=20000

Prints a line at each tenth. The process fails the test if its memory after the first tenth grows by more than 5 %.
"""

from __future__ import annotations

import os
import pathlib
import re
import shutil
import subprocess
import sys
import time
from typing import NamedTuple

from absl import app, flags

_ROOT = pathlib.Path(__file__).resolve().parent.parent
_ALLOWED = 1.05

_STEPS = flags.DEFINE_integer('steps', 20_000, 'Steps to train.', 10)
_SOAK_OUTPUT = flags.DEFINE_string('output', 'runs/soak', 'Where it is trained.')


class Sample(NamedTuple):
    """Of a process at a step."""

    step: int
    seconds: float
    megabytes: float
    files: int
    threads: int


def _sample(process: int, step: int, seconds: float) -> Sample:
    place = pathlib.Path(f'/proc/{process}')
    status = (place / 'status').read_text()
    resident = int(re.search(r'VmRSS:\s+(\d+)', status)[1]) / 1024
    threads = int(re.search(r'Threads:\s+(\d+)', status)[1])
    return Sample(step, seconds, resident, len(os.listdir(place / 'fd')), threads)


def main(_: list[str]) -> int:
    """Trains; 1 where memory or open files grew."""
    shutil.rmtree(_SOAK_OUTPUT.value, ignore_errors=True)
    bindings = (
        *(f'TRAIN_STEPS = {_STEPS.value}', 'loop.train.steps_per_loop = 10', 'schedule.Checkpoints.every = 100'),
        *('loop.train.summary_every = 20', 'schedule.Previews.every = 500'),
    )
    command = [sys.executable, str(_ROOT / 'bin' / 'train'), f'--gin_file={_ROOT}/tests/tiny.gin']
    command += [f'--work_dir={_SOAK_OUTPUT.value}', *(f'--gin_param={binding}' for binding in bindings)]
    paths = os.pathsep.join([str(_ROOT), str(_ROOT / 'tests')])
    environment = {**os.environ, 'PYTHONPATH': paths, 'TF_CPP_MIN_LOG_LEVEL': '3'}
    process = subprocess.Popen(command, env=environment, stdout=subprocess.PIPE, text=True)
    samples, began, tenth = [], time.monotonic(), _STEPS.value // 10
    print('| step | seconds | MB resident | open files | threads |\n|---|---|---|---|---|', flush=True)
    for line in process.stdout:
        found = re.search(r'step (\d+)/', line)
        if found and int(found[1]) >= tenth * (len(samples) + 1) and int(found[1]) < _STEPS.value:
            samples.append(_sample(process.pid, int(found[1]), time.monotonic() - began))
            step, seconds, megabytes, files, threads = samples[-1]
            print(f'| {step} | {seconds:.0f} | {megabytes:.1f} | {files} | {threads} |', flush=True)
    said_last = time.monotonic()
    if process.wait():
        raise SystemExit(f'training ended with status {process.returncode}')
    print(f'it ended {time.monotonic() - said_last:.1f} seconds after its last word')
    first, last = samples[0], samples[-1]
    return 0 if last.megabytes <= _ALLOWED * first.megabytes and last.files <= first.files else 1


if __name__ == '__main__':
    app.run(main)
