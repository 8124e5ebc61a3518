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
        import tensorflow as tf

        tf.io.gfile.makedirs(output)
        if any(name.endswith('.tfrecord') for name in _names(output)):
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


def _names(folder: str) -> list[str]:
    import tensorflow as tf

    try:
        return tf.io.gfile.listdir(folder)
    except tf.errors.NotFoundError:  # an object store has no empty folders
        return []


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
    import tensorflow as tf

    advice = 'what is finished is kept, and the same command goes on from there'
    try:
        yield
    except tf.errors.ResourceExhaustedError:
        raise InputError(f'no space is left at {output}: make room; {advice}.') from None
    except (tf.errors.PermissionDeniedError, PermissionError):
        raise InputError(f'{output} may not be written: change its permissions or choose another folder.') from None
    except tf.errors.OpError as error:
        raise InputError(f'{output} cannot be written ({error.message}): check the path; {advice}.') from None
    except OSError as error:
        if error.errno in (errno.ENOSPC, errno.EDQUOT, errno.EFBIG):
            raise InputError(f'no space is left at {output}: make room; {advice}.') from None
        raise InputError(f'{output} cannot be written ({error}): check the path; {advice}.') from None
