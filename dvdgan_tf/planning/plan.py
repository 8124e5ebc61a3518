"""What a configuration costs, before anything is trained: parameters, operations, memory and, if measured, days."""

from __future__ import annotations

import inspect
import math
import time
from collections.abc import Sequence
from typing import Callable, NamedTuple

import tensorflow as tf

from dvdgan_tf.distribute.cluster import read_cluster
from dvdgan_tf.distribute.strategy import distribute, make_strategy, replica_batch
from dvdgan_tf.errors import InputError
from dvdgan_tf.models.variables import clip_spec, label_spec
from dvdgan_tf.planning import graph_cost
from dvdgan_tf.planning.memory import Room, room_of_a_replica
from dvdgan_tf.training.device_loop import dated, make_device_loop
from dvdgan_tf.training.loop import prepare_process
from dvdgan_tf.training.step import GanStep

ARGUMENTS = ('gan_step', 'train_steps', 'strategy', 'precision')
_GIGA = 1e9
_DAY_SECONDS = 86_400


class Cost(NamedTuple):
    """What one training step costs.

    Attributes:
        parameters: trainable parameters of G, D_S and D_T.
        rows: clips of each replica.
        replicas: how many there are.
        micro_batches: parts in which a replica takes its clips.
        discriminator_flops: operations of one update of D_S and D_T, all replicas together.
        generator_flops: of one update of G.
        updates: updates of D a step.
        held: bytes of the variables of a replica.
        activations: bytes of activations and gradients that a replica needs at one time.
    """

    parameters: Sequence[int]
    rows: int
    replicas: int
    micro_batches: int
    discriminator_flops: int
    generator_flops: int
    updates: int
    held: int
    activations: int


def plan(
    *,
    gan_step: Callable[..., GanStep],
    train_steps: int,
    strategy: str,
    precision: str,
    probe_steps: int = 0,
) -> str:
    """Describes what a step costs on the devices of this machine; all arguments but the last are those of `loop.train`.

    Operations are those of convolutions and matrix products, counted on the traced updates, gradients included. Memory
    is that of the variables and of the activations and gradients that are needed at the same time. Nothing is allocated
    for either.

    Args:
        gan_step: makes the step; its `global_batch` and `seed` can be given anew, by keyword.
        probe_steps: steps to train on random clips to measure their time, 0 for none; this does need the memory.

    Returns:
        a few lines of text.

    Raises:
        InputError: the networks do not fit together or the batch cannot be shared over the replicas.
    """
    prepare_process(0, precision, deterministic=False)
    workers = len(read_cluster().addresses) if strategy == 'multi_worker' else 1
    global_batch = bound_batch(gan_step)
    if workers > 1 and probe_steps:
        raise InputError('steps of several workers are not timed by a dry run; leave --probe_steps away.')
    if global_batch % workers:
        raise InputError(f'the global batch is {global_batch}; choose a multiple of the {workers} workers.')
    # The other workers need not run: each is taken to have as many replicas as this machine.
    distribution = make_strategy('mirrored' if strategy == 'multi_worker' else strategy)
    rows = replica_batch(distribution, global_batch // workers)
    found = cost_of_a_step(gan_step, rows, workers * distribution.num_replicas_in_sync)
    lines = [*_report(found), *_warning(found, room_of_a_replica(distribution), precision)]
    if probe_steps:
        with distribution.scope():
            step = gan_step()
        lines.append(_duration(_seconds_per_step(distribution, step, global_batch, probe_steps), train_steps))
    else:
        lines.append('time: not measured; --probe_steps=5 trains 5 steps on random clips to measure it')
    return '\n'.join(lines)


def bound_batch(gan_step: Callable[..., GanStep]) -> int:
    """The global batch that is bound on the step: read off, as making a step takes as long as counting its cost."""
    return inspect.signature(gan_step).parameters['global_batch'].default


def cost_of_a_step(gan_step: Callable[..., GanStep], rows: int, replicas: int) -> Cost:
    """Traces the updates of a step; its variables are made in a graph that is never run, so they take no memory.

    Args:
        gan_step: makes the step, given the `global_batch` that it is traced for, here `rows`.
        rows: clips of each replica.
        replicas: how many there are.
    """
    with tf.Graph().as_default():
        step = gan_step(global_batch=rows)
        batch = _specs(step, rows)
        judge = tf.function(lambda *pair: step.update_discriminators(pair, 0), autograph=False)
        deceive = tf.function(lambda *pair: step.update_generator(pair), autograph=False)
        graphs = [update.get_concrete_function(*batch).graph for update in (judge, deceive)]
        networks = [step.generator, step.spatial, step.temporal]
        optimizers = [step.generator_optimizer, step.discriminator_optimizer]
        variables = [v for owner in (*networks, step.ema_generator, *optimizers) for v in owner.variables]
        judging, deceiving = (replicas * graph_cost.flops(graph) for graph in graphs)
        return Cost(
            parameters=[sum(_size(v) for v in network.trainable_variables) for network in networks],
            rows=rows,
            replicas=replicas,
            micro_batches=step.micro_batches,
            discriminator_flops=judging,
            generator_flops=deceiving,
            updates=step.discriminator_updates,
            held=sum(_size(v) * v.dtype.size for v in variables),
            activations=max(graph_cost.peak_bytes(graph) for graph in graphs),
        )


def _report(found: Cost) -> list[str]:
    names = ('generator', 'spatial', 'temporal')
    total = found.updates * found.discriminator_flops + found.generator_flops
    parts = f', taken in {found.micro_batches} parts' if found.micro_batches > 1 else ''
    return [
        'parameters: ' + ', '.join(f'{name} {count:,}' for name, count in zip(names, found.parameters)),
        f'batch: {found.rows} clips on each of {found.replicas} replica(s){parts}',
        f'operations of a step: {total / _GIGA:,.1f} GFLOP, {found.updates} x {found.discriminator_flops / _GIGA:,.1f} '
        f'for the discriminators and {found.generator_flops / _GIGA:,.1f} for the generator',
        f'memory of a replica: at least {(found.held + found.activations) / _GIGA:.2f} GB, '
        f'{found.held / _GIGA:.2f} for variables and {found.activations / _GIGA:.2f} for activations',
    ]


def _warning(found: Cost, room: Room, precision: str) -> list[str]:
    """What is to be changed where a replica does not fit, in one line; no line where it does."""
    if room.bytes_free is None:
        return [f'the memory of {room.device} is not known here: compare it with the above']
    needed, left = found.held + found.activations, room.bytes_free - found.held
    if needed <= room.bytes_free:
        return []
    said = f'WARNING: a replica does not fit: {room.device} has {room.bytes_free / _GIGA:.1f} GB of memory for it; '
    if left <= 0:
        return [said + 'the variables alone are more, so use a smaller CHANNEL_MULTIPLIER or a larger device']
    clips = found.rows // found.micro_batches
    parts = found.micro_batches * math.ceil(found.activations / left)
    parts = next((count for count in range(parts, found.rows + 1) if found.rows % count == 0), None)
    ways = [f'step.GanStep.micro_batches = {parts or found.rows}'] if clips > 1 else []
    ways.append('models.Groups.recompute = True')
    if precision == 'float32':
        ways.append("PRECISION = 'mixed_bfloat16'")
    enough = '' if parts else ' (none is enough alone)'
    return [f'{said}what helps{enough}: {"; ".join(ways)}; a smaller GLOBAL_BATCH; more or larger devices']


def _seconds_per_step(distribution: tf.distribute.Strategy, step: GanStep, global_batch: int, count: int) -> float:
    """Trains `count` steps on random clips, after one that is not timed."""

    def random_clips(rows: int, *unused: int) -> tf.data.Dataset:
        clip, label = _specs(step, rows)
        pixels = tf.random.stateless_uniform(clip.shape, [0, 0], -1.0, 1.0)
        return dated(tf.data.Dataset.from_tensors((pixels, tf.zeros(label.shape, tf.int32))).repeat())

    batches = iter(distribute(distribution, random_clips, global_batch))
    device_loop = make_device_loop(distribution, step)
    for steps in (1, count):
        started = time.monotonic()
        totals, *_ = device_loop(batches, tf.constant(steps, tf.int64))
        float(totals['loss/generator'])  # waits for the last step
    return (time.monotonic() - started) / count


def _duration(seconds: float, train_steps: int) -> str:
    return (
        f'time: {seconds:.3g} s a step, {_DAY_SECONDS / seconds:,.0f} steps a day, '
        f'{train_steps * seconds / _DAY_SECONDS:,.2f} days for TRAIN_STEPS = {train_steps:,}, without reading clips'
    )


def _specs(step: GanStep, rows: int) -> list[tf.TensorSpec]:
    generator = step.generator
    frames = generator.context_frames + generator.num_frames
    return [clip_spec(rows, frames, generator.resolution, generator.video_channels), label_spec(rows)]


def _size(variable: tf.Variable) -> int:
    return variable.shape.num_elements()
