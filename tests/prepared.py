"""Folders of sample videos, their preparation, and what was stored, for the tests of bin/prepare."""

import pathlib

import numpy as np
import tensorflow as tf
from sample_files import clip, write_video

from dvdgan_tf.data import records
from dvdgan_tf.prepare import preparation
from dvdgan_tf.prepare.listing import Rules


def make_folder(root, per_class=3, frames=8):
    for tint, name in enumerate(('jump', 'run')):
        for number in range(per_class):
            write_video(root / name / f'{name}{number}.mp4', clip(frames + number, 5 * tint + number))
    return str(root)


def run(listing, output, rules=None, **options):
    return preparation.prepare(listing, rules or Rules(), str(output), source={'name': 'test', 'input': 'x'}, **options)


def shard_bytes(folder):
    return {path.name: path.read_bytes() for path in sorted(pathlib.Path(folder).glob('*-0*'))}


def stored(folder, split='train'):
    """(name, label, frames as arrays) of every record, read through the index."""
    manifest = records.read_manifest(str(folder))
    for shard in manifest['splits'][split]['shards']:
        raw = [r.numpy() for r in tf.data.TFRecordDataset(f'{folder}/{shard["file"]}')]
        _, lines, _ = records.read_index(str(folder), shard['file'])
        assert len(lines) == shard['records']
        data = pathlib.Path(folder, shard['file']).read_bytes()
        for line in lines:
            frames = []
            for first, count, offset, size in records.parts_of(line):
                record = raw.pop(0)
                assert data[offset + 12 : offset + size - 4] == record
                feature = tf.train.Example.FromString(record).features.feature
                name, label = feature['name'].bytes_list.value[0].decode(), feature['label'].int64_list.value[0]
                assert (name, label, len(frames)) == (line['name'], line['label'], first)
                assert len(feature['frames'].bytes_list.value) == count
                frames += feature['frames'].bytes_list.value
            assert len(frames) == line['frames']
            if manifest['encoding'] == 'raw':
                shape = line['height'], line['width'], manifest['channels']
                pixels = [np.frombuffer(frame, manifest['dtype']).reshape(shape) for frame in frames]
            else:
                pixels = [tf.io.decode_image(frame).numpy() for frame in frames]
            yield name, label, np.stack(pixels)
        assert not raw
