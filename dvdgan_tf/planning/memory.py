"""How much memory a replica may take on the devices of this machine."""

from __future__ import annotations

import os
from typing import NamedTuple

import tensorflow as tf
from tensorflow.python.client import device_lib

_CONTAINER_LIMIT = '/sys/fs/cgroup/memory.max'


class Room(NamedTuple):
    """What a replica runs on, in words, and the bytes that it may take; None where that is not known."""

    device: str
    bytes_free: int | None


def room_of_a_replica(distribution: tf.distribute.Strategy) -> Room:
    """The memory of the smallest GPU, or of this machine shared by its replicas; that of a TPU is not known."""
    devices = distribution.extended.worker_devices
    kind = tf.DeviceSpec.from_string(devices[0]).device_type
    if kind == 'GPU':
        limits = [device.memory_limit for device in device_lib.list_local_devices() if device.device_type == 'GPU']
        return Room('a GPU', min(limits))
    if kind == 'CPU':
        shared = f'this machine, shared by {len(devices)} replicas' if len(devices) > 1 else 'this machine'
        return Room(shared, _machine_bytes() // len(devices))
    return Room(f'a {kind}', None)


def _machine_bytes() -> int:
    total = os.sysconf('SC_PHYS_PAGES') * os.sysconf('SC_PAGE_SIZE')
    if os.path.exists(_CONTAINER_LIMIT):
        with open(_CONTAINER_LIMIT) as file:
            limit = file.read().strip()
        total = min(total, int(limit)) if limit.isdigit() else total
    return total
