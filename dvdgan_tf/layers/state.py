"""State that a forward pass changes: moving averages and the vectors of spectral normalisation.

A layer called with `training=True` does not assign to its state itself, it calls `update(variable, value)`. Normally
that assigns at once. Inside `collected()` the updates are kept instead, so that a caller can drop them (the
discriminator's update must leave the generator alone) or apply them later (a recomputed block must not update twice).
"""

from __future__ import annotations

import contextlib
import threading
from collections.abc import Iterator

import tensorflow as tf

Update = tuple[tf.Variable, tf.Tensor]


class _Collectors(threading.local):
    """Open collectors of this thread; MirroredStrategy runs each replica in a thread of its own."""

    def __init__(self) -> None:
        self.stack: list[list[Update]] = []


_collectors = _Collectors()


def update(variable: tf.Variable, value: tf.Tensor) -> None:
    """Assigns `value` to `variable`, or hands both to the innermost open `collected()`."""
    if _collectors.stack:
        _collectors.stack[-1].append((variable, value))
    else:
        variable.assign(value)


@contextlib.contextmanager
def collected() -> Iterator[list[Update]]:
    """Keeps the updates made inside the block in the list it yields, instead of assigning them."""
    updates: list[Update] = []
    _collectors.stack.append(updates)
    try:
        yield updates
    finally:
        _collectors.stack.pop()
