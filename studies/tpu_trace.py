"""What a TPU would be given, without one: python studies/tpu_trace.py gin/kinetics600_12x64x64.gin

Traces the whole loop of an experiment for two TPU cores that are not there, and prints how many operations of a core's
program there are, which of them XLA cannot compile, which have a shape that is not static, and the sums over the cores:
how many, and their bytes. Nothing is trained or allocated; an experiment takes a few minutes.
"""

import argparse
import functools
import os
import sys
from collections.abc import Iterator
from typing import Callable, NamedTuple

sys.path.insert(0, os.path.dirname(os.path.dirname(os.path.abspath(__file__))))

import numpy as np  # noqa: E402
import tensorflow as tf  # noqa: E402
from tensorflow.python.client import session  # noqa: E402
from tensorflow.python.framework import kernels  # noqa: E402
from tensorflow.python.ops import resource_variable_ops  # noqa: E402
from tensorflow.python.tpu import device_assignment, tpu_system_metadata  # noqa: E402
from tensorflow.python.tpu import topology as tpu_topology  # noqa: E402

from dvdgan_tf import config  # noqa: E402
from dvdgan_tf.data.synthetic import SyntheticClips  # noqa: E402
from dvdgan_tf.distribute.strategy import distribute  # noqa: E402
from dvdgan_tf.training import loop  # noqa: E402
from dvdgan_tf.training.device_loop import dated, make_device_loop  # noqa: E402
from dvdgan_tf.training.step import GanStep  # noqa: E402

CORES = 2
_COORDINATES = np.array([[[0, 0, 0, 0], [0, 0, 0, 1]]], np.int32)
# Written into the graph for the TPU's compiler or for the sums over cores, so not kernels of XLA on a CPU.
_OF_TPUS = {'TPUReplicateMetadata', 'CrossReplicaSum'}
# Their results are shapes, which the compiler knows.
_SHAPES = {'BroadcastGradientArgs'}


class Program(NamedTuple):
    """What each core is given.

    Attributes:
        operations: all operations.
        sums: those that sum over the cores.
        summed_bytes: how much they sum.
        not_compiled: types that XLA has no kernel for.
        not_static: names of results whose shape is not known.
    """

    operations: int
    sums: int
    summed_bytes: int
    not_compiled: list[str]
    not_static: list[str]


class _AbsentCores(tf.distribute.cluster_resolver.TPUClusterResolver):
    """Says that there is a TPU with two cores; enough for everything but running."""

    topology = tpu_topology.Topology(mesh_shape=[1, 1, 1, CORES], device_coordinates=_COORDINATES)
    task_type = task_id = None

    def __init__(self) -> None:
        pass

    def get_tpu_system_metadata(self) -> tpu_system_metadata.TPUSystemMetadata:
        kinds = *(('TPU', core) for core in range(CORES)), ('CPU', 0)
        devices = [
            session._DeviceAttributes(f'/job:localhost/replica:0/task:0/device:{kind}:{index}', kind, 0, 0)
            for kind, index in kinds
        ]
        return tpu_system_metadata.TPUSystemMetadata(CORES, 1, CORES, self.topology, devices)

    def cluster_spec(self) -> tf.train.ClusterSpec:
        return tf.train.ClusterSpec({})

    def get_job_name(self) -> str:
        return 'localhost'

    def master(self, *unused: object) -> str:
        return ''


def trace(make_step: Callable[[], GanStep]) -> Program:
    """Traces the host loop around this step for two cores.

    Args:
        make_step: makes the step; its batch is a multiple of 2.
    """
    assignment = device_assignment.DeviceAssignment(_AbsentCores.topology, _COORDINATES.reshape(CORES, 1, 4))
    strategy = tf.distribute.TPUStrategy(_AbsentCores(), assignment)
    graph = tf.__internal__.FuncGraph('never_run')
    with tf.variable_creator_scope(_without_value), strategy.scope(), tf.variable_creator_scope(_of_zeros):
        with graph.as_default():
            step = make_step()
    generator = step.generator
    frames = generator.context_frames + generator.num_frames
    data = SyntheticClips(generator.resolution, frames, generator.video_channels)
    batch = step.global_batch
    batches = iter(distribute(strategy, lambda rows, *hosts: dated(data.training(0, batch, rows, *hosts)), batch))
    device_loop = make_device_loop(strategy, step).get_concrete_function(batches, tf.TensorSpec([], tf.int64))
    return _program([node for node in _operations(device_loop.graph) if '_tpu_replicate' in node.node_def.attr])


def _of_zeros(creator: Callable, **wanted: object) -> tf.Variable:
    """The strategy makes the first values; orthogonal ones would take it minutes."""
    if callable(wanted['initial_value']):
        wanted['initial_value'] = functools.partial(tf.zeros, wanted['shape'], wanted['dtype'])
    return creator(**wanted)


def _without_value(unused_creator: Callable, **wanted: object) -> tf.Variable:
    """A variable that takes no memory."""
    value, shape = wanted['initial_value'], wanted.get('shape')
    if shape is None or not callable(value):
        value = tf.convert_to_tensor(value() if callable(value) else value, wanted.get('dtype'))
        shape, wanted['dtype'] = value.shape, value.dtype
    kept = ('trainable', 'name', 'dtype', 'synchronization', 'aggregation')
    return resource_variable_ops.UninitializedVariable(shape=shape, **{key: wanted.get(key) for key in kept})


def _operations(graph: tf.Graph) -> Iterator[tf.Operation]:
    """All of a graph and of the functions in it."""
    for operation in graph.get_operations():
        yield operation
        for attribute in ('body', 'cond', 'f'):
            if attribute in operation.node_def.attr and operation.node_def.attr[attribute].func.name:
                yield from _operations(graph._get_function(operation.node_def.attr[attribute].func.name).graph)


def _program(replicated: list[tf.Operation]) -> Program:
    results = [result for node in replicated if node.type not in _SHAPES for result in node.outputs]
    tensors = [result for result in results if result.dtype not in (tf.resource, tf.variant)]
    sums = [node.outputs[0] for node in replicated if node.type == 'CrossReplicaSum']
    return Program(
        operations=len(replicated),
        sums=len(sums),
        summed_bytes=sum(value.shape.num_elements() * value.dtype.size for value in sums),
        not_compiled=sorted(name for name in {node.type for node in replicated} - _OF_TPUS if not _compiles(name)),
        not_static=[result.name for result in tensors if not result.shape.is_fully_defined()],
    )


def _compiles(name: str) -> bool:
    found = kernels.get_registered_kernels_for_op(name).kernel
    return any(kernel.device_type == 'XLA_CPU_JIT' for kernel in found)


def _configured(gin_file: str) -> Callable[[], GanStep]:
    """Makes the step of an experiment, with one clip for each core."""
    config.parse([gin_file], fallbacks={'DATA_DIR': 'records'})
    return functools.partial(config.bindings(loop.train, only=['gan_step'])['gan_step'], global_batch=CORES)


def main() -> None:
    """Prints a row of a table for each experiment."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument('gin_files', nargs='+')
    for gin_file in parser.parse_args().gin_files:
        found = trace(_configured(gin_file))
        row = [gin_file, f'{found.operations:,}', f'{found.sums:,}', f'{found.summed_bytes / 1e6:,.2f} MB']
        row += [', '.join(names) or 'none' for names in (found.not_compiled, found.not_static)]
        sys.stdout.write('| ' + ' | '.join(row) + ' |\n')
        sys.stdout.flush()


if __name__ == '__main__':
    main()
