"""What a trained generator makes for its report: clips of its classes, interpolations, truncations, predictions."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import tf_keras as keras

from dvdgan_tf.report import films
from dvdgan_tf.report.page import Picture
from dvdgan_tf.sampling import generate, interpolation, sheets, video

_MOST_CLASSES = 10
_CLIPS_OF_A_CLASS = 4
_SIGMAS = (0.2, 0.4, 0.6, 0.8, 1.0)
_FPS = 8.0
_FRAMES = 4  # of a clip on a sheet


def of_synthesis(run: str, generator: keras.Model, class_names: Sequence[str]) -> list[Picture]:
    """Clips by class, interpolations of latents and, with several classes, of classes, and a truncation sweep.

    Args:
        run: its name.
        generator: the averaged generator, for synthesis.
        class_names: of its labels.
    """
    shown = min(generator.num_classes, _MOST_CLASSES)
    labels = np.repeat(np.arange(shown, dtype=np.int32), _CLIPS_OF_A_CLASS)
    clips = generate.sample_clips(generator, labels, seed=0)
    names = ', '.join(class_names[:shown])
    caption = f'{_CLIPS_OF_A_CLASS} clips of each class, a row a class: {names}. Latents of seed 0, not selected.'
    made = [_film(run, 'Samples by class', caption, clips, _CLIPS_OF_A_CLASS)]
    few = np.arange(min(shown, 4), dtype=np.int32)
    columns = [f'{weight:.2f}' for weight in np.linspace(0, 1, 8)]
    rows = [class_names[label] for label in few]
    between = interpolation.between_latents(generator, few, steps=8, seed=0)[:, :, 0]
    caption = 'First frames on the straight line between two latents, one class a row.'
    made.append(_sheet(run, 'Interpolations', caption, between, rows, columns))
    pairs = interpolation.draw_pairs(len(few), generator.num_classes, seed=0)
    if pairs:
        rows = [f'{class_names[first]} - {class_names[second]}' for first, second in pairs]
        between = interpolation.between_classes(generator, pairs, steps=8, seed=0)[:, :, 0]
        caption = 'First frames of one latent between two classes.'
        made.append(_sheet(run, 'Interpolations', caption, between, rows, columns))
    swept = np.stack([generate.sample_clips(generator, few, 0, sigma) for sigma in _SIGMAS], 1)
    swept = swept.reshape([-1, *swept.shape[2:]])
    caption = f'The same latents at truncation {", ".join(map(str, _SIGMAS))} from left to right.'
    return [*made, _film(run, 'Truncation', caption, swept, len(_SIGMAS))]


def of_prediction(run: str, generator: keras.Model, clips: np.ndarray) -> Picture:
    """Clips [N, C_frames + T, H, W, C] in [-1, 1] beside what the generator makes of their first frames."""
    context = clips[:, : generator.context_frames]
    predicted = np.concatenate([context, generate.continue_clips(generator, context, seed=0)], 1)
    pairs = np.stack([predicted, clips], 1).reshape([-1, *clips.shape[1:]])
    caption = f'Pairs: left the prediction after {generator.context_frames} given frames, right what really followed.'
    return _film(run, 'Predictions', caption, pairs, 4)


def of_neighbours(
    run: str, clips: Sequence[np.ndarray], rows: Sequence[str], columns: Sequence[str], distances: Sequence[str]
) -> Picture:
    """Generated clips beside the training clips nearest to them.

    Args:
        run: its name.
        clips: of each column uint8 [N, T, H, W, C], the generated ones first.
        rows: a caption of each clip.
        columns: what each column is.
        distances: what is said of the distances of many.
    """
    shown = [sheets.spread_frames(each, _FRAMES) for each in clips]
    captions = [text for column in columns for text in (column, *[''] * (shown[0].shape[1] - 1))]
    caption = (
        f'A generated clip and the training clips nearest to it a row, {shown[0].shape[1]} frames of each, with the '
        f'distances. A generator that remembers is much nearer than held-out clips are. {"; ".join(distances)}.'
    )
    return _sheet(run, 'Nearest training clips', caption, np.concatenate(shown, 1), rows, captions)


def _film(run: str, title: str, caption: str, clips: np.ndarray, columns: int) -> Picture:
    frames = video.as_rgb(video.to_uint8(video.tile_clips(clips, columns, gap=2)))
    return Picture(run, title, caption, films.encode(frames, round(1000 / _FPS)), 'image/webp')


def _sheet(
    run: str, title: str, caption: str, cells: np.ndarray, rows: Sequence[str], columns: Sequence[str]
) -> Picture:
    content = sheets.encode_png(sheets.draw_cells(cells, rows if len(set(rows)) > 1 else (), columns))
    return Picture(run, title, caption, content, 'image/png')
