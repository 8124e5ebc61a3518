"""The one form of progress lines: how far, how fast, and how long still."""

from __future__ import annotations


def progress_line(what: str, done: int, total: int, speed: str, seconds_left: float, *details: str) -> str:
    """One line for a person, such as `step 100/800  2.3 step/s  5 min 04 s left  generator 1.2`."""
    return '  '.join([f'{what} {done}/{total}', speed, f'{duration(seconds_left)} left', *details])


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
