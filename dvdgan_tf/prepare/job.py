"""Whose a folder of records is: the first preparation in it claims it, and only the same one goes on."""

from __future__ import annotations

import contextlib
import dataclasses
import errno
import hashlib
import json
import os
import shutil
import tempfile
from collections.abc import Iterator
from typing import Any

from dvdgan_tf import __version__, files
from dvdgan_tf.data import records
from dvdgan_tf.errors import InputError
from dvdgan_tf.prepare.listing import Listing, Rules

_SCRATCH = 'spool.tmp'


def claim(output: str, listing: Listing, rules: Rules, source: dict[str, Any], shard_size: dict[str, Any]) -> None:
    """Makes the folder this preparation's.

    Raises:
        InputError: it is another's.
    """
    content = hashlib.sha256()
    for clip in listing.clips:
        size = os.path.getsize(clip.path) if os.path.isfile(clip.path) else 0
        content.update(repr((dataclasses.replace(clip, path=''), size)).encode())
    job = {
        'format': records.FORMAT,
        'version': __version__,
        'source': source,
        'rules': dataclasses.asdict(rules),
        **shard_size,
        'clips': len(listing.clips),
        'listing_sha256': content.hexdigest(),
    }
    text = json.dumps(job, indent=2, sort_keys=True) + '\n'
    present = records.read_optional(f'{output}/job.json')
    if present is None:
        files.make_folder(output)
        if any(name.endswith('.tfrecord') for name in files.names_in(output)):
            raise InputError(f'{output} already holds other records: choose an empty folder.')
        files.write_atomically(f'{output}/job.json', text)
    elif present != text:
        _refuse(output, present, json.loads(text))


def _refuse(output: str, present: str, job: dict[str, Any]) -> None:
    try:
        earlier = json.loads(present)
        whose = f'of {earlier["source"].get("input")}'
        changed = [key for key in job if job[key] != earlier.get(key)]
    except (ValueError, KeyError, TypeError, AttributeError, RecursionError):
        whose, changed = 'whose job.json is damaged', list(job)
    raise InputError(
        f'{output} already holds another preparation, {whose} (different: {", ".join(changed)}): choose another '
        'folder or delete this one.'
    )


@contextlib.contextmanager
def scratch(output: str) -> Iterator[str]:
    """A folder of this machine for clips that wait to be written, beside the records where these are local."""
    if files.is_remote(output):
        with tempfile.TemporaryDirectory(prefix='dvdgan-spool-') as folder:
            yield folder
        return
    folder = os.path.join(output, _SCRATCH)
    shutil.rmtree(folder, ignore_errors=True)  # a killed run left it
    os.makedirs(folder)
    try:
        yield folder
    finally:
        shutil.rmtree(folder, ignore_errors=True)


@contextlib.contextmanager
def writing(output: str) -> Iterator[None]:
    """Turns what a full or forbidden disk raises into one sentence."""
    advice = 'what is finished is kept, and the same command goes on from there'
    try:
        yield
    except Exception as error:
        if not files.is_of_a_disk(error):
            raise
        kind, number = type(error).__name__, getattr(error, 'errno', None)
        if kind == 'ResourceExhaustedError' or number in (errno.ENOSPC, errno.EDQUOT, errno.EFBIG):
            sentence = f'no space is left at {output}: make room; {advice}.'
        elif kind in ('PermissionDeniedError', 'PermissionError'):
            sentence = f'{output} may not be written: change its permissions or choose another folder.'
        else:
            sentence = f'{output} cannot be written ({files.reason(error)}): check the path; {advice}.'
        raise InputError(sentence) from None
