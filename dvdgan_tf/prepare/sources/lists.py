"""Data sets that a list names: CSV or JSONL, with a path and a label in each line, a split and times if wanted."""

from __future__ import annotations

import csv
import dataclasses
import io
import json
import math
import posixpath
import re
from collections.abc import Iterable, Sequence
from typing import Any

from dvdgan_tf.data import remote
from dvdgan_tf.errors import InputError
from dvdgan_tf.files import is_remote
from dvdgan_tf.prepare.listing import TRAIN, BadClip, Listing, Part, SourceClip
from dvdgan_tf.prepare.sources.folders import VIDEO_ENDINGS, image_folders, split_name

LIST_ENDINGS = ('.csv', '.jsonl')
_MOST_IDS = 1000  # labels below are class numbers; larger ones only if most numbers up to them occur


def read_table(path: str, columns: Sequence[str]) -> list[dict[str, str]]:
    """The rows of a CSV (with a header) or JSONL file as dictionaries with lower-case keys; what is not given is ''.

    Raises:
        InputError: the file does not exist, is empty or damaged, or lacks a column.
    """
    try:
        text = remote.read_text(path)
    except (OSError, UnicodeDecodeError) as error:
        raise InputError(f'the list {path} cannot be read ({error}): give a CSV or JSONL file in UTF-8.') from None
    try:
        if path.lower().endswith('.jsonl'):
            raw = [json.loads(line) for line in text.split('\n') if line.strip()]
        else:
            raw = list(csv.DictReader(io.StringIO(text), skipinitialspace=True, restval=''))
        rows = [{str(key).strip().lower(): _word(value) for key, value in row.items()} for row in raw]
    except (ValueError, csv.Error, AttributeError, RecursionError) as error:
        raise InputError(f'the list {path} is damaged ({error}): write one clip a line.') from None
    found = list(dict.fromkeys(name for row in rows for name in row))
    missing = [column for column in columns if column not in found]
    if missing:
        named = ', '.join(found[:20]) or 'no line'
        raise InputError(
            f'the list {path} has no column {missing[0]} (found: {named}): give it a header line with that name.'
        )
    return [{column: row.get(column, '') for column in {*found, *columns}} for row in rows]


def _word(value: Any) -> str:
    return '' if value is None else str(value).strip()


def classes(labels: Iterable[str]) -> tuple[list[str], dict[str, int]]:
    """The names of the classes, and the number of each label.

    Labels that are whole numbers are class numbers if they are below 1,000 or if at least half of the numbers up to the
    largest occur; else they are names like others (years, identifiers), and sorted.
    """
    labels = set(labels)
    if labels and all(re.fullmatch('[0-9]{1,15}', label) for label in labels):
        largest = max(map(int, labels))
        if largest < _MOST_IDS or largest < 2 * len(labels):
            return [str(number) for number in range(largest + 1)], {label: int(label) for label in labels}
        names = sorted(labels, key=int)
    else:
        names = sorted(labels)
    return names, {name: number for number, name in enumerate(names)}


def seconds(text: str) -> float:
    """A time in seconds, written as 12.5 or 1:02:03.5.

    Raises:
        BadClip: it is no time.
    """
    match = re.fullmatch(r'(?:(?:(\d{1,9}):)?(\d{1,9}):)?(\d{1,12}(?:\.\d*)?)', text, re.ASCII)
    if not match:
        raise BadClip(f'has the time {text!r:.60}, which is not written as 12.5 or 1:02:03.5')
    hours, minutes, rest = match.groups()
    return 3600 * int(hours or 0) + 60 * int(minutes or 0) + float(rest)


def list_clips(path: str) -> Listing:
    """The clips that a CSV or JSONL file names.

    It has the columns `path` (relative to the list) and `label`, and may have `split`, and `start` and `end` in seconds
    for clips that are parts of films; parts of one film are a group.

    Raises:
        InputError: the list cannot be used.
    """
    root, named, seen, absent = posixpath.dirname(path) or '.', [], set(), []
    for row in read_table(path, ['path', 'label']):
        try:
            name, part = row['path'], _part(row)
            if part is not None:
                name += f'#{part.start:g}-' + ('' if part.end == math.inf else f'{part.end:g}')
            if name in seen:
                raise BadClip('is named twice in the list')
            seen.add(name)
            if not row['label']:
                raise BadClip('has no label')
            kind, place, frames = _place(root, row['path'])
            if part is not None and kind != 'video':
                raise BadClip('is no video, of which a part could be taken')
        except BadClip as reason:
            absent.append((row['path'] or 'a line without a path', str(reason)))
            continue
        split = split_name(row.get('split', '')) or TRAIN
        group = name if part is None else row['path']
        named.append((row['label'], SourceClip(name, place, kind, 0, split, group, part, frames)))
    names, numbers = classes(label for label, _ in named)
    clips = [dataclasses.replace(clip, label=numbers[label]) for label, clip in named]
    return Listing(tuple(sorted(clips, key=lambda clip: clip.name)), tuple(names), tuple(absent))


def _part(row: dict[str, str]) -> Part | None:
    start, end = (row.get(key, '') for key in ('start', 'end'))
    if not start and not end:
        return None
    part = Part(seconds(start) if start else 0.0, seconds(end) if end else math.inf)
    if not part.start < part.end:
        raise BadClip(f'ends at {end} and starts at {start}')
    return part


def _place(root: str, name: str) -> tuple[str, str, tuple[str, ...]]:
    """(kind, path, names of its frames) of what a list names."""
    if not name:
        raise BadClip('has no path')
    place = name if name.startswith('/') or is_remote(name) else f'{root}/{name}'
    if name.lower().endswith(VIDEO_ENDINGS):
        return 'video', place, ()
    try:
        frames = image_folders([f'frames/{frame}' for frame in remote.list_files(place)]).get('frames', ())
    except (InputError, OSError, ValueError):
        frames = ()
    if not frames:
        raise BadClip('is neither a video file nor a folder of images')
    return 'images', place, frames
