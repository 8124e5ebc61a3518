"""Decoding and encoding of clips, in this process or in several, always in the order asked for."""

from __future__ import annotations

import collections
import contextlib
import multiprocessing
import multiprocessing.connection
import os
import signal
import threading
from collections.abc import Iterable, Iterator
from typing import Callable, Union

import pebble

from dvdgan_tf.prepare.encoded_clip import EncodedClip, encode_clip
from dvdgan_tf.prepare.listing import Rules, SourceClip

Results = Iterator[tuple[SourceClip, Union[EncodedClip, str]]]


@contextlib.contextmanager
def encoders(
    processes: int, scratch: str, work: Callable[[SourceClip, Rules, str], EncodedClip | str] = encode_clip
) -> Iterator[Callable[[Iterable[SourceClip], Rules], Results]]:
    """A function from clips to (clip, result) in their order.

    Args:
        processes: how many work; with one it is this process.
        scratch: a folder for clips that are too large to be held in memory.
        work: what each does with a clip.
    """
    if processes == 1:
        yield lambda clips, rules: ((clip, work(clip, rules, scratch)) for clip in clips)
        return
    # A fork of a process in which TensorFlow runs threads may hang.
    context = multiprocessing.get_context('spawn')
    pool = pebble.ProcessPool(processes, initializer=_start_process, context=context)
    try:
        yield lambda clips, rules: _in_order(pool, 3 * processes, clips, rules, scratch, work)
    finally:
        pool.stop()
        pool.join()


def _in_order(
    pool: pebble.ProcessPool, ahead: int, clips: Iterable[SourceClip], rules: Rules, scratch: str, work: Callable
) -> Results:
    """(clip, result) for every clip, a few clips ahead of what is asked for."""
    waiting, rest = collections.deque(), iter(clips)
    while True:
        while len(waiting) < ahead and (clip := next(rest, None)) is not None:
            waiting.append((clip, pool.submit(work, None, clip, rules, scratch)))
        if not waiting:
            return
        clip, future = waiting.popleft()
        try:
            yield clip, future.result()
        except pebble.ProcessExpired:
            yield clip, 'ends the decoding process (a crash of the decoder, or out of memory)'


def _start_process() -> None:
    """Ctrl-C is the parent's business; its end, however it comes, is the end of this process."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    threading.Thread(target=_end_with_parent, daemon=True).start()


def _end_with_parent() -> None:
    multiprocessing.connection.wait([multiprocessing.parent_process().sentinel])
    os._exit(1)
