"""The sum of all shards, written last."""

from __future__ import annotations

import dataclasses
import json
from collections.abc import Sequence
from typing import Any

from dvdgan_tf import __version__, files
from dvdgan_tf.data import records
from dvdgan_tf.errors import InputError
from dvdgan_tf.prepare.listing import Listing, Rules
from dvdgan_tf.prepare.shards import write_lines

RESIZE_RULE = 'shorter side to short_side, bilinear, antialiased, aspect kept, square pixels, upright'


def mixed_channels(what: str) -> str:
    """The sentence for grey clips beside coloured ones."""
    return f'{what} mix grey and colour: give --channels=1 or --channels=3, and an empty --output.'


def write_manifest(
    output: str,
    listing: Listing,
    rules: Rules,
    source: dict[str, Any],
    value_range: tuple[float, float],
    headers: Sequence[dict[str, Any]],
    skipped: Sequence[dict[str, str]],
) -> dict[str, Any]:
    """Writes `manifest.json` and `skipped.jsonl`.

    Args:
        output: the folder of records.
        listing: what was asked for.
        rules: how it is stored.
        source: where it is from.
        value_range: the values that become -1 and 1.
        headers: the first lines of the indexes of all shards.
        skipped: name and reason of clips that could not be stored, besides those that the listing names.

    Returns:
        The manifest.

    Raises:
        InputError: nothing was stored, or the clips do not fit together.
    """
    skipped = [{'name': name, 'reason': reason} for name, reason in listing.absent] + list(skipped)
    if not headers:
        raise InputError(
            f'none of the {len(listing.clips)} clips of {source["input"]} could be stored: '
            f'{skipped[-1]["name"]} {skipped[-1]["reason"]}.'
        )
    splits, channels, odd = _splits(output, len(listing.class_names), headers)
    if len(channels) != 1:
        raise InputError(mixed_channels(f'The clips of {source["input"]}'))
    manifest = {
        'format': records.FORMAT,
        'tool': f'dvdgan_tf {__version__}',
        'source': source,
        'classes': list(listing.class_names),
        'channels': channels.pop(),
        'dtype': listing.dtype,
        'value_range': list(value_range),
        **({'missing': True} if listing.missing else {}),
        **({'unit': listing.unit} if listing.unit else {}),
        'resize': RESIZE_RULE if rules.short_side else 'none',
        **{key: value for key, value in dataclasses.asdict(rules).items() if key != 'channels'},
        'splits': splits,
        'skipped': len(skipped),
        **odd,
    }
    write_lines(f'{output}/skipped.jsonl', skipped)
    files.write_atomically(f'{output}/{records.MANIFEST}', json.dumps(manifest, indent=2, ensure_ascii=False) + '\n')
    return manifest


def _splits(
    output: str, num_classes: int, headers: Sequence[dict[str, Any]]
) -> tuple[dict[str, dict[str, Any]], set[int], dict[str, int]]:
    """What the manifest says of each split, the channels that occur, and how many clips are odd in some way."""
    splits: dict[str, dict[str, Any]] = {}
    channels: set[int] = set()
    odd = {'enlarged': 0, 'elongated': 0}
    for header in headers:
        _, lines, index_digest = records.read_index(output, header['shard'])
        split = splits.setdefault(
            header['shard'].rsplit('-', 1)[0],
            {'clips': 0, 'frames': 0, 'clips_per_class': [0] * num_classes, 'shards': []},
        )
        for line in lines:
            split['clips'] += 1
            split['frames'] += line['frames']
            split['clips_per_class'][line['label']] += 1
            channels.add(line['channels'])
            odd['enlarged'] += line.get('enlarged', False)
            odd['elongated'] += records.is_elongated(line)
        entry = {'file': header['shard'], 'index_sha256': index_digest}
        split['shards'].append({**entry, **{key: header[key] for key in ('records', 'bytes', 'sha256')}})
    return splits, channels, odd
