"""Checkpoints: everything training needs. The last n, every m steps and the best are kept, whatever is killed or full.

A checkpoint is `state-<step>.index` plus its data file. The index is written last, so a checkpoint without one was
never finished; a data file that was damaged afterwards fails its checksum on reading, and the one before it is used.
"""

import logging
import os
import re
import time
from typing import Dict, List, Optional

import tensorflow as tf

from dvdgan_tf import files
from dvdgan_tf.errors import InputError

_LOG = logging.getLogger(__name__)

_PREFIX = 'state-'
_DIRECTORY = 'checkpoints'
_INDEX = re.compile(r'^state-(\d+)\.index$')
_BEST = 'best'


def saved_steps(work_dir: str) -> List[int]:
    """Returns the steps of which the work directory holds a checkpoint, ascending."""
    directory = os.path.join(work_dir, _DIRECTORY)
    if not tf.io.gfile.isdir(directory):
        return []
    matches = (_INDEX.match(name.rstrip('/')) for name in tf.io.gfile.listdir(directory))
    return sorted(int(match.group(1)) for match in matches if match)


def checkpoint_path(work_dir: str, step: int) -> str:
    """Returns the prefix of the checkpoint of this step."""
    return os.path.join(work_dir, _DIRECTORY, f'{_PREFIX}{step:08d}')


def best_step(work_dir: str) -> Optional[int]:
    """Returns the step whose checkpoint is kept because it scored best; None where training kept none."""
    path = os.path.join(work_dir, _DIRECTORY, _BEST)
    if not tf.io.gfile.exists(path):
        return None
    with tf.io.gfile.GFile(path) as file:
        return int(file.read())


class Checkpointer:
    """Writes, keeps and restores the checkpoints of one work directory.

    Args:
        work_dir: the work directory; checkpoints go to its folder `checkpoints`.
        state: name to trackable (model, optimizer, variable); the names are what the checkpoint's keys begin with.
        keep_last: how many of the newest checkpoints to keep, at least 1.
        keep_every: checkpoints of steps divisible by this are kept for ever; 0 for none.
        old_after_seconds: when `is_old` takes the last checkpoint for old.
    """

    def __init__(
        self, work_dir: str, state: Dict[str, object], keep_last: int, keep_every: int, old_after_seconds: float = 0.0
    ) -> None:
        if keep_last < 1 or keep_every < 0:
            raise InputError(f'keep_last is {keep_last} and keep_every {keep_every}; give at least 1 and at least 0.')
        self._work_dir = work_dir
        self._checkpoint = tf.train.Checkpoint(**state)
        self._keep_last = keep_last
        self._keep_every = keep_every
        self._old_after_seconds = old_after_seconds
        self._saved_step: Optional[int] = None
        self._saved_at = time.monotonic()

    def save(self, step: int) -> str:
        """Writes the checkpoint of this step, then removes those that need not be kept.

        Returns:
            the checkpoint's prefix.

        Raises:
            InputError: it could not be written; earlier checkpoints are untouched and no part of this one is left.
        """
        path = checkpoint_path(self._work_dir, step)
        try:
            tf.io.gfile.makedirs(os.path.dirname(path))
            self._checkpoint.write(path)
        except tf.errors.OpError as error:
            self._remove(step)
            raise InputError(
                f'the checkpoint of step {step} could not be written to {os.path.dirname(path)} '
                f'({files.reason(error)}); {_standing(saved_steps(self._work_dir))}; make room or mend the folder and '
                'give the same command again.'
            ) from error
        self._saved_step, self._saved_at = step, time.monotonic()
        self._remove_unkept()
        return path

    def is_old(self) -> bool:
        """Whether the last checkpoint is old by the clock."""
        return time.monotonic() - self._saved_at >= self._old_after_seconds

    def save_if_new(self, step: int) -> None:
        """Saves this step unless that is done already."""
        if step != self._saved_step:
            self.save(step)

    def save_as_best(self, step: int) -> None:
        """Saves this step unless that is done already, and keeps it until another step is the best.

        Raises:
            InputError: it could not be written; the best so far is untouched.
        """
        self.save_if_new(step)
        files.write_atomically(os.path.join(self._work_dir, _DIRECTORY, _BEST), f'{step}\n')
        self._remove_unkept()

    def restore_newest(self) -> Optional[int]:
        """Restores the newest checkpoint that can be read.

        A damaged one is named in the log and the one before it is used.

        Returns:
            its step, or None if there is no checkpoint at all.

        Raises:
            InputError: there are checkpoints and none can be read, or one belongs to another model.
        """
        steps = saved_steps(self._work_dir)
        for step in reversed(steps):
            path = checkpoint_path(self._work_dir, step)
            problem = restore(self._checkpoint, path)
            if problem is None:
                self._saved_step = step
                return step
            _LOG.warning('checkpoint %s is damaged (%s); trying the one before it.', path, problem)
        if steps:
            raise InputError(
                f'none of the {len(steps)} checkpoint(s) in {self._work_dir} can be read; '
                'bring one back from a copy or start in a new work directory.'
            )
        return None

    def _remove_unkept(self) -> None:
        best = best_step(self._work_dir)
        for old in saved_steps(self._work_dir)[: -self._keep_last]:
            if old != best and not (self._keep_every and old % self._keep_every == 0):
                self._remove(old)

    def _remove(self, step: int) -> None:
        """Removes what there is of one checkpoint, the index first, so that no half of it counts as a checkpoint."""
        path = checkpoint_path(self._work_dir, step)
        for name in sorted(tf.io.gfile.glob(f'{path}[._]*'), key=lambda name: not name.endswith('.index')):
            tf.io.gfile.rmtree(name) if tf.io.gfile.isdir(name) else tf.io.gfile.remove(name)


def restore(checkpoint: tf.train.Checkpoint, path: str, partial: bool = False) -> Optional[str]:
    """Restores one checkpoint into objects whose variables exist.

    Args:
        checkpoint: what to restore.
        path: the checkpoint's prefix.
        partial: whether the file may hold more than is asked for.

    Returns:
        None, or why the file is damaged; then the objects may be half restored.

    Raises:
        InputError: the file is whole but belongs to another model.
    """
    try:
        status = checkpoint.read(path)
        status.assert_existing_objects_matched()
        if partial:
            status.expect_partial()
        else:
            status.assert_consumed()
    except (tf.errors.OpError, IndexError) as error:
        return files.reason(error)
    except (ValueError, AssertionError) as error:
        first_line = str(error).strip().splitlines()[0]
        raise InputError(
            f'the checkpoint {path} belongs to another model ({first_line}); use another work directory.'
        ) from error
    return None


def _standing(steps: List[int]) -> str:
    return f'the checkpoint of step {steps[-1]} is whole' if steps else 'there is no earlier checkpoint'
