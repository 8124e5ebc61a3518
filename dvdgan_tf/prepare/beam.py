"""The same preparation on many machines, by Apache Beam. The only place that imports it.

The clips of a split are dealt out in runs of a few dozen. A run becomes a small shard below `pieces/` in the output
folder, beside a note of what was left out; a note that is there is finished work, which a later call does not do again.
Where the shards of the local preparation end follows from the sizes in the indexes of the pieces. Their bytes are then
put together, so that shards, indexes and manifest are those of the local preparation, byte for byte.
"""

from __future__ import annotations

import dataclasses
import json
import tempfile
from collections.abc import Iterator, Sequence
from typing import Any

from dvdgan_tf import files
from dvdgan_tf.data import records, remote
from dvdgan_tf.errors import InputError
from dvdgan_tf.prepare import job
from dvdgan_tf.prepare.encoded_clip import encode_clip
from dvdgan_tf.prepare.listing import Listing, Rules, SourceClip, printable
from dvdgan_tf.prepare.manifest import write_manifest
from dvdgan_tf.prepare.preparation import by_split, check
from dvdgan_tf.prepare.shards import ShardWriter, write_lines
from dvdgan_tf.prepare.split_writer import FullShard, finished_shards

_RUN_CLIPS = 32


@dataclasses.dataclass(frozen=True)
class _Run:
    """Clips that are encoded together; `number` counts the runs of a split."""

    folder: str
    split: str
    number: int
    clips: tuple[SourceClip, ...]
    rules: Rules

    @property
    def note(self) -> str:
        return f'{self.folder}/{self.split}-{self.number:05d}.done.json'


@dataclasses.dataclass(frozen=True)
class _Shard:
    """A shard to be put together: (piece, line of its index) of every clip, and the rest of the header."""

    output: str
    name: str
    clips: tuple[tuple[str, dict[str, Any]], ...]
    header: dict[str, Any]


def prepare(
    listing: Listing,
    rules: Rules,
    output: str,
    *,
    source: dict[str, Any],
    options: Sequence[str],
    value_range: tuple[float, float] = (0.0, 255.0),
    full: FullShard | None = None,
) -> dict[str, Any]:
    """Writes the records of a listing with Beam; goes on where an earlier call ended, with Beam or without.

    Args:
        listing: the clips, on paths that the workers can open.
        rules: how to store them.
        output: a folder that the workers can write: gs:// or another store, or one that they share.
        source: what was asked for, kept in the manifest.
        options: of Beam, such as '--runner=DataflowRunner'.
        value_range: the values that become -1 and 1.
        full: when a shard ends; None for about 256 MB.

    Returns:
        The manifest.

    Raises:
        InputError: Beam is not installed, another preparation is in the folder, or nothing can be stored.
    """
    listing, full = printable(listing), full or FullShard()
    check(listing, rules, source)
    remote.register(output)
    with job.writing(output):
        job.claim(output, listing, rules, source, dataclasses.asdict(full))
        files.remove_orphans(output)
    if records.read_optional(f'{output}/{records.MANIFEST}') is not None:
        return records.read_manifest(output)
    pieces = f'{output}/pieces'
    runs = [
        _Run(pieces, split, number, tuple(clips[first : first + _RUN_CLIPS]), rules)
        for split, clips in by_split(listing)
        for number, first in enumerate(range(0, len(clips), _RUN_CLIPS))
    ]
    with job.writing(output):
        files.make_folder(pieces)
        _on_beam([run for run in runs if records.read_optional(run.note) is None], encode_run, options)
        shards, skipped = _shards(output, runs, full)
        finished = {header['shard'] for split, _ in by_split(listing) for header in finished_shards(output, split)}
        _on_beam([shard for shard in shards if shard.name not in finished], put_together, options)
        headers = [records.read_index(output, shard.name)[0] for shard in shards]
        manifest = write_manifest(output, listing, rules, source, value_range, headers, skipped)
        files.remove(pieces)
    return manifest


def _on_beam(elements: Sequence[Any], work: Any, options: Sequence[str]) -> None:
    if not elements:
        return
    try:
        import apache_beam
        from apache_beam.options.pipeline_options import PipelineOptions
    except ImportError as error:
        raise InputError(f'--beam cannot be used ({error}): pip install "dvdgan_tf[beam]".') from None
    with apache_beam.Pipeline(options=PipelineOptions(list(options))) as pipeline:
        dealt = pipeline | apache_beam.Create(elements) | apache_beam.Reshuffle()
        dealt | apache_beam.Map(work)  # the results lie in files


def encode_run(run: _Run) -> None:
    """Encodes the clips of a run; the note is written last."""
    remote.register(run.folder)
    writer, skipped = None, []
    with tempfile.TemporaryDirectory(prefix='dvdgan-spool-') as scratch:
        for clip in run.clips:
            result = encode_clip(clip, run.rules, scratch)
            if isinstance(result, str):
                skipped.append({'name': clip.name, 'reason': result})
                continue
            writer = writer or ShardWriter(run.folder, run.split, run.number)
            writer.add(result.parts(), clip.label, clip.name, result.facts)
            result.discard()
    if writer is not None:
        writer.finish({'next': len(run.clips), 'skipped': skipped})
    files.write_atomically(run.note, json.dumps({'skipped': skipped, 'piece': writer.name if writer else None}))


def _results(run: _Run) -> Iterator[tuple[SourceClip, tuple[str, dict[str, Any]] | dict[str, str]]]:
    """Every clip of a run with (piece, line of its index), or with the reason why it was left out."""
    note = json.loads(records.read_optional(run.note))
    skipped = {row['name']: row for row in note['skipped']}
    lines = iter(records.read_index(run.folder, note['piece'])[1] if note['piece'] else ())
    for clip in run.clips:
        found = skipped.get(clip.name)
        yield clip, found if found is not None else (f'{run.folder}/{note["piece"]}', next(lines))


def _shards(output: str, runs: Sequence[_Run], full: FullShard) -> tuple[list[_Shard], list[dict[str, str]]]:
    """The shards as the local preparation ends them, and everything that was left out, in its order."""
    shards, everything = [], []
    for split in dict.fromkeys(run.split for run in runs):
        results = [result for run in runs if run.split == split for _, result in _results(run)]
        held, fresh, size, number = [], [], 0, 0
        for position, result in enumerate(results, 1):
            if isinstance(result, dict):
                fresh.append(result)
            else:
                held.append(result)
                size += result[1]['bytes']
            if held and (position == len(results) or full.holds(size, len(held))):
                header = {'next': position, 'skipped': fresh}
                shards.append(_Shard(output, records.shard_name(split, number), tuple(held), header))
                everything += fresh
                held, fresh, size, number = [], [], 0, number + 1
        everything += fresh
    return shards, everything


def put_together(shard: _Shard) -> None:
    """Writes a shard out of the bytes of its pieces, and then its index."""
    remote.register(shard.output)
    path, lines, offset = f'{shard.output}/{shard.name}', [], 0
    with files.replacing(path) as temporary, files.create(temporary) as target:
        for piece, line in shard.clips:
            with remote.open_input(piece) as opened:
                opened.seek(line['offset'])
                left = line['bytes']
                while left:
                    block = opened.read(min(left, 1 << 22))
                    if not block:
                        raise InputError(f'{piece} was cut: delete {shard.output}/pieces and give the command again.')
                    target.write(block)
                    left -= len(block)
            lines.append({**line, 'offset': offset})
            offset += line['bytes']
    digest = records.file_digest(path)
    first = {'shard': shard.name, 'records': len(lines), 'bytes': offset, 'sha256': digest, **shard.header}
    write_lines(f'{shard.output}/{records.index_name(shard.name)}', [first, *lines])
