"""The training loop: everything around the step, from an empty work directory to the last checkpoint.

Durations are in generator steps and batch sizes are global. Giving the same work directory again goes on where the
newest checkpoint was written, and ends with the same variables as a run that was never stopped.
"""

import functools
import logging
import math
import signal
from typing import Callable, Dict, Iterable, List, NamedTuple, Optional, Protocol, Sequence, Tuple

import tensorflow as tf
import tf_keras as keras

from dvdgan_tf.distribute.strategy import Processes, device_type, make_strategy
from dvdgan_tf.errors import InputError
from dvdgan_tf.training import data_facts
from dvdgan_tf.training.checkpoint import Checkpointer
from dvdgan_tf.training.device_loop import Clips, make_loop_call
from dvdgan_tf.training.ema_statistics import AverageStatistics
from dvdgan_tf.training.interrupts import StopRequest
from dvdgan_tf.training.precision import check_hardware, set_precision
from dvdgan_tf.training.preview import Previews
from dvdgan_tf.training.progress import Recorder
from dvdgan_tf.training.quality import CEILING, Frechet, Quality
from dvdgan_tf.training.run_log import RunLog
from dvdgan_tf.training.step import GanStep

_LOG = logging.getLogger(__name__)

_TOGETHER = 32  # clips generated at once for scores and statistics
_LONGEST_CALL_SECONDS = 15.0  # half of the 30 seconds that most supervisors give after SIGTERM
_Action = Tuple[int, Callable[[int], None]]


class Evaluation(Protocol):
    """Scores of a generator, taken every so many steps."""

    def check(self, data: Clips) -> None:
        """Raises InputError where the data cannot serve."""

    def __call__(
        self, generator: keras.Model, data: Clips, step: int, work_dir: str, strategy: tf.distribute.Strategy
    ) -> Dict[str, float]:
        """Scores the generator at this step; the scores' names have one slash."""

    def is_best(self, work_dir: str, step: int) -> bool:
        """Whether no other step scored better."""


class Outcome(NamedTuple):
    """How a run ended: the step it reached, which is saved, and the signal that stopped it, if one did."""

    step: int
    stopped_by: Optional[signal.Signals]


def train(
    *,
    work_dir: str,
    data: Clips,
    gan_step: Callable[[], GanStep],
    train_steps: int,
    seed: int = 0,
    strategy: str = 'one_device',
    peer_timeout_seconds: float = 600.0,
    precision: str = 'float32',
    deterministic: bool = False,
    steps_per_loop: int = 10,
    checkpoint_every: int = 1000,
    checkpoint_every_seconds: float = 600.0,
    keep_last: int = 3,
    keep_every: int = 0,
    summary_every: int = 100,
    preview_every: int = 1000,
    preview_clips: int = 16,
    preview_fps: float = 8.0,
    frechet: Optional[Callable[[Iterable], Frechet]] = None,
    frechet_every: int = 1000,
    evaluation: Optional[Evaluation] = None,
    evaluate_every: int = 10000,
) -> Outcome:
    """Trains until `train_steps`, or until SIGTERM or Ctrl-C, and saves before it returns.

    Args:
        work_dir: where checkpoints, summaries and previews go; a run found there is continued.
        data: the clips.
        gan_step: makes the step, and with it the networks and their optimizers.
        train_steps: generator steps at which training ends.
        seed: initial weights depend on this alone; that of the step decides the rest.
        strategy: see `strategy.make_strategy`.
        peer_timeout_seconds: how long `multi_worker` waits for another process; more than the chief takes for previews
            and scores, which it makes alone.
        precision: `float32`, `mixed_bfloat16`, or `mixed_float16`, which scales losses and needs a GPU.
        deterministic: asks TensorFlow for bit-identical results from run to run, which may be slower.
        steps_per_loop: most steps in one call of the loop function; signals and failures are seen between calls, so a
            call has fewer where they would take more than 15 seconds.
        checkpoint_every: steps between checkpoints.
        checkpoint_every_seconds: a checkpoint is also written when the last one is older than this.
        keep_last: newest checkpoints kept.
        keep_every: checkpoints of steps divisible by this are kept for ever; 0 for none.
        summary_every: steps between records of losses and speed, which are means over these steps.
        preview_every: steps between previews.
        preview_clips: clips in a preview.
        preview_fps: frames per second of a preview.
        frechet: makes the distance that is logged out of batches of real clips; None for none.
        frechet_every: steps between its measurements.
        evaluation: scores the averaged generator; the checkpoint of the step that it calls best is kept. A run killed
            within an evaluation has saved before it and goes on without it.
        evaluate_every: steps between evaluations.

    Returns:
        the step reached, which is saved, and the signal received, if any.

    Raises:
        InputError: an argument, the work directory or a checkpoint cannot be used, there is no room to write, or a loss
            or gradient stopped being finite; the newest checkpoint then is from before that.
    """
    often = checkpoint_every, summary_every, preview_every, frechet_every, evaluate_every
    counts = steps_per_loop, preview_clips, train_steps, *often
    if min(counts) < 1:
        raise InputError(f'train was given {min(counts)} steps or clips; every such number must be at least 1.')
    prepare_process(seed, precision, deterministic)
    distribution = make_strategy(strategy, peer_timeout_seconds)
    processes = Processes(distribution)
    if evaluation is not None and processes.several:
        raise InputError('evaluation within training is for one process; leave it to bin/evaluate, on checkpoints.')
    if evaluation is not None:
        evaluation.check(data)
    check_hardware(precision, device_type(distribution))
    with distribution.scope():
        step = gan_step()
    _check_fit(data, step.generator)
    checkpointer = Checkpointer(work_dir, state_of(step), keep_last, keep_every, checkpoint_every_seconds)
    restored = checkpointer.restore_newest()
    first = restored or 0
    processes.check_same(first)
    _LOG.info('%s: from step %d to step %d', work_dir, first, train_steps)
    log = RunLog(work_dir, first) if processes.is_chief else None
    recorder = Recorder(log, _networks(step), train_steps)
    call = make_loop_call(distribution, step, data, first, recorder.take)
    run = functools.partial(_run, first, train_steps, steps_per_loop, call, recorder, processes)
    if not processes.is_chief:
        periods = summary_every, checkpoint_every, preview_every, *([frechet_every] if frechet else [])
        return run([(every, _leave_to_the_chief) for every in periods], _leave_to_the_chief, lambda: False)
    data_facts.write(work_dir, data)
    previews = Previews(step.ema_generator, data.training(0, preview_clips, preview_clips), step.seed, preview_fps)
    together = data.training(0, _TOGETHER, _TOGETHER)
    average = AverageStatistics(step.ema_generator, together, step.seed)

    def of_average(action: Callable[[int], None]) -> Callable[[int], None]:
        def act(at: int) -> None:
            average.refresh(at)
            action(at)

        return act

    looks: List[_Action] = [(preview_every, of_average(lambda at: previews.show(log, at)))]
    if frechet is not None:
        quality = Quality(frechet, step.ema_generator, together, step.seed, log.last(CEILING))
        looks.append((frechet_every, of_average(lambda at: log.scalars(at, quality.measure(at)))))
    if restored is None:
        previews.show_real(log)
        for _, look in looks:
            look(0)
    save = of_average(checkpointer.save_if_new)
    actions = [(summary_every, recorder.record), (checkpoint_every, save), *looks]
    if evaluation is not None:

        def evaluate(at: int) -> None:
            save(at)
            log.scalars(at, evaluation(step.ema_generator, data, at, work_dir, distribution))
            if evaluation.is_best(work_dir, at):
                checkpointer.save_as_best(at)

        actions.append((evaluate_every, evaluate))
    return run(actions, save, checkpointer.is_old)


def _check_fit(data: Clips, generator: keras.Model) -> None:
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


def prepare_process(seed: int, precision: str, deterministic: bool) -> None:
    """Sets what TensorFlow keeps for the whole process: seeds, precision, determinism.

    Raises:
        InputError: there is no such precision.
    """
    set_precision(precision)
    keras.utils.set_random_seed(seed)
    if deterministic:
        tf.config.experimental.enable_op_determinism()


def state_of(step: GanStep) -> Dict[str, object]:
    """Everything of a step that a checkpoint holds; the data's position follows from the step."""
    return {
        **_networks(step),
        'ema_generator': step.ema_generator,
        'generator_optimizer': step.generator_optimizer,
        'discriminator_optimizer': step.discriminator_optimizer,
        'step': step.step,
    }


def _networks(step: GanStep) -> Dict[str, keras.Model]:
    return {'generator': step.generator, 'spatial': step.spatial, 'temporal': step.temporal}


def _run(
    first: int,
    train_steps: int,
    steps_per_loop: int,
    call: Callable[[int], None],
    recorder: Recorder,
    processes: Processes,
    actions: Sequence[_Action],
    save: Callable[[int], None],
    is_old: Callable[[], bool],
) -> Outcome:
    """Calls the loop so that every action falls between two calls, until the end or a signal, and saves."""
    at, seconds_per_step, stopping = first, math.inf, 0.0
    with StopRequest() as stop:
        while at < train_steps and not stopping:
            answering = max(1, int(_LONGEST_CALL_SECONDS / seconds_per_step))
            count = min(steps_per_loop, answering, train_steps - at, *(every - at % every for every, _ in actions))
            call(count)
            at += count
            for every, action in actions:
                if at % every == 0 or at == train_steps:
                    action(at)
            if is_old():
                save(at)
            stopping, seconds_per_step = processes.mean([stop.received is not None, recorder.seconds_per_step])
        save(at)
        processes.mean([0.0])  # nobody leaves before the chief has saved
    return Outcome(at, (stop.received or signal.SIGTERM) if stopping else None)


def _leave_to_the_chief(at: int) -> None:
    """What the other processes do where the chief saves, records and shows."""
