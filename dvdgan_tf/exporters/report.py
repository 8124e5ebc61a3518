"""One table of all exports of a generator: size, time a clip, and how far their pixels are from the live ones."""

from __future__ import annotations

import os
import statistics
import tempfile
import time
import traceback
from collections.abc import Iterator, Mapping, Sequence
from typing import Callable, NamedTuple

import numpy as np

from dvdgan_tf.errors import InputError
from dvdgan_tf.exporters.source import ExportSource, live

HEADER = (
    '| run by | MiB | ms a clip | live generator, ms | largest error | mean error |',
    '|---|---:|---:|---:|---:|---:|',
)
_TIMED_CLIPS = 10

Run = Callable[[dict[str, np.ndarray]], np.ndarray]


class Format(NamedTuple):
    """`write(source, folder)` writes and checks; `measure(source, folder)` gives rows of the report; `marker` is a file
    that every export in this format holds, a pattern.
    """

    write: Callable[[ExportSource, str], None]
    measure: Callable[[ExportSource, str], Iterator[Row]]
    marker: str


class Row(NamedTuple):
    """A way to run an exported model, measured.

    name; size_mib of its files; milliseconds a clip, of this way and of the live generator, alternating; the largest
    and the mean difference of a pixel, in levels of 0 to 255.
    """

    name: str
    size_mib: float
    milliseconds: float
    live_milliseconds: float
    largest: float
    mean: float


class Failure(NamedTuple):
    """A format without a row, and why."""

    name: str
    reason: str


def measure_all(formats: Mapping[str, Format], source: ExportSource) -> Iterator[Row | Failure]:
    """Writes every format to a temporary folder and measures it; one that fails does not stop the others."""
    for name, form in formats.items():
        with tempfile.TemporaryDirectory() as folder:
            try:
                form.write(source, folder)
                yield from form.measure(source, folder)
            except Exception as error:
                if not isinstance(error, InputError):
                    traceback.print_exc()
                yield Failure(name, (str(error) or type(error).__name__).splitlines()[0])


def measure(name: str, path: str, run: Run, source: ExportSource) -> Row:
    """Runs a model, one clip at a time, beside the live generator.

    Args:
        name: of the row.
        path: of the file or folder whose size is told.
        run: inputs of `generate_float` of one clip to the clip `[1, T, H, W, C]` in [-1, 1].
        source: what was exported.
    """
    inputs, clips = source.probe
    rows = [{key: value[[index]] for key, value in inputs.items()} for index in range(len(clips))]
    apart = 127.5 * np.abs(np.concatenate([run(row) for row in rows]) - clips)
    live(source.generator, rows[0])
    times = []
    for index in range(_TIMED_CLIPS):
        row = rows[index % len(rows)]
        began = time.perf_counter()
        run(row)
        between = time.perf_counter()
        live(source.generator, row)
        times.append((between - began, time.perf_counter() - between))
    own, beside = (1000 * statistics.median(column) for column in zip(*times))
    return Row(name, size_mib(path), own, beside, float(apart.max()), float(apart.mean()))


def measure_elsewhere(
    name: str, path: str, clips: np.ndarray, milliseconds: Sequence[float], source: ExportSource
) -> Row:
    """A row of a model that ran in a program of its own; the live generator is timed now.

    Args:
        clips: float32 [8, T, H, W, C], what the model made of the source's inputs.
        milliseconds: of each clip.
    """
    beside = measure(name, path, lambda row: live(source.generator, row), source).live_milliseconds
    apart = 127.5 * np.abs(clips - source.probe.clips)
    own = float(statistics.median(milliseconds))
    return Row(name, size_mib(path), own, beside, float(apart.max()), float(apart.mean()))


def size_mib(path: str) -> float:
    """Of a file, or of everything in a folder."""
    paths = [path] if os.path.isfile(path) else _files(path)
    return sum(os.path.getsize(file) for file in paths) / 2**20


def line(row: Row | Failure) -> str:
    """A line of a table in Markdown, below `HEADER`."""
    if isinstance(row, Failure):
        return f'| {row.name} | failed: {row.reason.replace("|", "/")} | | | | |'
    times = f'{row.milliseconds:.1f} | {row.live_milliseconds:.1f}'
    return f'| {row.name} | {row.size_mib:.2f} | {times} | {row.largest:.2g} | {row.mean:.2g} |'


def _files(folder: str) -> Iterator[str]:
    for place, _, names in os.walk(folder):
        for name in names:
            yield os.path.join(place, name)
