"""The one form of progress lines: how far, how fast, and how long still; and how often they are shown."""

from __future__ import annotations

import logging
import time

_EVERY_SECONDS = 60.0
_FIRST_SECONDS = 600.0


class ProgressLine(str):
    """A line that the next one of its kind replaces, unless it is the last."""

    last = False


class Seldom(logging.Filter):
    """For output that nobody watches: progress lines of the first ten minutes, then one a minute and the last."""

    def __init__(self) -> None:
        super().__init__()
        self._shown = self._began = time.monotonic()

    def filter(self, record: logging.LogRecord) -> bool:
        """Whether this record is shown."""
        now = time.monotonic()
        early = now - self._began < _FIRST_SECONDS or now - self._shown >= _EVERY_SECONDS
        if isinstance(record.msg, ProgressLine):
            if not (early or record.msg.last):
                return False
            self._shown = now
        return True


def progress_line(what: str, done: int, total: int, speed: str, seconds_left: float, *details: str) -> ProgressLine:
    """One line for a person, such as `step 100/800  2.3 step/s  5 min 04 s left  generator 1.2`."""
    line = ProgressLine('  '.join([f'{what} {done}/{total}', speed, f'{duration(seconds_left)} left', *details]))
    line.last = done >= total
    return line


def duration(seconds: float) -> str:
    """A duration in its two largest units, like `2 h 05 min`."""
    minutes, rest = divmod(int(round(seconds)), 60)
    hours, minutes = divmod(minutes, 60)
    days, hours = divmod(hours, 24)
    if days:
        return f'{days} d {hours:02d} h'
    if hours:
        return f'{hours} h {minutes:02d} min'
    return f'{minutes} min {rest:02d} s' if minutes else f'{rest} s'
