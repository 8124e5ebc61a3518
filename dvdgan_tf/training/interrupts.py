"""Stopping on request: SIGTERM and Ctrl-C are noted, and the loop ends where it can save."""

from __future__ import annotations

import contextlib
import logging
import os
import signal
import threading
from collections.abc import Iterator
from types import FrameType

_LOG = logging.getLogger(__name__)
_SIGNALS = (signal.SIGTERM, signal.SIGINT)


class StopRequest:
    """Inside its `with` block the first SIGTERM or SIGINT is only noted; the second ends the process at once.

    The kernel does that, so that neither a long operation nor what Python has to tidy up stands in the way. Outside the
    main thread Python delivers no signals, so nothing is installed there.
    """

    def __init__(self) -> None:
        self.received: signal.Signals | None = None
        self._previous: dict[int, object] = {}

    def __enter__(self) -> StopRequest:
        self._previous = _install(self._note)
        return self

    def __exit__(self, *_: object) -> None:
        _put_back(self._previous)

    def _note(self, number: int, frame: FrameType | None) -> None:
        for each in _SIGNALS:
            signal.signal(each, signal.SIG_DFL)
        self.received = self.received or signal.Signals(number)
        _LOG.warning('%s: finishing this loop call, then saving; send it again to stop at once.', self.received.name)


@contextlib.contextmanager
def ended_at_once() -> Iterator[None]:
    """Inside this block SIGTERM and SIGINT end the process, with a sentence: for where there is nothing to save."""

    def end(number: int, frame: FrameType | None) -> None:
        name = signal.Signals(number).name
        said = f'{name} outside of the training loop: what was saved before stays; give the same command again.\n'
        os.write(2, said.encode())
        os._exit(128 + number)

    previous = _install(end)
    try:
        yield
    finally:
        _put_back(previous)


def _install(handler: object) -> dict[int, object]:
    """The handlers that were there before."""
    if threading.current_thread() is not threading.main_thread():
        return {}
    return {number: signal.signal(number, handler) for number in _SIGNALS}


def _put_back(previous: dict[int, object]) -> None:
    for number, handler in previous.items():
        # TensorFlow installs some that Python does not know and calls None.
        signal.signal(number, signal.SIG_DFL if handler is None else handler)
