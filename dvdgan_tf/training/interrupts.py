"""Stopping on request: SIGTERM and Ctrl-C are noted, and the loop ends where it can save."""

import logging
import signal
import threading
from types import FrameType
from typing import Dict, Optional

_LOG = logging.getLogger(__name__)
_SIGNALS = (signal.SIGTERM, signal.SIGINT)


class StopRequest:
    """Inside its `with` block the first SIGTERM or SIGINT is only noted; the second does what it always did.

    Outside the main thread Python delivers no signals, so nothing is installed there.
    """

    def __init__(self) -> None:
        self.received: Optional[signal.Signals] = None
        self._previous: Dict[int, object] = {}

    def __enter__(self) -> 'StopRequest':
        if threading.current_thread() is threading.main_thread():
            self._previous = {number: signal.signal(number, self._note) for number in _SIGNALS}
        return self

    def __exit__(self, *_: object) -> None:
        self._restore()

    def _note(self, number: int, frame: Optional[FrameType]) -> None:
        self.received = signal.Signals(number)
        self._restore()
        _LOG.warning('%s: finishing this loop call, then saving; send it again to stop at once.', self.received.name)

    def _restore(self) -> None:
        for number, handler in self._previous.items():
            signal.signal(number, handler)
        self._previous = {}
