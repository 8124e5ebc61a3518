"""The end of each clip held out for testing, where records were prepared without a split to test with."""

from __future__ import annotations

import dataclasses
from typing import Any

import numpy as np

from dvdgan_tf.data import records
from dvdgan_tf.errors import InputError


def open_part(
    data_dir: str, manifest: dict[str, Any], split: str, test_part: float, span: int
) -> tuple[records.SplitIndex, np.ndarray]:
    """The clips of a split, and where in each its first frame is.

    Args:
        data_dir: the folder of records.
        manifest: of it.
        split: of the folder, or 'train' or 'test' where test_part divides the clips of 'train'; others stay whole.
        test_part: 0, or the share of each clip, at its end and at least `span` frames, that is 'test'; a clip without
            room for twice as many frames is 'train' whole.
        span: frames that a window covers.

    Returns:
        the index, `frames` being those that belong to the split, and the first of them in each clip, int32 [clips].

    Raises:
        InputError: there is no such split or part, or no clip has room for two windows.
    """
    if not 0.0 <= test_part < 1.0:
        raise InputError(f'test_part is {test_part}; give a share of each clip, 0 or more and below 1.')
    if not test_part:
        index = records.open_split(data_dir, manifest, split)
        return index, np.zeros_like(index.frames)
    names = list(manifest['splits'])
    if split in names and split not in ('train', 'test'):
        return open_part(data_dir, manifest, split, 0.0, span)
    if 'train' not in names or 'test' in names or split not in ('train', 'test'):
        raise InputError(
            f'test_part divides the clips of a split train into train and test, but {data_dir} has {", ".join(names)} '
            f'and {split} is asked for: set test_part to 0.'
        )
    index = records.open_split(data_dir, manifest, 'train')
    tested = np.maximum(np.ceil(index.frames * test_part).astype(np.int32), span)
    tested *= index.frames - tested >= span
    if split == 'test' and not tested.any():
        raise InputError(
            f'no clip of {data_dir} has room for a window of {span} frames to train and one to test with: ask for '
            'fewer frames or a smaller stride.'
        )
    if split == 'test':
        return dataclasses.replace(index, frames=tested).select(tested > 0), (index.frames - tested)[tested > 0]
    return dataclasses.replace(index, frames=index.frames - tested), np.zeros_like(tested)
