"""Tar shards of videos and what is known of them, as webdataset lays them out: `<key>.mp4` beside `<key>.json`."""

from __future__ import annotations

import json
import posixpath
import tarfile
from typing import Any

from dvdgan_tf.data import remote
from dvdgan_tf.prepare.listing import TRAIN, BadClip, Listing, SourceClip
from dvdgan_tf.prepare.sources.folders import VIDEO_ENDINGS, named_split, split_name
from dvdgan_tf.prepare.sources.lists import classes

_LARGEST_NOTE = 1 << 20


def tar_clips(path: str) -> Listing:
    """The videos in tar shards; they are read where they lie, without unpacking.

    The JSON beside a video may give `label` (or `class`), `split` and `group`; `<key>.cls` or `<key>.txt` may hold the
    label alone. Without any label there is one class. Where some shards are named train, the others are of the split
    that they are named after.

    Args:
        path: a .tar file, or a folder of some.

    Raises:
        InputError: there is no such folder.
    """
    folder, files = path.rstrip('/'), None
    if folder.lower().endswith('.tar'):
        folder, files = posixpath.dirname(folder) or '.', [posixpath.basename(folder)]
    found, absent = [], []
    for file in files or remote.list_files(folder):
        if not file.lower().endswith('.tar'):
            absent.append((file, 'is no .tar (a compressed one cannot be entered: unpack it)'))
            continue
        for key, parts in _members(f'{folder}/{file}', file, absent).items():
            try:
                found.append(_described(f'{folder}/{file}', file, key, parts))
            except BadClip as reason:
                absent.append((f'{file}:{key}', str(reason)))
    labelled = any(label for _, label, _ in found)
    names, numbers = classes(label for _, label, _ in found if label) if labelled else (['all'], {'': 0})
    by_name = any(named_split(clip.path.rpartition('/')[2]) == TRAIN for clip, _, _ in found)
    clips = []
    for clip, label, split in found:
        if label not in numbers:
            absent.append((clip.name, 'has no label'))
            continue
        split = split or (by_name and named_split(clip.path.rpartition('/')[2])) or TRAIN
        clips.append(SourceClip(clip.name, clip.path, 'tar', numbers[label], split, clip.group, None, clip.place))
    return Listing(tuple(clips), tuple(names), tuple(absent))


def _members(path: str, file: str, absent: list[tuple[str, str]]) -> dict[str, dict[str, tuple[int, int]]]:
    """(offset, bytes) of every file of a tar, by key and ending."""
    members: dict[str, dict[str, tuple[int, int]]] = {}
    try:
        with remote.open_input(path) as opened, tarfile.open(fileobj=opened, mode='r:') as archive:
            for member in archive:
                if member.isreg():
                    folder, name = posixpath.split(member.name)
                    key, _, ending = name.partition('.')
                    place = member.offset_data, member.size
                    members.setdefault(posixpath.join(folder, key), {})[f'.{ending.lower()}'] = place
    except (tarfile.TarError, EOFError, ValueError, OSError) as error:
        absent.append((file, f'is damaged ({error}); what lies before the damage is used'))
    return members


def _described(path: str, file: str, key: str, parts: dict[str, tuple[int, int]]) -> tuple[SourceClip, str, str]:
    """(clip, label, split) of one key."""
    videos = [ending for ending in parts if ending in VIDEO_ENDINGS]
    if len(videos) != 1:
        raise BadClip(f'has {len(videos)} videos among {", ".join(sorted(parts))}')
    facts = _note(path, parts)
    label = next((str(facts[name]) for name in ('label', 'class', 'cls') if facts.get(name) is not None), '').strip()
    name = f'{file}:{key}'
    group = str(facts.get('group') or name)
    clip = SourceClip(name, path, 'tar', group=group, place=(*parts[videos[0]], videos[0]))
    return clip, label, split_name(str(facts.get('split') or ''))


def _note(path: str, parts: dict[str, tuple[int, int]]) -> dict[str, Any]:
    """What lies beside a video."""
    for ending in ('.json', '.cls', '.txt'):
        if ending in parts:
            offset, size = parts[ending]
            if size > _LARGEST_NOTE:
                raise BadClip(f'has a {ending} of {size} bytes')
            with remote.open_input(path) as file:
                file.seek(offset)
                text = file.read(size)
            try:
                facts = json.loads(text) if ending == '.json' else {'label': text.decode()}
            except (ValueError, RecursionError) as error:
                raise BadClip(f'has a {ending} that cannot be read ({error})') from None
            if not isinstance(facts, dict):
                raise BadClip('has a .json that is no object')
            return facts
    return {}
