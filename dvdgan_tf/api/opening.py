"""Which kind of model a path is, and opening it."""

from __future__ import annotations

import os

import tensorflow as tf

from dvdgan_tf import config, saved_run
from dvdgan_tf.api import exports
from dvdgan_tf.api.model import Model
from dvdgan_tf.errors import InputError

_NEWEST = 'newest'
_OF_A_FILE = {'saved_model.pb': exports.SavedModelGenerator, 'model.json': exports.TfjsGenerator}
_WANTED = (
    'give a run folder (it holds config.gin), or what bin/export wrote as savedmodel, tflite (a file .tflite) or tfjs'
)


def open(path: str | os.PathLike, checkpoint: str | int = _NEWEST, trust: bool = False) -> Model:
    """Opens a trained generator.

    Args:
        path: a run folder: the `--work_dir` of `bin/train`, or one of `bin/export --format=run`; or an export: the
            folder of a SavedModel, of a model for browsers (`export/tfjs/model` is one), a file .tflite beside its
            metadata.json, or a folder of numbered versions, of which the newest is opened.
        checkpoint: of a run, its step, `newest`, `best`, or 0 for the generator before any training.
        trust: whether the path may hold what runs code of whoever wrote it: configurations that name other things than
            this package's, graphs with other ops than its exports have. Without it such a path is refused.

    Raises:
        InputError: the path is no model, it is damaged, has no such checkpoint, or would run code.
    """
    try:
        place = os.fspath(path).rstrip('/') or '/'
    except (TypeError, AttributeError) as error:
        raise InputError(f'path is {path!r}; {_WANTED}.') from error
    place, kind = _found(place)
    if kind == config.FILE_NAME:
        run = saved_run.open_run(place, str(checkpoint), trust)
        return Model(run.generator, place, run.step, run.facts.class_names, run.facts.scale, run)
    if str(checkpoint) != _NEWEST:
        raise InputError(f'{place} is an export, which has no checkpoints, and checkpoint is {checkpoint!r}; leave it.')
    try:
        generator = _OF_A_FILE.get(kind, exports.TFLiteGenerator)(place, trust)
    except InputError:
        raise
    except (tf.errors.OpError, AttributeError, KeyError, OSError, RuntimeError, TypeError, ValueError) as error:
        reason = str(getattr(error, 'message', None) or error).splitlines()[0].rstrip('.')
        raise InputError(f'{place} is no export of this package, or damaged ({reason}); export again.') from error
    return Model(generator, place, generator.step, generator.class_names, generator.scale)


def _found(path: str) -> tuple[str, str]:
    """The path of the model itself, and the file that says of which kind it is.

    Raises:
        InputError: it is none.
    """
    exists = tf.io.gfile.exists
    if path.endswith('.tflite') and exists(path):
        return path, path
    for name in (config.FILE_NAME, *_OF_A_FILE):
        if exists(os.path.join(path, name)):
            return path, name
    inside = [name.rstrip('/') for name in tf.io.gfile.listdir(path)] if tf.io.gfile.isdir(path) else []
    lite = sorted(name for name in inside if name.endswith('.tflite'))
    if len(lite) > 1:
        raise InputError(f'{path} holds several models; give one of {", ".join(lite)} in it.')
    if lite:
        return _found(os.path.join(path, lite[0]))
    versions = [name for name in inside if name.isdecimal()]
    if versions:
        return _found(os.path.join(path, max(versions, key=int)))
    what = 'holds no model' if exists(path) else 'does not exist'
    raise InputError(f'{path!r} {what}; {_WANTED}.')

