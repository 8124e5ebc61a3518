"""Checkpoints: everything training needs; the last n, every m steps and the best, through kills and full disks.

A checkpoint is `state-<step>.index` plus its data file. The index gets its name last, so a checkpoint without one was
never finished; a data file that was damaged afterwards fails its checksum on reading, and the one before it is used.
"""

from __future__ import annotations

import logging
import math
import os
import re
import time
from collections.abc import Iterable

import tensorflow as tf

from dvdgan_tf import files
from dvdgan_tf.errors import InputError

_LOG = logging.getLogger(__name__)

_PREFIX = 'state-'
_DIRECTORY = 'checkpoints'
_INDEX = re.compile(r'^state-(\d+)\.index$')
_FILE = re.compile(r'^state-(\d+)[._].*')
_BEST = 'best'


def saved_steps(work_dir: str) -> list[int]:
    """Returns the steps of which the work directory holds a checkpoint, ascending."""
    directory = os.path.join(work_dir, _DIRECTORY)
    if not tf.io.gfile.isdir(directory):
        return []
    return _steps(_INDEX, tf.io.gfile.listdir(directory))


def checkpoint_path(work_dir: str, step: int) -> str:
    """Returns the prefix of the checkpoint of this step."""
    return os.path.join(work_dir, _DIRECTORY, f'{_PREFIX}{step:08d}')


def best_step(work_dir: str) -> int | None:
    """Returns the step whose checkpoint is kept because it scored best; None where there is none.

    Raises:
        InputError: the file that names it is damaged.
    """
    path = os.path.join(work_dir, _DIRECTORY, _BEST)
    if not tf.io.gfile.exists(path):
        return None
    with tf.io.gfile.GFile(path, 'rb') as file:
        said = file.read(100)
    if not re.fullmatch(rb'\s*\d+\s*', said):
        raise InputError(
            f'{path} is damaged: it holds {said!r} and not a step; write the best step into it, one of '
            f'{", ".join(map(str, saved_steps(work_dir))) or "none"}, or remove it.'
        )
    return int(said) if int(said) in saved_steps(work_dir) else None


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
        self, work_dir: str, state: dict[str, object], keep_last: int, keep_every: int, old_after_seconds: float = 0.0
    ) -> None:
        if keep_last < 1 or keep_every < 0:
            raise InputError(f'keep_last is {keep_last} and keep_every {keep_every}; give at least 1 and at least 0.')
        self._work_dir = work_dir
        self._checkpoint = tf.train.Checkpoint(**state)
        self._keep_last = keep_last
        self._keep_every = keep_every
        self._old_after_seconds = old_after_seconds
        self._saved_step: int | None = None
        self._saved_at = time.monotonic()
        self._whole: set[int] = set()
        self._damaged: set[int] = set()

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
            self._remove_orphans()
            self._write(path, step)
        except (tf.errors.OpError, OSError) as error:
            raise InputError(
                f'the checkpoint of step {step} could not be written to {os.path.dirname(path)} '
                f'({files.reason(error)}); {_standing(saved_steps(self._work_dir))}; make room or mend the folder and '
                'give the same command again.'
            ) from error
        self._saved_step, self._saved_at = step, time.monotonic()
        self._whole.add(step)
        self._damaged.discard(step)
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

    def restore_newest(self) -> int | None:
        """Restores the newest checkpoint that can be read.

        A damaged one is named in the log and the one before it is used.

        Returns:
            its step, or None if there is no checkpoint at all.

        Raises:
            InputError: there are checkpoints and none can be read, one belongs to another model, or the file that names
                the best one is damaged.
        """
        best_step(self._work_dir)
        steps = saved_steps(self._work_dir)
        for step in reversed(steps):
            path = checkpoint_path(self._work_dir, step)
            problem = restore(self._checkpoint, path)
            if problem is None:
                self._saved_step = step
                self._whole.add(step)
                return step
            self._damaged.add(step)
            _LOG.warning('checkpoint %s is damaged (%s); trying the one before it.', path, problem)
        if steps:
            raise InputError(
                f'none of the {len(steps)} checkpoint(s) in {self._work_dir} can be read; '
                'bring one back from a copy or start in a new work directory.'
            )
        return None

    def _write(self, path: str, step: int) -> None:
        """Writes a checkpoint whose files have their names when they are whole and on the disk, the index last."""
        if files.is_remote(path):
            # Objects appear whole by themselves, and renaming would copy them.
            try:
                self._checkpoint.write(path)
            except tf.errors.OpError:
                self._remove(step)
                raise
            return
        staging = files.temporary_name(os.path.join(os.path.dirname(path), 'checkpoint'))
        try:
            os.makedirs(staging)
            self._checkpoint.write(os.path.join(staging, os.path.basename(path)))
            self._remove(step)  # what there may be of a damaged one
            for name in sorted(os.listdir(staging), key=lambda name: name.endswith('.index')):
                files.put_in_place(os.path.join(staging, name), os.path.join(os.path.dirname(path), name))
        finally:
            files.remove(staging)

    def _remove_unkept(self) -> None:
        """Removes what is neither one of the last n that can be read, nor of every m steps, nor the best."""
        best = best_step(self._work_dir)
        steps = saved_steps(self._work_dir)
        kept = [step for step in steps if self._is_whole(step)][-self._keep_last :]
        for step in steps:
            wanted = step == best or (self._keep_every and step % self._keep_every == 0)
            if step in self._damaged or not (step in kept or wanted):
                self._remove(step)
        self._damaged.clear()

    def _is_whole(self, step: int) -> bool:
        """Whether a checkpoint can be read, looked at once."""
        if step in self._whole:
            return True
        problem = None if step in self._damaged else damage(checkpoint_path(self._work_dir, step))
        if problem:
            _LOG.warning('checkpoint %s is damaged (%s).', checkpoint_path(self._work_dir, step), problem)
        if problem or step in self._damaged:
            return False
        self._whole.add(step)
        return True

    def _remove(self, step: int) -> None:
        """Removes what there is of one checkpoint, the index first, so that no half of it counts as a checkpoint."""
        path = checkpoint_path(self._work_dir, step)
        for name in sorted(tf.io.gfile.glob(f'{path}[._]*'), key=lambda name: not name.endswith('.index')):
            files.remove(name)

    def _remove_orphans(self) -> None:
        """Removes what kills left: files under temporary names, and data without an index."""
        directory = os.path.join(self._work_dir, _DIRECTORY)
        files.remove_orphans(directory)
        for step in {*_steps(_FILE, tf.io.gfile.listdir(directory))} - {*saved_steps(self._work_dir)}:
            self._remove(step)


def damage(path: str) -> str | None:
    """Why a checkpoint cannot be read, by its index and the size of its data, which are not read; None if it can."""
    try:
        reader = tf.train.load_checkpoint(path)
        types = reader.get_variable_to_dtype_map()
        shapes = reader.get_variable_to_shape_map()
        held = sum(tf.io.gfile.stat(name).length for name in tf.io.gfile.glob(f'{path}.data-*'))
    except (tf.errors.OpError, ValueError, RuntimeError) as error:
        return files.reason(error)
    sizes = (math.prod(shape) * types[name].size for name, shape in shapes.items() if types[name] != tf.string)
    return f'its data have {held} bytes, which is too few' if held < sum(sizes) else None


def _steps(pattern: re.Pattern, names: Iterable[str]) -> list[int]:
    matches = (pattern.match(name.rstrip('/')) for name in names)
    return sorted({int(match.group(1)) for match in matches if match})


def restore(checkpoint: tf.train.Checkpoint, path: str, partial: bool = False) -> str | None:
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


def _standing(steps: list[int]) -> str:
    return f'the checkpoint of step {steps[-1]} is whole' if steps else 'there is no earlier checkpoint'
