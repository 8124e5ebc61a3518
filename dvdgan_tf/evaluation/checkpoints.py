"""Many checkpoints of one or several runs: scored one after the other, what fails said and passed over."""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from typing import Protocol

from dvdgan_tf.errors import InputError
from dvdgan_tf.evaluation.results.curve import Curves, Results, curves

_EVERY = re.compile(r'every:([1-9]\d*)')
_BINDING = re.compile(r'^([\w./]+) = (.*)$', re.MULTILINE)
# In what the runs of one experiment may differ.
_FREE = re.compile(r'(SEED|TRAIN_STEPS|DATA_DIR|STRATEGY)$|(.*\.)?(train|ProtocolScores|Checkpoints|Previews)\..*')


class Run(Protocol):
    """A work directory whose checkpoints are scored.

    Attributes:
        config_text: its configuration.
    """

    config_text: str

    def score(self, step: int) -> Results:
        """The results of the checkpoint of this step.

        Raises:
            InputError: it is gone or damaged, or cannot be scored.
        """


def choose_steps(wanted: str, saved: Sequence[int], work_dir: str) -> list[int]:
    """The steps of a work directory that are asked for.

    Args:
        wanted: `all`, steps separated by commas, or `every:N` for those divisible by N.
        saved: steps of which there are checkpoints.
        work_dir: named in errors.

    Raises:
        InputError: `wanted` is none of these, or there are no such checkpoints.
    """
    every = _EVERY.fullmatch(wanted)
    if wanted == 'all':
        chosen = list(saved)
    elif every:
        chosen = [step for step in saved if step % int(every[1]) == 0]
    elif re.fullmatch(r'\d+(,\d+)*', wanted):
        chosen = sorted({int(step) for step in wanted.split(',')})
    else:
        raise InputError(f'--checkpoints is {wanted!r}; give all, steps like 1000,2000, or every:1000.')
    if not chosen:
        known = ', '.join(map(str, saved)) or 'none'
        raise InputError(f'{work_dir} holds no checkpoint that --checkpoints={wanted} asks for; it has {known}.')
    return chosen


def score_all(
    work_dirs: Sequence[str],
    open_run: Callable[[str], Run],
    steps_of: Callable[[str], Sequence[int]],
    problem: Callable[[str], None],
) -> list[Curves]:
    """Scores every checkpoint asked for.

    Args:
        work_dirs: of the runs.
        open_run: opens one.
        steps_of: steps to score of one.
        problem: takes one sentence for what cannot be scored; the rest is.

    Returns:
        Curves of the runs of each configuration: runs that differ in more than their seed are not averaged.
    """
    groups: dict[frozenset, dict[str, dict[int, Results]]] = {}
    for work_dir in dict.fromkeys(work_dirs):
        try:
            steps = steps_of(work_dir)
            run = open_run(work_dir)
        except InputError as error:
            problem(f'{work_dir} is left out: {error}')
            continue
        scored: dict[int, Results] = {}
        for step in steps:
            try:
                scored[step] = run.score(step)
            except InputError as error:
                problem(f'step {step} of {work_dir} is left out: {error}')
        if scored:
            _add(groups, _bindings(run.config_text), work_dir, scored, problem)
    return [curves(group) for group in groups.values()]


def _add(
    groups: dict[frozenset, dict], own: frozenset, work_dir: str, scored: dict, problem: Callable[[str], None]
) -> None:
    """Adds a run to those of its configuration, and says where it is not that of the first."""
    if groups and own not in groups:
        first = next(iter(groups))
        names = ', '.join(sorted({name for name, _ in own ^ first}))
        first_dir = next(iter(groups[first]))
        problem(f'{work_dir} is of another configuration than {first_dir} ({names}): their scores are not averaged.')
    groups.setdefault(own, {})[work_dir] = scored


def _bindings(text: str) -> frozenset[tuple[str, str]]:
    return frozenset(pair for pair in _BINDING.findall(text) if not _FREE.fullmatch(pair[0]))
