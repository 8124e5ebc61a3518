"""Facts about the training data that users of a trained generator need, kept with the run: class names, value range."""

from __future__ import annotations

import json
import os
from typing import NamedTuple

import tensorflow as tf

from dvdgan_tf import files
from dvdgan_tf.errors import InputError
from dvdgan_tf.training.device_loop import Clips

FILE_NAME = 'data.json'


class DataFacts(NamedTuple):
    """Facts of clips.

    Attributes:
        class_names: one a label.
        value_range: what -1 and 1 stand for.
        stride: frames of the source from one frame of a clip to the next.
    """

    class_names: tuple[str, ...]
    value_range: tuple[float, float]
    stride: int


def write(work_dir: str, data: Clips) -> None:
    """Writes `data.json`.

    Raises:
        InputError: there is no room, or no permission, to write.
    """
    facts = DataFacts(data.class_names, data.value_range, data.stride)
    path = os.path.join(work_dir, FILE_NAME)
    try:
        tf.io.gfile.makedirs(work_dir)
    except tf.errors.OpError as error:
        raise InputError(f'cannot write {path} ({error.message}); make room or choose another place.') from error
    files.write_atomically(path, json.dumps(facts._asdict(), indent=2) + '\n')


def read(work_dir: str) -> DataFacts:
    """What `write` wrote.

    Raises:
        InputError: there is no such file, or it is damaged.
    """
    path = os.path.join(work_dir, FILE_NAME)
    try:
        with tf.io.gfile.GFile(path) as file:
            facts = DataFacts(**json.load(file))
        return DataFacts(tuple(facts.class_names), tuple(facts.value_range), facts.stride)
    except (tf.errors.OpError, TypeError, ValueError) as error:
        reason = getattr(error, 'message', None) or error
        raise InputError(f'cannot read {path} ({reason}); bin/train writes it when it goes on with the run.') from error
