"""When a run is saved, shown and scored: things with a period and an action, and what of them a kill can lose."""

from __future__ import annotations

import dataclasses
import json
import os
from typing import Callable

import tensorflow as tf

from dvdgan_tf import files
from dvdgan_tf.distribute.strategy import Processes

LOOKS_FILE = 'looks.json'


@dataclasses.dataclass(frozen=True)
class Checkpoints:
    """When a run is saved, and which checkpoints it keeps.

    Attributes:
        every: steps from one checkpoint to the next.
        every_seconds: one is also written when the last one is older than this.
        keep_last: newest checkpoints kept.
        keep_every: checkpoints of steps divisible by this are kept for ever; 0 for none.
    """

    every: int = 1000
    every_seconds: float = 600.0
    keep_last: int = 3
    keep_every: int = 0


@dataclasses.dataclass(frozen=True)
class Previews:
    """When and how clips of the averaged generator are shown.

    Attributes:
        every: steps from one preview to the next.
        clips: how many clips there are in one.
        fps: frames per second.
    """

    every: int = 1000
    clips: int = 16
    fps: float = 8.0


@dataclasses.dataclass(frozen=True)
class Trigger:
    """Something that is done every so many steps, and at the last one.

    Attributes:
        every: steps from one time to the next, at least 1.
        last: the step at which training ends.
        act: what is done, given the step.
    """

    every: int
    last: int
    act: Callable[[int], None]

    def __call__(self, step: int) -> None:
        """Acts if this step is one of those."""
        if self.is_due(step):
            self.act(step)

    def is_due(self, step: int) -> bool:
        """Whether something is to be done at this step."""
        return step % self.every == 0 or step == self.last

    def begin(self, restored: int | None) -> None:
        """Before the first step of a new run, or of one that goes on from a restored step: nothing."""

    def steps_left(self, step: int) -> int:
        """Steps until the next time."""
        return self.every - step % self.every


@dataclasses.dataclass(frozen=True)
class Look(Trigger):
    """A trigger whose result follows from the checkpoint of its step, so that a resumed run can make it up.

    Attributes:
        name: of its result.
        done: where it is noted that a step has had its look.
    """

    name: str
    done: LooksDone

    def __call__(self, step: int) -> None:
        """Acts if this step is one of those, and notes it."""
        if self.is_due(step):
            self.act(step)
            self.done.note(self.name, step)

    def begin(self, restored: int | None) -> None:
        """Looks at a new run's generator before its first step, and at a restored one where a kill lost that."""
        if restored is None or (self.is_due(restored) and self.done.lacks(self.name, restored)):
            self.act(restored or 0)
            self.done.note(self.name, restored or 0)


class LooksDone:
    """Which step each kind of look was last taken at, kept in the work directory by the process that writes there.

    Args:
        work_dir: the work directory.
        processes: those that train together.
    """

    def __init__(self, work_dir: str, processes: Processes) -> None:
        self._path = os.path.join(work_dir, LOOKS_FILE)
        self._processes = processes

    def lacks(self, name: str, step: int) -> bool:
        """Whether the look of this step was not taken, by what the writing process knows; all must ask.

        A run without the file was made by version 0.1, which kept none: nothing is made up.
        """
        lacking = self._processes.is_chief and tf.io.gfile.exists(self._path) and self._read().get(name) != step
        return self._processes.mean([float(lacking)]) != [0.0]

    def note(self, name: str, step: int) -> None:
        """Keeps that the look of this step was taken.

        Raises:
            InputError: there is no room, or no permission, to write.
        """
        if not self._processes.is_chief:
            return
        known = self._read() if tf.io.gfile.exists(self._path) else {}
        files.write_atomically(self._path, json.dumps({**known, name: step}) + '\n')

    def _read(self) -> dict[str, int]:
        """What is known; a damaged file knows nothing, so that looks are taken again."""
        with tf.io.gfile.GFile(self._path) as file:
            try:
                known = json.load(file)
            except ValueError:
                return {}
        return known if isinstance(known, dict) else {}
