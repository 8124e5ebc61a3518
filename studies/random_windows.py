"""PSNR and SSIM of predictions from eight random windows of each held-out clip, and of the last frame repeated.

python studies/random_windows.py WORK_DIR STEP
"""

import os
import sys
from collections.abc import Iterator

sys.path.insert(0, os.path.dirname(os.path.dirname(os.path.abspath(__file__))))

import numpy as np  # noqa: E402

from dvdgan_tf import saved_run  # noqa: E402
from dvdgan_tf.metrics.prediction import psnr, ssim  # noqa: E402
from dvdgan_tf.sampling.generate import continue_clips  # noqa: E402

_WINDOWS = 8


def _windows(run: saved_run.Run) -> Iterator[np.ndarray]:
    clips = run.data.of_split('test')
    for clips.seed in range(_WINDOWS):
        for clip, _, valid in clips.evaluation(16, 'random'):
            yield clip.numpy()[valid.numpy()]


def main(work_dir: str, step: str) -> None:
    """Prints a line for the model and one for the last frame: means, then the PSNR of each frame."""
    run = saved_run.open_run(work_dir, step)
    frames = run.generator.context_frames
    whole = np.concatenate(list(_windows(run)))
    context, truth = whole[:, :frames], whole[:, frames:]
    predictions = {
        'model': continue_clips(run.generator, context, seed=0),
        'last frame': np.repeat(context[:, -1:], truth.shape[1], axis=1),
    }
    for name, made in predictions.items():
        each = (psnr(truth[:, [at]], made[:, [at]]).numpy().mean() for at in range(truth.shape[1]))
        means = f'{psnr(truth, made).numpy().mean():.2f} dB, SSIM {ssim(truth, made).numpy().mean():.3f}'
        sys.stdout.write(f'{name}, {len(truth)} windows: {means}; by frame {" ".join(f"{dB:.1f}" for dB in each)}\n')


if __name__ == '__main__':
    main(*sys.argv[1:])
