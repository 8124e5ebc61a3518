"""Runs every command of docs/paper.md on small stand-ins: python studies/paper_stand_ins.py FOLDER [ITEM ...]

The presets are shrunk by bindings, and their runs hold two checkpoints of untrained generators (`studies/shrunk.py`
trains each); the clips are moving shapes, I3D and C3D have their full width and random numbers, and a few clips are
scored: it shows that a command ends, and with what, not how good a model is.

Prints a row of a table for each command as soon as it has ended, first every command once, then for the other
experiments that it is for; pictures are in FOLDER/pictures, what was said in FOLDER/logs. Given again, it goes on: what
has ended well is not run anew. ITEM: only rows with these words. Each command has a process of its own, which begins
with TensorFlow loaded.
"""

from __future__ import annotations

import itertools
import json
import multiprocessing
import os
import re
import runpy
import shlex
import sys
import time
import zlib
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass

CHECKOUT = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))
sys.path.insert(0, CHECKOUT)

import numpy as np  # noqa: E402
import tensorflow as tf  # noqa: E402

from dvdgan_tf import config, ownership, saved_run  # noqa: E402
from dvdgan_tf.data.synthetic import SyntheticClips  # noqa: E402
from dvdgan_tf.metrics.networks import c3d  # noqa: E402
from dvdgan_tf.metrics.networks.i3d import InceptionI3D  # noqa: E402
from dvdgan_tf.sampling import video  # noqa: E402
from dvdgan_tf.training import loop  # noqa: E402
from dvdgan_tf.work_dir import data_facts  # noqa: E402
from dvdgan_tf.work_dir.checkpoint import checkpoint_path  # noqa: E402

_SIZE = 16
_CLIPS = {'kinetics': (96, 5, 5), 'bair': (16, 16, 256)}  # frames, training clips, test clips
_SHRUNK = [f'RESOLUTION = {_SIZE}', 'CHANNEL_MULTIPLIER = 1']
_MORE = {
    'bin/evaluate': ['--num_samples=2', '--batch_size=2'],
    'bin/benchmark': [f'--gin_param={binding}' for binding in _SHRUNK],
}
_EVERY = 'every:10000'  # becomes every:1

What = tuple[str, str, str]  # item, experiment, command


@dataclass(frozen=True)
class Row:
    """Of a table of docs/paper.md: the experiments it names, and the commands for each of them."""

    item: str
    experiments: tuple[str, ...]
    commands: tuple[str, ...]


def rows(page: str) -> Iterator[Row]:
    """The rows that have commands; `the same` stands for those of the row above."""
    commands: tuple[str, ...] = ()
    item = ''
    for line in page.splitlines():
        if not line.startswith('| '):
            continue
        cells = [cell.strip() for cell in line.strip('|').split('|')]
        item = ' '.join(cells[:2]) if cells[0] and 'gin/' not in cells[1] else cells[0] or item
        quoted = re.findall(r'`([^`]+)`', line)
        found = tuple(text for text in quoted if text.startswith(('bin/', 'python ')))
        if not found and 'the same' not in cells[2]:
            continue
        commands = found or commands
        yield Row(item, tuple(text for text in quoted if re.fullmatch(r'gin/\S+\.gin', text)), commands)


class StandIns:
    """Data, weights and runs in a folder, each made when it is first asked for.

    Args:
        folder: where everything is.
        classes: of the clips.
    """

    def __init__(self, folder: str, classes: list[str]):
        self.folder, self.classes = os.path.abspath(folder), classes
        os.makedirs(self._place('logs'), exist_ok=True)

    def run(self, log: str, function: Callable[..., None], *arguments: object) -> tuple[int, str]:
        """Exit status and last line of a function, called in a process of its own."""
        path = self._place('logs', f'{log}.log')
        process = multiprocessing.get_context('fork').Process(target=_aside, args=(path, function, *arguments))
        process.start()
        process.join()
        with open(path) as file:
            return process.exitcode, (file.read().strip().splitlines() or [''])[-1]

    def begun(self, experiment: str, seed: int) -> str:
        """The work directory of a shrunk experiment."""
        name = f'{os.path.splitext(os.path.basename(experiment))[0]}_{seed}'
        work_dir = self._place('runs', name)
        if not os.path.exists(os.path.join(work_dir, 'checkpoints', 'state-00000002.index')):
            self._must(f'begin_{name}', _begin, experiment, self.shrinking(experiment, seed), work_dir)
        return work_dir

    def shrinking(self, experiment: str, seed: int = 0) -> list[str]:
        """Bindings that make an experiment small."""
        with open(os.path.join(CHECKOUT, experiment)) as file:
            text = file.read()
        one_class = re.search(r'^NUM_CLASSES = 1$', text, re.MULTILINE)
        data = self.data('bair' if 'BAIR' in text else 'kinetics')
        return [
            *(*_SHRUNK, 'GLOBAL_BATCH = 2', f'NUM_CLASSES = {1 if one_class else len(self.classes)}'),
            *(f'DATA_DIR = {data!r}', f'SEED = {seed}'),
        ]

    def data(self, name: str) -> str:
        """Records of moving shapes in every split."""
        output, videos = self._place('data', name), self._place('videos', name)
        if os.path.exists(os.path.join(output, 'manifest.json')):
            return output
        self._must(f'videos_{name}', _write_videos, videos, name, self.classes if name == 'kinetics' else ['all'])
        words = ['bin/prepare', '--source=folder', f'--input={videos}', f'--output={output}', f'--resolution={_SIZE}']
        self._must(f'prepare_{name}', _program, words)
        return output

    def weights(self, name: str) -> str:
        """A file of random weights at full width, in the format of the published ones."""
        path = self._place('weights', name)
        if os.path.exists(path if name.endswith('.npz') else f'{path}.index'):
            return path
        os.makedirs(os.path.dirname(path), exist_ok=True)
        self._must(f'weights_{name}', _write_weights, path, name)
        return path

    def words(self, command: str, experiment: str) -> list[str]:
        """A command of the page, with stand-ins for the words that stand for something."""
        classes = iter(self.classes)
        stem = os.path.splitext(os.path.basename(experiment))[0]
        meant = (
            (r'RUN(\d?)', lambda match: self.begun(experiment, int(match[1] or 0))),
            (r'I3D\d+|conv3d_deepnetA_ucf\.npz|mean2\.npz', lambda match: self.weights(match[0])),
            (r'CLASS', lambda match: next(classes)),
            (r'FILE', lambda match: experiment),
            (r'BEST', lambda match: str(self._best(experiment))),
            (_EVERY, lambda match: 'every:1'),
            (r'(?<=--output=)\w+', lambda match: self._place('pictures', f'{match[0]}_{stem}')),
        )
        words = shlex.split(command)
        for pattern, stands_for in meant:
            words = [re.sub(rf'(?<![\w/]){pattern}(?![\w/])', stands_for, word) for word in words]
        if words[0] == 'bin/train':
            return words + [f'--gin_param={binding}' for binding in self.shrinking(experiment)]
        return words + next((more for start, more in _MORE.items() if command.startswith(start)), [])

    def _best(self, experiment: str) -> int:
        with open(os.path.join(self.begun(experiment, 0), 'evaluation', 'checkpoints.json')) as file:
            return json.load(file)['k600_fid_is/frechet']['best']['step']

    def _must(self, log: str, *call: object) -> None:
        status, last = self.run(log, *call)
        if status:
            raise SystemExit(f'{log} ended with status {status}: {last}')

    def _place(self, *parts: str) -> str:
        return os.path.join(self.folder, *parts)


def _aside(log: str, function: Callable[..., None], *arguments: object) -> None:
    with open(log, 'w') as file:
        os.dup2(file.fileno(), 1)
        os.dup2(file.fileno(), 2)
    os.chdir(CHECKOUT)
    function(*arguments)


def _program(words: list[str]) -> None:
    sys.argv = words[words[0] == 'python' :]
    runpy.run_path(sys.argv[0], run_name='__main__')


def _begin(experiment: str, bindings: list[str], work_dir: str) -> None:
    config.parse([experiment], bindings)
    ownership.claim(work_dir)
    data_facts.write(work_dir, config.bindings(loop.train, only=('data',))['data'])
    generator = saved_run.open_run(work_dir, '0').generator
    for step in (1, 2):
        os.makedirs(os.path.dirname(checkpoint_path(work_dir, step)), exist_ok=True)
        tf.train.Checkpoint(ema_generator=generator).write(checkpoint_path(work_dir, step))
        for variable in generator.trainable_variables:
            variable.assign(1.1 * variable)


def _write_videos(folder: str, name: str, classes: list[str]) -> None:
    frames, *counts = _CLIPS[name]
    for split, count in zip(('train', 'test'), counts):
        clips = SyntheticClips(_SIZE, frames).of_split(split).evaluation(1).take(count)
        for number, (clip, _, _) in enumerate(clips):
            place = os.path.join(folder, split, classes[number % len(classes)])
            os.makedirs(place, exist_ok=True)
            video.write_mp4(os.path.join(place, f'{number}.mp4'), clip[0].numpy(), 25)


def _write_weights(path: str, name: str) -> None:
    if name.startswith('I3D'):
        tf.random.set_seed(0)
        network = InceptionI3D(int(name[3:]))
        network(tf.zeros([1, 9, 224, 224, 3]))
        names, values = zip(*network.named_variables().items())
        tensors = [value.numpy() for value in values]
        tf.raw_ops.SaveV2(prefix=path, tensor_names=names, shape_and_slices=[''] * len(names), tensors=tensors)
    elif name == 'mean2.npz':
        np.savez(path, mean=np.full(c3d.MEAN_SHAPE, 100, np.float32))
    else:
        shapes, random = c3d.shapes().items(), np.random.default_rng(0)
        scale = {key: np.sqrt(2 / np.prod(shape[1:])) for key, shape in shapes}
        np.savez(path, **{key: scale[key] * random.standard_normal(shape, np.float32) for key, shape in shapes})


def main(folder: str, *items: str) -> None:
    """Prints the table."""
    with open(os.path.join(CHECKOUT, 'docs', 'paper.md')) as file:
        page = file.read()
    classes = sorted(set(re.findall(r"--label='([^']+)'", page)))
    stand_ins, path = StandIns(folder, classes), os.path.join(folder, 'outcomes.jsonl')
    known = {}
    if os.path.exists(path):
        with open(path) as file:
            known = {tuple(line['what']): line for line in map(json.loads, file) if line['status'] == 0}
    sys.stdout.write('| item | experiment | command | status | seconds | last line |\n|---|---|---|---|---|---|\n')
    for what in _in_order(row for row in rows(page) if not items or any(item in row.item for item in items)):
        outcome = known.get(what) or _outcome(stand_ins, what, path)
        said = (*what[:2], f'`{what[2]}`', outcome['status'], outcome['seconds'], outcome['last'])
        sys.stdout.write(f'| {" | ".join(map(str, said))} |\n')
        sys.stdout.flush()


def _in_order(found: Iterable[Row]) -> list[What]:
    """Every command once, then what is left."""
    every = [
        (row.item, *pair) for row in found for pair in itertools.product(row.experiments or ('',), row.commands)
    ]
    first = {command: (item, experiment, command) for item, experiment, command in reversed(every)}
    return sorted(every, key=lambda what: first[what[2]] != what)


def _outcome(stand_ins: StandIns, what: What, path: str) -> dict:
    """Runs one command, and appends how it went."""
    item, experiment, command = what
    words = stand_ins.words(command, experiment)
    started = time.monotonic()
    name = re.sub(r'\W+', '_', f'{item} {experiment} {command}')
    log = f'{name[:80]}_{zlib.crc32(name.encode()):08x}'
    status, last = stand_ins.run(log, _program, words)
    outcome = {'what': what, 'status': status, 'seconds': round(time.monotonic() - started), 'last': last}
    with open(path, 'a') as file:
        file.write(json.dumps(outcome) + '\n')
    return outcome


if __name__ == '__main__':
    main(*sys.argv[1:])
