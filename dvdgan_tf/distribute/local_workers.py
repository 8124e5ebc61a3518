"""Several workers on this machine, each a process of its own, to try `multi_worker` before there are several hosts."""

import json
import os
import signal
import socket
import subprocess
import time
from types import FrameType
from typing import List, Optional, Sequence

from dvdgan_tf.errors import EXIT_PEER_LOST, InputError

_GRACE_SECONDS = 60.0


def run_workers(command: Sequence[str], count: int) -> int:
    """Runs a command `count` times with a TF_CONFIG each, and passes on SIGTERM and Ctrl-C.

    When one fails the others have a minute to notice.

    Returns:
        0, or the exit status of the first that failed; that for a lost peer if it was killed.

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
        workers.append(subprocess.Popen(command, env=environment, start_new_session=True))

    def pass_on(number: int, frame: Optional[FrameType]) -> None:
        for worker in workers:
            if worker.poll() is None:
                worker.send_signal(number)

    previous = {number: signal.signal(number, pass_on) for number in (signal.SIGTERM, signal.SIGINT)}
    try:
        return _first_failure(workers)
    finally:
        for number, handler in previous.items():
            signal.signal(number, handler)
        for worker in workers:
            worker.kill()
            worker.wait()


def _first_failure(workers: List[subprocess.Popen]) -> int:
    """Waits for all to end, or for a minute after the first that failed."""
    failure, deadline = 0, float('inf')
    while any(worker.poll() is None for worker in workers) and time.monotonic() < deadline:
        time.sleep(0.2)
        codes = [worker.returncode for worker in workers if worker.returncode]
        if codes and not failure:
            failure, deadline = codes[0], time.monotonic() + _GRACE_SECONDS
    failure = failure or next((worker.returncode for worker in workers if worker.returncode), 0)
    return failure if failure >= 0 else EXIT_PEER_LOST


def _free_ports(count: int) -> List[int]:
    sockets = [socket.socket() for _ in range(count)]
    for each in sockets:
        each.bind(('localhost', 0))
    ports = [each.getsockname()[1] for each in sockets]
    for each in sockets:
        each.close()
    return ports
