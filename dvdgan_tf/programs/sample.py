"""Writes clips of a trained generator: bin/sample --work_dir=runs/quickstart --output=samples

The folder gets clips.gif and clips.mp4, which play all clips in a grid, and clips.png, where a row is a clip and a
column a frame. The generator is the moving average of the weights (EMA).

  bin/sample --mode=predict --work_dir=runs/weizmann_fp --output=predictions
  bin/sample --mode=predict --work_dir=runs/weizmann_fp --output=predictions --video=film.mp4

continues the first frames of clips of the run's data, or of a video file. In predictions.gif and .mp4 each clip shows
its context, the prediction and the truth side by side; in predictions.png the prediction has a row and the truth the
next.

Where the data are not pictures in [0, 255], an .npz beside them holds the clips in the units of the data.
"""
import os

import numpy as np
from absl import flags

from dvdgan_tf import trained
from dvdgan_tf.data import pipeline
from dvdgan_tf.errors import InputError
from dvdgan_tf.prepare import video_file
from dvdgan_tf.sampling import comparison, generate, video

_MODE = flags.DEFINE_enum('mode', 'generate', ['generate', 'predict'], 'Make clips, or continue real ones.')
_WORK_DIR = flags.DEFINE_string('work_dir', None, 'The run, as given to bin/train.', required=True)
_OUTPUT = flags.DEFINE_string('output', None, 'The folder to write to; made if it is missing.', required=True)
_CHECKPOINT = flags.DEFINE_string(
    'checkpoint', 'newest', 'Step of the checkpoint to use, `newest`, `best`, or 0 for the untrained generator.'
)
_NUM_CLIPS = flags.DEFINE_integer('num_clips', 16, 'How many clips.', lower_bound=1)
_LABEL = flags.DEFINE_string('label', None, 'A class, by number or name; by default all classes in turn.')
_SPLIT = flags.DEFINE_string('split', None, 'To predict: the split whose clips are continued, `test` by default.')
_VIDEO = flags.DEFINE_string('video', None, 'To predict: a video file whose first frames are continued instead.')
_TRUNCATION = flags.DEFINE_float('truncation', 1.0, 'Standard deviation of the latents, 0 to 1.')
_SEED = flags.DEFINE_integer('seed', 0, 'The same seed gives the same clips.')
_FPS = flags.DEFINE_float('fps', 8.0, 'Frames per second.', lower_bound=0.1)

_PICTURES = (0.0, 255.0)


def main(_: list) -> None:
    predicts = _MODE.value == 'predict'
    for name, value, useful in (('label', _LABEL, False), ('split', _SPLIT, True), ('video', _VIDEO, True)):
        if value.value is not None and predicts != useful:
            raise InputError(f'--{name} has no use with --mode={_MODE.value}; leave it out.')
    run = trained.open_trained(_WORK_DIR.value, _CHECKPOINT.value)
    written = predict(run) if predicts else make(run)
    print(f'step {run.step}: {", ".join(written)}')


def make(run: trained.Trained) -> list:
    labels = generate.spread_labels(_NUM_CLIPS.value, run.generator.num_classes)
    if _LABEL.value is not None:
        labels = np.full_like(labels, generate.find_label(_LABEL.value, run.facts.class_names))
    clips = generate.sample_clips(run.generator, labels, _SEED.value, _TRUNCATION.value)
    return video.write_all(_OUTPUT.value, 'clips', clips, _FPS.value) + values(run, 'clips', clips=clips)


def predict(run: trained.Trained) -> list:
    frames = run.generator.context_frames
    clips = of_video(run) if _VIDEO.value else of_data(run)
    context, truth = clips[:, :frames], clips[:, frames:]
    predicted = generate.continue_clips(run.generator, context, _SEED.value, _TRUNCATION.value)
    arrays = {'context': context, 'predicted': predicted}
    if truth.shape[1] == predicted.shape[1]:
        arrays['truth'] = truth
    written = comparison.write_comparison(_OUTPUT.value, **{'truth': None, **arrays}, fps=_FPS.value)
    return written + values(run, 'predictions', **arrays)


def of_data(run: trained.Trained) -> np.ndarray:
    """The first frames of clips of the run's data."""
    data = run.data
    if isinstance(data, pipeline.RecordClips):
        data = data.of_split(_SPLIT.value or 'test')
    elif _SPLIT.value:
        raise InputError(f'--split={_SPLIT.value} has no use: the clips of this run are made on the fly.')
    rows = data.evaluation(1, 'first').take(_NUM_CLIPS.value)
    return np.concatenate([clip for clip, _, _ in rows])


def of_video(run: trained.Trained) -> np.ndarray:
    """The first frames of the video, once for every sample."""
    generator, stride = run.generator, run.facts.stride
    if run.facts.value_range != _PICTURES:
        raise InputError(
            f'the data of this run are no pictures but numbers in {run.facts.value_range}; leave out --video.'
        )
    wanted = generator.context_frames + generator.num_frames
    clip = video_file.first_frames(_VIDEO.value, generator.resolution, wanted, stride, generator.video_channels)
    if len(clip) < generator.context_frames:
        raise InputError(
            f'{_VIDEO.value} has {len(clip)} frames at stride {stride} and the context is {generator.context_frames}; '
            'give a longer video.'
        )
    return np.repeat(clip[np.newaxis], _NUM_CLIPS.value, axis=0)


def values(run: trained.Trained, name: str, **arrays: np.ndarray) -> list:
    """Writes the clips in the units of the data, unless these are pictures."""
    if run.facts.value_range == _PICTURES:
        return []
    path = os.path.join(_OUTPUT.value, f'{name}.npz')
    video.write_values(path, arrays, run.facts.value_range)
    return [path]
