"""Several workers on this machine, each a process of its own, to try `multi_worker` before there are several hosts."""

from __future__ import annotations

import ctypes
import json
import os
import signal
import socket
import subprocess
import time
from collections.abc import Callable, Sequence
from types import FrameType

from dvdgan_tf.errors import EXIT_PEER_LOST, InputError

_GRACE_SECONDS = 60.0
_PR_SET_PDEATHSIG = 1  # of <sys/prctl.h>


def run_workers(command: Sequence[str], count: int) -> int:
    """Runs a command `count` times with a TF_CONFIG each, and passes on SIGTERM and Ctrl-C.

    When one fails the others have a minute to notice; all are killed when this process is gone, however it went.

    Returns:
        0, or the exit status of the first that failed; if it was killed, that of the signal that was passed on, or that
        for a lost peer.

    Raises:
        InputError: there would be fewer than two.
    """
    if count < 2:
        raise InputError(f'{count} local worker(s) were asked for; give 2 or more, or leave the flag away.')
    addresses = [f'localhost:{port}' for port in _free_ports(count)]
    workers = []
    for index in range(count):
        task = {'cluster': {'worker': addresses}, 'task': {'type': 'worker', 'index': index}}
        # A session of its own: Ctrl-C comes to this process alone, which passes it on once.
        environment = {**os.environ, 'TF_CONFIG': json.dumps(task)}
        workers.append(
            subprocess.Popen(command, env=environment, start_new_session=True, preexec_fn=_ended_with(os.getpid()))
        )
    passed_on: list[int] = []

    def pass_on(number: int, frame: FrameType | None) -> None:
        passed_on.append(number)
        for worker in workers:
            if worker.poll() is None:
                worker.send_signal(number)

    previous = {number: signal.signal(number, pass_on) for number in (signal.SIGTERM, signal.SIGINT)}
    try:
        failure = _first_failure(workers)
        if failure >= 0:
            return failure
        return 128 + passed_on[0] if passed_on else EXIT_PEER_LOST
    finally:
        for number, handler in previous.items():
            signal.signal(number, handler)
        for worker in workers:
            worker.kill()
            worker.wait()


def _first_failure(workers: list[subprocess.Popen]) -> int:
    """Waits for all to end, or for a minute after the first that failed; its exit status, 0 if none failed."""
    failure, deadline = 0, float('inf')
    while True:
        codes = [worker.poll() for worker in workers]
        if not failure and any(codes):
            failure, deadline = next(filter(None, codes)), time.monotonic() + _GRACE_SECONDS
        if None not in codes or time.monotonic() > deadline:
            return failure
        time.sleep(0.2)


def _ended_with(parent: int) -> Callable[[], None]:
    """What a new process does first, so that the kernel kills it when this one ends; Linux alone can."""
    prctl = ctypes.CDLL(None, use_errno=True).prctl

    def bind() -> None:
        prctl(_PR_SET_PDEATHSIG, signal.SIGKILL)
        if os.getppid() != parent:  # gone already
            os._exit(EXIT_PEER_LOST)

    return bind


def _free_ports(count: int) -> list[int]:
    sockets = [socket.socket() for _ in range(count)]
    for each in sockets:
        each.bind(('localhost', 0))
    ports = [each.getsockname()[1] for each in sockets]
    for each in sockets:
        each.close()
    return ports
