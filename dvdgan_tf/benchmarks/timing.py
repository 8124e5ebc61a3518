"""How long functions take, several measured side by side so that what else the machine does falls on all alike."""

from __future__ import annotations

import statistics
import time
from collections.abc import Mapping
from typing import Callable, NamedTuple

import tensorflow as tf


class Times(NamedTuple):
    """Medians of a call: seconds by the clock and CPU seconds of all threads."""

    seconds: float
    cpu: float


def side_by_side(functions: Mapping[str, Callable[[], object]], times: int) -> dict[str, Times]:
    """Calls each once, then all in turn so many times; a call ends when its results are there."""
    for function in functions.values():
        finish(function())
    measured: dict[str, list[tuple[float, float]]] = {name: [] for name in functions}
    for _ in range(times):
        for name, function in functions.items():
            clock, cpu = time.perf_counter(), time.process_time()
            finish(function())
            measured[name].append((time.perf_counter() - clock, time.process_time() - cpu))
    return {name: Times(*(statistics.median(column) for column in zip(*rows))) for name, rows in measured.items()}


def finish(results: object) -> None:
    """Waits until these tensors are there."""
    tf.nest.map_structure(lambda value: value.numpy(), results)
