"""Writes what `data.records` reads: shards, their indexes and small files, each whole or not at all."""

from __future__ import annotations

import contextlib
import json
import os
import tempfile
from collections.abc import Iterable, Sequence
from typing import Any

from dvdgan_tf import files
from dvdgan_tf.data import records
from dvdgan_tf.prepare import tfrecord


class ShardWriter:
    """Writes one shard and then its index, each under a temporary name until it is complete.

    Args:
        folder: where the records go, local or remote.
        split: the split that the shard belongs to.
        number: of the shard within its split.
    """

    def __init__(self, folder: str, split: str, number: int):
        self._folder = folder
        self.name = records.shard_name(split, number)
        self._staging = None
        if files.is_remote(folder):
            # An object store cannot append: the shard is built here and copied in one piece.
            self._staging = tempfile.TemporaryDirectory(prefix='dvdgan-shard-')
            self._temporary = os.path.join(self._staging.name, self.name)
        else:
            self._temporary = os.path.join(folder, f'{self.name}.writing')
        self._file = open(self._temporary, 'wb')
        self._lines = []
        self.bytes = 0

    @property
    def clips(self) -> int:
        """How many clips the shard holds by now."""
        return len(self._lines)

    def add(self, parts: Iterable[Sequence[bytes]], label: int, name: str, facts: dict[str, Any]) -> int:
        """Appends a clip, one list of encoded frames for each part, and returns the number of its frames.

        `facts` go to its line of the index.
        """
        offset, sizes, count = self.bytes, [], 0
        for frames in parts:
            features = {'frames': frames, 'label': label, 'name': [name.encode()]}
            if count:
                features['first_frame'] = count
            sizes.append([len(frames), self._file.write(tfrecord.framed(tfrecord.example(features)))])
            count += len(frames)
        self.bytes += sum(size for _, size in sizes)
        line = {'offset': offset, 'bytes': self.bytes - offset, 'frames': count}
        if len(sizes) > 1:
            line['parts'] = sizes
        self._lines.append({**line, 'label': label, 'name': name, **facts})
        return count

    def finish(self, header: dict[str, Any]) -> dict[str, Any]:
        """Completes the shard and its index; `header` goes to the index's first line, which is returned."""
        self._file.close()
        digest = records.file_digest(self._temporary)
        shard = f'{self._folder}/{self.name}'
        if self._staging is not None:
            import tensorflow as tf

            tf.io.gfile.copy(self._temporary, shard, overwrite=True)
            self._staging.cleanup()
        else:
            files.put_in_place(self._temporary, shard)
        first = {'shard': self.name, 'records': self.clips, 'bytes': self.bytes, 'sha256': digest, **header}
        write_lines(f'{self._folder}/{records.index_name(self.name)}', [first, *self._lines])
        return first

    def abandon(self) -> None:
        """Removes what was written."""
        with contextlib.suppress(OSError):  # what did not fit on the disk does not fit now
            self._file.close()
        if self._staging is not None:
            self._staging.cleanup()
        else:
            files.remove(self._temporary)


def write_lines(path: str, rows: Iterable[dict[str, Any]]) -> None:
    """Writes a small JSONL file so that it is there whole or not at all."""
    files.write_atomically(path, ''.join(json.dumps(row, ensure_ascii=False) + '\n' for row in rows))
