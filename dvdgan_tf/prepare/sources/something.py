"""Something-Something as distributed: JSON lists of the splits, and a folder of WebM files named by number."""

from __future__ import annotations

import json
import posixpath
import re
from typing import Any

from dvdgan_tf.data import remote
from dvdgan_tf.errors import InputError
from dvdgan_tf.prepare.listing import TRAIN, Listing, SourceClip
from dvdgan_tf.prepare.sources.folders import VIDEO_ENDINGS, named_split


def something_something(folder: str) -> Listing:
    """The clips that `something-something-v2-train.json`, `-validation.json` and `-test.json` name.

    Classes are numbered as `...-labels.json` says. The official test list has no labels: its clips are left out.

    Args:
        folder: holds the lists and the videos, at any depth.

    Raises:
        InputError: the lists are not there, or damaged.
    """
    folder = folder.rstrip('/')
    files = remote.list_files(folder)
    tables = [path for path in files if path.lower().endswith('.json')]
    names = [path for path in tables if re.search(r'\blabels\b', posixpath.basename(path))]
    lists = [path for path in tables if path not in names and named_split(posixpath.basename(path))]
    if not names or not lists:
        raise InputError(
            f'there is no {"...-labels.json" if not names else "...-train.json"} below {folder}: put the lists of '
            'Something-Something there.'
        )
    classes = _classes(f'{folder}/{names[0]}')
    videos = {_stem(path): path for path in files if path.lower().endswith(VIDEO_ENDINGS)}
    clips, absent, seen = [], [], set()
    for table in lists:
        split = named_split(posixpath.basename(table)) or TRAIN
        for row in _read(f'{folder}/{table}', list):
            stem, template = (str(row.get(key, '')) if isinstance(row, dict) else '' for key in ('id', 'template'))
            label = re.sub(r'[\[\]]', '', template)
            complaint = _complaint(stem, label, classes, videos, seen)
            seen.add(stem)
            if complaint:
                absent.append((stem or f'a line of {table}', complaint))
            else:
                clips.append(SourceClip(stem, f'{folder}/{videos[stem]}', 'video', classes[label], split, stem))
    absent += [(path, 'is named by no list') for stem, path in sorted(videos.items()) if stem not in seen]
    ordered = sorted(clips, key=lambda clip: clip.name)
    return Listing(tuple(ordered), tuple(sorted(classes, key=classes.get)), tuple(absent))


def _stem(path: str) -> str:
    return posixpath.splitext(posixpath.basename(path))[0]


def _complaint(stem: str, label: str, classes: dict[str, int], videos: dict[str, str], seen: set[str]) -> str:
    if not stem:
        return 'has no id'
    if stem in seen:
        return 'is named twice in the lists'
    if stem not in videos:
        return 'is missing'
    if not label:
        return 'has no label'
    return '' if label in classes else f'has the template {label!r}, which the labels do not name'


def _classes(path: str) -> dict[str, int]:
    """Numbers by names."""
    try:
        classes = {str(name): int(number) for name, number in _read(path, dict).items()}
    except (TypeError, ValueError):
        classes = {}
    if not classes or sorted(classes.values()) != list(range(len(classes))):
        raise InputError(f'{path} is damaged: it gives each class a number from 0 on.')
    return classes


def _read(path: str, kind: type) -> Any:
    try:
        value = json.loads(remote.read_text(path))
    except (OSError, ValueError, RecursionError) as error:
        raise InputError(f'{path} cannot be read ({error}): download it again.') from None
    if not isinstance(value, kind):
        raise InputError(f'{path} is no {"list" if kind is list else "mapping"}: download it again.')
    return value
