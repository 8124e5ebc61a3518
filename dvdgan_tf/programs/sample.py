"""Writes clips of a trained generator: bin/sample --work_dir=runs/quickstart --output=samples

The folder gets clips.gif and clips.mp4, which play all clips in a grid, clips.png, a sheet of their frames, and
clips.npz, the clips themselves: uint8, or float32 in the units of the data where these are no pictures. The generator
is the moving average of the weights (EMA). The same seed gives the same files.

  bin/sample --work_dir=runs/k600 --output=classes --label=archery --label=bowling --num_clips=30 --sheet=first_frames
  bin/sample --work_dir=runs/k600 --output=batch --label=random --num_clips=60 --sheet=first_frames
  bin/sample --work_dir=runs/k600 --output=one --label=bowling --num_clips=1 --sheet=raster
  bin/sample --work_dir=runs/k600 --output=sweep --truncation=0.2,0.4,0.6,0.8,1

Interpolations: in interpolations.png a column is a clip on the way and a row a time step; in first_frames.png an
interpolation is one row.

  bin/sample --mode=interpolate --work_dir=runs/k600 --output=latents --label=bowling
  bin/sample --mode=interpolate --between=classes --work_dir=runs/k600 --output=classes --label=archery --label=bowling

With --nearest, nearest.png has under the first frames of the clips those of the training clips nearest to them, and
nearest.npz both clips with their distances.

Predictions continue the first frames of clips of the run's data, or of a video file. In predictions.gif and .mp4 each
clip shows its context, the prediction and the truth side by side; in predictions.png the prediction has a row and the
truth the next.

  bin/sample --mode=predict --work_dir=runs/weizmann_fp --output=predictions
  bin/sample --mode=predict --work_dir=runs/weizmann_fp --output=predictions --video=film.mp4

Of rain, each clip is continued --members times; shown are the truth, members, their mean and the probability of
reaching --threshold, in the colours of weather services; predictions.npz has everything in mm/h, missing pixels as NaN.

  bin/sample --mode=predict --work_dir=runs/radar_fp --output=forecasts --members=8 --threshold=4
"""

from __future__ import annotations

import os

import numpy as np
import tf_keras as keras
from absl import flags

from dvdgan_tf import saved_run, trust
from dvdgan_tf.data import pipeline
from dvdgan_tf.errors import InputError
from dvdgan_tf.evaluation.nearest import nearest_by_pixels
from dvdgan_tf.models.batch_normalised import BatchNormalised
from dvdgan_tf.prepare import video_file
from dvdgan_tf.sampling import comparison, generate, interpolation, rain, sheets, video

_MODE = flags.DEFINE_enum(
    'mode', 'generate', ['generate', 'interpolate', 'predict'], 'Make clips, go from clip to clip, or continue clips.'
)
_WORK_DIR = flags.DEFINE_string('work_dir', None, 'The run, as given to bin/train.', required=True)
_OUTPUT = flags.DEFINE_string('output', None, 'The folder to write to; made if it is missing.', required=True)
_CHECKPOINT = flags.DEFINE_string(
    'checkpoint', 'newest', 'Step of the checkpoint to use, `newest`, `best`, or 0 for the untrained generator.'
)
_NUM_CLIPS = flags.DEFINE_integer('num_clips', 16, 'How many clips, or interpolations.', lower_bound=1)
_LABEL = flags.DEFINE_multi_string(
    'label', [], 'A class, by number or name, or `random`; may be repeated. Not given: all classes in turn.'
)
_SHEET = flags.DEFINE_enum(
    'sheet',
    'frames',
    ['frames', 'first_frames', 'raster'],
    'To make clips: a row a clip; only first frames, a row a class; or all frames of every clip in raster order.',
)
_BETWEEN = flags.DEFINE_enum(
    'between', 'latents', ['latents', 'classes'], 'To interpolate: two latents under one class, or two classes.'
)
_PATH = flags.DEFINE_enum(
    'path', 'linear', interpolation.PATHS, 'To interpolate latents: straight as in the paper, or keeping their length.'
)
_STEPS = flags.DEFINE_integer('steps', 8, 'To interpolate: clips from one end to the other.', lower_bound=2)
_SPLIT = flags.DEFINE_string('split', None, 'To predict: the split whose clips are continued, `test` by default.')
_VIDEO = flags.DEFINE_string('video', None, 'To predict: a video file whose first frames are continued instead.')
_MEMBERS = flags.DEFINE_integer('members', 1, 'To predict: continuations of each clip.', lower_bound=1)
_THRESHOLD = flags.DEFINE_float(
    'threshold', 1.0, 'To predict rain: mm/h, of whose being reached the probability is shown.', lower_bound=0
)
_TRUNCATION = flags.DEFINE_list(
    'truncation', ['1'], 'Standard deviation of the latents, 0 to 1; several, to make clips, show each clip at each.'
)
_SEED = flags.DEFINE_integer('seed', 0, 'The same seed gives the same clips.')
_BATCH_STATISTICS = flags.DEFINE_bool(
    'batch_statistics', False, 'To make clips: normalise each 16 by their own moments, as in training (appendix D).'
)
_NEAREST = flags.DEFINE_bool(
    'nearest', False, "Also show the nearest training clips; reads all of the run's data. Not to predict."
)
flags.adopt_module_key_flags(trust)
_FPS = flags.DEFINE_float('fps', 8.0, 'Frames per second.', lower_bound=0.1)

_USED_BY = {
    'label': ('generate', 'interpolate'),
    'sheet': ('generate',),
    'between': ('interpolate',),
    'path': ('interpolate',),
    'steps': ('interpolate',),
    'batch_statistics': ('generate',),
    'nearest': ('generate', 'interpolate'),
    'split': ('predict',),
    'video': ('predict',),
    'members': ('predict',),
    'threshold': ('predict',),
}
_SHOWN_TIMES = 6  # rows of an interpolation, as in figures 15 and 16
_BESIDE_EACH_OTHER = 8  # clips in a row of nearest.png


def main(_: list) -> None:
    for name, modes in _USED_BY.items():
        if flags.FLAGS[name].present and _MODE.value not in modes:
            raise InputError(f'--{name} has no use with --mode={_MODE.value}; leave it out.')
    sigmas = truncations()
    run = trust.open_run(_WORK_DIR.value, _CHECKPOINT.value)
    write = {'generate': make, 'interpolate': interpolate, 'predict': predict}[_MODE.value]
    print(f'step {run.step}: {", ".join(write(run, sigmas))}')


def truncations() -> list[float]:
    """The values of --truncation."""
    try:
        sigmas = [float(word) for word in _TRUNCATION.value]
    except ValueError:
        sigmas = []
    if not sigmas or not all(0.0 <= sigma <= 1.0 for sigma in sigmas):
        raise InputError(f'--truncation={",".join(_TRUNCATION.value)} is no number from 0 to 1, nor several of them.')
    if len(sigmas) > 1 and (_MODE.value != 'generate' or _SHEET.value != 'frames' or _NEAREST.value):
        raise InputError(
            'several values of --truncation are shown by --mode=generate without --sheet and --nearest; give one.'
        )
    return sigmas


def chosen_labels(run: saved_run.Run) -> np.ndarray:
    """The label of every clip, int32 [--num_clips]."""
    return generate.choose_labels(_LABEL.value, _NUM_CLIPS.value, run.facts.class_names, _SEED.value)


def names_of(run: saved_run.Run, labels: np.ndarray) -> list[str]:
    """The class name of each label; empty where there is one class, which needs no caption."""
    names = run.facts.class_names
    return [names[label] for label in labels] if len(names) > 1 else []


def make(run: saved_run.Run, sigmas: list[float]) -> list[str]:
    """Generates clips, at one truncation or at several."""
    labels = chosen_labels(run)
    names = names_of(run, labels)
    generator = normalised(run)
    clips = np.stack([generate.sample_clips(generator, labels, _SEED.value, sigma) for sigma in sigmas], 1)
    if len(sigmas) > 1:
        captions = [f'{sigma:g}' for sigma in sigmas]
        middle = clips[:, :, clips.shape[2] // 2]
        written = films(clips.reshape([-1, *clips.shape[2:]]), 'clips', columns=len(sigmas))
        written.append(sheets.write_cells(_OUTPUT.value, 'clips', middle, names, captions))
        return written + arrays(run, 'clips', {'clips': clips}, label=labels, truncation=np.array(sigmas))
    clips = clips[:, 0]
    written = films(clips, 'clips') + [sheet(clips, labels, names)]
    return written + arrays(run, 'clips', {'clips': clips}, label=labels) + nearest(run, clips, _BESIDE_EACH_OTHER)


def normalised(run: saved_run.Run) -> keras.Model | BatchNormalised:
    """The generator, by the statistics that it has or by those of its batches."""
    if not _BATCH_STATISTICS.value:
        return run.generator
    if _NUM_CLIPS.value % generate.TOGETHER:
        raise InputError(
            f'--batch_statistics normalises {generate.TOGETHER} clips together and --num_clips is {_NUM_CLIPS.value}; '
            'give a multiple.'
        )
    return BatchNormalised(run.generator)


def nearest(run: saved_run.Run, clips: np.ndarray, columns: int) -> list[str]:
    """Writes clips [N, T, H, W, C] beside the nearest training clips, where that was asked for; returns the paths."""
    if not _NEAREST.value:
        return []
    found = nearest_by_pixels(clips, run.data)
    written = comparison.write_nearest(_OUTPUT.value, clips, found.clips, found.distances, columns)
    return [written, *arrays(run, 'nearest', {'clips': clips, 'nearest': found.clips}, distance=found.distances)]


def sheet(clips: np.ndarray, labels: np.ndarray, names: list[str]) -> str:
    """The sheet that --sheet asks for; its path."""
    if _SHEET.value == 'raster':
        tables = [sheets.raster(clip) for clip in clips]
        captions = [name if row == 0 else '' for name in names for row in range(len(tables[0]))]
        return sheets.write_cells(_OUTPUT.value, 'clips', np.concatenate(tables), captions)
    if _SHEET.value == 'first_frames':
        per_row = len(labels) // (1 + np.count_nonzero(np.diff(labels)))
        rows = labels[: len(labels) // per_row * per_row].reshape([-1, per_row])
        if rows.size < len(labels) or (rows != rows[:, :1]).any() or per_row == 1:
            return sheets.write_cells(_OUTPUT.value, 'clips', sheets.raster(clips[:, 0]))
        table = clips[:, 0].reshape([*rows.shape, *clips.shape[2:]])
        return sheets.write_cells(_OUTPUT.value, 'clips', table, names[::per_row])
    return sheets.write_cells(_OUTPUT.value, 'clips', sheets.spread_frames(clips), names)


def interpolate(run: saved_run.Run, sigmas: list[float]) -> list[str]:
    """Generates clips between two latents or two classes."""
    options = {'steps': _STEPS.value, 'seed': _SEED.value, 'truncation': sigmas[0]}
    if _BETWEEN.value == 'latents':
        labels = chosen_labels(run)
        captions = names_of(run, labels)
        clips = interpolation.between_latents(run.generator, labels, **options, path=_PATH.value)
    else:
        if flags.FLAGS['path'].present:
            raise InputError('--path is for latents; between classes the embeddings are mixed linearly: leave it out.')
        pairs = class_pairs(run)
        captions = [' - '.join(names_of(run, np.array(pair))) for pair in pairs]
        clips = interpolation.between_classes(run.generator, pairs, **options)
    rows = sheets.spread_frames(np.moveaxis(clips, 2, 1), _SHOWN_TIMES)
    beside = [caption if row == 0 else '' for caption in captions for row in range(rows.shape[1])]
    columns = [f'{weight:.2f}' for weight in np.linspace(0, 1, _STEPS.value)]
    written = films(clips.reshape([-1, *clips.shape[2:]]), 'interpolations', columns=_STEPS.value)
    table = rows.reshape([-1, *rows.shape[2:]])
    written.append(sheets.write_cells(_OUTPUT.value, 'interpolations', table, beside, columns))
    written.append(sheets.write_cells(_OUTPUT.value, 'first_frames', clips[:, :, 0], captions, columns))
    written += arrays(run, 'interpolations', {'clips': clips})
    return written + nearest(run, clips.reshape([-1, *clips.shape[2:]]), _STEPS.value)


def class_pairs(run: saved_run.Run) -> list[tuple[int, int]]:
    """The classes at both ends of each interpolation: those of --label, or drawn by the seed."""
    if not _LABEL.value:
        return interpolation.draw_pairs(_NUM_CLIPS.value, run.generator.num_classes, _SEED.value)
    if len(_LABEL.value) != 2:
        raise InputError(f'--between=classes needs two classes and --label named {len(_LABEL.value)}; name two.')
    first, second = (generate.find_label(name, run.facts.class_names) for name in _LABEL.value)
    return [(first, second)] * _NUM_CLIPS.value


def predict(run: saved_run.Run, sigmas: list[float]) -> list[str]:
    """Continues clips, each of them --members times."""
    frames, members = run.generator.context_frames, _MEMBERS.value
    scale = run.facts.scale
    if flags.FLAGS['threshold'].present and scale.unit != rain.UNIT:
        raise InputError('--threshold is of rain, and the data of this run have no unit mm/h; leave it out.')
    clips = of_video(run) if _VIDEO.value else of_data(run)
    context, truth = clips[:, :frames], clips[:, frames:]
    repeated = np.repeat(context, members, axis=0)
    predicted = generate.continue_clips(run.generator, repeated, _SEED.value, sigmas[0])
    truth = truth if truth.shape[1] == predicted.shape[1] else None
    of_each = predicted.reshape([len(clips), members, *predicted.shape[1:]])
    parts = {'context': context, 'predicted': of_each if members > 1 else predicted}
    parts.update({} if truth is None else {'truth': truth})
    if scale.unit != rain.UNIT:
        known = None if truth is None else np.repeat(truth, members, axis=0)
        written = comparison.write_comparison(_OUTPUT.value, repeated, predicted, known, _FPS.value)
        return written + arrays(run, 'predictions', parts)
    rates = video.in_units(of_each, scale)[..., 0]
    real = [None if each is None else video.in_units(each, scale, real=True)[..., 0] for each in (context, truth)]
    written = rain.write_forecasts(_OUTPUT.value, *real, rates, _THRESHOLD.value, _FPS.value)
    beside = {'probability': rain.probability(rates, _THRESHOLD.value), 'threshold': np.float32(_THRESHOLD.value)}
    return written + arrays(run, 'predictions', parts, **beside)


def of_data(run: saved_run.Run) -> np.ndarray:
    """The first frames of clips of the run's data, or where crops are drawn by what happens in them, such crops."""
    data, drawn = run.data, {}
    if isinstance(data, pipeline.RecordClips):
        data = data.of_split(_SPLIT.value or 'test')
        if data.is_weighed:
            drawn = {'crop': 'random', 'numbers': np.arange(_NUM_CLIPS.value)}
    elif _SPLIT.value:
        raise InputError(f'--split={_SPLIT.value} has no use: the clips of this run are made on the fly.')
    rows = data.evaluation(1, 'random' if drawn else 'first', **drawn).take(_NUM_CLIPS.value)
    return np.concatenate([clip for clip, _, _ in rows])


def of_video(run: saved_run.Run) -> np.ndarray:
    """The first frames of the video, once for every sample."""
    generator, stride = run.generator, run.facts.stride
    scale = run.facts.scale
    if not scale.is_of_pictures:
        raise InputError(
            f'the data of this run are no pictures but numbers in {(scale.low, scale.high)}; leave out --video.'
        )
    wanted = generator.context_frames + generator.num_frames
    clip = video_file.first_frames(_VIDEO.value, generator.resolution, wanted, stride, generator.video_channels)
    if len(clip) < generator.context_frames:
        raise InputError(
            f'{_VIDEO.value} has {len(clip)} frames at stride {stride} and the context is {generator.context_frames}; '
            'give a longer video.'
        )
    return np.repeat(clip[np.newaxis], _NUM_CLIPS.value, axis=0)


def films(clips: np.ndarray, name: str, columns: int | None = None) -> list[str]:
    """Writes clips as films that play all of them in a grid; returns the paths."""
    factor = video.viewing_factor(clips.shape[-2])
    return video.write_films(_OUTPUT.value, name, video.tile_clips(clips, columns), _FPS.value, factor)


def arrays(run: saved_run.Run, name: str, clips: dict[str, np.ndarray], **beside: np.ndarray) -> list[str]:
    """Writes the clips themselves, and what belongs to them; returns the path."""
    path = os.path.join(_OUTPUT.value, f'{name}.npz')
    video.write_arrays(path, clips, run.facts.scale, beside)
    return [path]
