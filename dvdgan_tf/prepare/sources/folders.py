"""Any folder as a data set: videos, frame images or strips of frames, in class folders or without classes."""

from __future__ import annotations

import posixpath
import re
from collections.abc import Sequence

from dvdgan_tf.data import remote
from dvdgan_tf.errors import InputError
from dvdgan_tf.prepare.listing import TEST, TRAIN, Listing, SourceClip

VIDEO_ENDINGS = (
    *('.mp4', '.m4v', '.mov', '.avi', '.mkv', '.webm', '.gif', '.mpg', '.mpeg', '.ts', '.mts', '.m2ts', '.flv', '.wmv'),
    *('.asf', '.3gp', '.ogv', '.vob'),
)
IMAGE_ENDINGS = ('.png', '.jpg', '.jpeg')

SPLIT_NAMES = {
    'train': TRAIN,
    'training': TRAIN,
    'test': TEST,
    'testing': TEST,
    'val': 'validate',
    'valid': 'validate',
    'validate': 'validate',
    'validation': 'validate',
}
_NO_CLASS = 'all'


def list_folder(folder: str, strip_frames: int | None = None) -> Listing:
    """The clips of a folder.

    It may hold `<class>/<clip>`, or just clips, below `train/` and `test/` or not. A clip is a video file, a folder of
    frame images, or, with strip_frames, an image with so many frames side by side.

    Raises:
        InputError: the folder cannot be used.
    """
    folder = folder.rstrip('/')
    files = remote.list_files(folder)
    places = {path: (path, 'video', ()) for path in files if path.lower().endswith(VIDEO_ENDINGS)}
    if strip_frames:
        strips = [path for path in files if path.lower().endswith(IMAGE_ENDINGS)]
        places.update({path: (path, 'strip', (strip_frames,)) for path in strips})
    else:
        places.update({parent: (parent, 'images', frames) for parent, frames in image_folders(files).items()})
    foreign = [
        (path, 'is no video or image') for path in files if not path.lower().endswith(VIDEO_ENDINGS + IMAGE_ENDINGS)
    ]
    if not strip_frames:
        foreign += [
            (path, 'is an image beside the clips: frames belong into a folder for each clip')
            for path in files
            if '/' not in path and path.lower().endswith(IMAGE_ENDINGS)
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


def split_name(word: str) -> str:
    """The usual name of a split: train, test or validate however they are written; other words stay as they are."""
    return SPLIT_NAMES.get(word.strip().lower(), word.strip())


def named_split(name: str) -> str | None:
    """The split that a file or array is named after."""
    words = re.split(r'[^a-z]+', name.lower())
    return next((SPLIT_NAMES[word] for word in words if word in SPLIT_NAMES), None)


def image_folders(files: Sequence[str]) -> dict[str, tuple[str, ...]]:
    """Folders of frames, with the frames in the order of their numbers."""
    frames: dict[str, list[str]] = {}
    for path in files:
        if path.lower().endswith(IMAGE_ENDINGS):
            frames.setdefault(posixpath.dirname(path), []).append(posixpath.basename(path))
    return {parent: tuple(sorted(names, key=_by_number)) for parent, names in frames.items() if parent}


def _by_number(name: str) -> list:
    return [(int(part), '') if part.isdigit() else (-1, part) for part in re.split(r'(\d+)', name)]
