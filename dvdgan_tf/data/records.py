"""The format on disk: shards of records, an index beside each shard, and a manifest over all.

A folder of records holds
  `<split>-00000.tfrecord`        tf.train.Example records: `frames` (every frame encoded on its own), `label`, `name`
  `<split>-00000.index.jsonl`     first a line about the shard, then a line per clip: offset, bytes, frames, size
  `manifest.json`                 written last: what the records are, and the checksum of every shard
  `job.json`, `skipped.jsonl`     what was asked for, and what could not be stored and why

A long clip lies in parts, records of up to some dozen frames that follow one another, so that a window costs its own
bytes however long its clip is; `parts` in the clip's line then has the [frames, bytes] of each. Format 1 was the same
without parts.

An index is written after its shard is complete and renamed into place, so its presence means that the shard is good.
"""

from __future__ import annotations

import dataclasses
import hashlib
import os
import re
from collections.abc import Iterator
from typing import Any

import numpy as np

from dvdgan_tf import files
from dvdgan_tf.data import remote, schema
from dvdgan_tf.errors import InputError

FORMAT = 2
_READABLE = (1, FORMAT)
MANIFEST = 'manifest.json'
_LONGEST_ASPECT = 4

SPLIT_NAME = r'\w[\w.+ -]*'  # it begins the names of files
_SPLIT = schema.matching(SPLIT_NAME, 'a name of letters, digits, dots and dashes')
_DIGEST = schema.matching('[0-9a-f]{64}', 'a sha256')
_SHARD = {
    'records': schema.integer(1),
    'bytes': schema.integer(1),
    'sha256': _DIGEST,
}
_MANIFEST = schema.record(
    {
        'tool': schema.text,
        'source': schema.record({'name': schema.text, 'input': schema.text}),
        'classes': schema.array(schema.text, 1),
        'channels': schema.one_of(1, 3),
        'dtype': schema.one_of('uint8', 'float32'),
        'encoding': schema.one_of('jpeg', 'png', 'raw'),
        'value_range': schema.row(schema.number(), schema.number()),
        'missing': schema.one_of(True),
        'unit': schema.text,
        'skipped': schema.integer(),
        'splits': schema.mapping(
            _SPLIT,
            schema.record(
                {
                    'clips': schema.integer(1),
                    'frames': schema.integer(1),
                    'clips_per_class': schema.array(schema.integer()),
                    'shards': schema.array(schema.record({'file': schema.text, 'index_sha256': _DIGEST, **_SHARD}), 1),
                }
            ),
            1,
        ),
    },
    optional=('missing', 'unit'),
)
_HEADER = schema.record(
    {
        'shard': schema.text,
        **_SHARD,
        'next': schema.integer(),
        'skipped': schema.array(schema.record({'name': schema.text, 'reason': schema.text})),
    }
)
_LINE = schema.record(
    {
        'offset': schema.integer(),
        'bytes': schema.integer(17),
        'frames': schema.integer(1, 2**31 - 1),
        'parts': schema.array(schema.row(schema.integer(1, 2**31 - 1), schema.integer(17)), 1),
        'label': schema.integer(0, 2**31 - 1),
        'name': schema.text,
        'height': schema.integer(1, 2**31 - 1),
        'width': schema.integer(1, 2**31 - 1),
        'channels': schema.one_of(1, 3),
        'fps': schema.number(0),
        'group': schema.text,
        'hash': _DIGEST,
        'damaged_frames': schema.integer(),
        'enlarged': schema.one_of(True),
    },
    optional=('parts', 'damaged_frames', 'enlarged'),
)


def shard_name(split: str, number: int) -> str:
    """The file of a shard."""
    return f'{split}-{number:05d}.tfrecord'


def index_name(shard: str) -> str:
    """The file of a shard's index."""
    return shard.replace('.tfrecord', '.index.jsonl')


def file_digest(path: str) -> str:
    """sha256 of a file's content."""
    digest = hashlib.sha256()
    with remote.open_input(path) as file:
        while block := file.read(1 << 22):
            digest.update(block)
    return digest.hexdigest()


def read_optional(path: str) -> str | None:
    """A small text file, or None where there is none.

    Raises:
        InputError: it cannot be read, or is not UTF-8.
    """
    try:
        if not files.is_remote(path):
            return remote.read_text(path) if os.path.exists(path) else None
        return _read_remote(path)
    except UnicodeDecodeError as error:
        raise InputError(f'{path} is damaged (it is not UTF-8: {error}): prepare the data again.') from None
    except OSError as error:
        raise InputError(f'{path} cannot be read ({error}): check the path and its permissions.') from None


def _read_remote(path: str) -> str | None:
    import tensorflow as tf

    remote.register(path)
    try:
        return remote.read_text(path)
    except tf.errors.NotFoundError:
        return None
    except tf.errors.OpError as error:
        raise InputError(f'{path} cannot be read ({error.message}): check the path and the credentials.') from None


def read_manifest(folder: str) -> dict[str, Any]:
    """The manifest of a folder of records.

    Raises:
        InputError: there is none, it is not of this format, or a field of it is damaged.
    """
    text = read_optional(f'{folder}/{MANIFEST}')
    if text is None:
        if read_optional(f'{folder}/job.json') is not None:
            raise InputError(f'the preparation of {folder} is not finished: run the same bin/prepare again.')
        raise InputError(f'there is no {MANIFEST} in {folder}: give a folder that bin/prepare has filled.')
    try:
        manifest = schema.parse(text)
        schema.record({'format': schema.integer()})(manifest, '')
        if manifest['format'] not in _READABLE:
            raise InputError(
                f'{folder} holds records of format {manifest["format"]}, not {FORMAT}: prepare the data again.'
            )
        _MANIFEST(manifest, '')
        _check_shards(manifest)
    except schema.Mismatch as error:
        raise InputError(f'{folder}/{MANIFEST} is damaged ({error}): prepare the data again.') from None
    return manifest


def _check_shards(manifest: dict[str, Any]) -> None:
    """Checks what concerns more than one field of a manifest; its file names become paths."""
    low, high = manifest['value_range']
    if not low < high:
        raise schema.Mismatch(f'value_range is {schema.shown(manifest["value_range"])}, not two increasing numbers')
    for split, described in manifest['splits'].items():
        for number, shard in enumerate(described['shards']):
            if not re.fullmatch(re.escape(split) + r'-\d{5,}\.tfrecord', shard['file']):
                where = f'splits.{split}.shards[{number}].file'
                raise schema.Mismatch(f'{where} is {schema.shown(shard["file"])}, not the name of a shard')


def read_index(folder: str, shard: str) -> tuple[dict[str, Any], list[dict[str, Any]], str] | None:
    """(header, clips, sha256 of the text) of a shard's index; None where it is absent.

    Raises:
        InputError: it is damaged.
    """
    path = f'{folder}/{index_name(shard)}'
    text = read_optional(path)
    if text is None:
        return None
    try:
        # Names may hold other characters at which splitlines() would split.
        header, *lines = (schema.parse(line) for line in text.rstrip('\n').split('\n'))
        _HEADER(header, 'line 1')
        for number, line in enumerate(lines, 2):
            _check_line(line, f'line {number}', header)
        if (header['shard'], header['records']) != (shard, len(lines)):
            raise schema.Mismatch(f'it names {header["records"]} records of {header["shard"]} and holds {len(lines)}')
    except schema.Mismatch as error:
        raise InputError(f'{path} is damaged ({error}): prepare the data again.') from None
    return header, lines, hashlib.sha256(text.encode()).hexdigest()


def _check_line(line: dict[str, Any], where: str, header: dict[str, Any]) -> None:
    _LINE(line, where)
    if line['offset'] + line['bytes'] > header['bytes']:
        raise schema.Mismatch(f'{where}.bytes reaches beyond the {header["bytes"]} bytes of the shard')
    if 'parts' in line:
        sums = tuple(sum(part[place] for part in line['parts']) for place in (0, 1))
        if sums != (line['frames'], line['bytes']):
            raise schema.Mismatch(f'{where}.parts do not add up to its frames and bytes')


def parts_of(line: dict[str, Any]) -> Iterator[tuple[int, int, int, int]]:
    """(first frame, frames, offset, bytes) of every record of a clip, in order."""
    first, offset = 0, line['offset']
    for frames, size in line.get('parts') or [[line['frames'], line['bytes']]]:
        yield first, frames, offset, size
        first, offset = first + frames, offset + size


def is_elongated(line: dict[str, Any]) -> bool:
    """Whether the frames of a clip have a shape that no camera gives."""
    short, long = sorted((line['height'], line['width']))
    return long > _LONGEST_ASPECT * short


@dataclasses.dataclass(frozen=True)
class SplitIndex:
    """Where every clip of a split is: arrays with a place for each clip, arrays with one for each part, the files.

    The parts of clip n are the places starts[n] to starts[n + 1] of the arrays of parts.
    """

    files: tuple[str, ...]
    shards: np.ndarray  # int32, which file
    frames: np.ndarray  # int32
    labels: np.ndarray  # int32
    heights: np.ndarray  # int32
    widths: np.ndarray  # int32
    starts: np.ndarray  # int64, of one place more
    first_frames: np.ndarray  # int64, of each part
    offsets: np.ndarray  # int64, byte where the part starts
    lengths: np.ndarray  # int64, its bytes

    def select(self, mask: np.ndarray) -> SplitIndex:
        """The clips where the mask is true."""
        counts = np.diff(self.starts)
        chosen = {name: getattr(self, name)[mask] for name in ('shards', 'frames', 'labels', 'heights', 'widths')}
        parts = np.repeat(mask, counts)
        chosen.update({name: getattr(self, name)[parts] for name in ('first_frames', 'offsets', 'lengths')})
        return dataclasses.replace(self, starts=np.concatenate([[0], np.cumsum(counts[mask])]), **chosen)


def open_split(folder: str, manifest: dict[str, Any], split: str) -> SplitIndex:
    """The index of a split, after checking that its shards are those of the manifest.

    Raises:
        InputError: no such split, a shard or index that is missing, cut or of another preparation, or a bad label.
    """
    if split not in manifest['splits']:
        raise InputError(f'{folder} has no split {split}: it has {", ".join(manifest["splits"])}.')
    files, clips, parts, counts = [], [], [], [0]
    for number, shard in enumerate(manifest['splits'][split]['shards']):
        lines = check_shard(folder, shard)
        files.append(shard['file'])
        for line in lines:
            clips.append((number, line['frames'], line['label'], line['height'], line['width']))
            places = [(first, offset, size) for first, _, offset, size in parts_of(line)]
            parts += places
            counts.append(len(places))
    columns = np.array(clips, np.int32).T
    labels, num_classes = columns[2], len(manifest['classes'])
    if labels.max() >= num_classes:
        raise InputError(f'{folder} holds the label {labels.max()} but {num_classes} classes: prepare the data again.')
    return SplitIndex(tuple(files), *columns, np.cumsum(counts), *np.array(parts, np.int64).T)


def check_shard(folder: str, shard: dict[str, Any]) -> list[dict[str, Any]]:
    """The lines of a shard's index, if shard and index are as the manifest says (inspect checks contents).

    Raises:
        InputError: they are not.
    """
    import tensorflow as tf

    path = f'{folder}/{shard["file"]}'
    index = read_index(folder, shard['file'])
    if index is None or index[2] != shard['index_sha256']:
        raise InputError(f'the index of {path} is missing or not the one that was prepared: prepare the data again.')
    try:
        size = tf.io.gfile.stat(path).length
    except tf.errors.OpError:
        raise InputError(f'{path} is missing or cannot be read: prepare the data again.') from None
    if size != shard['bytes']:
        raise InputError(
            f'{path} has {size} bytes instead of {shard["bytes"]}: it was cut or changed; prepare the data again.'
        )
    return index[1]
