"""The HTML file itself: data, pictures, style and program in one, so that it opens from anywhere without a network."""

from __future__ import annotations

import base64
import dataclasses
import html
import importlib.resources
import json
import math
from collections.abc import Sequence
from pathlib import Path

from dvdgan_tf import __version__
from dvdgan_tf.report import films
from dvdgan_tf.report.run_files import RunFiles, differences, thinned

_MOST_PREVIEWS = 24
_ROWS_OF_CLASSES = 100
_FEWEST_POINTS = 64


@dataclasses.dataclass(frozen=True)
class Picture:
    """A picture of a run beyond its previews.

    Attributes:
        run: the run's name.
        title: the heading that pictures of one kind share.
        caption: what is to be seen, in words.
        content: the file's bytes.
        media: its type, such as `image/png`.
    """

    run: str
    title: str
    caption: str
    content: bytes
    media: str


@dataclasses.dataclass(frozen=True)
class Report:
    """The page, and what was left out of it to stay within its size."""

    text: str
    left_out: tuple[str, ...]


def build(runs: Sequence[RunFiles], pictures: Sequence[Picture], limit_bytes: int) -> Report:
    """Makes the page; the largest pictures, and then points of curves, are left out until it is within its size.

    What was left out is named on it.

    Args:
        runs: what the runs have written.
        pictures: what was made for the report.
        limit_bytes: of the page.
    """
    items = [_preview(run, step) for run in runs for step in _spread(sorted(run.previews))]
    items += [_real(run) for run in runs if run.real]
    items = [item for item in items if item]
    items += [_item(picture.run, 'picture', picture.media, picture.content, **_words(picture)) for picture in pictures]
    points = max((len(steps) for run in runs for steps, _ in run.series.values()), default=0)
    left_out: list[str] = []
    page = _page(runs, items, left_out, points)
    excess = len(page.encode()) - limit_bytes
    while excess > 0 and items:
        largest = max(items, key=lambda item: len(item['uri']))
        items.remove(largest)
        left_out.append(f'{largest["run"]}: {largest["name"]}')
        excess -= len(largest['uri'])
    said = left_out
    page = _page(runs, items, said, points)
    while len(page.encode()) > limit_bytes and points > _FEWEST_POINTS:
        points //= 2
        said = [*left_out, f'of each curve all but {points} points']
        page = _page(runs, items, said, points)
    return Report(page, tuple(said))


def _spread(steps: Sequence[int]) -> list[int]:
    """At most so many steps, evenly spread, the first and the last among them."""
    if len(steps) <= _MOST_PREVIEWS:
        return list(steps)
    return [steps[round(index * (len(steps) - 1) / (_MOST_PREVIEWS - 1))] for index in range(_MOST_PREVIEWS)]


def _preview(run: RunFiles, step: int) -> dict[str, object] | None:
    return _film(run, run.previews[step], 'preview', name=f'preview of step {step}', step=step)


def _real(run: RunFiles) -> dict[str, object] | None:
    return _film(run, run.real, 'real', name='real clips')


def _film(run: RunFiles, path: Path, kind: str, **words: object) -> dict[str, object] | None:
    try:
        content, media = films.smaller(path.read_bytes())
    except OSError as error:  # removed by a run that goes on, or damaged
        run.warnings.append(f'{run.name}: {path.name} could not be read ({error.strerror or "it is damaged"}).')
        return None
    return _item(run.name, kind, media, content, **words)


def _words(picture: Picture) -> dict[str, str]:
    return {'name': picture.title, 'title': picture.title, 'caption': picture.caption}


def _item(run: str, kind: str, media: str, content: bytes, **words: object) -> dict[str, object]:
    uri = f'data:{media};base64,{base64.b64encode(content).decode()}'
    return {'run': run, 'kind': kind, 'uri': uri, **words}


def _page(
    runs: Sequence[RunFiles], items: Sequence[dict[str, object]], left_out: Sequence[str], points: int
) -> str:
    data = {
        'version': __version__,
        'runs': [_about(run, points) for run in runs],
        'items': items,
        'differences': differences(runs) if len(runs) > 1 else {},
        'left_out': list(left_out),
    }
    # A browser reads neither NaN nor infinity, and `<` could end the script that holds the data.
    blob = json.dumps(_readable(data), allow_nan=False).replace('<', '\\u003c')
    parts = {
        'title': html.escape(', '.join(run.name for run in runs)),
        'style': _static('vendor', 'uPlot.min.css') + _static('report.css'),
        'library': _static('vendor', 'uPlot.iife.min.js'),
        'data': blob,
        'program': _static('report.js'),
    }
    page = _static('report.html')
    for name, text in parts.items():
        page = page.replace(f'<!--{name}-->', text, 1)
    return page


def _readable(value: object) -> object:
    """The same without numbers that are not finite, which become None."""
    if isinstance(value, dict):
        return {name: _readable(each) for name, each in value.items()}
    if isinstance(value, (list, tuple)):
        return [_readable(each) for each in value]
    return None if isinstance(value, float) and not math.isfinite(value) else value


def _about(run: RunFiles, points: int) -> dict[str, object]:
    classes = run.data.get('class_names') or []
    return {
        'name': run.name,
        'step': run.last_step,
        'classes': classes[:_ROWS_OF_CLASSES],
        'num_classes': len(classes),
        'bindings': run.bindings,
        'series': {name: thinned(series, points) for name, series in run.series.items()},
        'results': run.results,
        'sessions': run.sessions,
        'health': run.health,
        'warnings': run.warnings,
    }


def _static(*names: str) -> str:
    return importlib.resources.files('dvdgan_tf.report').joinpath('static', *names).read_text(encoding='utf-8')
