"""Runs experiments shrunk by three bindings: python studies/shrunk.py gin/bair_fp_64x64.gin ...

Each trains two steps on clips of noise, is opened again from its checkpoint, and makes a clip. Prints for each a row of
a table: the bindings, the shape of the clip, and how far its pixels reach. Numbers of frames stay.
"""

import os
import sys
import tempfile
from typing import Any

import numpy as np

sys.path.insert(0, os.path.dirname(os.path.dirname(os.path.abspath(__file__))))

from dvdgan_tf import config, ownership, saved_run  # noqa: E402
from dvdgan_tf.prepare import preparation  # noqa: E402
from dvdgan_tf.prepare.listing import Rules  # noqa: E402
from dvdgan_tf.prepare.sources import array_files  # noqa: E402
from dvdgan_tf.sampling.generate import continue_clips, sample_clips  # noqa: E402
from dvdgan_tf.training import loop  # noqa: E402

_SIZE = 16
_BINDINGS = ['CHANNEL_MULTIPLIER = 1', 'GLOBAL_BATCH = 2']
_FRAMES = 96  # 48 at stride 2 is the longest


def _bindings(gin_file: str) -> list[str]:
    """Those that shrink; attention has to find its sizes in the networks."""
    size = 64 if 'attention' in gin_file else _SIZE
    return [f'RESOLUTION = {size}', *_BINDINGS]


def _records(folder: str, size: int, channels: int) -> str:
    """Prepares clips of noise, all of one class, and returns where."""
    os.makedirs(folder)
    noise = np.random.RandomState(0).randint(0, 256, [2, _FRAMES, size, size, channels]).astype(np.uint8)
    for split in ('train', 'test'):
        np.save(os.path.join(folder, f'{split}.npy'), noise)
    listing = array_files.array_files(folder, None, None)
    output = os.path.join(folder, 'records')
    preparation.prepare(listing, Rules('raw'), output, source={'name': 'npz', 'input': 'noise'})
    return output


def _parse(gin_file: str, folder: str) -> None:
    shrunk = [*_bindings(gin_file), 'TRAIN_STEPS = 2']
    config.parse([gin_file], shrunk, fallbacks={'DATA_DIR': 'noise'})
    if "DATA_DIR = 'noise'" in config.text():
        made = config.bindings(loop.train, only=['gan_step'])['gan_step'].keywords['networks'].generator.keywords
        data_dir = _records(folder, made['resolution'], made.get('video_channels', 3))
        config.parse([gin_file], [*shrunk, f'DATA_DIR = {data_dir!r}', 'NUM_CLASSES = 1'])


def _clip(generator: Any) -> np.ndarray:
    if not generator.context_frames:
        return sample_clips(generator, np.zeros(1, np.int32), seed=0)
    size = generator.resolution
    context = np.zeros([1, generator.context_frames, size, size, generator.video_channels], np.float32)
    return continue_clips(generator, context, seed=0)


def _row(gin_file: str, folder: str) -> str:
    _parse(gin_file, os.path.join(folder, 'data'))
    work_dir = os.path.join(folder, 'run')
    ownership.claim(work_dir)
    reached = loop.train(work_dir=work_dir, **config.bindings(loop.train)).step
    opened = saved_run.open_run(work_dir)
    clip = _clip(opened.generator)
    if (reached, opened.step) != (2, 2) or not np.isfinite(clip).all():
        raise SystemExit(f'{gin_file}: reached step {reached}, opened step {opened.step}, clip {clip}')
    shape = ' x '.join(map(str, clip.shape[1:]))
    name = os.path.splitext(os.path.relpath(gin_file, 'gin'))[0]
    return f'| `{name}` | {", ".join(_bindings(gin_file))} | {shape} | {clip.min():.2f} to {clip.max():.2f} |'


def main(gin_files: list[str]) -> None:
    """Prints the table, each row as soon as it is known."""
    sys.stdout.write('| experiment | shrunk by | clip after 2 steps | its pixels |\n|---|---|---|---|\n')
    for gin_file in gin_files:
        with tempfile.TemporaryDirectory() as folder:
            sys.stdout.write(_row(gin_file, folder) + '\n')
            sys.stdout.flush()


if __name__ == '__main__':
    main(sys.argv[1:])
