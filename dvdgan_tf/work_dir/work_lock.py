"""Who trains in a work directory: one at a time, and a dead one does not keep it.

On a disk the kernel keeps the lock (flock), which ends with its process however that ends; network file systems pass it
on to their server. An object store knows no locks, and neither do some file systems: there the lock is a file that its
holder renews every 20 seconds, and one that was not renewed for a minute belongs to nobody. Two that start within the
same two seconds could both miss the other there.
"""

from __future__ import annotations

import contextlib
import datetime
import errno
import fcntl
import json
import logging
import os
import secrets
import socket
import sys
import threading
import time
from collections.abc import Iterator

import tensorflow as tf

from dvdgan_tf import files
from dvdgan_tf.errors import InputError

_LOG = logging.getLogger(__name__)
FILE_NAME = 'lock'
_NO_LOCKS = (errno.ENOLCK, errno.ENOSYS, errno.EOPNOTSUPP, errno.ENOTTY)
_RENEWED_SECONDS = 20.0
_DEAD_SECONDS = 60.0
_SETTLING_SECONDS = 2.0
_EXIT_TAKEN = 2


@contextlib.contextmanager
def held(work_dir: str) -> Iterator[None]:
    """Holds a work directory, made if it is missing, for the block; one that is empty afterwards is not left behind.

    Raises:
        InputError: another process holds it, who is named, or it cannot be written.
    """
    path = os.path.join(work_dir, FILE_NAME)
    if files.is_remote(work_dir):
        with _renewed(work_dir, path):
            yield
        return
    there = os.path.isdir(work_dir)
    try:
        os.makedirs(work_dir, exist_ok=True)
        handle = _locked(work_dir, path)
    except OSError as error:
        raise InputError(
            f'could not write {path} ({files.reason(error)}); make room or choose another place.'
        ) from error
    if handle is None:
        _LOG.warning('%s is on a file system without locks; a file that is renewed stands for one.', work_dir)
        with _renewed(work_dir, path):
            yield
        return
    try:
        os.ftruncate(handle, 0)
        os.write(handle, json.dumps(_holder()).encode())
        yield
    finally:
        files.remove(path)  # before the kernel lets go of it, so that nobody's lock is removed
        os.close(handle)
        if not there:
            with contextlib.suppress(OSError):
                os.rmdir(work_dir)


def _locked(work_dir: str, path: str) -> int | None:
    """The open lock file, locked; None where the file system has no locks."""
    while True:
        handle = os.open(path, os.O_RDWR | os.O_CREAT, 0o644)
        try:
            fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            holder = os.pread(handle, 10_000, 0)
            os.close(handle)
            raise _taken(work_dir, holder) from None
        except OSError as error:
            os.close(handle)
            if error.errno in _NO_LOCKS:
                return None
            raise
        with contextlib.suppress(FileNotFoundError):
            if os.path.samestat(os.fstat(handle), os.stat(path)):
                return handle
        os.close(handle)  # its holder has just ended, and removed it


@contextlib.contextmanager
def _renewed(work_dir: str, path: str) -> Iterator[None]:
    """The lock that is a file with its holder, who says again and again that he is alive."""
    try:
        _wait_for_the_dead(work_dir, path)
        own = {**_holder(), 'token': secrets.token_hex(8), 'renewed': 0}
        _say(path, own)
        time.sleep(_SETTLING_SECONDS)
        if _token(_read(path)) != own['token']:
            raise _taken(work_dir, _read(path))
    except tf.errors.OpError as error:
        raise InputError(f'could not write {path} ({error.message}); make room or choose another place.') from error
    ended = threading.Event()
    renewing = threading.Thread(target=_renew, args=(work_dir, path, own, ended), daemon=True)
    renewing.start()
    try:
        yield
    finally:
        ended.set()
        renewing.join()
        files.remove(path)


def _wait_for_the_dead(work_dir: str, path: str) -> None:
    """Returns when nobody holds the lock."""
    first = _read(path)
    if not first or _is_dead_here(first):
        return
    _LOG.info('%s: waiting %g seconds for a sign of life of its holder, %s', work_dir, _DEAD_SECONDS, _worded(first))
    until = time.monotonic() + _DEAD_SECONDS
    while time.monotonic() < until:
        time.sleep(min(1.0, _DEAD_SECONDS / 20))
        now = _read(path)
        if not now:
            return
        if now != first:
            raise _taken(work_dir, now)


def _renew(work_dir: str, path: str, own: dict[str, object], ended: threading.Event) -> None:
    """Writes the lock again until the end; ends this process where another one has taken it for dead."""
    while not ended.wait(_RENEWED_SECONDS):
        with contextlib.suppress(tf.errors.OpError):  # the store may be back in time
            there = _read(path)
            if there and _token(there) != own['token']:
                # At once and without saving: what is written there now is the other's.
                sys.stderr.write(f'error: {_taken(work_dir, there)}\n')
                sys.stderr.flush()
                os._exit(_EXIT_TAKEN)
            own['renewed'] = int(own['renewed']) + 1
            if not ended.is_set():
                _say(path, own)


def _say(path: str, holder: dict[str, object]) -> None:
    with tf.io.gfile.GFile(path, 'w') as file:
        file.write(json.dumps(holder))


def _read(path: str) -> bytes:
    """Nothing where there is no lock."""
    try:
        with tf.io.gfile.GFile(path, 'rb') as file:
            return file.read()
    except tf.errors.NotFoundError:
        return b''


def _holder() -> dict[str, object]:
    since = datetime.datetime.now(datetime.timezone.utc).strftime('%Y-%m-%d %H:%M:%S UTC')
    return {'host': socket.gethostname(), 'process': os.getpid(), 'since': since}


def _parsed(content: bytes) -> dict[str, object]:
    """What a lock says; nothing where it is damaged or not written yet."""
    try:
        said = json.loads(content)
    except ValueError:
        return {}
    return said if isinstance(said, dict) else {}


def _token(content: bytes) -> object:
    return _parsed(content).get('token')


def _is_dead_here(content: bytes) -> bool:
    """Whether the holder was a process of this host that is no more."""
    said = _parsed(content)
    process = said.get('process')
    if said.get('host') != socket.gethostname() or not isinstance(process, int) or process <= 0:
        return False
    return process == os.getpid() or not os.path.exists(f'/proc/{process}')


def _worded(content: bytes) -> str:
    said = _parsed(content)
    if not said:
        return 'another process'
    return f'process {said.get("process")} on {said.get("host")}, since {said.get("since")}'


def _taken(work_dir: str, content: bytes) -> InputError:
    return InputError(
        f'the work directory {work_dir} is in use by {_worded(content)}; wait for it, stop it, or give another '
        '--work_dir.'
    )
