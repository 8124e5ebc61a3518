"""What a configuration costs, before anything is trained: parameters, operations and memory of a step."""

from typing import Callable, Dict, List

import tensorflow as tf
import tf_keras as keras

from dvdgan_tf.models.variables import clip_spec, label_spec, zero_variables
from dvdgan_tf.training import cost
from dvdgan_tf.training.loop import prepare_process
from dvdgan_tf.training.step import GanStep
from dvdgan_tf.training.strategy import make_strategy, replica_batch

ARGUMENTS = (
    'generator',
    'spatial_discriminator',
    'temporal_discriminator',
    'generator_optimizer',
    'discriminator_optimizer',
    'gan_step',
    'global_batch',
    'strategy',
    'precision',
)
_GIGA = 1e9


def plan(
    *,
    generator: Callable[[], keras.Model],
    spatial_discriminator: Callable[[], keras.Model],
    temporal_discriminator: Callable[[], keras.Model],
    generator_optimizer: Callable[[], keras.optimizers.Optimizer],
    discriminator_optimizer: Callable[[], keras.optimizers.Optimizer],
    gan_step: Callable[..., GanStep],
    global_batch: int,
    strategy: str,
    precision: str,
) -> str:
    """Words what a step costs on the devices of this machine; the arguments are those of `loop.train`.

    Operations are those of convolutions and matrix products, counted on the traced updates, gradients included. Memory
    is that of the variables and of the results that are alive at the same time.

    Returns:
        a few lines of text.

    Raises:
        InputError: the networks do not fit together or the batch cannot be shared over the replicas.
    """
    prepare_process(0, precision, deterministic=False)
    distribution = make_strategy(strategy)
    rows = replica_batch(distribution, global_batch)
    with zero_variables():
        step = gan_step(
            generator=generator,
            spatial_discriminator=spatial_discriminator,
            temporal_discriminator=temporal_discriminator,
            generator_optimizer=generator_optimizer,
            discriminator_optimizer=discriminator_optimizer,
            global_batch=rows,
            seed=0,
        )
    batch = _batch(step, rows)
    updates = {
        'discriminators': tf.function(lambda *pair: step.update_discriminators(pair, 0), autograph=False),
        'generator': tf.function(lambda *pair: step.update_generator(pair), autograph=False),
    }
    graphs = {name: update.get_concrete_function(*batch).graph for name, update in updates.items()}
    return '\n'.join(_report(step, graphs, rows, distribution.num_replicas_in_sync))


def _report(step: GanStep, graphs: Dict[str, tf.Graph], rows: int, replicas: int) -> List[str]:
    networks = {'generator': step.generator, 'spatial': step.spatial, 'temporal': step.temporal}
    parameters = {name: sum(_size(v) for v in network.trainable_variables) for name, network in networks.items()}
    states = [*networks.values(), step.ema_generator]
    variables = [v for network in states for v in network.variables]
    variables += step.generator_optimizer.variables + step.discriminator_optimizer.variables
    held = sum(_size(v) * v.dtype.size for v in variables)
    flops = {name: replicas * cost.flops(graph) for name, graph in graphs.items()}
    results = max(cost.peak_bytes(graph) for graph in graphs.values())
    times = step.discriminator_updates
    total = times * flops['discriminators'] + flops['generator']
    return [
        'parameters: ' + ', '.join(f'{name} {count:,}' for name, count in parameters.items()),
        f'batch: {rows} clips on each of {replicas} replica(s)',
        f'operations of a step: {total / _GIGA:,.1f} GFLOP, {times} x {flops["discriminators"] / _GIGA:,.1f} for the '
        f'discriminators and {flops["generator"] / _GIGA:,.1f} for the generator',
        f'memory of a replica: at least {(held + results) / _GIGA:.2f} GB, {held / _GIGA:.2f} for variables and '
        f'{results / _GIGA:.2f} for results',
    ]


def _batch(step: GanStep, rows: int) -> List[tf.TensorSpec]:
    generator = step.generator
    frames = generator.context_frames + generator.num_frames
    return [clip_spec(rows, frames, generator.resolution, generator.video_channels), label_spec(rows)]


def _size(variable: tf.Variable) -> int:
    return variable.shape.num_elements()
