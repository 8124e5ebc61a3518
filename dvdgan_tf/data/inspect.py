"""A check of a folder of records: what is in it, and everything that would spoil a training or an evaluation."""

import collections
import io
from typing import Any, Iterable, Iterator, Optional, Sequence

import numpy as np
import tensorflow as tf
from PIL import Image

from dvdgan_tf.data import records, remote
from dvdgan_tf.data.pipeline import decode_frame, read_record
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
        if records.file_digest(path) != shard['sha256']:
            report['errors'].append(f'{path} is not the file that was prepared: its checksum differs.')
    except InputError as error:
        report['errors'].append(str(error))
    index = records.read_index(folder, shard['file'])
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
    """(line, complaint, whether all frames are the same) for every record; every frame is decoded."""

    def check(offset: tf.Tensor, length: tf.Tensor, shape: tf.Tensor) -> tuple[tf.Tensor, tf.Tensor, tf.Tensor]:
        frames = read_record(tf.constant(path), offset, length)
        if manifest['encoding'] == 'raw':
            size = tf.reduce_prod(shape) * tf.dtypes.as_dtype(manifest['dtype']).size
            right = tf.reduce_all(tf.strings.length(frames) == size)
        else:
            shapes = tf.map_fn(
                lambda frame: tf.shape(decode_frame(frame, manifest['encoding'], manifest['channels'])),
                frames,
                fn_output_signature=tf.int32,
            )
            right = tf.reduce_all(shapes == shape)
        return tf.size(frames), right, tf.reduce_all(frames == frames[0])

    if not lines:
        return
    shapes = [[line['height'], line['width'], manifest['channels']] for line in lines]
    places = [line['offset'] for line in lines], [line['bytes'] for line in lines]
    dataset = tf.data.Dataset.from_tensor_slices((*(tf.constant(p, tf.int64) for p in places), tf.constant(shapes)))
    checked = iter(dataset.map(check, num_parallel_calls=tf.data.AUTOTUNE, deterministic=True))
    for line in lines:
        try:
            count, right, still = next(checked)
        except tf.errors.OpError as error:
            yield line, error.message.splitlines()[0].rpartition('}} ')[2].rstrip('.'), False
            continue
        complaint = '' if int(count) == line['frames'] else f'{int(count)} frames instead of {line["frames"]}'
        if not complaint and not right:
            complaint = f'its frames are not {line["height"]}x{line["width"]}'
        yield line, complaint, bool(still)


def _spread(values: Iterable[float]) -> Optional[dict[str, float]]:
    values = [value for value in values if value]
    if not values:
        return None
    return {'min': float(np.min(values)), 'median': float(np.median(values)), 'max': float(np.max(values))}


def _facts(lines: Sequence[dict], classes: Sequence[str], report: dict, split: str) -> dict[str, Any]:
    """Counts of one split; too short clips and empty classes become warnings."""
    counts = collections.Counter(line['label'] for line in lines)
    short = [line for line in lines if line['frames'] < report['window_frames']]
    if short:
        report['warnings'].append(
            f'{len(short)} of {len(lines)} clips of {split} have fewer than {report["window_frames"]} frames, such as '
            f'{short[0]["name"]} with {short[0]["frames"]}.'
        )
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


def read_clip(folder: str, manifest: dict[str, Any], split: str, number: int) -> tuple[np.ndarray, dict[str, Any]]:
    """One whole clip of a split, and its line of the index.

    Returns:
        uint8 [T, H, W, C], whatever the stored type, and the line.

    Raises:
        InputError: there is no such split or number, or its index is missing.
    """
    if split not in manifest['splits']:
        raise InputError(f'{folder} has no split {split}: it has {", ".join(manifest["splits"])}.')
    rest = number
    for shard in manifest['splits'][split]['shards']:
        if 0 <= rest < shard['records']:
            line = records.check_shard(folder, shard)[rest]
            place = (tf.constant(line[key], tf.int64) for key in ('offset', 'bytes'))
            encoded = read_record(tf.constant(f'{folder}/{shard["file"]}'), *place).numpy()
            return np.stack([_as_uint8(frame, manifest, line) for frame in encoded]), line
        rest -= shard['records']
    raise InputError(
        f'{split} has no record {number}: they are numbered 0 to {manifest["splits"][split]["clips"] - 1}.'
    )


def _as_uint8(encoded: bytes, manifest: dict[str, Any], line: dict[str, Any]) -> np.ndarray:
    shape = line['height'], line['width'], manifest['channels']
    if manifest['encoding'] != 'raw':
        return np.asarray(Image.open(io.BytesIO(encoded))).reshape(shape)
    low, high = manifest['value_range']
    values = np.frombuffer(encoded, manifest['dtype']).reshape(shape).astype(np.float32)
    return np.rint(255 * np.clip((values - low) / (high - low), 0, 1)).astype(np.uint8)


def sample(folder: str, manifest: dict[str, Any], split: str, clips: int, frames: int, largest_side: int) -> np.ndarray:
    """Clips spread over a split, and over its classes, for a contact sheet.

    Args:
        folder: the records.
        manifest: theirs.
        split: which part.
        clips: how many at most.
        frames: of each clip, evenly spread from its first to its last.
        largest_side: the central squares are not larger than this, and as large as the smallest frame allows.

    Returns:
        uint8 [N, frames, S, S, C].
    """
    total = manifest['splits'][split]['clips']
    shown = []
    for number in np.unique(np.linspace(0, total - 1, min(clips, total)).astype(int)):
        clip, _ = read_clip(folder, manifest, split, int(number))
        shown.append(clip[np.rint(np.linspace(0, len(clip) - 1, frames)).astype(int)])
    side = min(largest_side, *(min(clip.shape[1:3]) for clip in shown))
    return np.stack([np.stack([square(frame, side) for frame in clip]) for clip in shown])


def square(frame: np.ndarray, side: int) -> np.ndarray:
    """The central square of a frame [H, W, C], resized to side."""
    height, width, channels = frame.shape
    short = min(height, width)
    top, left = (height - short) // 2, (width - short) // 2
    image = Image.fromarray(np.ascontiguousarray(frame[..., 0] if channels == 1 else frame))
    box = left, top, left + short, top + short
    return np.asarray(image.resize((side, side), Image.Resampling.BILINEAR, box)).reshape(side, side, channels)
