"""One training in a work directory at a time; a dead one does not keep it."""

import json
import os
import re
import signal
import socket
import subprocess
import sys
import threading
import time

import pytest

from dvdgan_tf.errors import InputError
from dvdgan_tf.work_dir import work_lock

_HOLD = """
import sys, time
from dvdgan_tf.work_dir import work_lock
with work_lock.held(sys.argv[1]):
    print('held', flush=True)
    time.sleep(600)
"""


@pytest.fixture
def holder(tmp_path):
    """Another process that holds the work directory."""
    root = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))
    process = subprocess.Popen([sys.executable, '-c', _HOLD, str(tmp_path)], cwd=root, stdout=subprocess.PIPE)
    assert process.stdout.readline() == b'held\n'
    yield process
    process.kill()
    process.communicate()


def test_the_holder_is_named_and_a_killed_one_does_not_keep_it(holder, tmp_path):
    named = rf'{tmp_path} is in use by process {holder.pid} on {socket.gethostname()}, since 20.* UTC; wait for it'
    with pytest.raises(InputError, match=named):
        with work_lock.held(str(tmp_path)):
            pass
    holder.send_signal(signal.SIGKILL)
    holder.wait()
    with work_lock.held(str(tmp_path)):
        assert json.loads((tmp_path / 'lock').read_text())['process'] == os.getpid()
    assert not list(tmp_path.iterdir())


def test_a_second_training_is_one_sentence_and_changes_nothing(tmp_path):
    tests = os.path.dirname(os.path.abspath(__file__))
    command = [sys.executable, os.path.join(tests, '..', 'bin', 'train'), f'--gin_file={tests}/tiny.gin']
    with work_lock.held(str(tmp_path)):
        before = {path: path.read_bytes() for path in tmp_path.iterdir()}
        environment = {**os.environ, 'PYTHONPATH': tests}
        second = subprocess.run(
            [*command, f'--work_dir={tmp_path}'], env=environment, capture_output=True, text=True
        )
        assert before == {path: path.read_bytes() for path in tmp_path.iterdir()}
    assert second.returncode == 2
    assert re.fullmatch(rf'error: the work directory .* is in use by process {os.getpid()} on .*\n', second.stderr)


def test_nothing_is_left_where_nothing_was(tmp_path):
    with pytest.raises(KeyError):
        with work_lock.held(str(tmp_path / 'run')):
            raise KeyError
    assert not list(tmp_path.iterdir())


def test_what_was_there_or_was_made_stays(tmp_path):
    with work_lock.held(str(tmp_path)):
        pass
    with work_lock.held(str(tmp_path / 'run')):
        (tmp_path / 'run' / 'config.gin').write_text('')
    assert os.listdir(tmp_path / 'run') == ['config.gin']


def test_a_place_that_cannot_be_written_is_one_sentence(tmp_path):
    (tmp_path / 'file').write_text('')
    with pytest.raises(InputError, match='could not write .*file/lock .*; make room or choose another place'):
        with work_lock.held(str(tmp_path / 'file')):
            pass


@pytest.mark.parametrize('content', [b'', b'\xff\xfe', b'[1]', b'{"host": 1}'])
def test_a_damaged_lock_file_of_a_dead_one_keeps_nobody_out(content, tmp_path):
    (tmp_path / 'lock').write_bytes(content)
    with work_lock.held(str(tmp_path)):
        assert json.loads((tmp_path / 'lock').read_text())['process'] == os.getpid()


# Where there are no locks, as on an object store. TensorFlow's name of a local folder stands for one.


@pytest.fixture
def store(tmp_path, monkeypatch):
    """The address of a folder that is seen as a store, with a clock that runs a hundred times as fast."""
    monkeypatch.setattr(work_lock, '_RENEWED_SECONDS', 0.05)
    monkeypatch.setattr(work_lock, '_DEAD_SECONDS', 1.0)
    monkeypatch.setattr(work_lock, '_SETTLING_SECONDS', 0.02)
    return f'file://{tmp_path}'


def _of_another_host(tmp_path, renewed):
    said = {'host': 'elsewhere', 'process': 7, 'since': 'yesterday', 'token': 'theirs', 'renewed': renewed}
    (tmp_path / 'lock.new').write_text(json.dumps(said))
    os.replace(tmp_path / 'lock.new', tmp_path / 'lock')


def test_a_lock_that_is_renewed_is_respected(store, tmp_path):
    ended = threading.Event()

    def renew():
        renewed = 0
        while not ended.is_set():
            _of_another_host(tmp_path, renewed)
            renewed += 1
            time.sleep(0.05)

    renewing = threading.Thread(target=renew)
    renewing.start()
    try:
        while not (tmp_path / 'lock').exists():
            time.sleep(0.01)
        with pytest.raises(InputError, match='in use by process 7 on elsewhere, since yesterday; wait for it'):
            with work_lock.held(store):
                pass
    finally:
        ended.set()
        renewing.join()


def test_a_lock_that_is_not_renewed_is_taken(store, tmp_path):
    _of_another_host(tmp_path, 3)
    with work_lock.held(store):
        assert json.loads((tmp_path / 'lock').read_text())['process'] == os.getpid()
        while json.loads((tmp_path / 'lock').read_text() or '{}').get('renewed', 0) < 2:
            time.sleep(0.01)
    assert not list(tmp_path.iterdir())


def test_a_dead_process_of_this_host_is_not_waited_for(store, tmp_path, monkeypatch):
    monkeypatch.setattr(work_lock, '_DEAD_SECONDS', 600.0)
    child = subprocess.Popen(['true'])
    child.wait()
    (tmp_path / 'lock').write_text(json.dumps({'host': socket.gethostname(), 'process': child.pid}))
    with work_lock.held(store):
        assert json.loads((tmp_path / 'lock').read_text())['process'] == os.getpid()


def test_the_later_of_two_that_start_together_holds_it(store, tmp_path, monkeypatch):
    monkeypatch.setattr(work_lock.time, 'sleep', lambda seconds: _of_another_host(tmp_path, 0))
    with pytest.raises(InputError, match='in use by process 7 on elsewhere'):
        with work_lock.held(store):
            pass


@pytest.mark.filterwarnings('ignore::pytest.PytestUnhandledThreadExceptionWarning')
def test_one_that_was_taken_for_dead_ends_at_once(store, tmp_path, monkeypatch, capsys):
    ended = threading.Event()
    monkeypatch.setattr(work_lock.os, '_exit', lambda status: (ended.set(), sys.exit(status)))
    with work_lock.held(store):
        _of_another_host(tmp_path, 0)
        assert ended.wait(10)
    assert 'error: the work directory' in capsys.readouterr().err
