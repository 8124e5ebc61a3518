"""The format on disk: shards of records, an index beside each shard, and a manifest over all.

A folder of records holds
  `<split>-00000.tfrecord`        tf.train.Example records: `frames` (every frame encoded on its own), `label`, `name`
  `<split>-00000.index.jsonl`     first a line about the shard, then a line per record: offset, bytes, frames, size
  `manifest.json`                 written last: what the records are, and the checksum of every shard
  `job.json`, `skipped.jsonl`     what was asked for, and what could not be stored and why

An index is written after its shard is complete and renamed into place, so its presence means that the shard is good.
"""

import dataclasses
import hashlib
import json
import os
import tempfile
from typing import Any, Optional, Sequence

import numpy as np

from dvdgan_tf.data import remote
from dvdgan_tf.errors import InputError

FORMAT = 1
MANIFEST = 'manifest.json'


def shard_name(split: str, number: int) -> str:
    """The file of a shard."""
    return f'{split}-{number:05d}.tfrecord'


def index_name(shard: str) -> str:
    """The file of a shard's index."""
    return shard.replace('.tfrecord', '.index.jsonl')


class ShardWriter:
    """Writes one shard and then its index, each under a temporary name until it is complete.

    Args:
        folder: where the records go, local or remote.
        split: the split that the shard belongs to.
        number: of the shard within its split.
    """

    def __init__(self, folder: str, split: str, number: int):
        import tensorflow as tf

        self._tf = tf
        self._folder = folder
        self.name = shard_name(split, number)
        self._staging = None
        if remote.is_remote(folder):
            # An object store cannot append: the shard is built here and copied in one piece.
            self._staging = tempfile.TemporaryDirectory(prefix='dvdgan-shard-')
            self._temporary = os.path.join(self._staging.name, self.name)
        else:
            self._temporary = os.path.join(folder, self.name + '.tmp')
        self._writer = tf.io.TFRecordWriter(self._temporary)
        self._lines = []
        self.bytes = 0

    @property
    def records(self) -> int:
        """How many records the shard holds by now."""
        return len(self._lines)

    def add(self, frames: Sequence[bytes], label: int, name: str, facts: dict[str, Any]) -> None:
        """Appends a clip; `facts` go to the index."""
        feature, tf = self._tf.train.Feature, self._tf
        example = tf.train.Example(
            features=tf.train.Features(
                feature={
                    'frames': feature(bytes_list=tf.train.BytesList(value=frames)),
                    'label': feature(int64_list=tf.train.Int64List(value=[label])),
                    'name': feature(bytes_list=tf.train.BytesList(value=[name.encode()])),
                }
            )
        )
        record = example.SerializeToString(deterministic=True)
        self._writer.write(record)
        place = {'offset': self.bytes, 'bytes': len(record) + 16}
        self._lines.append({**place, 'frames': len(frames), 'label': label, 'name': name, **facts})
        self.bytes += len(record) + 16

    def finish(self, header: dict[str, Any]) -> None:
        """Completes the shard and its index; `header` goes to the index's first line."""
        self._writer.close()
        digest = file_digest(self._temporary)
        shard = f'{self._folder}/{self.name}'
        if self._staging is not None:
            self._tf.io.gfile.copy(self._temporary, shard, overwrite=True)
            self._staging.cleanup()
        else:
            os.replace(self._temporary, shard)
        first = {'shard': self.name, 'records': self.records, 'bytes': self.bytes, 'sha256': digest, **header}
        lines = [json.dumps(line, ensure_ascii=False) for line in [first, *self._lines]]
        write_text(f'{self._folder}/{index_name(self.name)}', '\n'.join(lines) + '\n')

    def abandon(self) -> None:
        """Removes what was written."""
        self._writer.close()
        if self._staging is not None:
            self._staging.cleanup()
        elif os.path.exists(self._temporary):
            os.remove(self._temporary)


def file_digest(path: str) -> str:
    """sha256 of a file's content."""
    digest = hashlib.sha256()
    with remote.open_input(path) as file:
        while block := file.read(1 << 22):
            digest.update(block)
    return digest.hexdigest()


def write_text(path: str, text: str) -> None:
    """Writes a small file so that it is there whole or not at all."""
    if remote.is_remote(path):
        import tensorflow as tf

        with tf.io.gfile.GFile(path, 'w') as file:  # an object appears when it is closed
            file.write(text)
        return
    temporary = path + '.tmp'
    with open(temporary, 'w', encoding='utf-8') as file:
        file.write(text)
        file.flush()
        os.fsync(file.fileno())
    os.replace(temporary, path)


def read_optional(path: str) -> Optional[str]:
    """A small text file, or None where there is none."""
    if not remote.is_remote(path):
        return remote.read_text(path) if os.path.exists(path) else None
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
        InputError: there is none, or it is not of this format.
    """
    text = read_optional(f'{folder}/{MANIFEST}')
    if text is None:
        if read_optional(f'{folder}/job.json') is not None:
            raise InputError(f'The preparation of {folder} is not finished: run the same bin/prepare again.')
        raise InputError(f'There is no {MANIFEST} in {folder}: give a folder that bin/prepare has filled.')
    try:
        manifest = json.loads(text)
        version = manifest['format']
    except (ValueError, KeyError, TypeError):
        raise InputError(f'{folder}/{MANIFEST} is damaged: prepare the data again.') from None
    if version != FORMAT:
        raise InputError(f'{folder} holds records of format {version}, not {FORMAT}: prepare the data again.')
    return manifest


def read_index(folder: str, shard: str) -> Optional[tuple[dict[str, Any], list[dict[str, Any]], str]]:
    """(header, records, sha256 of the text) of a shard's index; None where it is absent or damaged."""
    text = read_optional(f'{folder}/{index_name(shard)}')
    if text is None:
        return None
    try:
        header, *lines = (json.loads(line) for line in text.splitlines())
    except ValueError:
        return None
    if header.get('records') != len(lines):
        return None
    return header, lines, hashlib.sha256(text.encode()).hexdigest()


@dataclasses.dataclass(frozen=True)
class SplitIndex:
    """Where every record of a split is, as arrays of one length, and the shard files."""

    files: tuple[str, ...]
    shards: np.ndarray  # int32, which file
    offsets: np.ndarray  # int64, byte where the record starts
    lengths: np.ndarray  # int64, its bytes
    frames: np.ndarray  # int32
    labels: np.ndarray  # int32
    heights: np.ndarray  # int32
    widths: np.ndarray  # int32

    def select(self, mask: np.ndarray) -> 'SplitIndex':
        """The records where the mask is true."""
        chosen = {
            field.name: getattr(self, field.name)[mask] for field in dataclasses.fields(self) if field.name != 'files'
        }
        return dataclasses.replace(self, **chosen)


def open_split(folder: str, manifest: dict[str, Any], split: str) -> SplitIndex:
    """The index of a split, after checking that its shards are those of the manifest.

    Raises:
        InputError: no such split, a shard or index that is missing, cut or of another preparation, or a bad label.
    """
    if split not in manifest['splits']:
        raise InputError(f'{folder} has no split {split}: it has {", ".join(manifest["splits"])}.')
    files, columns = [], []
    for number, shard in enumerate(manifest['splits'][split]['shards']):
        lines = check_shard(folder, shard)
        files.append(shard['file'])
        columns += [
            (number, line['offset'], line['bytes'], line['frames'], line['label'], line['height'], line['width'])
            for line in lines
        ]
    shards, offsets, lengths, *rest = np.array(columns, np.int64).T
    frames, labels, heights, widths = (column.astype(np.int32) for column in rest)
    num_classes = len(manifest['classes'])
    if labels.min() < 0 or labels.max() >= num_classes:
        raise InputError(f'{folder} holds the label {labels.max()} but {num_classes} classes: prepare the data again.')
    return SplitIndex(tuple(files), shards.astype(np.int32), offsets, lengths, frames, labels, heights, widths)


def check_shard(folder: str, shard: dict[str, Any]) -> list[dict[str, Any]]:
    """The lines of a shard's index, if shard and index are as the manifest says (inspect checks contents).

    Raises:
        InputError: they are not.
    """
    import tensorflow as tf

    path = f'{folder}/{shard["file"]}'
    index = read_index(folder, shard['file'])
    if index is None or index[2] != shard['index_sha256']:
        raise InputError(f'The index of {path} is missing or not the one that was prepared: prepare the data again.')
    try:
        size = tf.io.gfile.stat(path).length
    except tf.errors.OpError:
        raise InputError(f'{path} is missing or cannot be read: prepare the data again.') from None
    if size != shard['bytes']:
        raise InputError(
            f'{path} has {size} bytes instead of {shard["bytes"]}: it was cut or changed; prepare the data again.'
        )
    return index[1]
