"""The progress of training: mean losses, whether they are finite, speed, and the line that is printed."""

from __future__ import annotations

import logging
import math
import time

import tensorflow as tf

from dvdgan_tf.errors import InputError
from dvdgan_tf.progress import progress_line
from dvdgan_tf.training.device_loop import age_seconds
from dvdgan_tf.work_dir.run_log import RunLog, sigmas

_LOG = logging.getLogger(__name__)
_SMOOTHING = 0.8


class Recorder:
    """Averages what the loop reports, watches that it stays finite, and writes it down with the progress line.

    Args:
        log: where it is recorded; None in a process that leaves recording to another.
        networks: name to network; the sigmas of its kernels are recorded too.
        train_steps: the step at which training ends.
    """

    def __init__(self, log: RunLog | None, networks: dict[str, tf.Module], train_steps: int) -> None:
        self._log = log
        self._networks = networks
        self._train_steps = train_steps
        self._speed = Speed()
        self._totals: dict[str, float] = {}
        self._steps = 0

    def take(
        self, totals: dict[str, tf.Tensor], broken_at: tf.Tensor, read_at: tf.Tensor, count: int, called_at: float
    ) -> None:
        """Takes in what one loop call of `count` steps, made at `called_at` of the monotonic clock, returned.

        Raises:
            InputError: something was not finite.
        """
        values = {name: float(total) for name, total in totals.items()}
        if int(broken_at) >= 0:
            names = ', '.join(name for name, value in values.items() if not math.isfinite(value))
            raise InputError(
                f'not finite at step {int(broken_at)}: {names}; the checkpoints from before are kept; go on from them '
                'with lower learning rates, or start in a new work directory with another seed.'
            )
        self._speed.record(count, time.monotonic() - called_at, age_seconds(float(read_at)))
        self._steps += count
        self._totals = {name: self._totals.get(name, 0.0) + value for name, value in values.items()}

    @property
    def seconds_per_step(self) -> float:
        """The speed, smoothed; after the first call it includes tracing."""
        return self._speed.seconds_per_step

    def record(self, step: int) -> None:
        """Writes the means since the last record and prints the progress line, unless that is left to another."""
        if self._log is None:
            return
        means = {name: total / self._steps for name, total in self._totals.items()}
        self._totals, self._steps = {}, 0
        others = {'time/seconds_per_step': self.seconds_per_step, **self._speed.taken_waiting()}
        self._log.scalars(step, {**means, **self._sigmas(), **others})
        left = (self._train_steps - step) * self.seconds_per_step
        losses = [f'{name.split("/")[1]} {value:.3f}' for name, value in means.items() if name.startswith('loss/')]
        speed = f'{1 / self.seconds_per_step:.3g} step/s'
        _LOG.info(progress_line('step', step, self._train_steps, speed, left, ' '.join(losses)))

    def _sigmas(self) -> dict[str, float]:
        return {
            f'sigma/{network}_{which}': value
            for network, model in self._networks.items()
            for which, value in sigmas(model).items()
        }


class Speed:
    """Seconds per step, smoothed over loop calls, and the share of them that clips were waited for.

    The first call includes tracing; it is forgotten with the second.
    """

    def __init__(self) -> None:
        self.seconds_per_step = 0.0
        self._calls = 0
        self._seconds = self._waited = 0.0

    def record(self, steps: int, seconds: float, age: float) -> None:
        """Takes in one loop call, whose last batch was read `age` seconds before it ended; NaN where nobody knows."""
        weight = _SMOOTHING if self._calls > 1 else 0.0
        self.seconds_per_step = weight * self.seconds_per_step + (1.0 - weight) * seconds / steps
        if self._calls and not math.isnan(age):
            # A last batch that was waited for is as old as one step takes to compute, and one that was ready is older:
            # what so many steps would not have taken was waiting. So nothing is asked of the device within a call.
            self._seconds += seconds
            self._waited += max(0.0, seconds - steps * age)
        self._calls += 1

    def taken_waiting(self) -> dict[str, float]:
        """`health/waiting` since it was last asked for, in [0, 1]; nothing where nothing was measured."""
        if not self._seconds:
            return {}
        share = self._waited / self._seconds
        self._seconds = self._waited = 0.0
        return {'health/waiting': share}
