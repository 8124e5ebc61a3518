"""From a listing to a folder of records: decoded in parallel, written in order, continued after a kill.

Clips are decoded and encoded by processes and written by this one in the order of the listing, so the shards are the
same bytes however many processes work. A shard whose index is there is finished; a run that finds some goes on behind
the last.
"""

import contextlib
import dataclasses
import datetime
import errno
import hashlib
import json
import os
import time
from typing import Any, Callable, Iterator, Optional, Sequence

from dvdgan_tf import __version__
from dvdgan_tf.data import records, remote
from dvdgan_tf.errors import InputError
from dvdgan_tf.prepare import workers
from dvdgan_tf.prepare.listing import Listing, Rules, SourceClip

RESIZE_RULE = 'shorter side to short_side, bilinear, antialiased, aspect kept, square pixels, upright'


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
        wait = datetime.timedelta(seconds=int(rest * seconds / max(1, self.done)))
        return (
            f'{self.resumed + self.done}/{self.total} clips, {self.skipped} skipped, '
            f'{self.frames / max(seconds, 1e-9):.0f} frames/s, {wait} left'
        )


def prepare(
    listing: Listing,
    rules: Rules,
    output: str,
    *,
    source: dict[str, Any],
    value_range: tuple[float, float] = (0.0, 255.0),
    processes: int = 1,
    shard_megabytes: float = 256.0,
    shard_clips: Optional[int] = None,
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
    if not listing.clips:
        raise InputError(f'There is no clip in {source["input"]}: {_example(listing.absent)}.')
    if listing.dtype != 'uint8' and rules.encoding != 'raw':
        raise InputError(f'{listing.dtype} values do not fit into {rules.encoding}: give --encoding=raw.')
    if any(clip.kind == 'video' for clip in listing.clips):
        _check_decoder(rules)
    remote.register(output)
    with _writing(output):
        _claim(output, listing, rules, source, shard_megabytes, shard_clips)
    finished = records.read_optional(f'{output}/{records.MANIFEST}')
    if finished is not None:
        return json.loads(finished)
    progress = Progress(len(listing.clips))
    shards, skipped = [], [{'name': name, 'reason': reason} for name, reason in listing.absent]
    full = shard_megabytes * 1e6, shard_clips or len(listing.clips)
    with workers.encoders(processes) as encoded, _writing(output):
        for split in sorted({clip.split for clip in listing.clips}, key=_split_order):
            clips = [clip for clip in listing.clips if clip.split == split]
            shards += _write_split(output, split, clips, rules, encoded, full, progress, skipped, report)
        report(progress)
        return _write_manifest(output, listing, rules, source, value_range, shards, skipped)


def skipped_clips(output: str) -> list[tuple[str, str]]:
    """(name, reason) of every clip that a finished preparation left out."""
    text = records.read_optional(f'{output}/skipped.jsonl') or ''
    return [(row['name'], row['reason']) for row in map(json.loads, text.splitlines())]


def _split_order(split: str) -> tuple[bool, str]:
    return split != 'train', split


def _example(absent: Sequence[tuple[str, str]]) -> str:
    if not absent:
        return 'it is empty or holds none of the kinds of files that this source reads'
    return f'{len(absent)} were left out, for example {absent[0][0]}, which {absent[0][1]}'


def _check_decoder(rules: Rules) -> None:
    """Raises InputError unless this machine can decode videos as the rules say."""
    if rules.decoder == 'tfio':
        from dvdgan_tf.prepare import decoding_tfio

        if rules.fps is not None:
            raise InputError('--decoder=tfio knows no time stamps: leave --fps out or use --decoder=pyav.')
        decoding_tfio.check()
        return
    try:
        from dvdgan_tf.prepare import decoding  # noqa: F401
    except ImportError as error:
        raise InputError(f'Videos cannot be decoded ({error}): pip install "dvdgan_tf[video]".') from None


def _claim(output: str, listing: Listing, rules: Rules, source: dict, megabytes: float, clips: Optional[int]) -> None:
    """Makes the folder this preparation's; raises InputError if it is another's."""
    content = hashlib.sha256()
    for clip in listing.clips:
        size = os.path.getsize(clip.path) if os.path.isfile(clip.path) else 0
        content.update(repr((dataclasses.replace(clip, path=''), size)).encode())
    job = {
        'format': records.FORMAT,
        'version': __version__,
        'source': source,
        'rules': dataclasses.asdict(rules),
        'shard_megabytes': megabytes,
        'shard_clips': clips,
        'clips': len(listing.clips),
        'listing_sha256': content.hexdigest(),
    }
    text = json.dumps(job, indent=2, sort_keys=True) + '\n'
    present = records.read_optional(f'{output}/job.json')
    if present is None:
        import tensorflow as tf

        tf.io.gfile.makedirs(output)
        if any(name.endswith('.tfrecord') for name in _names(output)):
            raise InputError(f'{output} already holds other records: choose an empty folder.')
        records.write_text(f'{output}/job.json', text)
    elif present != text:
        earlier = json.loads(present)
        changed = [key for key in job if json.loads(text)[key] != earlier.get(key)]
        raise InputError(
            f'{output} already holds another preparation, of {earlier["source"].get("input")} '
            f'(different: {", ".join(changed)}): choose another folder or delete this one.'
        )


def _names(folder: str) -> list[str]:
    import tensorflow as tf

    try:
        return tf.io.gfile.listdir(folder)
    except tf.errors.NotFoundError:  # an object store has no empty folders
        return []


@contextlib.contextmanager
def _writing(output: str) -> Iterator[None]:
    """Turns what a full or forbidden disk raises into one sentence."""
    import tensorflow as tf

    advice = 'what is finished is kept, and the same command goes on from there'
    try:
        yield
    except tf.errors.ResourceExhaustedError:
        raise InputError(f'No space is left at {output}: make room; {advice}.') from None
    except (tf.errors.PermissionDeniedError, PermissionError):
        raise InputError(f'{output} may not be written: change its permissions or choose another folder.') from None
    except tf.errors.OpError as error:
        raise InputError(f'{output} cannot be written ({error.message}): check the path; {advice}.') from None
    except OSError as error:
        if error.errno in (errno.ENOSPC, errno.EDQUOT, errno.EFBIG):
            raise InputError(f'No space is left at {output}: make room; {advice}.') from None
        raise InputError(f'{output} cannot be written ({error}): check the path; {advice}.') from None


def _write_split(
    output: str,
    split: str,
    clips: Sequence[SourceClip],
    rules: Rules,
    encoded: Callable,
    full: tuple[float, int],
    progress: Progress,
    skipped: list[dict[str, str]],
    report: Callable[[Progress], None],
) -> list[dict[str, Any]]:
    """Writes the shards of one split behind those that are finished; returns what the manifest says of each."""
    shards, position = _finished_shards(output, split)
    for header in shards:
        skipped.extend(header['skipped'])
    progress.resumed += position
    writer, fresh = None, []
    try:
        for clip, result in encoded(clips[position:], rules):
            position += 1
            progress.done += 1
            if isinstance(result, str):
                fresh.append({'name': clip.name, 'reason': result})
                progress.skipped += 1
            else:
                if writer is None:
                    writer = records.ShardWriter(output, split, len(shards))
                writer.add(result.frames, clip.label, clip.name, {**result.facts, 'channels': result.channels})
                progress.frames += len(result.frames)
            report(progress)
            if writer is not None and (writer.bytes >= full[0] or writer.records >= full[1] or position == len(clips)):
                writer.finish({'next': position, 'skipped': fresh})
                skipped.extend(fresh)
                shards.append(records.read_index(output, writer.name)[0])
                writer, fresh = None, []
    finally:
        if writer is not None:
            writer.abandon()
    skipped.extend(fresh)
    return shards


def _finished_shards(output: str, split: str) -> tuple[list[dict[str, Any]], int]:
    """The headers of the shards that are complete, and how many clips of the listing they have dealt with."""
    shards = []
    while (index := records.read_index(output, records.shard_name(split, len(shards)))) is not None:
        shards.append(index[0])
    return shards, shards[-1]['next'] if shards else 0


def _write_manifest(
    output: str,
    listing: Listing,
    rules: Rules,
    source: dict[str, Any],
    value_range: tuple[float, float],
    shards: Sequence[dict[str, Any]],
    skipped: Sequence[dict[str, str]],
) -> dict[str, Any]:
    """Sums the shards up; raises InputError where nothing was stored or the clips do not fit together."""
    if not shards:
        raise InputError(
            f'None of the {len(listing.clips)} clips of {source["input"]} could be stored: '
            f'{skipped[-1]["name"]} {skipped[-1]["reason"]}.'
        )
    splits: dict[str, dict[str, Any]] = {}
    channels: set[int] = set()
    for header in shards:
        _, lines, index_digest = records.read_index(output, header['shard'])
        split = splits.setdefault(
            header['shard'].rsplit('-', 1)[0],
            {'clips': 0, 'frames': 0, 'clips_per_class': [0] * len(listing.class_names), 'shards': []},
        )
        for line in lines:
            split['clips'] += 1
            split['frames'] += line['frames']
            split['clips_per_class'][line['label']] += 1
            channels.add(line['channels'])
        entry = {'file': header['shard'], 'index_sha256': index_digest}
        split['shards'].append({**entry, **{key: header[key] for key in ('records', 'bytes', 'sha256')}})
    if len(channels) != 1:
        raise InputError(f'{source["input"]} mixes grey and colour clips: give --channels=1 or --channels=3.')
    manifest = {
        'format': records.FORMAT,
        'tool': f'dvdgan_tf {__version__}',
        'source': source,
        'classes': list(listing.class_names),
        'channels': channels.pop(),
        'dtype': listing.dtype,
        'value_range': list(value_range),
        'resize': RESIZE_RULE if rules.short_side else 'none',
        **{key: value for key, value in dataclasses.asdict(rules).items() if key != 'channels'},
        'splits': splits,
        'skipped': len(skipped),
    }
    records.write_text(f'{output}/skipped.jsonl', ''.join(json.dumps(s, ensure_ascii=False) + '\n' for s in skipped))
    records.write_text(f'{output}/{records.MANIFEST}', json.dumps(manifest, indent=2, ensure_ascii=False) + '\n')
    return manifest
