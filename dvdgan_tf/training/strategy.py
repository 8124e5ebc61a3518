"""How training is spread over devices; the only file that names a tf.distribute strategy."""

import logging
from typing import Callable, Dict

import tensorflow as tf

from dvdgan_tf.errors import InputError

_LOG = logging.getLogger(__name__)


def _one_device() -> tf.distribute.Strategy:
    return tf.distribute.OneDeviceStrategy('/gpu:0' if tf.config.list_logical_devices('GPU') else '/cpu:0')


def _mirrored() -> tf.distribute.Strategy:
    gpus = tf.config.list_logical_devices('GPU')
    devices = gpus or tf.config.list_logical_devices('CPU')
    if not gpus:
        _LOG.warning('mirrored: there is no GPU, so it runs on %d logical CPU device(s).', len(devices))
    return tf.distribute.MirroredStrategy([device.name for device in devices])


_MAKERS: Dict[str, Callable[[], tf.distribute.Strategy]] = {'one_device': _one_device, 'mirrored': _mirrored}


def make_strategy(name: str) -> tf.distribute.Strategy:
    """Makes the strategy of this name on the devices that are present.

    Args:
        name: `one_device` (the first GPU, else the CPU) or `mirrored` (all GPUs of this machine, else its CPUs).

    Raises:
        InputError: there is no strategy of this name.
    """
    if name not in _MAKERS:
        raise InputError(f'strategy is {name!r}; choose one of {", ".join(_MAKERS)}.')
    return _MAKERS[name]()


def device_type(strategy: tf.distribute.Strategy) -> str:
    """What the replicas run on: `CPU`, `GPU` or `TPU`."""
    return tf.DeviceSpec.from_string(strategy.extended.worker_devices[0]).device_type


def replica_batch(strategy: tf.distribute.Strategy, global_batch: int) -> int:
    """Returns the clips per replica.

    Raises:
        InputError: the global batch cannot be split evenly.
    """
    replicas = strategy.num_replicas_in_sync
    if global_batch < 1 or global_batch % replicas:
        raise InputError(f'the global batch is {global_batch}; choose a multiple of the {replicas} replica(s).')
    return global_batch // replicas


def distribute(
    strategy: tf.distribute.Strategy,
    make_dataset: Callable[[int, int, int], tf.data.Dataset],
    global_batch: int,
) -> tf.distribute.DistributedDataset:
    """Gives every replica its share of each global batch.

    Args:
        strategy: what `make_strategy` returned.
        make_dataset: `(replica_batch, host_index, host_count)` to the endless dataset of one host, whose consecutive
            elements go to its replicas in turn.
        global_batch: clips in a batch over all replicas.
    """
    per_replica = replica_batch(strategy, global_batch)
    return strategy.distribute_datasets_from_function(
        lambda host: make_dataset(per_replica, host.input_pipeline_id, host.num_input_pipelines)
    )


def sum_over_replicas(strategy: tf.distribute.Strategy, values: Dict[str, tf.Tensor]) -> Dict[str, tf.Tensor]:
    """Sums per-replica scalars, inside or outside a tf.function."""
    return {name: strategy.reduce(tf.distribute.ReduceOp.SUM, value, axis=None) for name, value in values.items()}
