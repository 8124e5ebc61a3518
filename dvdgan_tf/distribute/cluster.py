"""The processes that train together: who they are, and what to do when one is lost.

TF_CONFIG says who: {"cluster": {"worker": ["host0:port", "host1:port"]}, "task": {"type": "worker", "index": 0}}, the
same on every host but for the index.
"""

import contextlib
import json
import os
import re
import signal
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from typing import NamedTuple

import tensorflow as tf
from tensorflow.python.eager import context

from dvdgan_tf.errors import InputError, PeerLost

_EXAMPLE = '{"cluster": {"worker": ["host0:2222", "host1:2222"]}, "task": {"type": "worker", "index": 0}}'
_MEETING_SECONDS = 600.0  # hosts of a job may start minutes apart
_CONNECTING_SECONDS = 120.0  # what TensorFlow may take once all have met; it takes few
_HEARTBEAT_SECONDS = 30.0
_END_PARENT = '''
import os, select, signal, sys
ended, _, _ = select.select([sys.stdin], [], [], float(sys.argv[1]))
if not ended:
    sys.stderr.write(sys.argv[2])
    os.kill(os.getppid(), signal.SIGKILL)
'''
_AGAIN = 'start all workers again, and they go on from the newest checkpoint'
_LOOPBACK = ('localhost', '127.0.0.1')
_LOST = (
    tf.errors.UnavailableError,
    tf.errors.DeadlineExceededError,
    tf.errors.AbortedError,
    tf.errors.CancelledError,
    tf.errors.InternalError,
    tf.errors.FailedPreconditionError,
)


class Cluster(NamedTuple):
    """The addresses of all processes, the chief's first, and which one this is."""

    addresses: list[str]
    index: int


def read_cluster() -> Cluster:
    """Reads TF_CONFIG.

    Raises:
        InputError: there is none, or it does not describe workers of which this is one.
    """
    text = os.environ.get('TF_CONFIG', '')
    if not text:
        raise InputError(f'multi_worker needs the environment variable TF_CONFIG; set it like {_EXAMPLE}.')
    try:
        config = json.loads(text)
        addresses = config['cluster']['worker']
        kind, index = config['task']['type'], int(config['task']['index'])
    except (ValueError, KeyError, TypeError) as error:
        raise InputError(f'TF_CONFIG is {text!r}, which is not like {_EXAMPLE}; correct it.') from error
    others = sorted(set(config['cluster']) - {'worker'})
    if kind != 'worker' or others:
        raise InputError(f'TF_CONFIG has {others or [kind]}; all processes must be workers, 0 being the chief.')
    if not isinstance(addresses, list) or not all(re.fullmatch(r'[^\s:]+:\d+', str(each)) for each in addresses):
        raise InputError(f'TF_CONFIG has the workers {addresses!r}; give a list of "host:port".')
    if not 0 <= index < len(addresses):
        raise InputError(f'TF_CONFIG says that this is worker {index} of {len(addresses)}; they count from 0.')
    return Cluster(addresses, index)


def set_timeouts(cluster: Cluster, seconds: float) -> None:
    """How long TensorFlow waits for processes to come, to leave together, and to give a sign of life."""
    # Reached through a public message: the module of this one moves from release to release.
    coordination = tf.compat.v1.ConfigProto().experimental.coordination_config
    job = coordination.coordinated_job_list.add(name='worker', num_tasks=len(cluster.addresses))
    context.context().configure_coordination_service(
        'standalone',
        '/job:worker/task:0',
        cluster_register_timeout_in_ms=int(1000 * _MEETING_SECONDS),
        heartbeat_timeout_in_ms=int(1000 * min(seconds, _HEARTBEAT_SECONDS)),
        shutdown_barrier_timeout_in_ms=int(1000 * _HEARTBEAT_SECONDS),
        coordinated_jobs=[job],
    )


def meet(cluster: Cluster, seconds: float = _MEETING_SECONDS) -> None:
    """Waits until every process of the cluster has answered.

    TensorFlow by itself waits for them without end, and nothing interrupts it.

    Raises:
        InputError: the port of this process is taken.
        PeerLost: some did not come in time.
    """
    own, _, port = cluster.addresses[cluster.index].rpartition(':')
    port = int(port)
    deadline = time.monotonic() + seconds
    silent = {*range(len(cluster.addresses))} - {cluster.index}
    try:
        # Those that come later find TensorFlow's own server here. That one listens on all interfaces, whatever the
        # address; until then what is meant for this machine alone is open to it alone.
        host = own if own in _LOOPBACK else ''
        listener = socket.create_server((host, port), backlog=len(cluster.addresses))
    except OSError as error:
        raise InputError(f'worker {cluster.index} cannot listen on port {port} ({error.strerror}); free it.') from error
    with listener:
        while silent:
            silent = {each for each in silent if not _answers(cluster.addresses[each])}
            if silent and time.monotonic() > deadline:
                names = _names(cluster, silent)
                raise PeerLost(f'worker {cluster.index} waited {seconds:g} seconds for worker {names}; {_AGAIN}.')
            time.sleep(0.2 if silent else 0.0)


@contextlib.contextmanager
def ended_if_stuck(cluster: Cluster, seconds: float = _CONNECTING_SECONDS) -> Iterator[None]:
    """Kills this process, saying why, if the block takes longer.

    For a worker that is lost after `meet` and before TensorFlow has connected all: it waits for that one without end,
    lets no thread of this process run meanwhile and ignores SIGTERM, so a process of its own keeps the time. (The timer
    of faulthandler runs too, but ends with a traceback and status 1 instead of a sentence.) The pipe between them ends
    with this process, however it ends.
    """
    said = f'error: worker {cluster.index} met the others, and TensorFlow did not connect them in {seconds:g} seconds: '
    command = [sys.executable, '-S', '-E', '-c', _END_PARENT, str(seconds), f'{said}one was lost; {_AGAIN}.\n']
    watcher = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.DEVNULL)
    try:
        yield
    finally:
        watcher.communicate()


@contextlib.contextmanager
def signals_kept() -> Iterator[None]:
    """SIGTERM and SIGINT that come during the block meet, after it, the handlers from before it.

    TensorFlow's server brings a handler of its own for SIGTERM, which only notes it: the process would train on.
    """
    if threading.current_thread() is not threading.main_thread():
        yield
        return
    handlers = {number: signal.getsignal(number) for number in (signal.SIGTERM, signal.SIGINT)}
    signal.pthread_sigmask(signal.SIG_BLOCK, handlers)
    try:
        yield
    finally:
        for number, handler in handlers.items():
            signal.signal(number, signal.SIG_DFL if handler is None else handler)
        signal.pthread_sigmask(signal.SIG_UNBLOCK, handlers)


def _answers(address: str) -> bool:
    host, _, port = address.rpartition(':')
    try:
        socket.create_connection((host, int(port)), timeout=2.0).close()
    except OSError:
        return False
    return True


def _names(cluster: Cluster, indices: set[int]) -> str:
    return ', '.join(f'{each} ({cluster.addresses[each]})' for each in sorted(indices))


@contextlib.contextmanager
def naming_lost_peers() -> Iterator[None]:
    """Turns what TensorFlow raises when a process of the cluster is gone or stuck into one sentence.

    Raises:
        PeerLost: it is final for this process: restart it, and it goes on from the newest checkpoint.
    """
    try:
        yield
    except _LOST as error:
        if not os.environ.get('TF_CONFIG'):
            raise
        cluster = read_cluster()
        named = {int(number) for number in re.findall(r'/job:worker/(?:replica:0/)?task:(\d+)', error.message)}
        others = {*range(len(cluster.addresses))} - {cluster.index}
        names = _names(cluster, named & others or others)
        reason = re.sub(r'\s+', ' ', error.message.strip().splitlines()[0])[:200]
        raise PeerLost(
            f'worker {cluster.index} lost worker {names} ({type(error).__name__}: {reason}); {_AGAIN}.'
        ) from error
