"""What networks compute in; variables, moments, sigmas, losses, optimizer state and averages stay float32."""

from __future__ import annotations

import logging
import os

import tensorflow as tf
import tf_keras as keras

from dvdgan_tf.errors import InputError

_LOG = logging.getLogger(__name__)

PRECISIONS = ('float32', 'mixed_bfloat16', 'mixed_float16')
_CPU_FLAGS = '/proc/cpuinfo'


def set_precision(name: str) -> None:
    """Makes this the precision of every layer that is made from now on.

    Raises:
        InputError: there is no such precision.
    """
    if name not in PRECISIONS:
        raise InputError(f'precision is {name!r}; choose one of {", ".join(PRECISIONS)}.')
    keras.mixed_precision.set_global_policy(name)


def check_hardware(name: str, device_type: str) -> None:
    """Warns where a precision is slower than float32, and stops where it cannot be used.

    Args:
        name: the precision.
        device_type: `CPU`, `GPU` or `TPU`, what the replicas run on.

    Raises:
        InputError: float16 without a GPU: TensorFlow has no such 3-D pooling for a CPU, and Keras no scaling for a TPU.
    """
    if name == 'mixed_float16' and device_type != 'GPU':
        raise InputError(f'mixed_float16 needs a GPU and this is a {device_type}; choose float32 or mixed_bfloat16.')
    if name == 'mixed_bfloat16':
        lacking = _without_bfloat16(device_type)
        if lacking:
            _LOG.warning('mixed_bfloat16: %s, so it works but is slower than float32.', lacking)


def _without_bfloat16(device_type: str) -> str | None:
    """Which hardware lacks bfloat16, as far as it can be told."""
    if device_type == 'GPU':
        for gpu in tf.config.list_physical_devices('GPU'):
            details = tf.config.experimental.get_device_details(gpu)
            if details.get('compute_capability', (8, 0)) < (8, 0):
                return f'{details.get("device_name", "this GPU")} has no bfloat16 (older than compute capability 8.0)'
    elif device_type == 'CPU' and os.path.exists(_CPU_FLAGS):
        with open(_CPU_FLAGS) as file:
            flags = set(file.read().split())
        if 'flags' in flags and not flags & {'avx512_bf16', 'amx_bf16'}:
            return 'this CPU has no instructions for bfloat16'
    return None
