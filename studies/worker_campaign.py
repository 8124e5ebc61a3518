"""Kills and stops the processes of `bin/train --local_workers=2`, and says how long the others take to end.

    python studies/worker_campaign.py --trials=12

A trial starts the launcher, waits for a phase (workers connecting, training, the chief writing a checkpoint), and does
something to the launcher, the chief or the other worker. The launcher has to end, nobody may be left, and the next
trial goes on from what was saved. Afterwards the run goes to its end and is compared with one that nothing happened to.
"""

from __future__ import annotations

import os
import pathlib
import random
import re
import shutil
import signal
import subprocess
import sys
import time
from typing import NamedTuple

import kill_campaign
from absl import app, flags

from dvdgan_tf.work_dir.checkpoint import saved_steps

_ROOT = pathlib.Path(__file__).resolve().parent.parent
_PHASES = ('connecting', 'training', 'saving')
_DEEDS = (
    ('chief', signal.SIGKILL),
    ('worker', signal.SIGKILL),
    ('chief', signal.SIGSTOP),
    ('worker', signal.SIGSTOP),
    ('launcher', signal.SIGKILL),
    ('launcher', signal.SIGTERM),
)

_TRIALS = flags.DEFINE_integer('trials', 12, 'How often something happens.', 1)
_TIMEOUT = flags.DEFINE_float('peer_timeout_seconds', 30.0, 'Its binding of loop.train.')
_LIMIT = flags.DEFINE_float('limit_seconds', 240.0, 'A launcher that takes longer to end has failed.')
_WORKERS_OUTPUT = flags.DEFINE_string('workers_output', 'runs/worker_campaign', 'Where it is trained.')


class Trial(NamedTuple):
    """What was done when, the launcher's exit status, how long it took to end, and processes that were left."""

    phase: str
    who: str
    deed: str
    status: int | None
    seconds: float
    left: int


def _start(work_dir: pathlib.Path, steps: int) -> subprocess.Popen:
    command = [sys.executable, str(_ROOT / 'bin' / 'train'), f'--gin_file={_ROOT}/tests/tiny.gin', '--local_workers=2']
    bindings = (
        *(f'TRAIN_STEPS = {steps}', 'loop.train.deterministic = True', 'schedule.Checkpoints.every = 10'),
        f'loop.train.peer_timeout_seconds = {_TIMEOUT.value}',
    )
    command += [f'--work_dir={work_dir}', *(f'--gin_param={binding}' for binding in bindings)]
    log = open(f'{work_dir}.log', 'w')
    return subprocess.Popen(command, stdout=log, stderr=log, start_new_session=True)


def _said(work_dir: pathlib.Path) -> str:
    return pathlib.Path(f'{work_dir}.log').read_text()


def _workers(launcher: int) -> list[int]:
    """The processes whose parent is the launcher, the chief first."""
    children = pathlib.Path(f'/proc/{launcher}/task/{launcher}/children')
    return [int(child) for child in children.read_text().split()] if children.exists() else []


def _runs(process: int) -> bool:
    try:
        return pathlib.Path(f'/proc/{process}/stat').read_text().rpartition(')')[2].split()[0] != 'Z'
    except FileNotFoundError:
        return False


def _reach(phase: str, launcher: subprocess.Popen, work_dir: pathlib.Path, draw: random.Random) -> list[int]:
    """Waits for a phase; the workers."""
    while len(workers := _workers(launcher.pid)) < 2 and launcher.poll() is None:
        time.sleep(0.02)
    if phase == 'connecting':
        while 'waiting for the others' not in _said(work_dir) and launcher.poll() is None:
            time.sleep(0.02)
        time.sleep(draw.uniform(0, 2.0))
    else:
        while not re.search(r'step \d+/', _said(work_dir)) and launcher.poll() is None:
            time.sleep(0.02)
    if phase == 'saving':
        folder = work_dir / 'checkpoints'
        while launcher.poll() is None:
            if folder.is_dir() and any(name.endswith('.writing') for name in os.listdir(folder)):
                break
            time.sleep(0.001)
    return workers


def _try(phase: str, who: str, deed: signal.Signals, work_dir: pathlib.Path, draw: random.Random) -> Trial:
    launcher = _start(work_dir, 1_000_000)
    workers = _reach(phase, launcher, work_dir, draw)
    target = {'launcher': launcher.pid, 'chief': workers[0], 'worker': workers[1]}[who]
    os.kill(target, deed)
    began = time.monotonic()
    while launcher.poll() is None and time.monotonic() - began < _LIMIT.value:
        time.sleep(0.05)
    seconds, status = time.monotonic() - began, launcher.poll()
    time.sleep(1.0)  # what the kernel kills with the launcher takes a moment
    left = [process for process in (launcher.pid, *workers) if _runs(process)]
    for process in left:
        os.kill(process, signal.SIGKILL)
    launcher.wait()
    return Trial(phase, who, deed.name, status, seconds, len(left))


def main(_: list[str]) -> int:
    """Runs the campaign; 1 where a trial did not end as it should or the run ended otherwise."""
    sys.path.insert(0, str(_ROOT / 'tests'))
    os.environ['PYTHONPATH'] = os.pathsep.join([str(_ROOT), str(_ROOT / 'tests')])
    os.environ.setdefault('TF_CPP_MIN_LOG_LEVEL', '3')
    draw = random.Random(0)
    folder = pathlib.Path(_WORKERS_OUTPUT.value)
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(parents=True)
    cases = [(phase, *deed) for deed in _DEEDS for phase in _PHASES]
    draw.shuffle(cases)  # so that a few trials are of many kinds
    trials = []
    print('| phase | to whom | what | exit status | seconds | left over |\n|---|---|---|---|---|---|', flush=True)
    for number in range(_TRIALS.value):
        trial = _try(*cases[number % len(cases)], folder / 'broken', draw)
        trials.append(trial)
        print('|', ' | '.join(map(str, trial._replace(seconds=round(trial.seconds, 1)))), '|', flush=True)
    saved = saved_steps(str(folder / 'broken'))
    steps = (saved[-1] if saved else 0) + 10
    for name in ('broken', 'whole'):
        status = _start(folder / name, steps).wait()
        print(f'{name} to step {steps}: status {status}', flush=True)
    found = kill_campaign.differences(folder / 'whole', folder / 'broken')
    print('as if nothing had happened' if not found else '; '.join(found[:8]))
    return 1 if found or any(trial.left or trial.status is None for trial in trials) else 0


if __name__ == '__main__':
    app.run(main)
