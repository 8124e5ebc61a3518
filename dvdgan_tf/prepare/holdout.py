"""Which clips are kept for testing: whole groups, so that nothing leaks; and which splits are wanted."""

from __future__ import annotations

import dataclasses
import hashlib
import math
import re
from collections.abc import Iterable, Sequence

from dvdgan_tf.errors import InputError
from dvdgan_tf.prepare.listing import TEST, Listing, SourceClip


@dataclasses.dataclass(frozen=True)
class Holdout:
    """Which clips are kept for testing; whole groups, so that nothing leaks.

    Attributes:
        group_regex: searched in a clip's name; its first group (or the whole match) is the clip's group. None:
            every clip is a group of its own.
        test_groups: the groups to hold out.
        test_fraction: instead of naming them, the fraction of the groups to hold out, chosen by a hash of their names.
    """

    group_regex: str | None = None
    test_groups: Sequence[str] = ()
    test_fraction: float = 0.0


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
            raise InputError(f'there is no group {unknown[0]}: the groups are {_some(groups)}.')
        held = set(holdout.test_groups)
    else:
        if not 0 < holdout.test_fraction < 1:
            raise InputError(f'--test_fraction={holdout.test_fraction} is not between 0 and 1.')
        by_hash = sorted(groups, key=lambda group: hashlib.sha256(group.encode(errors='backslashreplace')).hexdigest())
        held = set(by_hash[: math.ceil(holdout.test_fraction * len(groups))])
    if not set(groups) - held:
        raise InputError(f'all {len(groups)} groups would be held out for testing: hold out fewer.')
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
        raise InputError(f'there is no split {unknown[0]}: the input has {_some(present)}.')
    clips = tuple(clip for clip in listing.clips if not splits or clip.split in splits)
    return dataclasses.replace(listing, clips=clips)
