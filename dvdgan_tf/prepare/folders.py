"""Any folder as a data set: videos or frame images, in class folders, without classes, or named by a list."""

import csv
import dataclasses
import hashlib
import io
import json
import math
import posixpath
import re
from typing import Iterable, Optional, Sequence

from dvdgan_tf.data import remote
from dvdgan_tf.errors import InputError
from dvdgan_tf.files import is_remote
from dvdgan_tf.prepare.listing import TEST, TRAIN, Listing, SourceClip

VIDEO_ENDINGS = ('.mp4', '.avi', '.mkv', '.mov', '.webm', '.gif', '.m4v', '.mpg', '.mpeg')
IMAGE_ENDINGS = ('.png', '.jpg', '.jpeg')
LIST_ENDINGS = ('.csv', '.jsonl')

SPLIT_NAMES = {
    'train': TRAIN,
    'training': TRAIN,
    'test': TEST,
    'testing': TEST,
    'val': 'validate',
    'validate': 'validate',
    'validation': 'validate',
}
_NO_CLASS = 'all'


@dataclasses.dataclass(frozen=True)
class Holdout:
    """Which clips are kept for testing; whole groups, so that nothing leaks.

    Attributes:
        group_regex: searched in a clip's name; its first group (or the whole match) is the clip's group. None:
            every clip is a group of its own.
        test_groups: the groups to hold out.
        test_fraction: instead of naming them, the fraction of the groups to hold out, chosen by a hash of their names.
    """

    group_regex: Optional[str] = None
    test_groups: Sequence[str] = ()
    test_fraction: float = 0.0


def list_folder(folder: str) -> Listing:
    """The clips of a folder, or those that a CSV or JSONL file names.

    A folder may hold `<class>/<clip>`, or just clips, below `train/` and `test/` or not. A clip is a video file or a
    folder of frame images. A list has the columns `path` (relative to the list) and `label`, and may have `split`.

    Raises:
        InputError: the folder or the list cannot be used.
    """
    folder = folder.rstrip('/')
    if folder.lower().endswith(LIST_ENDINGS):
        return _from_list(folder)
    files = remote.list_files(folder)
    places = {path: (path, 'video', ()) for path in files if path.lower().endswith(VIDEO_ENDINGS)}
    places.update({parent: (parent, 'images', frames) for parent, frames in _image_folders(files).items()})
    foreign = [
        (path, 'is no video or image') for path in files if not path.lower().endswith(VIDEO_ENDINGS + IMAGE_ENDINGS)
    ]
    split_names = {path.split('/')[0].lower() for path in places}
    has_splits = bool(split_names) and split_names <= set(SPLIT_NAMES)
    rows = []
    for name, (path, kind, frames) in sorted(places.items()):
        parts = name.split('/')
        split = SPLIT_NAMES[parts[0].lower()] if has_splits else TRAIN
        parents = parts[1:-1] if has_splits else parts[:-1]
        rows.append((name, path, kind, frames, parents[0] if parents else None, split))
    if any(row[4] is None for row in rows) and any(row[4] is not None for row in rows):
        lone = next(row[0] for row in rows if row[4] is None)
        raise InputError(
            f'{folder} holds clips both in class folders and outside, such as {lone}: move them into class folders.'
        )
    class_names = sorted({row[4] or _NO_CLASS for row in rows})
    clips = [
        SourceClip(name, f'{folder}/{path}', kind, class_names.index(label or _NO_CLASS), split, name, place=frames)
        for name, path, kind, frames, label, split in rows
    ]
    return Listing(tuple(clips), tuple(class_names), tuple(foreign))


def _image_folders(files: Sequence[str]) -> dict[str, tuple[str, ...]]:
    """Folders of frames, with the frames in the order of their numbers."""
    frames: dict[str, list[str]] = {}
    for path in files:
        if path.lower().endswith(IMAGE_ENDINGS):
            frames.setdefault(posixpath.dirname(path), []).append(posixpath.basename(path))
    return {parent: tuple(sorted(names, key=_by_number)) for parent, names in frames.items() if parent}


def _by_number(name: str) -> list:
    return [(int(part), '') if part.isdigit() else (-1, part) for part in re.split(r'(\d+)', name)]


def read_table(path: str, columns: Sequence[str]) -> list[dict[str, str]]:
    """The rows of a CSV (with a header) or JSONL file as dictionaries with lower-case keys.

    Raises:
        InputError: the file does not exist, is empty or damaged, or lacks a column.
    """
    try:
        text = remote.read_text(path)
    except (OSError, UnicodeDecodeError) as error:
        raise InputError(f'The list {path} cannot be read ({error}): give a CSV or JSONL file in UTF-8.') from None
    try:
        if path.lower().endswith('.jsonl'):
            raw = [json.loads(line) for line in text.splitlines() if line.strip()]
        else:
            raw = list(csv.DictReader(io.StringIO(text), skipinitialspace=True))
        rows = [{str(key).strip().lower(): str(value).strip() for key, value in row.items()} for row in raw]
    except (ValueError, csv.Error, AttributeError) as error:
        raise InputError(f'The list {path} is damaged ({error}): write one clip a line.') from None
    missing = [column for column in columns if not rows or column not in rows[0]]
    if missing:
        found = ', '.join(rows[0]) if rows else 'no line'
        raise InputError(
            f'The list {path} has no column {missing[0]} (found: {found}): give it a header line with that name.'
        )
    return rows


def _from_list(path: str) -> Listing:
    rows = read_table(path, ['path', 'label'])
    root = posixpath.dirname(path) or '.'
    labels = {row['label'] for row in rows}
    numbers = all(label.isdigit() for label in labels)
    class_names = [str(n) for n in range(max(map(int, labels)) + 1)] if numbers else sorted(labels)
    clips, seen, absent = [], set(), []
    for row in rows:
        name = row['path']
        if name in seen:
            absent.append((name, 'is named twice in the list'))
            continue
        seen.add(name)
        place = name if name.startswith('/') or is_remote(name) else f'{root}/{name}'
        kind, frames = 'video', ()
        if not name.lower().endswith(VIDEO_ENDINGS):
            kind = 'images'
            try:
                frames = _image_folders([f'frames/{frame}' for frame in remote.list_files(place)]).get('frames', ())
            except InputError:
                frames = ()
            if not frames:
                absent.append((name, 'is neither a video file nor a folder of images'))
                continue
        label = int(row['label']) if numbers else class_names.index(row['label'])
        clips.append(SourceClip(name, place, kind, label, row.get('split') or TRAIN, name, place=frames))
    return Listing(tuple(sorted(clips, key=lambda clip: clip.name)), tuple(class_names), tuple(absent))


def hold_out(listing: Listing, holdout: Holdout) -> Listing:
    """The same listing with groups set and whole groups moved to the test split.

    Raises:
        InputError: the pattern is wrong or fits no clip's name, or nothing would be left in a split.
    """
    clips = list(listing.clips)
    if holdout.group_regex is not None:
        clips = _grouped(clips, holdout.group_regex)
    groups = sorted({clip.group for clip in clips})
    if holdout.test_groups and holdout.test_fraction:
        raise InputError('--test_groups and --test_fraction were both given: choose one.')
    if not holdout.test_groups and not holdout.test_fraction:
        return dataclasses.replace(listing, clips=tuple(clips))
    if holdout.test_groups:
        unknown = [group for group in holdout.test_groups if group not in groups]
        if unknown:
            raise InputError(f'There is no group {unknown[0]}: the groups are {_some(groups)}.')
        held = set(holdout.test_groups)
    else:
        if not 0 < holdout.test_fraction < 1:
            raise InputError(f'--test_fraction={holdout.test_fraction} is not between 0 and 1.')
        by_hash = sorted(groups, key=lambda group: hashlib.sha256(group.encode()).hexdigest())
        held = set(by_hash[: math.ceil(holdout.test_fraction * len(groups))])
    if not set(groups) - held:
        raise InputError(f'All {len(groups)} groups would be held out for testing: hold out fewer.')
    clips = [dataclasses.replace(clip, split=TEST if clip.group in held else clip.split) for clip in clips]
    return dataclasses.replace(listing, clips=tuple(clips))


def _grouped(clips: Iterable[SourceClip], pattern: str) -> list[SourceClip]:
    try:
        compiled = re.compile(pattern)
    except re.error as error:
        raise InputError(f'--group_regex={pattern} is no regular expression ({error}).') from None
    grouped = []
    for clip in clips:
        match = compiled.search(clip.name)
        if match is None:
            raise InputError(f'--group_regex={pattern} does not fit {clip.name}: every clip needs a group.')
        grouped.append(dataclasses.replace(clip, group=match.group(1) if compiled.groups else match.group()))
    return grouped


def _some(names: Sequence[str]) -> str:
    return ', '.join(names[:10]) + (', ...' if len(names) > 10 else '')


def only_splits(listing: Listing, splits: Sequence[str]) -> Listing:
    """The listing reduced to the named splits; all of it where none is named.

    Raises:
        InputError: a split that does not exist.
    """
    present = sorted({clip.split for clip in listing.clips})
    unknown = [split for split in splits if split not in present]
    if unknown:
        raise InputError(f'There is no split {unknown[0]}: the input has {_some(present)}.')
    clips = tuple(clip for clip in listing.clips if not splits or clip.split in splits)
    return dataclasses.replace(listing, clips=clips)
