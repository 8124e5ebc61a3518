"""Whether a run is sick: what its records say, a sentence for each illness, with what to do about it.

The checks read what is recorded anyway, besides `clip_health.py`, which looks at a few clips with every preview. The
limits were chosen so that the runs of docs/results stay silent. Not in the paper; docs/running.md explains each.
"""

from __future__ import annotations

import dataclasses
import logging
import statistics
from collections.abc import Iterator, Mapping, Sequence

from dvdgan_tf.errors import InputError
from dvdgan_tf.work_dir.run_log import RunLog

_LOG = logging.getLogger(__name__)

Records = Sequence[Mapping[str, float]]

_SATURATED_LOSS = 0.05  # of the hinge loss, which is 2 where a discriminator knows nothing
_FEWEST_RECORDS = 5  # that an illness shows in, or that a normal value is taken from
_BEFORE = 20  # records that a growth is measured against
_LARGE_VALUE = 1000.0  # of losses and logits, which are a few units in a run that learns
_LARGE_SIGMA, _HUGE_SIGMA = 20.0, 1000.0
_GROWTH_OF_VALUES, _GROWTH_OF_SIGMAS, _GROWTH_OF_STATES = 30.0, 3.0, 100.0
_LITTLE = 0.1  # of the diversity or the motion of real clips
_WAITING = 0.3  # share of the time


@dataclasses.dataclass(frozen=True)
class Health:
    """When a run is called sick, and what happens then besides a warning.

    Attributes:
        saturated_steps: a discriminator has won when its loss stays under 0.05 for so many steps.
        stop: whether a run that falls sick is saved and stopped.
    """

    saturated_steps: int = 1000
    stop: bool = False


class Watch:
    """Warns, once each time, when a run falls sick.

    Args:
        health: what counts as sick.
        log: of the run, whose newest records are judged; None in a process that leaves this to another.

    Raises:
        InputError: saturated_steps is below 1.
    """

    def __init__(self, health: Health, log: RunLog | None) -> None:
        if health.saturated_steps < 1:
            raise InputError(f'saturated_steps of Health is {health.saturated_steps}; give 1 or more.')
        self._health, self._log = health, log
        self._known = set(self._found())
        self.stops = False

    def __call__(self, step: int) -> None:
        """Judges the records up to this step."""
        found = self._found()
        for check, sentence in found.items():
            if check not in self._known:
                _LOG.warning('WARNING: step %d: %s', step, sentence)
                self._log.warning(step, check, sentence)
                self.stops = self.stops or self._health.stop
        self._known = set(found)

    def _found(self) -> dict[str, str]:
        return {} if self._log is None else illnesses(tuple(self._log.recent), self._health.saturated_steps)


def illnesses(records: Records, saturated_steps: int) -> dict[str, str]:
    """What is wrong with a run by the newest of its records: name of the check to a sentence that says what to do."""
    steps = [record for record in records if 'loss/spatial' in record]
    found = {
        'saturated': _saturated(steps, saturated_steps),
        'growth': _growth(steps),
        'sigma': _sigma(steps),
        'waiting': _waiting(steps),
        'states': _states(records),
        'collapse': _little(records, 'health/diversity', _COLLAPSED),
        'frozen': _little(records, 'health/motion', _FROZEN),
    }
    return {check: sentence for check, sentence in found.items() if sentence}


_COLLAPSED = (
    'clips of one class are nearly the same: their diversity is {:.2f} of that of real clips, twice in a row; go on '
    'from a checkpoint before that with lower learning rates, or begin anew with a larger GLOBAL_BATCH.'
)
_FROZEN = (
    'generated clips hardly move: {:.2f} of the motion of real clips, twice in a row; look at the loss of the temporal '
    'discriminator: where it is near 0 lower the learning rate of the discriminators, where it is near 2 raise it.'
)


def _saturated(steps: Records, saturated_steps: int) -> str | None:
    won = [name for name in ('spatial', 'temporal') if _low_for(steps, f'loss/{name}') >= saturated_steps]
    if not won:
        return None
    return (
        f'the {" and the ".join(won)} discriminator has won: a loss under {_SATURATED_LOSS:g} for {saturated_steps} '
        'steps or more leaves the generator nothing to learn from; lower discriminator/optimizers.Adam.learning_rate, '
        'or with few clips set models.DiscriminatorInputs.augmentation.'
    )


def _low_for(steps: Records, name: str) -> int:
    """The steps since a loss was last recorded above the limit, 0 where too few records say so."""
    low = 0
    for record in reversed(steps):
        if not record[name] < _SATURATED_LOSS:
            return steps[-1]['step'] - record['step'] if low >= _FEWEST_RECORDS else 0
        low += 1
    return steps[-1]['step'] if low >= _FEWEST_RECORDS else 0


def _growth(steps: Records) -> str | None:
    """Losses and logits beyond any that a run which learns has, or gradients that grow as well."""
    for name, value, before in _newest(steps, ('loss/', 'logits/', 'gradient_norm/')):
        grown = before is not None and value > _GROWTH_OF_VALUES * before
        if value > _LARGE_VALUE and (grown or not name.startswith('gradient_norm/')):
            return (
                f'{name} has grown to {value:.3g} and will soon not be finite; stop, and go on from a checkpoint '
                'before that with lower learning rates (docs/running.md).'
            )
    return None


def _sigma(steps: Records) -> str | None:
    for name, value, before in _newest(steps, ('sigma/',)):
        grown = before is not None and value > _LARGE_SIGMA and value > _GROWTH_OF_SIGMAS * before
        if name.endswith('_largest') and (grown or value > _HUGE_SIGMA):
            return (
                f'{name}, the largest spectral norm, has grown to {value:.3g}; go on from a checkpoint before that '
                'with a lower learning rate of that network.'
            )
    return None


def _newest(steps: Records, groups: tuple[str, ...]) -> Iterator[tuple[str, float, float | None]]:
    """Name and magnitude of the newest values of some groups, and the median of those before, None if these are few."""
    for name, value in steps[-1].items() if steps else ():
        if name.startswith(groups):
            earlier = [abs(record[name]) for record in steps[-_BEFORE - 1 : -1] if name in record]
            yield name, abs(value), statistics.median(earlier) if len(earlier) >= _FEWEST_RECORDS else None


def _waiting(steps: Records) -> str | None:
    shares = [record.get('health/waiting', 0.0) for record in steps[-_FEWEST_RECORDS:]]
    if len(shares) < _FEWEST_RECORDS or min(shares) < _WAITING:
        return None
    return (
        f'training waits for clips {statistics.mean(shares):.0%} of the time; bring the data nearer or prepare them at '
        'the size that is trained, give the machine more cores, or see bin/benchmark --what=data.'
    )


def _states(records: Records) -> str | None:
    growth = [record['states/growth'] for record in records if 'states/growth' in record]
    if not growth or growth[-1] < _GROWTH_OF_STATES:
        return None
    return (
        f'the states of a ConvGRU grow {growth[-1]:.0f}-fold from the first to the last frame of a clip; go on from a '
        'checkpoint before that with a lower learning rate of the generator.'
    )


def _little(records: Records, name: str, sentence: str) -> str | None:
    """What is said when two looks in a row find little of something."""
    newest = [record[name] for record in records if name in record][-2:]
    return sentence.format(newest[-1]) if len(newest) == 2 and max(newest) < _LITTLE else None
