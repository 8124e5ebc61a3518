"""The device's programs: the training step and the sampler of a preset as HLO, for devices that TensorFlow does not
have; export/xla/run.py runs them with numpy and jaxlib alone.

A folder holds manifest.json and a serialised HLO module for each program. What a program is given are its inputs and
then the values of its variables; it returns its results and then the variables that it has changed.
"""

from __future__ import annotations

import hashlib
import json
import os
from collections.abc import Iterator, Mapping
from typing import Callable, NamedTuple

import tensorflow as tf
from tensorflow.compiler.xla.service import hlo_pb2

from dvdgan_tf import __version__, files
from dvdgan_tf.benchmarks.preset import Preset, check_fits
from dvdgan_tf.models.variables import clip_spec, generator_specs, label_spec
from dvdgan_tf.planning import graph_cost
from dvdgan_tf.training import loop
from dvdgan_tf.training.step import GanStep

VERSION = 1  # of the folder's format; export/xla/run.py has the same
SAMPLED = 2  # clips at once, as the paper times them (B.3)
_MEGA = 1e6


class Program(NamedTuple):
    """A function of tensors of these names and shapes, and the clips that a run goes through."""

    function: Callable[..., object]
    inputs: Mapping[str, tf.TensorSpec]
    clips: int


def report(preset: Preset, output: str) -> Iterator[str]:
    """Writes the folder; a line for each file.

    Args:
        preset: whose step and sampler.
        output: the folder; made if it is missing.

    Raises:
        InputError: the folder cannot be written, or the preset does not fit into this machine, which has to hold its
            variables.
    """
    check_fits(preset)
    step = preset.gan_step()
    os.makedirs(output, exist_ok=True)
    described = {}
    for name, program in _programs(step).items():
        described[name], serialized = _compiled(name, program, _variables(step))
        files.write_atomically(os.path.join(output, described[name]['file']), serialized)
        yield _line(name, described[name], len(serialized))
    manifest = {'version': VERSION, 'made_by': f'dvdgan_tf {__version__}, TensorFlow {tf.__version__}'}
    manifest.update(preset=preset.name, precision=preset.precision, programs=described)
    files.write_atomically(os.path.join(output, 'manifest.json'), json.dumps(manifest, indent=1) + '\n')
    yield f'run them where the device is: export/xla/run.py {output}'


def _programs(step: GanStep) -> dict[str, Program]:
    generator, rows = step.ema_generator, step.global_batch
    frames = generator.context_frames + generator.num_frames
    batch = (clip_spec(rows, frames, generator.resolution, generator.video_channels), label_spec(rows))
    given = {f'{kind}_{n}': spec for n in range(step.batches_per_step) for kind, spec in zip(('clip', 'label'), batch)}

    def train(*tensors: tf.Tensor) -> dict[str, tf.Tensor]:
        return step(list(zip(tensors[::2], tensors[1::2])))

    def sample(*tensors: tf.Tensor) -> dict[str, tf.Tensor]:
        latent, *others = tensors
        label, context = (None, others[0]) if generator.context_frames else (others[0], None)
        return {'video': generator(latent, label, context, training=False)}

    specs = [spec for spec in generator_specs(generator) if spec is not None]
    names = ('latent', 'context' if generator.context_frames else 'label')
    inputs = {name: tf.TensorSpec([SAMPLED, *spec.shape[1:]], spec.dtype) for name, spec in zip(names, specs)}
    return {'training_step': Program(train, given, rows), 'sampler': Program(sample, inputs, SAMPLED)}


def _variables(step: GanStep) -> dict[int, tf.Variable]:
    """All that a step owns, by the handle that a function captures."""
    owners = loop.state_of(step).values()
    found = [v for owner in owners for v in ([owner] if isinstance(owner, tf.Variable) else owner.variables)]
    rates = [optimizer.learning_rate for optimizer in (step.generator_optimizer, step.discriminator_optimizer)]
    found += [rate for rate in rates if isinstance(rate, tf.Variable)]  # Keras does not count it
    return {id(variable.handle): variable for variable in found}


def _compiled(name: str, program: Program, variables: Mapping[int, tf.Variable]) -> tuple[dict, bytes]:
    """What the manifest says of a program, and its HLO."""
    function = tf.function(program.function, autograph=False, jit_compile=True)
    concrete = function.get_concrete_function(*program.inputs.values())
    zeros = [tf.zeros(spec.shape, spec.dtype) for spec in program.inputs.values()]
    serialized = _portable(function.experimental_get_compiler_ir(*zeros)(stage='hlo_serialized'))
    captured = [variables.get(id(tensor), tensor) for tensor in concrete.captured_inputs]
    inputs = [_input(key, spec) for key, spec in program.inputs.items()]
    inputs += [_input(getattr(each, 'name', 'constant'), each) for each in captured]
    results = [
        {'name': key, 'shape': list(value.shape), 'dtype': value.dtype.name}
        for key, value in sorted(concrete.structured_outputs.items())
    ]
    described = {
        'file': f'{name}.hlo.pb',
        'sha256': hashlib.sha256(serialized).hexdigest(),
        'clips': program.clips,
        'flops': graph_cost.flops(concrete.graph),
        'inputs': inputs,
        'results': results,
    }
    return described, serialized


def _portable(serialized: bytes) -> bytes:
    """The same module as any XLA reads it: newer ones number instructions beyond 32 bits, which older ones refuse.

    Where each came from, with paths of this machine, is left out.
    """
    module = hlo_pb2.HloModuleProto.FromString(serialized)
    module.ClearField('stack_frame_index')
    places = {computation.id: number for number, computation in enumerate(module.computations, 1)}
    every = [instruction for computation in module.computations for instruction in computation.instructions]
    numbers = {instruction.id: number for number, instruction in enumerate(every, 1)}
    module.entry_computation_id = places[module.entry_computation_id]
    for computation in module.computations:
        computation.id, computation.root_id = places[computation.id], numbers[computation.root_id]
    for instruction in every:
        instruction.ClearField('metadata')
        instruction.id = numbers[instruction.id]
        for field, new in (('operand', numbers), ('control_predecessor', numbers), ('called_computation', places)):
            ids = getattr(instruction, f'{field}_ids')
            ids[:] = [new[each] for each in ids]
    return module.SerializeToString(deterministic=True)


def _input(name: str, value: tf.TensorSpec | tf.Variable | tf.Tensor) -> dict:
    """Name, shape, type, and the kind of values that run.py may make up for it."""
    name = name.split(':')[0]
    if not value.dtype.is_floating:
        values = 'zeros'
    else:
        values = 'positive' if name.startswith('v/') or name.endswith('moving_variance') else 'normal'
    return {'name': name, 'shape': list(value.shape), 'dtype': value.dtype.name, 'values': values}


def _line(name: str, described: dict, size: int) -> str:
    return (
        f'{described["file"]}: {name}, {len(described["inputs"])} inputs, {described["flops"] / 1e9:,.1f} GFLOP, '
        f'{size / _MEGA:.1f} MB'
    )
