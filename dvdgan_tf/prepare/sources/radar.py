"""Radar as a data set: rain rates in mm/h, a clip for every stretch of time without a gap, missing pixels kept."""

from __future__ import annotations

import itertools
import logging
import posixpath
from collections.abc import Iterator

import numpy as np

from dvdgan_tf.data import remote
from dvdgan_tf.errors import InputError
from dvdgan_tf.prepare.decoders import radar
from dvdgan_tf.prepare.listing import TRAIN, BadClip, Listing, SourceClip
from dvdgan_tf.prepare.sources.folders import split_name

UNIT = 'mm/h'
_LOG = logging.getLogger(__name__)
_Z, _POWER = 200.0, 1.6  # Z = 200 R^1.6 (Marshall and Palmer 1948)


def radar_files(path: str, unit: str | None = None) -> Listing:
    """Radar in .npz, .npy, HDF5 of ODIM or KNMI, or NetCDF4.

    A file of several frames is a sequence; files of one frame in one folder are one sequence, in the order of their
    times. Folders below the input are splits; what lies in none is in train.

    Args:
        path: a file or a folder of files.
        unit: of the numbers, one of `decoders.radar.UNITS`, where the files do not say it.

    Raises:
        InputError: nothing usable, or a file says no unit and none is given.
    """
    endings = (*radar.ARRAYS, *radar.HDF5)
    if path.lower().endswith(endings):
        folder, files = posixpath.dirname(path) or '.', [posixpath.basename(path)]
    else:
        folder = path.rstrip('/')
        files = sorted(file for file in remote.list_files(folder) if file.lower().endswith(endings))
    absent, single, clips = [], {}, []
    for file in files:
        try:
            rain = radar.headers(f'{folder}/{file}')
        except BadClip as error:
            absent.append((file, str(error)))
            continue
        found = rain.unit or unit
        if not found:
            raise InputError(
                f'{folder}/{file} does not say the unit of its numbers: give --unit='
                f'{" or --unit=".join(radar.UNITS)} (mm: in the time from one frame to the next).'
            )
        if rain.count == 1 and rain.minutes is not None:
            single.setdefault(posixpath.dirname(file), []).append((float(rain.minutes[0]), file, found))
        else:
            minutes = np.arange(rain.count) * np.nan if rain.minutes is None else rain.minutes
            times = [(time, file, number) for number, time in enumerate(minutes)]
            clips += _stretches(folder, posixpath.splitext(file)[0], times, found)
    for place, frames in single.items():
        times = [(time, file, 0) for time, file, _ in sorted(frames)]
        clips += _stretches(folder, place or posixpath.basename(folder), times, frames[0][2])
    return Listing(tuple(clips), ('all',), tuple(absent), lossless=True, dtype='float32', missing=True, unit=UNIT)


def _stretches(folder: str, name: str, times: list[tuple[float, str, int]], unit: str) -> Iterator[SourceClip]:
    """A clip for every part of a sequence whose frames are evenly apart."""
    minutes = np.array([time for time, _, _ in times])
    steps = np.diff(minutes)
    step = float(np.median(steps)) if len(steps) and np.isfinite(steps).all() else 0.0
    if len(steps) and step <= 0 and np.isfinite(minutes).all():
        raise InputError(f'{name} has frames that are not in the order of their times: sort them.')
    if unit == 'mm' and not step:
        raise InputError(f'{name} holds mm and does not say how many minutes lie between frames: add `minutes`.')
    gaps = np.flatnonzero(np.abs(steps - step) > 0.1 * step) + 1 if step else np.array([], int)
    for gap in gaps:
        _LOG.warning(
            '%s: %g minutes lie between frames %d and %d where %g are usual: it is cut there.',
            *(name, minutes[gap] - minutes[gap - 1], gap - 1, gap, step),
        )
    split, _, _ = name.rpartition('/')
    for first, stop in zip([0, *gaps], [*gaps, len(times)]):
        place = unit, step, tuple((file, number) for _, file, number in times[first:stop])
        clip = f'{name}#{first:06d}'
        yield SourceClip(clip, folder, 'radar', 0, split_name(split.split('/')[0]) or TRAIN, clip, place=place)


def rates(clip: SourceClip) -> Iterator[np.ndarray]:
    """The frames [H, W, 1] of a clip in mm/h, float32, NaN where pixels are missing.

    Raises:
        BadClip: a rate is negative, or a frame has no known pixel.
    """
    unit, step, places = clip.place
    for time, values in enumerate(_stored(clip.path, places)):
        found = in_mm_per_hour(values, unit, step)
        known = ~np.isnan(found)
        if not known.any():
            raise BadClip(f'has no known pixel in frame {time}: leave the frame away, which makes a gap')
        if np.isinf(found[known]).any() or (found[known] < 0).any():
            raise BadClip(
                f'has a rate of {np.nanmin(found):.3g} to {np.nanmax(found):.3g} mm/h in frame {time}: rates are 0 or '
                'more; make NaN of what is not known'
            )
        yield found[..., None]


def _stored(folder: str, places: tuple[tuple[str, int], ...]) -> Iterator[np.ndarray]:
    """The frames at these places, each file opened once."""
    for file, of_file in itertools.groupby(places, lambda place: place[0]):
        numbers = [number for _, number in of_file]
        yield from radar.frames(f'{folder}/{file}', numbers[0], numbers[-1] + 1)


def in_mm_per_hour(values: np.ndarray, unit: str, step: float) -> np.ndarray:
    """Numbers of a frame as rates; -inf, less than the radar sees, is no rain."""
    dry = np.isneginf(values)
    if unit == 'dBZ':
        values = np.power(np.power(10.0, np.where(dry, -99.0, values) / 10.0) / _Z, 1 / _POWER)
    elif unit == 'mm':
        values = values * (60.0 / step)
    return np.where(dry, 0.0, values).astype(np.float32)
