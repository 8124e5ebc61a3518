"""How training is spread over devices; the only file that names a tf.distribute strategy."""

import functools
import logging
import os
from collections.abc import Sequence
from typing import Callable

import tensorflow as tf

from dvdgan_tf.distribute import cluster
from dvdgan_tf.errors import InputError

_LOG = logging.getLogger(__name__)
_DRIVER = '/proc/driver/nvidia/version'


def _gpus() -> list[tf.config.LogicalDevice]:
    gpus = tf.config.list_logical_devices('GPU')
    hidden = os.environ.get('CUDA_VISIBLE_DEVICES') in ('', '-1')
    if not gpus and not hidden and os.path.exists(_DRIVER):
        _LOG.warning(
            'this machine has an NVIDIA driver, but TensorFlow finds no GPU and takes the CPU: pip install '
            '"dvdgan_tf[cuda]" brings CUDA, and TF_CPP_MIN_LOG_LEVEL=0 shows what is missing.'
        )
    return gpus


def _one_device() -> tf.distribute.Strategy:
    return tf.distribute.OneDeviceStrategy('/gpu:0' if _gpus() else '/cpu:0')


def _mirrored() -> tf.distribute.Strategy:
    gpus = _gpus()
    devices = gpus or tf.config.list_logical_devices('CPU')
    if not gpus:
        _LOG.warning('mirrored: there is no GPU, so it runs on %d logical CPU device(s).', len(devices))
    return _mirrored_over(tuple(device.name for device in devices))


@functools.lru_cache(None)
def _mirrored_over(devices: tuple[str, ...]) -> tf.distribute.Strategy:
    """Once a process: TensorFlow numbers the collectives of each strategy anew, and takes equal numbers for one."""
    return tf.distribute.MirroredStrategy(devices)


@functools.lru_cache(None)
def _multi_worker(peer_timeout_seconds: float) -> tf.distribute.Strategy:
    """Once a process: TensorFlow starts its server with it."""
    workers = cluster.read_cluster()
    _LOG.info('worker %d of %d, waiting for the others', workers.index, len(workers.addresses))
    options = tf.distribute.experimental.CommunicationOptions(timeout_seconds=peer_timeout_seconds)
    cluster.set_timeouts(workers, peer_timeout_seconds)
    cluster.meet(workers)
    with cluster.ended_if_stuck(workers), cluster.signals_kept():
        return tf.distribute.MultiWorkerMirroredStrategy(communication_options=options)


@functools.lru_cache(None)
def _tpu(name: str) -> tf.distribute.Strategy:
    """Once a process: initialising a TPU clears its memory."""
    try:
        resolver = tf.distribute.cluster_resolver.TPUClusterResolver(name)
        tf.config.experimental_connect_to_cluster(resolver)
        tf.tpu.experimental.initialize_tpu_system(resolver)
    except (ValueError, RuntimeError, OSError, tf.errors.OpError) as error:
        reason = str(error).strip().splitlines()[0].rstrip('.')
        raise InputError(
            f'there is no TPU {name!r} ({reason}); on a TPU VM use "tpu:local", elsewhere "tpu:NAME", or "tpu" where '
            'TPU_NAME is set.'
        ) from error
    return tf.distribute.TPUStrategy(resolver)


_MAKERS: dict[str, Callable[[], tf.distribute.Strategy]] = {'one_device': _one_device, 'mirrored': _mirrored}
STRATEGIES = (*_MAKERS, 'multi_worker', 'tpu', 'tpu:NAME')


def make_strategy(name: str, peer_timeout_seconds: float = 600.0) -> tf.distribute.Strategy:
    """Makes the strategy of this name on the devices that are present.

    `mirrored`, `multi_worker` and `tpu` are made once a process, the last two before TensorFlow does anything else.

    Args:
        name: `one_device` (the first GPU, else the CPU), `mirrored` (all GPUs of this machine, else its CPUs),
            `multi_worker` (the same of all processes in TF_CONFIG), `tpu` (what TPU_NAME names) or `tpu:NAME`, where
            NAME is `local` on a TPU VM.
        peer_timeout_seconds: how long `multi_worker` waits for another process once all have met.

    Raises:
        InputError: there is no strategy of this name, or what it needs is not there.
    """
    kind, _, which = name.partition(':')
    if name == 'multi_worker':
        return _multi_worker(peer_timeout_seconds)
    if kind == 'tpu':
        return _tpu(which)
    if name not in _MAKERS:
        raise InputError(f'strategy is {name!r}; choose one of {", ".join(STRATEGIES)}.')
    return _MAKERS[name]()


def join(strategy: str, peer_timeout_seconds: float) -> bool:
    """Connects this process with those it trains with, before TensorFlow does anything else in it.

    Args: as `make_strategy`, which gives what is made here again.

    Returns:
        whether this process is the one that writes.
    """
    return strategy != 'multi_worker' or Processes(make_strategy(strategy, peer_timeout_seconds)).is_chief


class Processes:
    """The processes that train together: one, unless the strategy is `multi_worker`.

    `is_chief` is whether this is the one that writes, `index` which of them it is, and `count` how many there are.
    """

    def __init__(self, strategy: tf.distribute.Strategy) -> None:
        self.several = isinstance(strategy, tf.distribute.MultiWorkerMirroredStrategy)
        self.index = strategy.cluster_resolver.task_id if self.several else 0
        self.count = strategy.cluster_resolver.cluster_spec().num_tasks('worker') if self.several else 1
        self.is_chief = self.index == 0
        self._strategy = strategy
        self._reduce = tf.function(self._reduced, autograph=False)

    def mean(self, values: Sequence[float]) -> list[float]:
        """The means over all processes, which must all call this."""
        if not self.several:
            return [float(value) for value in values]
        return self._reduce(tf.constant(values, tf.float64)).numpy().tolist()

    def wait(self) -> None:
        """Returns when all processes have called this."""
        self.mean([0.0])

    def check_same(self, step: int) -> None:
        """Checks that all processes begin at the same step.

        Raises:
            InputError: they do not, so they do not see the same work directory.
        """
        if self.mean([step]) != [step]:
            raise InputError(
                f'this worker found the checkpoint of step {step} and another one did not; give all workers the same '
                'work_dir, on storage that they share.'
            )

    def _reduced(self, values: tf.Tensor) -> tf.Tensor:
        def run(values: tf.Tensor) -> tf.Tensor:
            own = tf.identity(values)  # on the replica's device, where the sum is wanted
            return tf.distribute.get_replica_context().all_reduce(tf.distribute.ReduceOp.MEAN, own)

        return self._strategy.experimental_local_results(self._strategy.run(run, args=(values,)))[0]


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
    # Repeated, or TensorFlow would prepare several workers for an end, with shapes that are not static.
    return strategy.distribute_datasets_from_function(
        lambda host: make_dataset(per_replica, host.input_pipeline_id, host.num_input_pipelines).repeat()
    )


def sum_over_replicas(strategy: tf.distribute.Strategy, values: dict[str, tf.Tensor]) -> dict[str, tf.Tensor]:
    """Sums per-replica scalars, inside or outside a tf.function."""
    return {name: strategy.reduce(tf.distribute.ReduceOp.SUM, value, axis=None) for name, value in values.items()}
