"""Two processes that train together: the same model, and what becomes of one when the other is lost."""

import json
import os
import re
import signal
import socket
import subprocess
import sys
import time

import numpy as np
import tensorflow as tf

from dvdgan_tf import config, ownership
from dvdgan_tf.training import loop
from dvdgan_tf.work_dir.checkpoint import checkpoint_path, saved_steps

TESTS = os.path.dirname(os.path.abspath(__file__))
TRAIN = [sys.executable, os.path.join(TESTS, '..', 'bin', 'train'), f'--gin_file={TESTS}/tiny.gin']
ENDLESS = 1_000_000


def _command(work_dir, **bindings):
    return [*TRAIN, f'--work_dir={work_dir}', *(f'--gin_param={name} = {value}' for name, value in bindings.items())]


def _environment(**more):
    return {**os.environ, 'PYTHONPATH': TESTS, 'TF_CPP_MIN_LOG_LEVEL': '3', **more}


def _launch(work_dir, steps, keep_every=0):
    """Both workers by one command; what it said."""
    bindings = {'TRAIN_STEPS': steps, 'schedule.Checkpoints.keep_every': keep_every}
    command = [*_command(work_dir, **bindings), '--local_workers=2']
    done = subprocess.run(command, env=_environment(), capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    return done.stdout


class _Pair:
    """Two workers that train on and on, started one by one so that either can be got at."""

    def __init__(self, work_dir, timeout_seconds):
        sockets = [socket.create_server(('localhost', 0)) for _ in range(2)]
        addresses = [f'localhost:{each.getsockname()[1]}' for each in sockets]
        for each in sockets:
            each.close()
        self.processes = []
        for index in range(2):
            task = json.dumps({'cluster': {'worker': addresses}, 'task': {'type': 'worker', 'index': index}})
            bindings = {'TRAIN_STEPS': ENDLESS, 'STRATEGY': '"multi_worker"'}
            command = _command(work_dir, **bindings, **{'loop.train.peer_timeout_seconds': timeout_seconds})
            self.processes.append(
                subprocess.Popen(
                    command,
                    env=_environment(TF_CONFIG=task),
                    stdout=subprocess.PIPE,
                    stderr=subprocess.PIPE,
                    text=True,
                )
            )
        first = self._next_step(r'from step (\d+)')
        while self._next_step(r'step (\d+)/') <= first + 2:
            pass

    def _next_step(self, pattern):
        """The step in the next line of the chief that has one."""
        for line in self.processes[0].stdout:
            if match := re.search(pattern, line):
                return int(match[1])
        raise AssertionError(self.processes[0].stderr.read())

    def send(self, number):
        self.processes[1].send_signal(number)
        self.sent_at = time.monotonic()

    def end(self, index):
        """Exit status, stderr, and seconds since the signal."""
        _, stderr = self.processes[index].communicate(timeout=90)
        return self.processes[index].returncode, stderr, time.monotonic() - self.sent_at

    def kill(self):
        for process in self.processes:
            process.kill()
            process.communicate()


def _variables(work_dir, step):
    reader = tf.train.load_checkpoint(checkpoint_path(str(work_dir), step))
    return {name: reader.get_tensor(name) for name in reader.get_variable_to_shape_map() if name[0] != '_'}


def test_a_run_whose_worker_is_stopped_killed_and_asked_to_end_equals_others(tmp_path, monkeypatch):
    work_dir = tmp_path / 'interrupted'
    for number, timeout_seconds in ((signal.SIGSTOP, 30.0), (signal.SIGKILL, 60.0)):
        pair = _Pair(work_dir, timeout_seconds)
        try:
            pair.send(number)
            status, said, seconds = pair.end(0)
        finally:
            pair.kill()
        assert status == 75, said
        assert re.search(r'error: worker 0 lost worker 1 \(localhost:\d+\).* start all workers again', said)
        assert seconds < 60
    before = saved_steps(str(work_dir))[-1]
    assert before > 0

    pair = _Pair(work_dir, 60.0)
    try:
        pair.send(signal.SIGTERM)
        assert [pair.end(index)[0] for index in (0, 1)] == [128 + signal.SIGTERM] * 2
    finally:
        pair.kill()
    saved = saved_steps(str(work_dir))[-1]
    assert saved > before

    said = _launch(work_dir, saved + 2)
    assert f'from step {saved} to step {saved + 2}' in said
    _launch(tmp_path / 'whole', saved + 2, keep_every=4)
    expected, got = (_variables(place, saved + 2) for place in (tmp_path / 'whole', work_dir))
    assert expected.keys() == got.keys()
    for name in expected:
        np.testing.assert_array_equal(got[name], expected[name], err_msg=name)

    # One device ends where two processes do; for a few steps, as rounding grows. Its checkpoint goes on with two
    # processes, and theirs with four replicas.
    monkeypatch.syspath_prepend(TESTS)
    _train_here(tmp_path / 'one', 'one_device', 4)
    _compare(tmp_path / 'one', tmp_path / 'whole', 4, 1e-4)
    assert 'from step 4 to step 6' in _launch(tmp_path / 'one', 6)
    _train_here(tmp_path / 'one', 'mirrored', 8)
    _compare(tmp_path / 'one', tmp_path / 'whole', 8, 1e-3)


def _train_here(work_dir, strategy, steps):
    config.parse([f'{TESTS}/tiny.gin'], [f'TRAIN_STEPS = {steps}', f'STRATEGY = {strategy!r}'])
    ownership.claim(str(work_dir))
    loop.train(work_dir=str(work_dir), **config.bindings(loop.train))


def _compare(work_dir, other, step, tolerance):
    expected, got = _variables(other, step), _variables(work_dir, step)
    assert expected.keys() == got.keys()
    for name in expected:
        np.testing.assert_allclose(got[name], expected[name], rtol=tolerance, atol=tolerance / 100, err_msg=name)
