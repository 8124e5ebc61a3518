"""KTH actions (Schuldt, Laptev and Caputo 2004) as distributed: a video holds several sequences, cut out by a list."""

from __future__ import annotations

import posixpath
import re

from dvdgan_tf.data import remote
from dvdgan_tf.errors import InputError
from dvdgan_tf.prepare.listing import Listing, Part, SourceClip
from dvdgan_tf.prepare.sources.folders import VIDEO_ENDINGS

LIST = '00sequences.txt'
CLASSES = ('boxing', 'handclapping', 'handwaving', 'jogging', 'running', 'walking')
# The people of each split, from the head of 00sequences.txt.
_PEOPLE = {
    'train': (11, 12, 13, 14, 15, 16, 17, 18),
    'validate': (19, 20, 21, 23, 24, 25, 1, 4),
    'test': (22, 2, 3, 5, 6, 7, 8, 9, 10),
}
_LINE = re.compile(r'(person(\d\d)_([a-z]+)_d\d)\s+frames\s+(.*)', re.ASCII)
_RANGE = re.compile(r'(\d{1,9})-(\d{1,9})', re.ASCII)


def kth(folder: str) -> Listing:
    """The sequences that `00sequences.txt` names, in the official splits; a person is a group.

    Args:
        folder: holds the list and the videos `person01_boxing_d1_uncomp.avi`, at any depth.

    Raises:
        InputError: there is no list.
    """
    folder = folder.rstrip('/')
    files = remote.list_files(folder)
    lists = [path for path in files if posixpath.basename(path) == LIST]
    if not lists:
        raise InputError(f'there is no {LIST} below {folder}: download it from the page of the data set.')
    videos = {_stem(path): path for path in files if path.lower().endswith(VIDEO_ENDINGS)}
    splits = {person: split for split, people in _PEOPLE.items() for person in people}
    clips, absent, used = [], [], set()
    for line in remote.read_text(f'{folder}/{lists[0]}', errors='replace').splitlines():
        match = _LINE.match(line.strip())
        if match is None:
            continue
        stem, person, action, ranges = match[1], match[2], match[3], _RANGE.findall(match[4])
        if stem not in videos:
            absent.append((stem, 'is missing'))
            continue
        used.add(stem)
        if action not in CLASSES or int(person) not in splits or not ranges:
            absent.append((stem, f'has a line in {LIST} without a known action, person or range of frames'))
            continue
        for first, last in ((int(first), int(last)) for first, last in ranges):
            name, path = f'{stem}#{first:04d}-{last:04d}', f'{folder}/{videos[stem]}'
            part = Part(skip=max(0, first - 1), frames=max(1, last - first + 1))
            label, split = CLASSES.index(action), splits[int(person)]
            clips.append(SourceClip(name, path, 'video', label, split, f'person{person}', part))
    absent += [(path, f'is not named by {LIST}') for stem, path in sorted(videos.items()) if stem not in used]
    return Listing(tuple(sorted(clips, key=lambda clip: clip.name)), CLASSES, tuple(absent))


def _stem(path: str) -> str:
    return posixpath.splitext(posixpath.basename(path))[0].replace('_uncomp', '')
