"""Video sets of tensorflow-datasets that are already prepared on disk. The only place that imports it.

The examples are read where they lie, each at its offset; nothing is downloaded.
"""

from __future__ import annotations

import functools
from collections.abc import Iterator
from typing import Any

import numpy as np

from dvdgan_tf.errors import InputError
from dvdgan_tf.prepare.listing import BadClip, Listing, SourceClip
from dvdgan_tf.prepare.sources import bair
from dvdgan_tf.prepare.sources.folders import split_name


@functools.lru_cache(maxsize=1)
def _builder(name: str, folder: str) -> Any:
    try:
        import tensorflow_datasets as tfds
    except ImportError as error:
        raise InputError(f'--source=tfds cannot be used ({error}): pip install "dvdgan_tf[tfds]".') from None
    try:
        return tfds.builder(name, data_dir=folder, try_gcs=False)
    except Exception as error:  # the library raises what its parsers and readers raise
        words = str(error).strip().splitlines() or [type(error).__name__]
        raise InputError(
            f'tensorflow-datasets finds no {name} in {folder} ({words[0]}): give its data_dir as --input.'
        ) from None


def tfds_clips(name: str, folder: str) -> Listing:
    """All splits of a video set of tensorflow-datasets.

    Args:
        name: as in `tfds.load`, such as 'ucf101/ucf101_1:2.0.0'.
        folder: the data_dir in which it has been prepared.

    Raises:
        InputError: it is not there, not prepared, not in TFRecords, or has no video.
    """
    import tensorflow as tf

    builder = _builder(name, folder.rstrip('/'))
    if not builder.info.splits:
        raise InputError(f'{name} is not prepared in {folder}: prepare it with tensorflow-datasets first.')
    if builder.info.file_format.value != 'tfrecord':
        raise InputError(f'{name} is stored as {builder.info.file_format.value}: only tfrecord can be read.')
    video, label = _features(builder, name)
    names = tuple(builder.info.features[label].names) if label else ('all',)
    clips, absent = [], []
    for split, info in sorted(builder.info.splits.items()):
        for path in map(str, info.filepaths):
            offsets, complaint = bair.record_offsets(path)
            file = path.rpartition('/')[2]
            if complaint:
                absent.append((file, complaint))
            for number, offset in enumerate(offsets):
                clip = f'{file}#{number:05d}'
                try:
                    record = bair.read_record(path, offset)
                    feature = tf.train.Example.FromString(record).features.feature
                    value = feature[label].int64_list.value[0] if label else 0
                except (BadClip, IndexError, ValueError) as error:
                    absent.append((clip, str(error) or 'has no label'))
                    continue
                if not 0 <= value < len(names):
                    absent.append((clip, 'has no label'))
                    continue
                place = offset, name, folder.rstrip('/'), video
                clips.append(SourceClip(clip, path, 'tfds', value, split_name(split), clip, place=place))
    return Listing(tuple(clips), names, tuple(absent), lossless=True)


def _features(builder: Any, name: str) -> tuple[str, str | None]:
    """Names of the video and of the label."""
    import tensorflow_datasets as tfds

    features = dict(builder.info.features)
    videos = [key for key, feature in features.items() if isinstance(feature, tfds.features.Video)]
    labels = [key for key, feature in features.items() if isinstance(feature, tfds.features.ClassLabel)]
    if len(videos) != 1:
        raise InputError(f'{name} has {len(videos)} videos in an example ({", ".join(features)}), not one.')
    return videos[0], labels[0] if labels else None


def example_frames(clip: SourceClip) -> Iterator[np.ndarray]:
    """The frames of an example, uint8 [height, width, channels].

    Raises:
        BadClip: the record is damaged.
    """
    offset, name, folder, video = clip.place
    features = _builder(name, folder).info.features
    yield from features.deserialize_example_np(bair.read_record(clip.path, offset))[video]
