"""Clips into shards in the order of the listing. A shard whose index is there is finished and is not written again."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterable, Sequence
from typing import Any, Callable, Protocol

from dvdgan_tf.data import records, remote
from dvdgan_tf.errors import InputError
from dvdgan_tf.prepare.encoded_clip import EncodedClip
from dvdgan_tf.prepare.listing import SourceClip
from dvdgan_tf.prepare.manifest import mixed_channels
from dvdgan_tf.prepare.shards import ShardWriter


@dataclasses.dataclass(frozen=True)
class FullShard:
    """When a shard ends: at about this size, or with this many clips."""

    shard_megabytes: float = 256.0
    shard_clips: int | None = None

    def holds(self, size: int, clips: int) -> bool:
        """Whether a shard of so many bytes and clips is full."""
        return size >= self.shard_megabytes * 1e6 or (self.shard_clips is not None and clips >= self.shard_clips)


class Counts(Protocol):
    """What is counted while clips are written."""

    resumed: int
    done: int
    skipped: int
    frames: int


class SplitWriter:
    """Writes splits, one after the other, behind what is finished.

    `headers` are the first lines of the indexes of all shards, `skipped` what could not be stored and why.
    """

    def __init__(self, output: str, full: FullShard, counts: Counts, report: Callable[[Counts], None]):
        self._output = output
        self._full = full
        self._counts = counts
        self._report = report
        self._channels = set()
        self.headers = []
        self.skipped = []

    def write(
        self,
        split: str,
        clips: Sequence[SourceClip],
        encoded: Callable[[Sequence[SourceClip]], Iterable[tuple[SourceClip, EncodedClip | str]]],
    ) -> None:
        """Writes one split; `encoded` gives clips with their frames, or with the reason why they have none.

        Raises:
            InputError: grey clips beside coloured ones.
        """
        finished = finished_shards(self._output, split)
        for header in finished:
            self._close(header)
        number, position = len(finished), finished[-1]['next'] if finished else 0
        self._counts.resumed += position
        writer, fresh = None, []
        try:
            for clip, result in encoded(clips[position:]):
                position += 1
                self._counts.done += 1
                if isinstance(result, str):
                    fresh.append({'name': clip.name, 'reason': result})
                    self._counts.skipped += 1
                else:
                    writer = writer or ShardWriter(self._output, split, number)
                    self._add(writer, clip, result)
                self._report(self._counts)
                if writer and (position == len(clips) or self._full.holds(writer.bytes, writer.clips)):
                    self._close(writer.finish({'next': position, 'skipped': fresh}))
                    number, writer, fresh = number + 1, None, []
        finally:
            if writer:
                writer.abandon()
        self.skipped += fresh

    def _add(self, writer: ShardWriter, clip: SourceClip, result: EncodedClip) -> None:
        self._channels.add(result.facts['channels'])
        if len(self._channels) > 1:
            raise InputError(mixed_channels(f'{clip.name} and the clips before it'))
        self._counts.frames += writer.add(result.parts(), clip.label, clip.name, result.facts)
        result.discard()

    def _close(self, header: dict[str, Any]) -> None:
        self.headers.append(header)
        self.skipped += header['skipped']


def finished_shards(output: str, split: str) -> list[dict[str, Any]]:
    """The first lines of the indexes of the shards that are complete."""
    shards = []
    while (header := _finished(output, records.shard_name(split, len(shards)))) is not None:
        shards.append(header)
    return shards


def _finished(output: str, shard: str) -> dict[str, Any] | None:
    try:
        index = records.read_index(output, shard)
    except InputError:
        return None  # damaged since: the shard is written again
    if index is None or remote.size_of(f'{output}/{shard}') != index[0]['bytes']:
        return None
    return index[0]
