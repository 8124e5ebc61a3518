"""What can be known about a TPU without one: what TPUStrategy makes of the training loop."""

import functools

import numpy as np
import pytest
import tensorflow as tf
import tf_keras as keras
from tensorflow.python.client import session
from tensorflow.python.framework import kernels
from tensorflow.python.tpu import device_assignment, tpu_system_metadata
from tensorflow.python.tpu import topology as tpu_topology

from dvdgan_tf.data.synthetic import SyntheticClips
from dvdgan_tf.errors import InputError
from dvdgan_tf.layers.moments import TimestepMoments
from dvdgan_tf.models import Generator, SpatialDiscriminator, TemporalDiscriminator
from dvdgan_tf.training.host_loop import make_host_loop
from dvdgan_tf.training.step import GanStep
from dvdgan_tf.training.strategy import distribute, make_strategy

BATCH, FRAMES, CLASSES = 2, 4, 9
CORES = np.array([[[0, 0, 0, 0], [0, 0, 0, 1]]], np.int32)
# Written into the graph for the TPU's compiler or for the sums over cores, so not kernels of XLA on a CPU.
TPU_ONLY = {'TPUReplicateMetadata', 'CrossReplicaSum'}
# Their results are shapes, which the compiler knows.
SHAPES = {'BroadcastGradientArgs'}


def _step():
    adam = functools.partial(keras.optimizers.Adam, 1e-3, beta_1=0.0, jit_compile=False)
    return GanStep(
        generator=lambda: Generator(16, FRAMES, CLASSES, 1),
        spatial_discriminator=lambda: SpatialDiscriminator(16, CLASSES, 1),
        temporal_discriminator=lambda: TemporalDiscriminator(16, CLASSES, 1),
        generator_optimizer=adam,
        discriminator_optimizer=adam,
        global_batch=BATCH,
        seed=0,
        spatial_frames=2,
        discriminator_updates=1,
    )


class _TwoCores(tf.distribute.cluster_resolver.TPUClusterResolver):
    """Says that there is a TPU with two cores; enough for everything but running."""

    topology = tpu_topology.Topology(mesh_shape=[1, 1, 1, 2], device_coordinates=CORES)
    task_type = task_id = None

    def __init__(self):
        pass

    def get_tpu_system_metadata(self):
        kinds = ('TPU', 0), ('TPU', 1), ('CPU', 0)
        devices = [
            session._DeviceAttributes(f'/job:localhost/replica:0/task:0/device:{kind}:{index}', kind, 0, 0)
            for kind, index in kinds
        ]
        return tpu_system_metadata.TPUSystemMetadata(2, 1, 2, self.topology, devices)

    def cluster_spec(self):
        return tf.train.ClusterSpec({})

    def get_job_name(self):
        return 'localhost'

    def master(self, *unused):
        return ''


def _operations(graph):
    """All of a graph and of the functions in it."""
    for operation in graph.get_operations():
        yield operation
        for attribute in ('body', 'cond', 'f'):
            if attribute in operation.node_def.attr and operation.node_def.attr[attribute].func.name:
                yield from _operations(graph._get_function(operation.node_def.attr[attribute].func.name).graph)


def test_the_host_loop_is_traced_for_two_cores():
    assignment = device_assignment.DeviceAssignment(_TwoCores.topology, np.array([[[0, 0, 0, 0]], [[0, 0, 0, 1]]]))
    strategy = tf.distribute.TPUStrategy(_TwoCores(), assignment)
    data = SyntheticClips(16, FRAMES)
    with strategy.scope():
        step = _step()
    batches = iter(distribute(strategy, lambda rows, *hosts: data.training(0, BATCH, rows, *hosts), BATCH))
    loop = make_host_loop(strategy, step).get_concrete_function(batches, tf.TensorSpec([], tf.int64))
    replicated = [node for node in _operations(loop.graph) if '_tpu_replicate' in node.node_def.attr]
    assert len(replicated) > 1000

    types = {node.type for node in replicated}
    compiled = {
        name
        for name in types
        if any(kernel.device_type == 'XLA_CPU_JIT' for kernel in kernels.get_registered_kernels_for_op(name).kernel)
    }
    assert types - compiled == TPU_ONLY

    results = [result for node in replicated if node.type not in SHAPES for result in node.outputs]
    tensors = [result for result in results if result.dtype not in (tf.resource, tf.variant)]
    assert [result.name for result in tensors if not result.shape.is_fully_defined()] == []

    # A sum for each gradient, and for the moments of each normalisation in two forward passes and a backward one.
    gradients = len(step.generator.trainable_variables)
    gradients += len(step.spatial.trainable_variables) + len(step.temporal.trainable_variables)
    moments = sum(isinstance(layer, TimestepMoments) for layer in step.generator.submodules)
    sums = [node for node in replicated if node.type == 'CrossReplicaSum']
    assert len(sums) == gradients + 3 * moments


@pytest.mark.parametrize('name', ['tpu', 'tpu:nothing'])
def test_a_tpu_that_is_not_there_is_one_sentence(name, monkeypatch):
    monkeypatch.delenv('TPU_NAME', raising=False)
    with pytest.raises(InputError, match=f"there is no TPU '{name[4:]}' .*; on a TPU VM use \"tpu:local\""):
        make_strategy(name)
