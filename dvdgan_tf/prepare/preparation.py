"""From a listing to a folder of records: decoded in parallel, written in order, continued after a kill.

Clips are decoded and encoded by processes and written by this one in the order of the listing, so the shards are the
same bytes however many processes work. A shard whose index is there is finished; a run that finds some goes on behind
the last.
"""

from __future__ import annotations

import dataclasses
import json
import re
import time
from collections.abc import Iterator, Sequence
from typing import Any, Callable

from dvdgan_tf import files
from dvdgan_tf.data import records, remote
from dvdgan_tf.errors import InputError
from dvdgan_tf.prepare import job, workers
from dvdgan_tf.prepare.listing import Listing, Rules, SourceClip, printable
from dvdgan_tf.prepare.manifest import write_manifest
from dvdgan_tf.prepare.split_writer import FullShard, SplitWriter
from dvdgan_tf.progress import progress_line


@dataclasses.dataclass
class Progress:
    """How far a preparation is; counts since the start of this run, with those of earlier runs in `resumed`."""

    total: int
    resumed: int = 0
    done: int = 0
    skipped: int = 0
    frames: int = 0
    started: float = dataclasses.field(default_factory=time.monotonic)

    @property
    def finished(self) -> bool:
        """Whether every clip has been dealt with."""
        return self.resumed + self.done >= self.total

    def line(self) -> str:
        """One line for a person."""
        seconds = time.monotonic() - self.started
        rest = self.total - self.resumed - self.done
        speed = f'{self.frames / max(seconds, 1e-9):.0f} frames/s'
        left = rest * seconds / max(1, self.done)
        return progress_line('clip', self.resumed + self.done, self.total, speed, left, f'{self.skipped} skipped')


def prepare(
    listing: Listing,
    rules: Rules,
    output: str,
    *,
    source: dict[str, Any],
    value_range: tuple[float, float] = (0.0, 255.0),
    processes: int = 1,
    shard_megabytes: float = 256.0,
    shard_clips: int | None = None,
    report: Callable[[Progress], None] = lambda progress: None,
) -> dict[str, Any]:
    """Writes the records of a listing; goes on where an earlier, identical call was killed.

    Args:
        listing: the clips.
        rules: how to store them.
        output: a folder that is empty, absent, or holds a part of the same preparation.
        source: what was asked for, kept in the manifest.
        value_range: the values that become -1 and 1.
        processes: how many decode; the result does not depend on it.
        shard_megabytes: a shard ends when it has reached this size.
        shard_clips: a shard also ends with this many clips.
        report: called now and then with the progress.

    Returns:
        The manifest.

    Raises:
        InputError: another preparation in the folder, nothing that can be stored, or the folder cannot be written.
    """
    listing = printable(listing)
    check(listing, rules, source)
    remote.register(output)
    full = FullShard(shard_megabytes, shard_clips)
    with job.writing(output):
        job.claim(output, listing, rules, source, dataclasses.asdict(full))
        files.remove_orphans(output)
    if records.read_optional(f'{output}/{records.MANIFEST}') is not None:
        return records.read_manifest(output)
    progress = Progress(len(listing.clips))
    with job.writing(output), job.scratch(output) as scratch, workers.encoders(processes, scratch) as encoded:
        writer = SplitWriter(output, full, progress, report)
        for split, clips in by_split(listing):
            writer.write(split, clips, lambda rest: encoded(rest, rules))
        report(progress)
        return write_manifest(output, listing, rules, source, value_range, writer.headers, writer.skipped)


def skipped_clips(output: str) -> list[tuple[str, str]]:
    """(name, reason) of every clip that a finished preparation left out."""
    text = records.read_optional(f'{output}/skipped.jsonl') or ''
    return [(row['name'], row['reason']) for row in map(json.loads, text.split('\n')[:-1])]


def by_split(listing: Listing) -> Iterator[tuple[str, list[SourceClip]]]:
    """(name, clips) of every split, train first."""
    for split in sorted({clip.split for clip in listing.clips}, key=lambda split: (split != 'train', split)):
        yield split, [clip for clip in listing.clips if clip.split == split]


def check(listing: Listing, rules: Rules, source: dict[str, Any]) -> None:
    """Raises InputError for what can be known to be wrong before anything is decoded."""
    if not listing.clips:
        raise InputError(f'there is no clip in {source["input"]}: {_example(listing.absent)}.')
    if listing.dtype != 'uint8' and rules.encoding != 'raw':
        raise InputError(f'{listing.dtype} values do not fit into {rules.encoding}: give --encoding=raw.')
    for split in {clip.split for clip in listing.clips}:
        if not re.fullmatch(records.SPLIT_NAME, split):
            raise InputError(
                f'the split {split!r} cannot be the name of a file: use letters, digits, dots and dashes, as in train.'
            )
    if any(clip.kind in ('video', 'tar') for clip in listing.clips):
        _check_decoder(rules)


def _example(absent: Sequence[tuple[str, str]]) -> str:
    if not absent:
        return 'it is empty or holds none of the kinds of files that this source reads'
    return f'{len(absent)} were left out, for example {absent[0][0]}, which {absent[0][1]}'


def _check_decoder(rules: Rules) -> None:
    """Raises InputError unless this machine can decode videos as the rules say."""
    if rules.decoder == 'tfio':
        from dvdgan_tf.prepare.decoders import tfio

        if rules.fps is not None:
            raise InputError('--decoder=tfio knows no time stamps: leave --fps out or use --decoder=pyav.')
        tfio.operations()
        return
    from dvdgan_tf.prepare.decoders import pyav  # noqa: F401  raises where PyAV is missing

