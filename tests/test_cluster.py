"""TF_CONFIG, and what a lost peer is called."""

import json
import multiprocessing
import pathlib
import signal
import socket
import sys
import time

import pytest
import tensorflow as tf

from dvdgan_tf.distribute import cluster, local_workers, strategy
from dvdgan_tf.errors import InputError, PeerLost

TWO = {'cluster': {'worker': ['a:1', 'b:2']}, 'task': {'type': 'worker', 'index': 1}}


def _with(**changes):
    return json.dumps({**TWO, **changes})


def test_a_worker_knows_the_others(monkeypatch):
    monkeypatch.setenv('TF_CONFIG', _with())
    assert cluster.read_cluster() == cluster.Cluster(['a:1', 'b:2'], 1)


@pytest.mark.parametrize(
    'text, message',
    [
        ('', 'needs the environment variable TF_CONFIG; set it like {"cluster"'),
        ('{"cluster"', 'not like {"cluster"'),
        ('[]', 'not like {"cluster"'),
        (_with(task={'type': 'worker', 'index': 'x'}), 'not like {"cluster"'),
        (_with(task={'type': 'worker', 'index': 2}), 'worker 2 of 2; they count from 0'),
        (_with(task={'type': 'ps', 'index': 0}), r"TF_CONFIG has \['ps'\]; all processes must be workers"),
        (_with(cluster={'worker': ['a:1'], 'chief': ['c:1']}), r"TF_CONFIG has \['chief'\]"),
        (_with(cluster={'worker': ['a:1', 'b']}), 'give a list of "host:port"'),
        (_with(cluster={'worker': 'a:1'}), 'give a list of "host:port"'),
    ],
)
def test_a_malformed_cluster_is_one_sentence(text, message, monkeypatch):
    monkeypatch.setenv('TF_CONFIG', text)
    with pytest.raises(InputError, match=message):
        strategy.join('multi_worker', 1.0)


def test_a_lost_worker_is_named(monkeypatch):
    monkeypatch.setenv('TF_CONFIG', _with())
    gone = tf.errors.UnavailableError(None, None, 'Task /job:worker/replica:0/task:0 heartbeat\ntimeout')
    with pytest.raises(PeerLost, match=r'^worker 1 lost worker 0 \(a:1\) \(UnavailableError: .*start all'):
        with cluster.naming_lost_peers():
            raise gone


def test_alone_such_an_error_is_no_lost_peer(monkeypatch):
    monkeypatch.delenv('TF_CONFIG', raising=False)
    with pytest.raises(tf.errors.UnavailableError):
        with cluster.naming_lost_peers():
            raise tf.errors.UnavailableError(None, None, 'a storage is gone')


def test_one_process_agrees_with_itself():
    alone = strategy.Processes(strategy.make_strategy('mirrored'))
    assert alone.is_chief and alone.mean([True, 0.5]) == [1.0, 0.5]
    alone.check_same(3)


@pytest.mark.parametrize('codes, status', [([0, 0], 0), ([0, 2], 2), ([0, -9], 75)])
def test_local_workers_end_with_the_status_of_the_one_that_failed(codes, status, monkeypatch):
    monkeypatch.setattr(local_workers, '_GRACE_SECONDS', 5.0)
    body = f'import json, os\nindex = json.loads(os.environ["TF_CONFIG"])["task"]["index"]\ncode = {codes}[index]\n'
    body += 'os.kill(os.getpid(), -code) if code < 0 else os._exit(code)'
    assert local_workers.run_workers([sys.executable, '-c', body], 2) == status


@pytest.mark.parametrize('failing', [0, 1])
def test_a_local_worker_that_fails_is_seen_whichever_it_is(failing, monkeypatch):
    monkeypatch.setattr(local_workers, '_GRACE_SECONDS', 0.5)
    body = 'import json, os, time\nindex = json.loads(os.environ["TF_CONFIG"])["task"]["index"]\n'
    body += f'os._exit(7) if index == {failing} else time.sleep(600)'
    started = time.monotonic()
    assert local_workers.run_workers([sys.executable, '-c', body], 2) == 7
    assert time.monotonic() - started < 60


def test_local_workers_end_with_the_process_that_started_them(tmp_path):
    body = f'import os, time; open("{tmp_path}/" + str(os.getpid()), "w").close(); time.sleep(600)'
    command = [sys.executable, '-c', body]
    launcher = multiprocessing.get_context('fork').Process(target=local_workers.run_workers, args=(command, 2))
    launcher.start()
    while len(started := [int(path.name) for path in tmp_path.iterdir()]) < 2:
        time.sleep(0.01)
    launcher.kill()
    launcher.join()
    until = time.monotonic() + 30
    while any(_runs(process) for process in started) and time.monotonic() < until:
        time.sleep(0.01)
    assert not any(_runs(process) for process in started)


def _runs(process):
    """Whether a process is there and not only waiting for its parent to take note of its end."""
    try:
        return pathlib.Path(f'/proc/{process}/stat').read_text().rpartition(')')[2].split()[0] != 'Z'
    except FileNotFoundError:
        return False


def test_workers_that_a_signal_ended_give_its_status():
    body = 'import json, os, signal, time\nindex = json.loads(os.environ["TF_CONFIG"])["task"]["index"]\n'
    body += 'os.kill(os.getppid(), signal.SIGTERM) if index == 1 else None\ntime.sleep(600)'
    assert local_workers.run_workers([sys.executable, '-c', body], 2) == 128 + signal.SIGTERM


def test_a_worker_ends_by_a_signal_that_came_while_it_was_connected():
    body = (
        'import os, signal, time\nimport tensorflow as tf\nfrom dvdgan_tf.distribute import strategy\n'
        'signal.signal(signal.SIGTERM, lambda *_: os._exit(7))\n'
        'connect = tf.distribute.MultiWorkerMirroredStrategy\n'
        'def interrupted(**options):\n'
        '    os.kill(os.getpid(), signal.SIGTERM)\n'
        '    return connect(**options)\n'
        'tf.distribute.MultiWorkerMirroredStrategy = interrupted\n'
        'strategy.make_strategy("multi_worker", 30.0)\n'
        'time.sleep(60)\n'
    )
    assert local_workers.run_workers([sys.executable, '-c', body], 2) == 7


def test_one_local_worker_is_none():
    with pytest.raises(InputError, match='1 local worker'):
        local_workers.run_workers(['true'], 1)


def test_a_peer_that_never_comes_is_named():
    with socket.create_server(('localhost', 0)) as there, socket.create_server(('localhost', 0)) as free:
        addresses = [f'localhost:{each.getsockname()[1]}' for each in (free, there)]
        free.close()
        cluster.meet(cluster.Cluster(addresses, 0), 5.0)
        with pytest.raises(PeerLost, match=r'worker 0 waited 0.5 seconds for worker 2 \(localhost:1\); start all'):
            cluster.meet(cluster.Cluster([*addresses, 'localhost:1'], 0), 0.5)


def test_a_port_that_is_taken_is_one_sentence():
    with socket.create_server(('', 0)) as taken:
        address = f'localhost:{taken.getsockname()[1]}'
        with pytest.raises(InputError, match='worker 0 cannot listen on port'):
            cluster.meet(cluster.Cluster([address, 'localhost:1'], 0), 1.0)


def _connect(seconds, limit):
    with cluster.ended_if_stuck(cluster.Cluster(['a:1', 'b:2'], 1), limit):
        time.sleep(seconds)


@pytest.mark.parametrize('seconds, limit, code', [(0.0, 60.0, 0), (60.0, 0.1, -signal.SIGKILL)])
def test_a_process_that_is_stuck_while_it_connects_is_ended(seconds, limit, code, capfd):
    process = multiprocessing.get_context('fork').Process(target=_connect, args=(seconds, limit))
    process.start()
    process.join(30)
    assert process.exitcode == code
    said = capfd.readouterr().err
    assert ('worker 1 met the others, and TensorFlow did not connect them in 0.1 seconds' in said) == bool(code)
