"""A run folder of the averaged generator alone: what sampling, evaluation and export need of a run, and a model card.

It is a tenth of a work directory or less, since optimizers, discriminators and the live generator stay behind, so
training cannot go on from it.
"""

from __future__ import annotations

import json
import os
import re

import tensorflow as tf

from dvdgan_tf import __version__, config
from dvdgan_tf.saved_run import Run
from dvdgan_tf.work_dir import data_facts
from dvdgan_tf.work_dir.checkpoint import checkpoint_path

CARD = 'MODEL.md'

_RESULTS = os.path.join('evaluation', 'evaluation.jsonl')
_OF_A_MACHINE = re.compile(r"""^(DATA_DIR = )(['"]).*?([^/'"]+)/?\2$""", re.MULTILINE)
_STRATEGY = re.compile(r'^STRATEGY = .*$', re.MULTILINE)


def write(run: Run, folder: str, name: str, data: str, licence: str) -> int:
    """Fills a folder that exists.

    Args:
        run: the generator, of any checkpoint but 0.
        folder: where to.
        name: what the card calls the model.
        data: what it was trained on, in words.
        licence: of these data.

    Returns: bytes written.
    """
    _write_text(os.path.join(folder, config.FILE_NAME), portable(run.config_text))
    with tf.io.gfile.GFile(os.path.join(run.work_dir, data_facts.FILE_NAME)) as file:
        _write_text(os.path.join(folder, data_facts.FILE_NAME), file.read())
    path = checkpoint_path(folder, run.step)
    tf.io.gfile.makedirs(os.path.dirname(path))
    tf.train.Checkpoint(ema_generator=run.generator).write(path)
    _write_text(os.path.join(folder, CARD), card(run, name, data, licence))
    files = (os.path.join(place, file) for place, _, names in tf.io.gfile.walk(folder) for file in names)
    return sum(tf.io.gfile.stat(file).length for file in files)


def portable(config_text: str) -> str:
    """The configuration without what belongs to a machine: records are looked for in data/, on one device."""
    return _STRATEGY.sub("STRATEGY = 'one_device'", _OF_A_MACHINE.sub(r"\1'data/\3'", config_text))


def card(run: Run, name: str, data: str, licence: str) -> str:
    """The model card, as Markdown."""
    generator = run.generator
    size = f'{generator.num_frames} frames of {generator.resolution}x{generator.resolution}'
    task = f'continues {generator.context_frames} frames by {size}' if generator.context_frames else f'makes {size}'
    classes = [] if generator.context_frames else [f'classes: {", ".join(run.facts.class_names)}\\']
    weights = sum(variable.shape.num_elements() for variable in generator.trainable_variables)
    lines = [
        f'# {name}',
        '',
        f'A generator of DVD-GAN that {task}: the moving average of the weights after {run.step:,} steps of training.',
        '',
        f'data: {data}\\',
        f'licence of the data: {licence}\\',
        *classes,
        f'parameters: {weights:,}\\',
        f'frames of the source from one frame to the next: {run.facts.stride}\\',
        f'made by: dvdgan_tf {__version__}',
        '',
        '```sh',
        f'bin/sample --work_dir=docs/results/{name} --output=samples',
        '```',
        '',
        *_scores(run),
        '',
        'It knows nothing but these data and is meant to show and to test this package.',
    ]
    return '\n'.join(lines) + '\n'


def _scores(run: Run) -> list[str]:
    """A table of what bin/evaluate, or training, wrote of this step."""
    path = os.path.join(run.work_dir, _RESULTS)
    rows = []
    if tf.io.gfile.exists(path):
        with tf.io.gfile.GFile(path) as file:
            results = [json.loads(line) for line in file.read().splitlines()]
        for result in results:
            if result['model']['step'] == run.step:
                rows += [_row(result, name, score) for name, score in result['scores'].items()]
    if not rows:
        return ['No protocol has scored this step.']
    return ['| protocol | score | of its samples | of real clips | samples |', '|---|---|---|---|---|', *rows]


def _row(result: dict, name: str, score: dict) -> str:
    real = f'{score["floor"]["value"]:.4g}' if score.get('floor') else '-'
    return f'| {result["protocol"]} | {name} | {score["value"]:.4g} | {real} | {result["fake_clips"]} |'


def _write_text(path: str, text: str) -> None:
    with tf.io.gfile.GFile(path, 'w') as file:
        file.write(text)
