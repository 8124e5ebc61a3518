"""What a run has written, read without TensorFlow; what is torn or missing becomes a warning, and the rest is read."""

from __future__ import annotations

import dataclasses
import json
import os
import re
from collections.abc import Iterable
from pathlib import Path

from dvdgan_tf.errors import InputError

_PREVIEW = re.compile(r'preview-(\d+)\.gif')
_MOST_POINTS = 1500  # of a curve: a page is no wider
_MOST_WARNINGS = 20
_BINDING = re.compile(r'^([\w/.]+) = ?\\?\n?((?:.|\n(?=\s))*)', re.MULTILINE)


@dataclasses.dataclass
class RunFiles:
    """The readable files of one work directory.

    Attributes:
        name: the last part of its path.
        bindings: name to value of its configuration, as written.
        data: what `data.json` says of the training data.
        series: name to (steps, values), in ascending order of steps.
        previews: step to the GIF of generated clips.
        real: the GIF of real clips; None if there is none.
        results: the lines of `evaluation/evaluation.jsonl`.
        sessions: the lines of `sessions.jsonl`, what each start ran on.
        health: what the health checks said, the newest last.
        warnings: a sentence for everything that could not be read.
    """

    name: str
    bindings: dict[str, str] = dataclasses.field(default_factory=dict)
    data: dict[str, object] = dataclasses.field(default_factory=dict)
    series: dict[str, tuple[list[int], list[float]]] = dataclasses.field(default_factory=dict)
    previews: dict[int, Path] = dataclasses.field(default_factory=dict)
    real: Path | None = None
    results: list[dict[str, object]] = dataclasses.field(default_factory=list)
    sessions: list[dict[str, object]] = dataclasses.field(default_factory=list)
    health: list[str] = dataclasses.field(default_factory=list)
    warnings: list[str] = dataclasses.field(default_factory=list)

    @property
    def last_step(self) -> int:
        """The last step that anything was recorded at."""
        return max((steps[-1] for steps, _ in self.series.values()), default=0)


def read_run(work_dir: str) -> RunFiles:
    """Reads a work directory, which may still be written to.

    Raises:
        InputError: it is no work directory of a run.
    """
    folder = Path(work_dir)
    if not (folder / 'config.gin').is_file():
        raise InputError(f'{work_dir!r} holds no config.gin, so it is no work directory of bin/train; check the path.')
    run = RunFiles(os.path.basename(os.path.abspath(work_dir)))
    run.bindings = bindings_of(_text(folder / 'config.gin', run))
    run.data = _json(folder / 'data.json', run)
    run.series = _series(_lines(folder / 'metrics.jsonl', run))
    results = _lines(folder / 'evaluation' / 'evaluation.jsonl', run, needed=False)
    run.results = [result for result in results if _is_result(result)]
    sessions = _lines(folder / 'sessions.jsonl', run, needed=False)
    run.sessions = [session for session in sessions if _holds(session, 'versions', 'hardware')]
    found = _lines(folder / 'warnings.jsonl', run, needed=False)
    said = [f'step {each.get("step")}: {each.get("warning")}' for each in found]
    run.health = said[-_MOST_WARNINGS:]
    if len(said) > _MOST_WARNINGS:
        run.health.insert(0, f'{len(said) - _MOST_WARNINGS} earlier ones')
    pictures = sorted((folder / 'previews').glob('*.gif'))
    found = ((_PREVIEW.fullmatch(path.name), path) for path in pictures)
    run.previews = {int(match[1]): path for match, path in found if match}
    run.real = next((path for path in pictures if path.name.startswith('real-')), None)
    if not run.previews:
        run.warnings.append(f'{run.name}: there are no previews yet.')
    return run


def bindings_of(gin_text: str) -> dict[str, str]:
    """Name to value of every binding in the text of a configuration, values on one line."""
    return {name: ' '.join(value.split()) for name, value in _BINDING.findall(gin_text)}


def differences(runs: Iterable[RunFiles]) -> dict[str, list[str]]:
    """The bindings in which runs differ: name to each run's value, `not given` where it has none."""
    runs = list(runs)
    names = sorted({name for run in runs for name in run.bindings})
    values = {name: [run.bindings.get(name, 'not given') for run in runs] for name in names}
    return {name: each for name, each in values.items() if len(set(each)) > 1}


def _text(path: Path, run: RunFiles, needed: bool = True) -> str:
    try:
        return path.read_text(encoding='utf-8', errors='replace')
    except OSError as error:
        if needed:
            run.warnings.append(f'{run.name}: {path.name} could not be read ({error.strerror}).')
        return ''


def _json(path: Path, run: RunFiles) -> dict[str, object]:
    text = _text(path, run)
    try:
        found = json.loads(text) if text else {}
    except ValueError:
        found = None
    if not isinstance(found, dict):
        run.warnings.append(f'{run.name}: {path.name} is damaged.')
        return {}
    return found


def _lines(path: Path, run: RunFiles, needed: bool = True) -> Iterable[dict[str, object]]:
    """The objects of a file of JSON lines; what is no object, such as a line that is being written, is counted."""
    damaged = 0
    for line in _text(path, run, needed).split('\n'):
        try:
            found = json.loads(line) if line.strip() else {}
        except ValueError:
            found = None
        if not isinstance(found, dict):
            damaged += 1
        elif found:
            yield found
    if damaged:
        run.warnings.append(f'{run.name}: {damaged} line(s) of {path.name} are damaged or still being written.')


def _holds(record: dict[str, object], *names: str) -> bool:
    """Whether these are objects."""
    return all(isinstance(record.get(name), dict) for name in names)


def _is_result(record: dict[str, object]) -> bool:
    return _holds(record, 'scores') and all(isinstance(score, dict) for score in record['scores'].values())


def thinned(series: tuple[list[int], list[float]], points: int) -> tuple[list[int], list[float]]:
    """A curve at so many of its steps at most, evenly spread, the first and the last among them."""
    steps, values = series
    if len(steps) <= points:
        return series
    kept = [round(index * (len(steps) - 1) / (points - 1)) for index in range(points)]
    return [steps[place] for place in kept], [values[place] for place in kept]


def _series(records: Iterable[dict[str, object]]) -> dict[str, tuple[list[int], list[float]]]:
    values: dict[str, dict[int, float]] = {}
    for record in records:
        step = record.get('step')
        for name, value in record.items():
            number = isinstance(value, (int, float)) and not isinstance(value, bool)
            if number and isinstance(step, int) and '/' in name:
                values.setdefault(name, {})[step] = value
    whole = {name: tuple(map(list, zip(*sorted(each.items())))) for name, each in sorted(values.items())}
    return {name: thinned(each, _MOST_POINTS) for name, each in whole.items()}
