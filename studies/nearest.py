"""Memory or learning? Samples beside the training clips nearest to them, by pixels and by a classifier's features.

  python studies/nearest.py WORK_DIR PICTURE [STEP]

Every row is a sample, the training clip nearest in pixels and the one nearest in the features of the protocol
`recognition`, four frames of each, pooled to at most 32 pixels, out of 2,048 random windows of the split train. Printed
are the distances, and those of held-out real clips: a generator that remembers is much nearer than they are.
"""

from __future__ import annotations

import os
import sys

sys.path.insert(0, os.path.dirname(os.path.dirname(os.path.abspath(__file__))))

import numpy as np  # noqa: E402
from PIL import Image, ImageDraw  # noqa: E402

from dvdgan_tf import saved_run  # noqa: E402
from dvdgan_tf.evaluation import labelled_clips  # noqa: E402
from dvdgan_tf.evaluation.during_training import FOLDER  # noqa: E402
from dvdgan_tf.evaluation.recognition import Judge, Recognition  # noqa: E402
from dvdgan_tf.metrics import recognition  # noqa: E402
from dvdgan_tf.metrics.networks.recognizer import looked_at  # noqa: E402
from dvdgan_tf.sampling.video import magnify  # noqa: E402

_SAMPLES = 200
_ROWS = 20  # of the picture
_FRAMES = 4
_CAPTION, _GAP, _FACTOR = 12, 8, 2  # pixels, pixels, magnification


def _by_pixels(clips: np.ndarray, training: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Root of the mean squared difference [N] to the nearest training clip in levels of 255, and which that is [N]."""
    rows, others = (part.reshape(len(part), -1).astype(np.float32) for part in (clips, training))
    distances, places = recognition.nearest(rows, others)
    return distances / np.sqrt(rows.shape[1]), places


def _strip(clip: np.ndarray) -> np.ndarray:
    """Frames beside each other, RGB."""
    chosen = clip[np.linspace(0, len(clip) - 1, _FRAMES).round().astype(int)]
    strip = magnify(np.concatenate(list(chosen), 1), _FACTOR)
    return strip if strip.shape[-1] == 3 else np.repeat(strip, 3, -1)


def _draw(rows: list[tuple[tuple[str, np.ndarray], ...]], picture: str) -> None:
    strips = [[(caption, _strip(clip)) for caption, clip in row] for row in rows]
    height, width, _ = strips[0][0][1].shape
    size = (len(strips[0]) * (width + _GAP), len(strips) * (height + _CAPTION))
    sheet = Image.new('RGB', size, 'white')
    pen = ImageDraw.Draw(sheet)
    for y, row in enumerate(strips):
        for x, (caption, strip) in enumerate(row):
            left, top = x * (width + _GAP), y * (height + _CAPTION)
            pen.text((left, top), caption, 'black')
            sheet.paste(Image.fromarray(strip), (left, top + _CAPTION))
    sheet.save(picture)


def _report(judge: Judge, samples: np.ndarray) -> None:
    for name, clips in (('samples', samples), ('held-out clips', judge.held_out.clips[: len(samples)])):
        found = {'pixels': _by_pixels(clips, judge.training.clips)[0], 'features': judge.nearest(clips)[0]}
        for what, distances in found.items():
            low, middle, high = np.percentile(distances, [5, 50, 95])
            sys.stdout.write(f'{name}, {what}: median {middle:.3g}, from {low:.3g} (5 %) to {high:.3g} (95 %)\n')


def main(work_dir: str, picture: str, step: str = 'newest') -> None:
    """Prints the distances and writes the picture."""
    run = saved_run.open_run(work_dir, step)
    judge = Recognition().judge(run.data, os.path.join(work_dir, FOLDER), lambda line: sys.stdout.write(f'{line}\n'))
    samples = labelled_clips.generated(run.generator, _SAMPLES, 0, 1.0, looked_at)
    pixels, by_pixels = _by_pixels(samples.clips, judge.training.clips)
    features, by_features = judge.nearest(samples.clips)
    _report(judge, samples.clips)
    rows = []
    for sample in range(_ROWS):
        asked = run.facts.class_names[samples.labels[sample]]
        rows.append(
            (
                (asked, samples.clips[sample]),
                (f'pixels: {pixels[sample]:.1f}', judge.training.clips[by_pixels[sample]]),
                (f'features: {features[sample]:.2f}', judge.training.clips[by_features[sample]]),
            )
        )
    _draw(rows, picture)


if __name__ == '__main__':
    main(*sys.argv[1:])
