"""The training loop: everything around the step, from an empty work directory to the last checkpoint.

Durations are in generator steps and batch sizes are global. Giving the same work directory again goes on where the
newest checkpoint was written, and ends with the same variables as a run that was never stopped.
"""

from __future__ import annotations

import logging
import math
import signal
import time
from typing import Callable, NamedTuple

import tensorflow as tf
import tf_keras as keras

from dvdgan_tf.data.stream import ClipSource
from dvdgan_tf.distribute.strategy import Processes, device_type, make_strategy
from dvdgan_tf.errors import InputError
from dvdgan_tf.training.averaged import Evaluation, Saving, Scoring, Showing
from dvdgan_tf.training.clip_health import ClipLook
from dvdgan_tf.training.device_loop import make_device_loop, training_batches
from dvdgan_tf.training.ema import AverageStatistics
from dvdgan_tf.training.health import Health, Watch
from dvdgan_tf.training.interrupts import StopRequest
from dvdgan_tf.training.precision import check_hardware, set_precision
from dvdgan_tf.training.progress import Recorder
from dvdgan_tf.training.schedule import Checkpoints, Look, LooksDone, Previews, Trigger
from dvdgan_tf.training.step import GanStep
from dvdgan_tf.work_dir import data_facts, sessions
from dvdgan_tf.work_dir.checkpoint import Checkpointer
from dvdgan_tf.work_dir.run_log import RunLog

_LOG = logging.getLogger(__name__)

_TOGETHER = 32  # clips generated at once for statistics
_LONGEST_CALL_SECONDS = 15.0  # half of the 30 seconds that most supervisors give after SIGTERM


class Outcome(NamedTuple):
    """How a run ended: the step it reached, which is saved, and the signal that stopped it, if one did."""

    step: int
    stopped_by: signal.Signals | None


def train(
    *,
    work_dir: str,
    data: ClipSource,
    gan_step: Callable[[], GanStep],
    train_steps: int,
    seed: int = 0,
    strategy: str = 'one_device',
    peer_timeout_seconds: float = 600.0,
    precision: str = 'float32',
    deterministic: bool = False,
    jit_compile: bool = False,
    steps_per_loop: int = 10,
    checkpoints: Checkpoints = Checkpoints(),
    summary_every: int = 100,
    previews: Previews = Previews(),
    evaluation: Evaluation | None = None,
    health: Health = Health(),
) -> Outcome:
    """Trains until `train_steps`, or until SIGTERM or Ctrl-C, and saves before it returns.

    Args:
        work_dir: where checkpoints, summaries and previews go; a run found there is continued.
        data: the clips.
        gan_step: makes the step, and with it the networks and their optimizers.
        train_steps: generator steps at which training ends.
        seed: initial weights depend on this alone; the seed of the step decides everything else.
        strategy: see `strategy.make_strategy`.
        peer_timeout_seconds: how long `multi_worker` waits for another process; more than the chief takes for previews,
            which it makes alone.
        precision: `float32`, `mixed_bfloat16`, or `mixed_float16`, which scales losses and needs a GPU.
        deterministic: asks TensorFlow for bit-identical results from run to run, which may be slower.
        jit_compile: lets XLA compile the step, for a GPU; a TPU always does, and a CPU is slower for it. XLA draws
            other numbers from the same seed, so a run keeps it.
        steps_per_loop: most steps in one call of the device loop; signals and failures are seen between calls, so a
            call has fewer where they would take more than 15 seconds.
        checkpoints: when the run is saved.
        summary_every: steps between records of losses and speed, which are means over these steps.
        previews: when clips are shown.
        evaluation: scores the averaged generator, before the first step too; the checkpoint of the step that it calls
            best is kept. None for no scores.
        health: when the run is called sick, and whether it then stops.

    Returns:
        the step reached, which is saved, and the signal received, if any.

    Raises:
        InputError: an argument, the work directory or a checkpoint cannot be used, there is no room to write, a loss
            or gradient stopped being finite (the newest checkpoint then is from before that), or the run is sick and
            `health` stops it, saved.
    """
    _check_counts(steps_per_loop, train_steps, summary_every, checkpoints.every, previews.every, previews.clips)
    prepare_process(seed, precision, deterministic)
    distribution = make_strategy(strategy, peer_timeout_seconds)
    processes = Processes(distribution)
    check_hardware(precision, device_type(distribution))
    if jit_compile and distribution.num_replicas_in_sync > 1:
        raise InputError(
            f'jit_compile is for one device and STRATEGY = {strategy!r} has {distribution.num_replicas_in_sync} '
            'replicas, which meet inside a step; leave it out (a TPU compiles by itself).'
        )
    if evaluation is not None:
        _check_counts(evaluation.every)
        evaluation.check(data)
    with distribution.scope():
        step = gan_step()
        step.shares = data.scale.shares
    _check_fit(data, step.generator)
    _check_mask(data, step)
    checkpointer = Checkpointer(
        work_dir, state_of(step), checkpoints.keep_last, checkpoints.keep_every, checkpoints.every_seconds
    )
    with step.learning_rates_kept():
        restored = checkpointer.restore_newest()
    at = restored or 0
    processes.check_same(at)
    _LOG.info('%s: from step %d to step %d', work_dir, at, train_steps)

    log = RunLog(work_dir, at) if processes.is_chief else None
    if processes.is_chief:
        data_facts.write(work_dir, data)
        if at < train_steps:
            sessions.write(work_dir, at, strategy, distribution.num_replicas_in_sync)
    recorder = Recorder(log, networks_of(step), train_steps)
    average = AverageStatistics(step.ema_generator, data.training(0, _TOGETHER, _TOGETHER), step.seed)
    save = Saving(checkpointer if processes.is_chief else None, average)
    done = LooksDone(work_dir, processes)
    show = Showing(step, data, previews, average, log)
    triggers = [
        Trigger(summary_every, train_steps, recorder.record),
        Trigger(checkpoints.every, train_steps, save),
        Look(previews.every, train_steps, show, 'previews', done),
        Trigger(previews.every, train_steps, ClipLook(step.ema_generator, data, step.seed, average, log)),
    ]
    if evaluation is not None:
        score = Scoring(evaluation, step.ema_generator, data, work_dir, distribution, average, save, log)
        triggers.append(Look(evaluation.every, train_steps, score, 'scores', done))
    watch = Watch(health, log)
    triggers.append(Trigger(summary_every, train_steps, watch))  # the last, so that it sees what the others record
    for trigger in triggers:
        trigger.begin(restored)

    batches = training_batches(distribution, step, data, at)
    run_steps = make_device_loop(distribution, step, jit_compile)
    stopping, sick, seconds_per_step = 0.0, 0.0, math.inf
    with StopRequest() as stop:
        while at < train_steps and not stopping and not sick:
            answering = max(1, int(_LONGEST_CALL_SECONDS / seconds_per_step))
            count = min(steps_per_loop, answering, train_steps - at, *(each.steps_left(at) for each in triggers))
            started = time.monotonic()
            recorder.take(*run_steps(batches, tf.constant(count, tf.int64)), count, started)
            at += count
            for trigger in triggers:
                trigger(at)
            save.if_old(at)
            asked = stop.received is not None, watch.stops, recorder.seconds_per_step
            stopping, sick, seconds_per_step = processes.mean(asked)
        save(at)
        processes.mean([0.0])  # nobody leaves before the chief has saved
    if sick:
        raise InputError(
            f'the run is sick and health.Health.stop is set, so it was stopped at step {at}, which is saved; '
            f'{work_dir}/warnings.jsonl says what was found, docs/running.md what helps.'
        )
    return Outcome(at, (stop.received or signal.SIGTERM) if stopping else None)


def _check_counts(*counts: int) -> None:
    if min(counts) < 1:
        raise InputError(f'train was given {min(counts)} steps or clips; every such number must be at least 1.')


def _check_fit(data: ClipSource, generator: keras.Model) -> None:
    """Stops before training where the clips are not those that the generator makes; prediction knows no classes."""
    frames = generator.context_frames + generator.num_frames
    if data.num_frames != frames:
        raise InputError(
            f'the data have clips of {data.num_frames} frames, and the generator makes {generator.num_frames} after '
            f'{generator.context_frames} of context; set num_frames of the data to {frames}.'
        )
    given = data.num_frames, data.resolution, data.resolution, data.video_channels
    made = frames, generator.resolution, generator.resolution, generator.video_channels
    if given != made:
        shapes = (' x '.join(map(str, shape)) for shape in (given, made))
        raise InputError('the data have clips of {} and the generator makes {}; make them the same.'.format(*shapes))
    if not generator.context_frames and data.num_classes != generator.num_classes:
        raise InputError(
            f'the data have {data.num_classes} classes and the generator {generator.num_classes}; '
            f'set NUM_CLASSES = {data.num_classes}.'
        )


def _check_mask(data: ClipSource, step: GanStep) -> None:
    """Stops before training where missing pixels would be learned, or known ones be taken for missing."""
    masked = step.discriminator_inputs.masked
    if data.scale.missing and step.generator.context_frames and not masked:
        raise InputError(
            'pixels of the data may be missing: set models.DiscriminatorInputs.masked = True; no loss then sees them.'
        )
    if masked and not data.scale.missing:
        raise InputError('no pixel of these data is missing: leave models.DiscriminatorInputs.masked away.')


def prepare_process(seed: int, precision: str, deterministic: bool) -> None:
    """Sets what TensorFlow keeps for the whole process: seeds, precision, determinism, what is optimised.

    On a CPU grappler, which rewrites graphs, takes seconds at the first step and makes no later one faster. With a GPU
    it chooses layouts; its remapper always fails on the graph of a step (a residual block of D_T: a 3-D convolution,
    its bias and a sum that is read twice) and is not asked.

    Raises:
        InputError: there is no such precision.
    """
    set_precision(precision)
    with_gpu = tf.config.list_physical_devices('GPU')
    tf.config.optimizer.set_experimental_options({'remapping': False} if with_gpu else {'disable_meta_optimizer': True})
    keras.utils.set_random_seed(seed)
    if deterministic:
        tf.config.experimental.enable_op_determinism()


def state_of(step: GanStep) -> dict[str, object]:
    """Everything of a step that a checkpoint holds; the data's position follows from the step."""
    return {
        **networks_of(step),
        'ema_generator': step.ema_generator,
        'generator_optimizer': step.generator_optimizer,
        'discriminator_optimizer': step.discriminator_optimizer,
        'step': step.step,
    }


def networks_of(step: GanStep) -> dict[str, keras.Model]:
    """The networks that are trained, by name."""
    return {'generator': step.generator, 'spatial': step.spatial, 'temporal': step.temporal}
