"""A check of a folder of records: what is in it, and everything that would spoil a training or an evaluation."""

from __future__ import annotations

import collections
from collections.abc import Iterable, Iterator, Sequence
from typing import Any

import numpy as np
import tensorflow as tf

from dvdgan_tf.data import records, remote
from dvdgan_tf.data.pipeline import decode_frame, read_records
from dvdgan_tf.errors import InputError

_EXAMPLES = 5


def inspect(folder: str, num_frames: int = 16, stride: int = 1) -> dict[str, Any]:
    """Reads every byte of the records and reports on them.

    Args:
        folder: records, local, gs:// or s3://.
        num_frames: frames of the window that clips should be long enough for.
        stride: of that window.

    Returns:
        A dictionary for JSON: facts by split, `errors` (the records must not be used as they are) and `warnings`, both
        lists of sentences.

    Raises:
        InputError: the folder holds no finished preparation.
    """
    remote.register(folder)
    manifest = records.read_manifest(folder)
    report = {
        'data': folder,
        **{key: manifest[key] for key in ('tool', 'source', 'encoding', 'channels', 'dtype', 'value_range', 'skipped')},
        'classes': len(manifest['classes']),
        'window_frames': (num_frames - 1) * stride + 1,
        'splits': {},
        'errors': [],
        'warnings': [],
    }
    everything = {}
    for split, described in manifest['splits'].items():
        lines = []
        for shard in described['shards']:
            lines += _check_shard(folder, manifest, shard, report)
        if len(lines) != described['clips']:
            report['errors'].append(f'{split} holds {len(lines)} records; the manifest says {described["clips"]}.')
        report['splits'][split] = _facts(lines, manifest['classes'], report, split)
        everything[split] = lines
    _find_duplicates(everything, report)
    _find_leaks(everything, report)
    return report


def _check_shard(folder: str, manifest: dict, shard: dict, report: dict) -> list[dict[str, Any]]:
    """The index lines of a shard, after reading all of it; what is wrong goes to the report."""
    path = f'{folder}/{shard["file"]}'
    try:
        records.check_shard(folder, shard)
    except InputError as error:
        report['errors'].append(str(error))
    try:
        if records.file_digest(path) != shard['sha256']:
            report['errors'].append(f'{path} is not the file that was prepared: its checksum differs.')
        index = records.read_index(folder, shard['file'])
    except (InputError, OSError, tf.errors.OpError):
        return []  # said above
    if index is None:
        return []
    for line, complaint, still in _read_all(path, manifest, index[1]):
        if complaint:
            report['errors'].append(f'{line["name"]} in {path} cannot be read: {complaint}.')
        elif still:
            report['warnings'].append(f'{line["name"]} shows the same picture in all {line["frames"]} frames.')
        if line.get('damaged_frames'):
            report['warnings'].append(f'{line["name"]} had {line["damaged_frames"]} damaged frames in its video.')
    return index[1]


def _read_all(path: str, manifest: dict, lines: Sequence[dict]) -> Iterator[tuple[dict, str, bool]]:
    """(line, complaint, whether all frames are the same) for every clip; every frame is decoded."""
    checked = _checked_parts(path, manifest, lines)
    for line in lines:
        found = [next(checked) for _ in records.parts_of(line)]
        complaint = next((complaint for complaint, _ in found if complaint), '')
        pictures = {picture for _, picture in found}
        yield line, complaint, len(pictures) == 1 and None not in pictures


def _checked_parts(path: str, manifest: dict, lines: Sequence[dict]) -> Iterator[tuple[str, int | None]]:
    """(complaint, the fingerprint of the one picture that it shows, if it is one) for every part of some clips."""

    def check(place: tf.Tensor) -> tuple[tf.Tensor, tf.Tensor, tf.Tensor, tf.Tensor]:
        frames = read_records(tf.constant(path), place[0], place[1], tf.constant(1, tf.int64))
        shape = tf.cast(place[2:], tf.int32)
        if manifest['encoding'] == 'raw':
            size = tf.reduce_prod(shape) * tf.dtypes.as_dtype(manifest['dtype']).size
            right = tf.reduce_all(tf.strings.length(frames) == size)
        else:
            shapes = tf.map_fn(
                lambda frame: tf.shape(decode_frame(frame, manifest['encoding'], manifest['channels'])),
                frames,
                parallel_iterations=1,  # large frames need not all be decoded at once
                fn_output_signature=tf.int32,
            )
            right = tf.reduce_all(shapes == shape)
        picture = tf.strings.to_hash_bucket_fast(frames[0], 2**62)
        return tf.size(frames), right, tf.reduce_all(frames == frames[0]), picture

    expected, places = [], []
    for line in lines:
        for _, frames, offset, size in records.parts_of(line):
            expected.append((frames, f'its frames are not {line["height"]}x{line["width"]}'))
            places.append([offset, size, line['height'], line['width'], manifest['channels']])
    dataset = tf.data.Dataset.from_tensor_slices(tf.constant(places, tf.int64))
    checked = iter(dataset.map(check, num_parallel_calls=tf.data.AUTOTUNE, deterministic=True))
    for frames, wrong_size in expected:
        try:
            count, right, still, picture = next(checked)
        except tf.errors.OpError as error:
            yield error.message.splitlines()[0].rpartition('}} ')[2].rstrip('.'), None
            continue
        wrong = '' if int(count) == frames else f'{int(count)} frames instead of {frames}'
        yield wrong or ('' if right else wrong_size), int(picture) if still else None


def _spread(values: Iterable[float]) -> dict[str, float] | None:
    values = [value for value in values if value]
    if not values:
        return None
    return {'min': float(np.min(values)), 'median': float(np.median(values)), 'max': float(np.max(values))}


def _facts(lines: Sequence[dict], classes: Sequence[str], report: dict, split: str) -> dict[str, Any]:
    """Counts of one split; clips that are short or odd and empty classes become warnings."""
    counts = collections.Counter(line['label'] for line in lines)
    short = [line for line in lines if line['frames'] < report['window_frames']]
    if short:
        report['warnings'].append(
            f'{len(short)} of {len(lines)} clips of {split} have fewer than {report["window_frames"]} frames, such as '
            f'{short[0]["name"]} with {short[0]["frames"]}.'
        )
    for what, odd in (
        ('were smaller in the source and were enlarged', [line for line in lines if line.get('enlarged')]),
        ('have frames more than four times as long as wide', [line for line in lines if records.is_elongated(line)]),
    ):
        if odd:
            report['warnings'].append(f'{len(odd)} of {len(lines)} clips of {split} {what}, such as {odd[0]["name"]}.')
    empty = [name for number, name in enumerate(classes) if not counts[number]]
    if empty:
        report['warnings'].append(f'{split} has no clip of {len(empty)} classes, such as {empty[0]}.')
    return {
        'clips': len(lines),
        'frames': sum(line['frames'] for line in lines),
        'clips_per_class': {name: counts[number] for number, name in enumerate(classes)},
        'balance': _spread(counts.values()),
        'frames_per_clip': _spread(line['frames'] for line in lines),
        'seconds_per_clip': _spread(line['frames'] / line['fps'] if line['fps'] else 0 for line in lines),
        'fps': _by_frequency(str(line['fps']) for line in lines),
        'sizes': _by_frequency(f'{line["width"]}x{line["height"]}' for line in lines),
        'too_short': len(short),
    }


def _by_frequency(values: Iterable[str]) -> dict[str, int]:
    return dict(collections.Counter(values).most_common(10))


def _find_duplicates(everything: dict[str, list[dict]], report: dict) -> None:
    """The same frames stored twice within a split."""
    for split, lines in everything.items():
        names = collections.defaultdict(list)
        for line in lines:
            names[line['hash']].append(line['name'])
        for same in names.values():
            if len(same) > 1:
                report['warnings'].append(f'{split} holds the same clip {len(same)} times: {_some(same)}.')


def _find_leaks(everything: dict[str, list[dict]], report: dict) -> None:
    """The same frames or the same group in two splits."""
    for key, what in (('hash', 'The same clip'), ('group', 'The same group')):
        places = collections.defaultdict(lambda: collections.defaultdict(list))
        for split, lines in everything.items():
            for line in lines:
                places[line[key]][split].append(line['name'])
        leaks = [(value, found) for value, found in places.items() if len(found) > 1]
        report[f'leaked_{key}'] = len(leaks)
        for value, found in leaks[:_EXAMPLES]:
            named = f' {value}' if key == 'group' else ''
            where = ', '.join(f'{split} ({_some(names)})' for split, names in found.items())
            report['warnings'].append(f'{what}{named} is in {where}.')
        if len(leaks) > _EXAMPLES:
            report['warnings'].append(f'{what} is in two splits in {len(leaks)} cases altogether.')


def _some(names: Sequence[str]) -> str:
    return ', '.join(names[:3]) + (', ...' if len(names) > 3 else '')


def describe(report: dict[str, Any]) -> str:
    """The report for a person."""
    lines = [
        f'{report["data"]}: {report["source"]["name"]} from {report["source"]["input"]}, {report["tool"]}',
        f'{report["encoding"]}, {report["dtype"]}, {report["channels"]} channels, {report["classes"]} classes; '
        f'{report["skipped"]} clips were left out when it was prepared',
    ]
    for split, facts in report['splits'].items():
        lines += ['', f'{split}: {facts["clips"]} clips, {facts["frames"]} frames']
        for label, key in (
            ('clips per class', 'balance'),
            ('frames per clip', 'frames_per_clip'),
            ('seconds', 'seconds_per_clip'),
        ):
            spread = facts[key]
            if spread:
                lines.append(f'  {label}: {spread["min"]:g} to {spread["max"]:g}, median {spread["median"]:g}')
        lines.append(f'  sizes: {", ".join(f"{size} ({count})" for size, count in facts["sizes"].items())}')
        lines.append(f'  frames/s: {", ".join(f"{fps} ({count})" for fps, count in facts["fps"].items())}')
        lines.append(f'  too short for a window of {report["window_frames"]} frames: {facts["too_short"]}')
    for kind in ('errors', 'warnings'):
        lines += ['', f'{len(report[kind])} {kind}'] + [f'  {sentence}' for sentence in report[kind][:50]]
        if len(report[kind]) > 50:
            lines.append(f'  ... and {len(report[kind]) - 50} more; --json has all')
    return '\n'.join(lines)
