"""Writes a trained generator for other programs: bin/export --work_dir=runs/quickstart --output=exported

--format=savedmodel is what TensorFlow Serving loads, tflite is for phones and small computers, tfjs for browsers: the
page in export/tfjs shows it; onnx is for ONNX Runtime and what else reads it. tflite is all four precisions,
tflite_float16 and the like are one; tflite and tflite_int8 need the training data, the others do not. The folder
--output gets one named by the checkpoint's step, or by a larger number where one is there, which is complete or absent
and makes the clips that the generator makes here.

--format=run is for this package: --output becomes a run folder of the averaged generator alone, with a model card.
"""

import functools
import math
import os

import numpy as np
from absl import flags

from dvdgan_tf import model_folder, shipped, trust
from dvdgan_tf.errors import InputError
from dvdgan_tf.exporters import onnx_model, report, saved_model, tfjs, tfjs_node, tflite
from dvdgan_tf.exporters.report import Format
from dvdgan_tf.exporters.source import make_source
from dvdgan_tf.exporters.version_folder import whole_folder, write_version
from dvdgan_tf.training.ema import AverageStatistics

ONNX = shipped.environment('.onnx')


def tfjs_format(precision):
    write = functools.partial(tfjs.write, precision)
    return Format(write, functools.partial(tfjs_node.measure, precision), 'model.json')


def tflite_format(*precisions):
    write, measure = (functools.partial(function, precisions) for function in (tflite.write, tflite.measure))
    return Format(write, measure, 'generator_*.tflite')


ONE_TFLITE = {f'tflite_{precision}': tflite_format(precision) for precision in tflite.PRECISIONS}
REPORTED = {
    'savedmodel': Format(
        lambda source, folder: saved_model.write(_MAX_BATCH.value, source, folder),
        saved_model.measure,
        'saved_model.pb',
    ),
    'tflite': tflite_format(*tflite.PRECISIONS),
    'tfjs': tfjs_format('float16'),
    'tfjs_float32': tfjs_format('float32'),
    'tfjs_uint8': tfjs_format('uint8'),
    'onnx': Format(
        functools.partial(onnx_model.write, ONNX), functools.partial(onnx_model.measure, ONNX), 'generator.onnx'
    ),
}
FORMATS = {**REPORTED, **ONE_TFLITE}
CALIBRATED = ('tflite', 'tflite_int8')
RUN = 'run'
_BATCH = 16
_EXAMPLE_BATCHES = 4

_WORK_DIR = flags.DEFINE_string('work_dir', None, 'The run, as given to bin/train.', required=True)
_FORMAT = flags.DEFINE_enum('format', 'savedmodel', [*sorted(FORMATS), RUN], 'For which programs.')
_OUTPUT = flags.DEFINE_string('output', None, 'The folder that gets one named by the step; with --format=run this one.')
_DATA = flags.DEFINE_string('data', None, 'With --format=run: what the model was trained on, for its card.')
_LICENCE = flags.DEFINE_string('licence', None, 'With --format=run: the licence of these data, for its card.')
_REPORT = flags.DEFINE_bool('report', False, 'Write nothing, but a table of what every format would be.')
_CHECKPOINT = flags.DEFINE_string('checkpoint', 'newest', 'Step of the checkpoint to use, `newest` or `best`.')
flags.adopt_module_key_flags(trust)
_FPS = flags.DEFINE_float('fps', 8.0, 'Frames per second, noted for players.', lower_bound=0.1)
_MAX_BATCH = flags.DEFINE_integer(
    'max_batch', saved_model.MAX_BATCH, 'savedmodel: the most clips of one request, which the graph itself enforces.', 1
)
_STANDING_STATISTICS = flags.DEFINE_float(
    'standing_statistics',
    None,
    'Normalise by moments recomputed for latents of this truncation, 0 to 1; by default by those of the checkpoint.',
)


def main(_: list) -> int:
    if _REPORT.value == (_OUTPUT.value is not None):
        raise InputError('give a folder with --output, or --report.')
    if not math.isfinite(_FPS.value):
        raise InputError(f'--fps is {_FPS.value}; give a number of frames per second.')
    run = trust.open_run(_WORK_DIR.value, _CHECKPOINT.value)
    if _REPORT.value:
        return tell(source_of(run))
    if _FORMAT.value == RUN:
        return write_run(run)
    chosen = FORMATS[_FORMAT.value]
    print(write_version(_OUTPUT.value, run.step, chosen.marker, lambda folder: chosen.write(source_of(run), folder)))
    return 0


def write_run(run):
    if not run.step or not _DATA.value or not _LICENCE.value:
        raise InputError('--format=run needs a trained checkpoint, --data and --licence for the model card: give them.')
    place = _OUTPUT.value.rstrip('/')
    with whole_folder(place) as folder:
        size = model_folder.write(run, folder, os.path.basename(place), _DATA.value, _LICENCE.value)
    print(f'{place}: step {run.step}, {size / 1e6:.1f} MB')
    return 0


def tell(source):
    print(*report.HEADER, sep='\n', flush=True)
    failed = 0
    for row in report.measure_all(REPORTED, source):
        print(report.line(row), flush=True)
        failed |= isinstance(row, report.Failure)
    return int(failed)


def source_of(run):
    if _STANDING_STATISTICS.value is not None:
        AverageStatistics(run.generator, training_clips(run), 0, _STANDING_STATISTICS.value).refresh(run.step)
    examples = None
    if _REPORT.value or _FORMAT.value in CALIBRATED:
        examples = examples_of(training_clips(run).take(_EXAMPLE_BATCHES), run.generator.context_frames)
    known = run.facts.class_names, run.config_text, _FPS.value, examples, run.facts.scale
    return make_source(run.generator, run.step, *known)


def training_clips(run):
    return run.data.training(0, _BATCH, _BATCH)


def examples_of(batches, context_frames):
    """What training data give a generator: classes as often as clips have them, or the frames that clips begin with."""
    if context_frames:
        return {'context': np.concatenate([clip[:, :context_frames] for clip, _ in batches])}
    return {'label': np.concatenate([label for _, label in batches])}
