"""Work directories seen from outside of training: which configuration one belongs to, and the generator it holds."""

from __future__ import annotations

import contextlib
import dataclasses
import functools
import logging
from collections.abc import Iterator

import tensorflow as tf
import tf_keras as keras

from dvdgan_tf import config, files
from dvdgan_tf.data.stream import ClipSource
from dvdgan_tf.errors import InputError
from dvdgan_tf.models import variables
from dvdgan_tf.training import loop
from dvdgan_tf.work_dir import data_facts
from dvdgan_tf.work_dir.checkpoint import best_step, checkpoint_path, restore, saved_steps

_LOG = logging.getLogger(__name__)

# What a run may change on the way: how long it trains and how fast it learns, what it writes, and where it runs.
FREE_MACROS = ('TRAIN_STEPS', 'GLOBAL_BATCH', 'STRATEGY', 'DATA_DIR')
FREE_PARAMETERS = {
    'train': (
        *('train_steps', 'strategy', 'peer_timeout_seconds', 'deterministic', 'steps_per_loop'),
        *('checkpoints', 'summary_every', 'previews', 'evaluation', 'evaluate_every'),
    ),
    'GanStep': ('global_batch', 'micro_batches'),
    'Generator': ('recompute',),
    'Checkpoints': ('every', 'every_seconds', 'keep_last', 'keep_every'),
    'Previews': ('every', 'clips', 'fps'),
    'ProtocolScores': ('names', 'i3d', 'c3d', 'c3d_mean', 'num_samples', 'batch_size', 'best_by'),
}
FREE_EVERYWHERE = ('learning_rate',)


@dataclasses.dataclass
class Trained:
    """What a work directory holds of a trained generator.

    Attributes:
        work_dir: where it was found.
        generator: the moving average of the weights.
        step: of its checkpoint.
        facts: what has to be known of the data it was trained on.
        config_text: the configuration.
        trusted: whether that may name anything.
    """

    work_dir: str
    generator: keras.Model
    step: int
    facts: data_facts.DataFacts
    config_text: str
    trusted: bool = False

    @functools.cached_property
    def data(self) -> ClipSource:
        """The data it was trained on, opened when they are first asked for; replaces the present configuration.

        Raises:
            InputError: they are not where they were.
        """
        config.load(self.work_dir, self.trusted)
        return config.bindings(loop.train, only=('data',))['data']


def claim(work_dir: str) -> None:
    """Makes a work directory that of the present configuration, or checks that it is.

    The length of training, learning rates, what is written, the global batch, the strategy and the place of the data
    may change; the log says so.

    Raises:
        InputError: it belongs to another configuration; the bindings that differ are named.
    """
    try:
        if tf.io.gfile.exists(f'{work_dir}/{config.FILE_NAME}'):
            changes = config.difference(work_dir)
            other = [_worded(name, *values) for name, values in changes.items() if not _is_free(name)]
            if other:
                raise InputError(
                    f'the work directory {work_dir} belongs to another configuration: {"; ".join(other)}; '
                    'give the same values or another work directory.'
                )
            for name, values in changes.items():
                _LOG.info('changed since this run began: %s', _worded(name, *values))
            if not changes:
                return
        elif saved_steps(work_dir):
            raise InputError(f'{work_dir} holds checkpoints but no {config.FILE_NAME}; use another work directory.')
        config.save(work_dir)
    except tf.errors.OpError as error:
        raise InputError(f'cannot write to {work_dir} ({error.message}); make room or choose another place.') from error


@contextlib.contextmanager
def claimed(work_dir: str) -> Iterator[None]:
    """Claims a work directory for what is done inside; puts its configuration back where that is refused at once.

    Raises:
        InputError: as `claim`.
    """
    path, before = f'{work_dir}/{config.FILE_NAME}', None
    if tf.io.gfile.exists(path):
        with tf.io.gfile.GFile(path, 'rb') as file:
            before = file.read()
    saved = saved_steps(work_dir)
    claim(work_dir)
    try:
        yield
    except InputError:
        if saved_steps(work_dir) == saved:
            if before is None:
                tf.io.gfile.remove(path)
            else:
                files.write_atomically(path, before)
        raise


def open_trained(work_dir: str, checkpoint: str = 'newest', trusted: bool = False) -> Trained:
    """Opens a work directory for sampling, evaluation or export; this replaces the present configuration.

    Args:
        work_dir: what was given to `bin/train`.
        checkpoint: the step whose checkpoint to use, `newest`, or `best`: the one kept by `loop.train.evaluation`. `0`
            is the generator before any training, made anew: to compare with.
        trusted: whether the configuration may name anything, which may run code of whoever wrote it.

    Raises:
        InputError: there is no such checkpoint, it is damaged, or the directory is not that of a run.
    """
    config.load(work_dir, trusted)
    step = _chosen(work_dir, checkpoint)
    keras.utils.set_random_seed(config.bindings(loop.train, only=('seed',))['seed'])
    generator = make_generator()
    variables.make_variables(generator, *variables.generator_specs(generator))
    if step:
        path = checkpoint_path(work_dir, step)
        problem = restore(tf.train.Checkpoint(ema_generator=generator), path, partial=True)
        if problem is not None:
            known = ', '.join(map(str, saved_steps(work_dir)))
            raise InputError(f'the checkpoint {path} is damaged ({problem}); choose another step of {known}.')
    return Trained(work_dir, generator, step, data_facts.read(work_dir), config.text(), trusted)


def make_generator() -> keras.Model:
    """Makes the generator of the present configuration, without the rest of the training step."""
    return config.bindings(loop.train, only=('gan_step',))['gan_step'].keywords['generator']()


def _chosen(work_dir: str, checkpoint: str) -> int:
    if checkpoint == '0':
        return 0
    steps = saved_steps(work_dir)
    if not steps:
        raise InputError(f'{work_dir} holds no checkpoint yet; train first, with bin/train --work_dir={work_dir}.')
    named = {'newest': steps[-1], 'best': best_step(work_dir), **{str(step): step for step in steps}}
    if named.get(checkpoint) is None:
        known = ', '.join(map(str, steps))
        raise InputError(f'{work_dir} holds no checkpoint of step {checkpoint}; it has {known}.')
    return named[checkpoint]


def _is_free(name: str) -> bool:
    owner, _, parameter = name.rpartition('.')
    free = (*FREE_PARAMETERS.get(owner.split('.')[-1], ()), *FREE_EVERYWHERE)
    return parameter in free if owner else name in FREE_MACROS


def _worded(name: str, before: str | None, now: str | None) -> str:
    return f'{name} was {"not given" if before is None else before}, now {"not given" if now is None else now}'
