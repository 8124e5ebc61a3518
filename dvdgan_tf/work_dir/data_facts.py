"""Facts about the training data that users of a trained generator need, kept with the run: class names, scale."""

from __future__ import annotations

import dataclasses
import json
import logging
import os
from typing import Any, NamedTuple

import tensorflow as tf

from dvdgan_tf import files
from dvdgan_tf.data.scales import Scale
from dvdgan_tf.data.stream import ClipSource
from dvdgan_tf.errors import InputError

FILE_NAME = 'data.json'
_LOG = logging.getLogger(__name__)


class DataFacts(NamedTuple):
    """Facts of clips.

    Attributes:
        class_names: one a label.
        stride: frames of the source from one frame of a clip to the next.
        identity: what tells the clips from others, for records the hash of their manifest; None in runs of versions
            that did not keep it.
        scale: what their numbers in [-1, 1] stand for.
    """

    class_names: tuple[str, ...]
    stride: int
    identity: dict[str, Any] | None = None
    scale: Scale = Scale()


def write(work_dir: str, data: ClipSource) -> None:
    """Writes `data.json`.

    Raises:
        InputError: there is no room, or no permission, to write.
    """
    facts = DataFacts(data.class_names, data.stride, data.identity(), data.scale)._asdict()
    text = json.dumps({**facts, 'scale': dataclasses.asdict(data.scale)}, indent=2)
    path = os.path.join(work_dir, FILE_NAME)
    try:
        tf.io.gfile.makedirs(work_dir)
    except tf.errors.OpError as error:
        raise InputError(f'cannot write {path} ({error.message}); make room or choose another place.') from error
    files.write_atomically(path, text + '\n')


def read(work_dir: str) -> DataFacts:
    """What `write` wrote.

    Raises:
        InputError: there is no such file, or it is damaged.
    """
    path = os.path.join(work_dir, FILE_NAME)
    try:
        with tf.io.gfile.GFile(path) as file:
            found = json.load(file)
        if 'scale' not in found:  # written by a version that knew linear ones only
            low, high = found['value_range']
            found['scale'] = {'low': low, 'high': high}
        found.pop('value_range', None)
        return DataFacts(**found)._replace(class_names=tuple(found['class_names']), scale=Scale(**found['scale']))
    except (tf.errors.OpError, KeyError, IndexError, TypeError, ValueError) as error:
        reason = getattr(error, 'message', None) or error
        raise InputError(f'cannot read {path} ({reason}); bin/train writes it when it goes on with the run.') from error


def check(work_dir: str, data: ClipSource, accept_other: bool = False) -> None:
    """Checks that a run goes on with the data that it began with; the log says if it does not and may.

    Raises:
        InputError: it began with others, and accept_other is not given.
    """
    if not tf.io.gfile.exists(os.path.join(work_dir, FILE_NAME)):
        return
    try:
        began, now = read(work_dir).identity, data.identity()
    except InputError:
        return  # damaged: the run writes it anew
    if not isinstance(began, dict) or began == now:
        return
    change = f'{_shown(now)}, and {work_dir} was trained on {_shown(began)}'
    if not accept_other:
        raise InputError(
            f'the data are {change}: give the same data or another work directory, or --accept_other_data to go on '
            'with these.'
        )
    _LOG.info('other data from here on: they are %s.', change)


def _shown(identity: dict[str, Any]) -> str:
    return ' '.join(f'{key}={str(value)[:12]}' for key, value in sorted(identity.items()))
