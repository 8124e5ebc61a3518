"""What each start of a run ran on, a line each in `sessions.jsonl`: versions, processors, GPUs, replicas."""

from __future__ import annotations

import contextlib
import datetime
import importlib.metadata
import json
import os
import platform

import tensorflow as tf

from dvdgan_tf import __version__, files

FILE_NAME = 'sessions.jsonl'
_PACKAGES = ('tensorflow', 'tf-keras', 'numpy')
_PROCESSORS = '/proc/cpuinfo'


def write(work_dir: str, step: int, strategy: str, replicas: int) -> None:
    """Adds the present process to what the run has run on.

    Args:
        work_dir: the work directory.
        step: the one that the process begins at.
        strategy: its name.
        replicas: how many train, over all hosts.

    Raises:
        InputError: there is no room, or no permission, to write.
    """
    path = os.path.join(work_dir, FILE_NAME)
    session = {
        'step': step,
        'time': datetime.datetime.now(datetime.timezone.utc).strftime('%Y-%m-%d %H:%M UTC'),
        'versions': {'dvdgan_tf': __version__, 'python': platform.python_version(), **_versions()},
        'hardware': _hardware(),
        'strategy': strategy,
        'replicas': replicas,
    }
    before = ''
    if tf.io.gfile.exists(path):
        with tf.io.gfile.GFile(path, 'rb') as file:
            before = file.read().decode(errors='replace')
    before += '' if before.endswith('\n') or not before else '\n'
    files.write_atomically(path, before + json.dumps(session) + '\n')


def _versions() -> dict[str, str]:
    found = {}
    for name in _PACKAGES:
        with contextlib.suppress(importlib.metadata.PackageNotFoundError):
            found[name] = importlib.metadata.version(name)
    return found


def _hardware() -> dict[str, object]:
    """Of this host."""
    cores = len(os.sched_getaffinity(0)) if hasattr(os, 'sched_getaffinity') else os.cpu_count()
    found: dict[str, object] = {'system': platform.platform(), 'processor': _processor(), 'cores': cores}
    with contextlib.suppress(ValueError, OSError, AttributeError):
        found['memory_gb'] = round(os.sysconf('SC_PAGE_SIZE') * os.sysconf('SC_PHYS_PAGES') / 1e9, 1)
    gpus = tf.config.list_physical_devices('GPU')
    found['gpus'] = [tf.config.experimental.get_device_details(gpu).get('device_name', gpu.name) for gpu in gpus]
    return found


def _processor() -> str:
    with contextlib.suppress(OSError, StopIteration), open(_PROCESSORS) as file:
        return next(line for line in file if line.startswith('model name')).partition(':')[2].strip()
    return platform.processor() or platform.machine()
