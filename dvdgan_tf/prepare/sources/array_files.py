"""Arrays as data sets: the clips of .npy and .npz files, listed without reading them where that can be."""

from __future__ import annotations

import dataclasses
import math
import posixpath
from collections.abc import Sequence

import numpy as np

from dvdgan_tf.data import remote
from dvdgan_tf.errors import InputError
from dvdgan_tf.prepare.decoders import arrays
from dvdgan_tf.prepare.listing import TRAIN, BadClip, Listing, SourceClip
from dvdgan_tf.prepare.sources.folders import named_split
from dvdgan_tf.prepare.sources.lists import classes


def array_files(path: str, layout: str | None = None, value_range: Sequence[float] | None = None) -> Listing:
    """Arrays in .npy or .npz files: uint8, or any other numbers with the range that becomes [-1, 1].

    Splits are told by the words train, test or validate in the names of files or of arrays in an .npz, where one of
    these names says train; else every clip is in train. An .npz may hold `labels` [N] beside its one array of clips.

    Args:
        path: a file or a folder of files.
        layout: order of the axes, such as NTHWC; not given: NTHWC with five axes, TNHW (Moving MNIST) with four.
        value_range: (lowest, highest) value; needed unless the arrays are uint8.

    Raises:
        InputError: nothing usable, or the value range is missing.
    """
    if path.lower().endswith(('.npy', '.npz')):
        folder, files = posixpath.dirname(path) or '.', [posixpath.basename(path)]
    else:
        folder = path.rstrip('/')
        files = [file for file in remote.list_files(folder) if file.lower().endswith(('.npy', '.npz'))]
    clips, absent, dtypes, channels, said = [], [], set(), set(), {}
    for file in files:
        try:
            found = arrays.headers(f'{folder}/{file}')
            labels = _labels(f'{folder}/{file}', found.pop('labels', None))
        except (BadClip, OSError, MemoryError) as error:
            absent.append((file, str(error)))
            continue
        for name, stored in found.items():
            shape, dtype = stored.shape, stored.dtype
            order = layout or {5: 'NTHWC', 4: 'TNHW'}.get(len(shape))
            complaint = _complaint(stored, order, labels)
            if complaint:
                absent.append((f'{file}:{name}' if name else file, complaint))
                continue
            if value_range is None and dtype != np.uint8:
                raise _range_missing(f'{folder}/{file}', name, stored, order)
            dtypes.add('uint8' if dtype == np.uint8 else 'float32')
            channels.add(shape[order.index('C')] if 'C' in order else 1)
            stem = posixpath.splitext(file)[0] + (f':{name}' if name else '')
            said[stem] = named_split(stem)
            for number in range(shape[order.index('N')]):
                label, clip = '0' if labels is None else str(labels[number]), f'{stem}#{number:06d}'
                place = number, name, order
                clips.append((label, SourceClip(clip, f'{folder}/{file}', 'array', 0, TRAIN, clip, place=place)))
    if len(dtypes) > 1 or len(channels) > 1:
        raise InputError(f'{path} mixes arrays of different types or channels: prepare them one by one.')
    names, numbers = classes(label for label, _ in clips)
    clips = [dataclasses.replace(clip, label=numbers[label]) for label, clip in clips]
    if TRAIN in said.values():
        clips = [dataclasses.replace(clip, split=said[clip.name.rpartition('#')[0]] or TRAIN) for clip in clips]
    names = tuple(names) if len(names) > 1 else ('all',)
    return Listing(tuple(clips), names, tuple(absent), lossless=True, dtype=dtypes.pop() if dtypes else 'uint8')


def _labels(path: str, stored: arrays.Stored | None) -> np.ndarray | None:
    """The labels in an .npz, if it has some."""
    if stored is None:
        return None
    if stored.bytes > arrays.LARGEST_HELD:
        raise BadClip(f'holds labels of the shape {stored.shape}')
    return arrays.whole(path, 'labels')


def _complaint(stored: arrays.Stored, order: str | None, labels: np.ndarray | None) -> str:
    """Why an array cannot be used; empty if it can."""
    shape, dtype = stored.shape, stored.dtype
    if order is None or len(shape) != len(order):
        return f'has the shape {shape}, which is not {order or "[N, T, H, W, C] or [T, N, H, W]"}'
    if 0 in shape:
        return f'has the shape {shape}, which is empty'
    channels = shape[order.index('C')] if 'C' in order else 1
    if channels not in (1, 3):
        before = '; if they lie before the height, give --layout=NTCHW or TNCHW' if shape[2] in (1, 3) else ''
        return f'has {channels} channels; 1 and 3 can be used{before}'
    if not (np.issubdtype(dtype, np.integer) or np.issubdtype(dtype, np.floating)):
        return f'holds {dtype}, not numbers'
    count = shape[order.index('N')]
    if labels is not None and (labels.shape != (count,) or not np.issubdtype(labels.dtype, np.integer)):
        return f'holds {count} clips but labels of the shape {labels.shape} and type {labels.dtype}'
    if labels is not None and count and labels.min() < 0:
        return f'has the label {labels.min()}; labels count from 0'
    if stored.is_scattered(order) and stored.bytes > arrays.LARGEST_HELD:
        return (
            f'has {stored.bytes / 1e9:.1f} GB, and its clips are scattered over them: save it in C order with '
            'numpy.save, or with numpy.savez and not numpy.savez_compressed'
        )
    return ''


def _range_missing(path: str, name: str, stored: arrays.Stored, order: str) -> InputError:
    low, high = math.inf, -math.inf
    for number in range(stored.shape[order.index('N')]):
        for frame in arrays.clip_frames(path, name, number, order):
            if not np.isnan(frame).all():
                low, high = min(low, np.nanmin(frame)), max(high, np.nanmax(frame))
    return InputError(
        f'{path} holds {stored.dtype} from {low:g} to {high:g}: say what becomes -1 and 1, as in '
        f'--value_range={low:g},{high:g}.'
    )
