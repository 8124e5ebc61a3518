"""Decoding and encoding of clips, in this process or in several, always in the order asked for."""

import collections
import concurrent.futures
import contextlib
import dataclasses
import hashlib
import multiprocessing
import multiprocessing.connection
import os
import signal
import threading
from concurrent.futures.process import BrokenProcessPool
from typing import Any, Callable, Iterator, Optional, Sequence, Union

from dvdgan_tf.prepare.encoding import encode_frame
from dvdgan_tf.prepare.frames import clip_frames
from dvdgan_tf.prepare.listing import BadClip, Rules, SourceClip


@dataclasses.dataclass(frozen=True)
class Encoded:
    """A clip ready to be written: its encoded frames and the facts for the index."""

    frames: list[bytes]
    channels: int
    facts: dict[str, Any]


def encode_clip(clip: SourceClip, rules: Rules) -> Union[Encoded, str]:
    """The clip's frames as they will be stored, or the reason why it cannot be."""
    frames, digest, shape, rate, damaged = [], hashlib.sha256(), None, 0.0, 0
    try:
        for frame, fps, bad in clip_frames(clip, rules):
            if shape not in (None, frame.shape):
                return f'changes its size from {shape} to {frame.shape} at frame {len(frames)}'
            shape = frame.shape
            frames.append(encode_frame(frame, rules))
            digest.update(len(frames[-1]).to_bytes(4, 'little'))
            digest.update(frames[-1])
            rate = fps
            damaged += bad
    except BadClip as reason:
        return str(reason)
    if len(frames) < 2:
        return 'holds a single frame, which is no clip' if frames else 'holds no frame'
    facts = {
        'height': shape[0],
        'width': shape[1],
        'fps': round(rate, 3),
        'group': clip.group,
        'hash': digest.hexdigest(),
    }
    if damaged:
        facts['damaged_frames'] = damaged
    return Encoded(frames, shape[2], facts)


@contextlib.contextmanager
def encoders(processes: int) -> Iterator[Callable]:
    """A function from clips to (clip, result) in their order."""
    if processes == 1:
        yield lambda clips, rules: ((clip, encode_clip(clip, rules)) for clip in clips)
        return
    pool = _Pool(processes)
    try:
        yield pool.encode
    finally:
        pool.close()


def _start_process() -> None:
    """Ctrl-C is the parent's business; its end, however it comes, is the end of this process."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    threading.Thread(target=_end_with_parent, daemon=True).start()


def _end_with_parent() -> None:
    multiprocessing.connection.wait([multiprocessing.parent_process().sentinel])
    os._exit(1)


class _Pool:
    """Processes that encode clips. A clip that brings its process down is named as bad, and the others go on."""

    def __init__(self, processes: int):
        self._processes = processes
        self._work = encode_clip
        self._open()

    def _open(self, processes: Optional[int] = None) -> None:
        self._executor = concurrent.futures.ProcessPoolExecutor(
            processes or self._processes,
            # A fork of a process in which TensorFlow runs threads may hang.
            multiprocessing.get_context('spawn'),
            initializer=_start_process,
        )

    def close(self) -> None:
        self._executor.shutdown(wait=True, cancel_futures=True)

    def encode(self, clips: Sequence[SourceClip], rules: Rules) -> Iterator[tuple[SourceClip, Union[Encoded, str]]]:
        """(clip, result) for every clip, in order, a few clips ahead of what is asked for."""
        waiting, ahead = collections.deque(), iter(clips)
        while True:
            while len(waiting) < 3 * self._processes and (clip := next(ahead, None)) is not None:
                waiting.append((clip, self._submit(clip, rules)))
            if not waiting:
                return
            clip, future = waiting.popleft()
            try:
                result = future.result()
            except BrokenProcessPool:
                result = self._alone(clip, rules)
                waiting = collections.deque((other, self._submit(other, rules)) for other, _ in waiting)
            yield clip, result

    def _submit(self, clip: SourceClip, rules: Rules) -> concurrent.futures.Future:
        try:
            return self._executor.submit(self._work, clip, rules)
        except BrokenProcessPool as error:
            failed = concurrent.futures.Future()
            failed.set_exception(error)
            return failed

    def _alone(self, clip: SourceClip, rules: Rules) -> Union[Encoded, str]:
        """The clip in a process of its own, to learn whether it was this one that broke the pool."""
        self.close()
        self._open(1)
        try:
            return self._executor.submit(self._work, clip, rules).result()
        except BrokenProcessPool:
            return 'ends the decoding process (a crash of the decoder, or out of memory)'
        finally:
            self.close()
            self._open()
