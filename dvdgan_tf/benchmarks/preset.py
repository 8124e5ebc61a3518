"""What is measured: the networks and the step of a preset, in its precision, on one device of this machine."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Callable, NamedTuple

from dvdgan_tf import config
from dvdgan_tf.data.stream import ClipSource
from dvdgan_tf.distribute.strategy import device_type, make_strategy
from dvdgan_tf.errors import InputError
from dvdgan_tf.planning.memory import room_of_a_replica
from dvdgan_tf.planning.plan import bound_batch, cost_of_a_step
from dvdgan_tf.training import loop
from dvdgan_tf.training.precision import check_hardware
from dvdgan_tf.training.step import GanStep

_GIGA = 1e9


class Preset(NamedTuple):
    """A step and clips to be made, the precision, and what all are called."""

    name: str
    gan_step: Callable[[], GanStep]
    clips: Callable[[], ClipSource]
    precision: str


def bound(gin_files: Sequence[str], gin_params: Sequence[str], more: Sequence[str] = ()) -> Preset:
    """Reads gin files and bindings, and sets this process up for them.

    Raises:
        InputError: they cannot be used, not on this machine, or what they describe does not fit into its memory.
    """
    config.parse(gin_files, [*gin_params, *more], fallbacks={'DATA_DIR': 'records', 'NUM_CLASSES': 4, 'TRAIN_STEPS': 1})
    arguments = config.bindings(loop.train, only=('gan_step', 'precision'))
    loop.prepare_process(0, arguments['precision'], deterministic=False)
    distribution = make_strategy('one_device')
    check_hardware(arguments['precision'], device_type(distribution))
    name = ', '.join([*gin_files, *gin_params, *more, arguments['precision']])
    clips = lambda: config.bindings(loop.train, only=('data',))['data']  # noqa: E731
    return Preset(name, arguments['gan_step'], clips, arguments['precision'])


def check_fits(preset: Preset) -> None:
    """Raises InputError where a step needs more memory than this machine has."""
    cost = cost_of_a_step(preset.gan_step, bound_batch(preset.gan_step), 1)
    needed, room = cost.held + cost.activations, room_of_a_replica(make_strategy('one_device'))
    if room.bytes_free is not None and needed > room.bytes_free:
        raise InputError(
            f'{preset.name} does not fit: it needs at least {needed / _GIGA:.1f} GB and {room.device} has '
            f'{room.bytes_free / _GIGA:.1f}; give a smaller GLOBAL_BATCH or CHANNEL_MULTIPLIER by --gin_param.'
        )
