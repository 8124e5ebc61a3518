"""Whose a work directory is: the configuration that it belongs to, and what a run may change of it on the way."""

from __future__ import annotations

import contextlib
import logging
from collections.abc import Iterator

import tensorflow as tf

from dvdgan_tf import config, files
from dvdgan_tf.errors import InputError
from dvdgan_tf.work_dir.checkpoint import saved_steps

_LOG = logging.getLogger(__name__)

# What a run may change on the way: how long it trains and how fast it learns, what it writes, and where it runs.
FREE_MACROS = ('TRAIN_STEPS', 'GLOBAL_BATCH', 'STRATEGY', 'DATA_DIR')
FREE_PARAMETERS = {
    'train': (
        *('train_steps', 'strategy', 'peer_timeout_seconds', 'deterministic', 'steps_per_loop'),
        *('checkpoints', 'summary_every', 'previews', 'evaluation', 'health'),
    ),
    'GanStep': ('global_batch', 'micro_batches'),
    'Groups': ('recompute',),
    'Checkpoints': ('every', 'every_seconds', 'keep_last', 'keep_every'),
    'Previews': ('every', 'clips', 'fps'),
    'Health': ('saturated_steps', 'stop'),
    'ProtocolScores': ('names', 'i3d', 'c3d', 'c3d_mean', 'num_samples', 'batch_size', 'best_by', 'every'),
}
FREE_EVERYWHERE = ('learning_rate',)


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


def _is_free(name: str) -> bool:
    owner, _, parameter = name.rpartition('.')
    free = (*FREE_PARAMETERS.get(owner.split('.')[-1], ()), *FREE_EVERYWHERE)
    return parameter in free if owner else name in FREE_MACROS


def _worded(name: str, before: str | None, now: str | None) -> str:
    return f'{name} was {"not given" if before is None else before}, now {"not given" if now is None else now}'
