"""Kills a training again and again, lets it go on, and compares its end with that of one that nothing happened to.

    python studies/kill_campaign.py --kills=200
    python studies/kill_campaign.py --kills=20 --a_run=5 --config=gin/quickstart.gin --binding='TRAIN_STEPS = 40' ...

A run is killed `--a_run` times at a step that is drawn, then goes on to its end; then every variable of its last
checkpoint, the steps of metrics.jsonl, TensorBoard's points and the previews are compared with those of a run that
nothing happened to. What happens is drawn too:

  moment    SIGKILL at a moment of the training or, one in four, of the start
  write     the kernel kills inside a write, when a file reaches a drawn size (RLIMIT_FSIZE and SIGXFSZ)
  rename    SIGKILL within 10 ms of the first sign of a checkpoint
  full      writing fails at a drawn size, as on a full disk: one sentence and status 2 are due
  term      SIGTERM: status 143 is due
  flip      SIGKILL, then one bit of the newest checkpoint is turned, where there is an older one

Processes are forked from one that has imported TensorFlow, which saves the most part of their start.
"""

from __future__ import annotations

import collections
import contextlib
import json
import math
import multiprocessing
import os
import pathlib
import random
import re
import resource
import shutil
import signal
import sys
import time
from multiprocessing.process import BaseProcess
from typing import NamedTuple

import numpy as np
import tensorflow as tf
from absl import app, flags

from dvdgan_tf.work_dir.checkpoint import checkpoint_path, saved_steps

_ROOT = pathlib.Path(__file__).resolve().parent.parent
_TINY = (
    *('TRAIN_STEPS = 240', 'loop.train.deterministic = True', 'loop.train.steps_per_loop = 5'),
    *('schedule.Checkpoints.every = 10', 'loop.train.summary_every = 5', 'schedule.Previews.every = 40'),
)
_PROGRESS = re.compile(r'step \d+/')
KINDS = {'moment': 8, 'write': 5, 'rename': 3, 'full': 2, 'term': 1, 'flip': 1}

_KILLS = flags.DEFINE_integer('kills', 200, 'How often something happens, over all runs.', 1)
_A_RUN = flags.DEFINE_integer('a_run', 10, 'How often it happens to one run.', 1)
_CONFIG = flags.DEFINE_string('config', str(_ROOT / 'tests' / 'tiny.gin'), 'What is trained.')
_BINDING = flags.DEFINE_multi_string('binding', _TINY, 'Its bindings.')
_OUTPUT = flags.DEFINE_string('output', 'runs/kill_campaign', 'Where it is trained; what went wrong stays there.')
_SEED = flags.DEFINE_integer('seed', 0, 'Everything that is drawn depends on it.')


class Life(NamedTuple):
    """One process: what it was told to do, how it ended, and what it printed."""

    kind: str
    status: int
    seconds: float
    said: str


def _train(arguments: list[str], pipe: str, may_be_full: bool) -> None:
    """The body of a process that trains; what it prints goes to a pipe, to which limits of files do not apply."""
    handle = os.open(pipe, os.O_WRONLY)
    os.dup2(handle, 1)
    os.dup2(handle, 2)
    sys.stdout = os.fdopen(1, 'w', buffering=1)
    sys.stderr = os.fdopen(2, 'w', buffering=1)
    signal.signal(signal.SIGXFSZ, signal.SIG_IGN if may_be_full else signal.SIG_DFL)
    sys.argv = ['bin/train', *arguments]
    from dvdgan_tf import command

    command.run_program('train')


class Campaign:
    """Runs of one configuration below one folder.

    Args:
        folder: where they go.
        draw: what is drawn comes from here.
    """

    def __init__(self, folder: str, draw: random.Random) -> None:
        self._folder = pathlib.Path(folder)
        self._draw = draw
        self._context = multiprocessing.get_context('forkserver')
        self._context.set_forkserver_preload(['dvdgan_tf.config', 'dvdgan_tf.planning.plan', 'dvdgan_tf.training.loop'])
        self.lives: list[Life] = []
        self._printed, self._pipe = b'', -1
        shutil.rmtree(self._folder, ignore_errors=True)
        self._folder.mkdir(parents=True)

    def whole(self) -> pathlib.Path:
        """A run that nothing happens to; how long its start and its training take is learnt from it."""
        work_dir = self._folder / 'whole'
        process, began = self._start(work_dir), time.monotonic()
        self._wait_for_a_step(process)
        self._start_seconds = time.monotonic() - began
        self._wait_for_the_end(process)
        if process.exitcode:
            raise SystemExit(f'the run that nothing happened to ended with {process.exitcode}:\n{self._said()}')
        self._train_seconds = time.monotonic() - began - self._start_seconds
        self._largest = max(path.stat().st_size for path in work_dir.rglob('*') if path.is_file())
        return work_dir

    def broken(self, number: int, times: int) -> tuple[pathlib.Path, int]:
        """A run to which something happens so many times, or fewer where it is at its end before; and how often."""
        work_dir = self._folder / f'run-{number:03d}'
        keep_last = self._draw.choice((1, 2, 3))
        more = [f'--gin_param=schedule.Checkpoints.keep_last = {keep_last}']
        for struck in range(times + 1):
            if struck == times:
                process = self._start(work_dir, more)
                self._wait_for_the_end(process)
                break
            kind = self._draw.choices(list(KINDS), KINDS.values())[0]
            life, process = self._live(work_dir, kind, more)
            if not life.status:
                break
            self.lives.append(life)
            print(f'{work_dir.name}  {kind:7} status {life.status:4}  {saved_steps(str(work_dir))}', flush=True)
        if process.exitcode:
            raise SystemExit(f'{work_dir} did not go on: {process.exitcode}\n{self._said()}')
        return work_dir, struck

    def _live(self, work_dir: pathlib.Path, kind: str, more: list[str]) -> tuple[Life, BaseProcess]:
        process, began = self._start(work_dir, more, kind == 'full'), time.monotonic()
        if kind == 'moment' and self._draw.random() < 0.25:
            process.join(self._draw.uniform(0, self._start_seconds))
        else:
            self._wait_for_a_step(process)
            process.join(self._draw.uniform(0, 2 * self._train_seconds / _A_RUN.value))
        if kind in ('write', 'full') and process.is_alive():
            size = int(math.exp(self._draw.uniform(0, math.log(self._largest))))
            resource.prlimit(process.pid, resource.RLIMIT_FSIZE, (size, resource.RLIM_INFINITY))
        elif kind == 'rename':
            self._wait_for_a_checkpoint(process, work_dir)
        if kind in ('moment', 'rename', 'flip'):
            process.kill()
        elif kind == 'term' and process.is_alive():
            os.kill(process.pid, signal.SIGTERM)
        self._wait_for_the_end(process)
        if kind == 'flip' and process.exitcode:
            self._flip(work_dir)
        return Life(kind, process.exitcode, time.monotonic() - began, self._said()), process

    def _start(self, work_dir: pathlib.Path, more: list[str] | None = None, may_be_full: bool = False) -> BaseProcess:
        bindings = [f'--gin_param={binding}' for binding in _BINDING.value]
        arguments = [f'--gin_file={_CONFIG.value}', f'--work_dir={work_dir}', *bindings, *(more or [])]
        pipe = str(self._folder / 'pipe')
        if self._pipe >= 0:
            os.close(self._pipe)
            os.remove(pipe)
        os.mkfifo(pipe)
        self._printed, self._pipe = b'', os.open(pipe, os.O_RDONLY | os.O_NONBLOCK)
        process = self._context.Process(target=_train, args=(arguments, pipe, may_be_full))
        process.start()
        return process

    def _said(self) -> str:
        """All that the process printed until now."""
        with contextlib.suppress(BlockingIOError):
            while more := os.read(self._pipe, 1 << 16):
                self._printed += more
        return self._printed.decode()

    def _wait_for_a_step(self, process: BaseProcess) -> None:
        """Until the first steps are made, which is after the tracing."""
        while process.is_alive() and not _PROGRESS.search(self._said()):
            time.sleep(0.01)

    def _wait_for_the_end(self, process: BaseProcess) -> None:
        while process.is_alive():
            self._said()
            process.join(0.2)

    def _wait_for_a_checkpoint(self, process: BaseProcess, work_dir: pathlib.Path) -> None:
        folder = work_dir / 'checkpoints'
        while process.is_alive():
            if folder.is_dir() and any(name.endswith('.writing') for name in os.listdir(folder)):
                time.sleep(self._draw.uniform(0, 0.01))
                return
            time.sleep(0.0005)

    def _flip(self, work_dir: pathlib.Path) -> None:
        steps = saved_steps(str(work_dir))
        if len(steps) < 2:
            return
        files = sorted((work_dir / 'checkpoints').glob(f'state-{steps[-1]:08d}.*'))
        path = files[self._draw.randrange(len(files))]
        content = bytearray(path.read_bytes())
        content[self._draw.randrange(len(content))] ^= 1 << self._draw.randrange(8)
        path.write_bytes(content)


def differences(whole: pathlib.Path, other: pathlib.Path) -> list[str]:
    """In what a finished run differs from another, times aside."""
    found = []
    step = saved_steps(str(whole))[-1]
    if saved_steps(str(other))[-1] != step:
        return [f'ended at step {saved_steps(str(other))[-1]}']
    expected, got = (_variables(path, step) for path in (whole, other))
    found += [f'variable {name}' for name in expected if not np.array_equal(expected[name], got.get(name))]
    found += ['other variables'] if expected.keys() != got.keys() else []
    records, again = (_records(path) for path in (whole, other))
    found += ['steps of metrics.jsonl'] if not _same_steps(records, again) else []
    points = collections.Counter(_points(other))
    found += [f'{count} points of {point}' for point, count in points.items() if count > 1][:3]
    pictures, made = _pictures(whole), _pictures(other)
    found += [f'picture {name}' for name in sorted({*pictures} | {*made}) if pictures.get(name) != made.get(name)]
    left = [path.name for path in other.rglob('*') if path.suffix == '.writing' or path.name == 'lock']
    found += [f'left over: {name}' for name in left]
    return found


def _pictures(work_dir: pathlib.Path) -> dict[str, bytes]:
    return {path.name: path.read_bytes() for path in (work_dir / 'previews').iterdir()}


def _variables(work_dir: pathlib.Path, step: int) -> dict[str, np.ndarray]:
    reader = tf.train.load_checkpoint(checkpoint_path(str(work_dir), step))
    return {name: reader.get_tensor(name) for name in reader.get_variable_to_shape_map() if name[0] != '_'}


def _records(work_dir: pathlib.Path) -> list[dict[str, float]]:
    return [json.loads(line) for line in (work_dir / 'metrics.jsonl').read_text().splitlines()]


def _same_steps(expected: list[dict[str, float]], got: list[dict[str, float]]) -> bool:
    """A run that SIGTERM stopped between two records has their steps too, and others' means over fewer steps."""
    return [record['step'] for record in expected] == [record['step'] for record in got]


def _points(work_dir: pathlib.Path) -> list[tuple[str, int]]:
    return [
        (value.tag, event.step)
        for path in (work_dir / 'tensorboard').iterdir()
        for record in tf.data.TFRecordDataset(str(path)).as_numpy_iterator()
        for event in [tf.compat.v1.Event.FromString(record)]
        for value in event.summary.value
    ]


def _report(lives: list[Life], wrong: dict[str, list[str]], runs: int) -> None:
    print('\n| what | times | exit statuses |\n|---|---|---|')
    for kind in KINDS:
        statuses = collections.Counter(life.status for life in lives if life.kind == kind)
        print(f'| {kind} | {sum(statuses.values())} | {", ".join(f"{n} x {s}" for s, n in sorted(statuses.items()))} |')
    tracebacks = [life for life in lives if 'Traceback' in life.said]
    longest = max((life.seconds for life in lives), default=0.0)
    alike = f'{runs - len(wrong)} of {runs} runs ended as if nothing had happened'
    print(f'\n{alike}; {len(tracebacks)} tracebacks; the longest life took {longest:.0f} s')
    for life in tracebacks[:3]:
        print(life.said[-3000:])
    for name, found in wrong.items():
        print(f'{name}: {"; ".join(found[:8])}')


def main(_: list[str]) -> int:
    """Runs the campaign; 1 where something differs."""
    sys.path.insert(0, str(_ROOT / 'tests'))
    os.environ['PYTHONPATH'] = os.pathsep.join([str(_ROOT), str(_ROOT / 'tests')])
    os.environ.setdefault('TF_CPP_MIN_LOG_LEVEL', '3')
    campaign = Campaign(_OUTPUT.value, random.Random(_SEED.value))
    whole = campaign.whole()
    left, runs, wrong = _KILLS.value, 0, {}
    while left:
        times = min(left, _A_RUN.value)
        work_dir, struck = campaign.broken(runs, times)
        found = differences(whole, work_dir)
        print(f'{work_dir.name}  {"as if nothing had happened" if not found else "; ".join(found[:8])}', flush=True)
        if found:
            wrong[work_dir.name] = found
        else:
            shutil.rmtree(work_dir)
        left, runs = left - struck, runs + 1
    _report(campaign.lives, wrong, runs)
    return 1 if wrong or any('Traceback' in life.said for life in campaign.lives) else 0


if __name__ == '__main__':
    app.run(main)
