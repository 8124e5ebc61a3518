"""A run folder seen from outside of training: the generator that it holds, and what is known of its data."""

from __future__ import annotations

import dataclasses
import functools
import hashlib

import tensorflow as tf
import tf_keras as keras

from dvdgan_tf import config
from dvdgan_tf.data.stream import ClipSource
from dvdgan_tf.errors import InputError
from dvdgan_tf.models import variables
from dvdgan_tf.training import loop
from dvdgan_tf.work_dir import data_facts
from dvdgan_tf.work_dir.checkpoint import best_step, checkpoint_path, restore, saved_steps


@dataclasses.dataclass
class Run:
    """What a run folder holds of a trained generator.

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

    def identity(self) -> dict[str, object]:
        """Of the weights: an index of a checkpoint has the checksums of all its tensors."""
        index = f'{checkpoint_path(self.work_dir, self.step)}.index'
        digest = None
        if self.step or tf.io.gfile.exists(index):
            with tf.io.gfile.GFile(index, 'rb') as file:
                digest = hashlib.sha256(file.read()).hexdigest()
        config_digest = hashlib.sha256(self.config_text.encode()).hexdigest()
        return {'step': self.step, 'config_sha256': config_digest, 'checkpoint_sha256': digest}


def open_run(work_dir: str, checkpoint: str = 'newest', trusted: bool = False) -> Run:
    """Opens a work directory for sampling, evaluation or export; this replaces the present configuration.

    Args:
        work_dir: what was given to `bin/train`.
        checkpoint: the step whose checkpoint to use, `newest`, or `best`: the one kept by `loop.train.evaluation`. `0`
            is the generator before any training, made anew: to compare with. It sets the global random seeds.
        trusted: whether the configuration may name anything, which may run code of whoever wrote it.

    Raises:
        InputError: there is no such checkpoint, it is damaged, or the directory is not that of a run.
    """
    config.load(work_dir, trusted)
    step = _chosen(work_dir, checkpoint)
    if not step:
        keras.utils.set_random_seed(config.bindings(loop.train, only=('seed',))['seed'])
    generator = make_generator()
    variables.make_variables(generator, *variables.generator_specs(generator))
    if step:
        path = checkpoint_path(work_dir, step)
        problem = restore(tf.train.Checkpoint(ema_generator=generator), path, partial=True)
        if problem is not None:
            known = ', '.join(map(str, saved_steps(work_dir)))
            raise InputError(f'the checkpoint {path} is damaged ({problem}); choose another step of {known}.')
    return Run(work_dir, generator, step, data_facts.read(work_dir), config.text(), trusted)


def make_generator() -> keras.Model:
    """Makes the generator of the present configuration, without the rest of the training step."""
    return config.bindings(loop.train, only=('gan_step',))['gan_step'].keywords['networks'].generator()


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
