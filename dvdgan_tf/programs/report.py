"""Writes one HTML file about one or several runs: bin/report --work_dir=runs/weizmann --output=report.html

It holds what was trained on what and what it ran on, warnings, scores, previews over training with a slider, samples by
class, interpolations, truncation curves, the training clips nearest to samples, curves and the configuration, and needs
no network. Several runs are laid beside each other, with the bindings that differ:

  bin/report --work_dir=runs/base,runs/wider --output=comparison.html

A run may still be training. Whatever cannot be made is said in the file and here, and the rest is made.
"""

from __future__ import annotations

import os

import numpy as np
from absl import flags

from dvdgan_tf import files, saved_run, trust
from dvdgan_tf.errors import InputError
from dvdgan_tf.evaluation import during_training, nearest
from dvdgan_tf.report import page, pictures, run_files

flags.adopt_module_key_flags(trust)
_WORK_DIR = flags.DEFINE_list('work_dir', None, 'The run, as given to bin/train; several separated by commas.')
_OUTPUT = flags.DEFINE_string('output', None, 'The HTML file to write.', required=True)
_CHECKPOINT = flags.DEFINE_string('checkpoint', 'newest', 'Whose samples are shown: a step, `newest` or `best`.')
_LIMIT_MB = flags.DEFINE_float('limit_mb', 15.0, 'The largest pictures are left out until it is within this.', 0.5)
flags.mark_flag_as_required('work_dir')

_PREDICTED = 8
_SEARCHED, _NEIGHBOURS = 64, 8  # samples whose distances are said, and that are shown


def main(_: list) -> None:
    if not os.path.isdir(os.path.dirname(os.path.abspath(_OUTPUT.value))):
        raise InputError(f'the folder of {_OUTPUT.value!r} does not exist; make it, or choose another place.')
    runs = [run_files.read_run(work_dir) for work_dir in _WORK_DIR.value]
    if len({run.name for run in runs}) < len(runs):
        for run, work_dir in zip(runs, _WORK_DIR.value):
            run.name = work_dir
    made = [picture for run, work_dir in zip(runs, _WORK_DIR.value) for picture in samples(run, work_dir)]
    report = page.build(runs, made, int(_LIMIT_MB.value * 1e6))
    files.write_atomically(_OUTPUT.value, report.text.encode())
    for warning in [*(text for run in runs for text in run.warnings), *(f'left out: {n}' for n in report.left_out)]:
        print(f'note: {warning}')
    print(f'{_OUTPUT.value}: {len(runs)} run(s), {len(report.text.encode()) / 1e6:.1f} MB')


def samples(run: run_files.RunFiles, work_dir: str) -> list[page.Picture]:
    """What the run's generator makes; what fails becomes a warning."""
    made = []
    try:
        opened = trust.open_run(work_dir, _CHECKPOINT.value)
        if opened.generator.context_frames:
            made.append(pictures.of_prediction(run.name, opened.generator, continued(opened)))
        else:
            made += pictures.of_synthesis(run.name, opened.generator, opened.facts.class_names)
            made.append(remembered(run, opened))
    except InputError as error:
        run.warnings.append(f'{run.name}: {error}')
    return made


def remembered(run: run_files.RunFiles, opened: saved_run.Run) -> page.Picture:
    """Samples beside the training clips nearest to them; needs the data."""
    judge = nearest.kept_judge(opened.data, os.path.join(opened.work_dir, during_training.FOLDER))
    found = nearest.find(opened.generator, opened.data, _SEARCHED, judge)
    clips, rows, columns = nearest.columns(found, _NEIGHBOURS)
    names = [opened.facts.class_names[label] for label in found.samples.labels]
    rows = [f'{name}: {row}' for name, row in zip(names, rows)]
    return pictures.of_neighbours(run.name, clips, rows, columns, nearest.lines(found))


def continued(opened: saved_run.Run) -> np.ndarray:
    """The first windows of the data's clips, of the split `test` where there is one."""
    data = opened.data
    if hasattr(data, 'of_split'):
        try:
            data = data.of_split('test')
        except InputError:
            pass  # without held-out clips the training clips are shown
    return np.concatenate([clip for clip, _, _ in data.evaluation(1, 'first').take(_PREDICTED)])
