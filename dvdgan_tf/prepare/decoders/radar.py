"""Rain as it lies in files: arrays of NumPy, HDF5 of ODIM (OPERA) and of KNMI, NetCDF4. Missing pixels become NaN.

The last three are HDF5 and read by h5py, an extra. What each says of itself is in `Rain`: times, unit, size.
"""

from __future__ import annotations

import contextlib
import datetime
import re
from collections.abc import Iterator
from typing import Any, NamedTuple

import numpy as np

from dvdgan_tf.data import remote
from dvdgan_tf.errors import InputError
from dvdgan_tf.prepare.listing import BadClip

ARRAYS, HDF5 = ('.npz', '.npy'), ('.h5', '.hdf', '.hdf5', '.nc', '.nc4')
UNITS = ('mm/h', 'mm', 'dBZ')  # a rate, an amount since the frame before, a reflectivity
_SAME = {
    **dict.fromkeys(('mm/h', 'mm/hr', 'mm h-1', 'mm hr-1', 'mm/hour', 'mm h^-1', 'rate'), 'mm/h'),
    **dict.fromkeys(('mm', 'kg m-2', 'acrr'), 'mm'),
    **dict.fromkeys(('dbz', 'dbzh', 'th'), 'dBZ'),
}


class Rain(NamedTuple):
    """What a file says of its frames.

    Attributes:
        name: of the array.
        minutes: [T] of each frame, after any moment that files of one kind share; None where the file does not say.
        unit: of the numbers, one of UNITS, or '' where the file does not say.
        shape: [H, W].
        count: T, frames.
    """

    name: str
    minutes: np.ndarray | None
    unit: str
    shape: tuple[int, int]
    count: int


def headers(path: str) -> Rain:
    """What a file holds.

    Raises:
        BadClip: it is damaged, or holds no frames of rain.
        InputError: h5py is not installed.
    """
    with _opened(path) as file:
        return _described(file)


def frames(path: str, first: int, stop: int) -> Iterator[np.ndarray]:
    """The frames [H, W] from one to another, float32 as the file's unit has them, NaN where they are missing.

    Raises:
        BadClip: the file is damaged.
        InputError: h5py is not installed.
    """
    with _opened(path) as file:
        values = _values(file)
        for number in range(first, stop):
            yield values(number)


def common_unit(word: str) -> str:
    """mm/h, mm or dBZ however it is written; '' where it is none of these."""
    return _SAME.get(word.strip().lower(), '')


@contextlib.contextmanager
def _opened(path: str) -> Iterator[Any]:
    """The arrays of a file by their names."""
    with remote.open_input(path) as file:
        if path.lower().endswith(HDF5):
            try:
                import h5py
            except ImportError as error:
                raise InputError(f'{path} needs h5py; install it with pip install "dvdgan_tf[radar]".') from error
            opened, damage = h5py.File, (OSError, KeyError, ValueError, RuntimeError)
        else:
            opened, damage = _arrays, (OSError, KeyError, ValueError)
        try:
            with opened(file) as found:
                yield found
        except damage as error:
            raise BadClip(f'cannot be read as a file of rain ({str(error).splitlines()[0]})') from None


@contextlib.contextmanager
def _arrays(file: Any) -> Iterator[dict[str, Any]]:
    loaded = np.load(file, allow_pickle=False)
    yield {'': loaded} if isinstance(loaded, np.ndarray) else loaded


def _described(file: Any) -> Rain:
    name = _rain_in(file)
    stored = file[name]
    count, shape = (1, stored.shape) if len(stored.shape) == 2 else (stored.shape[0], stored.shape[1:])
    minutes = _minutes(file, count)
    if minutes is not None and (len(minutes) != count or not np.isfinite(minutes).all()):
        raise BadClip(f'has {count} frames and {len(minutes)} times')
    return Rain(name, minutes, _unit(file, name), tuple(shape), count)


def _rain_in(file: Any) -> str:
    """The array of frames: what ODIM and KNMI call it, else the one of three axes."""
    for name in ('dataset1/data1/data', 'image1/image_data'):
        if name in file and len(file[name].shape) == 2:
            return name
    shapes = {name: getattr(file[name], 'shape', ()) for name in file}
    three = [name for name, shape in shapes.items() if len(shape) == 3] or [
        name for name, shape in shapes.items() if len(shape) == 2 and min(shape) > 8 and not name.endswith('bounds')
    ]
    if len(three) != 1:
        found = ', '.join(f'{name or "an array"} {list(shape)}' for name, shape in shapes.items()) or 'nothing'
        raise BadClip(f'holds {found}, where one array [T, H, W] is wanted')
    return three[0]


def _minutes(file: Any, count: int) -> np.ndarray | None:
    """[T] minutes of the frames."""
    if 'what' in file and 'date' in file['what'].attrs:  # ODIM
        return _moment(_text(file['what'].attrs['date']) + _text(file['what'].attrs['time']), '%Y%m%d%H%M%S')
    if 'overview' in file:  # KNMI
        return _moment(_text(file['overview'].attrs['product_datetime_end']).split('.')[0], '%d-%b-%Y;%H:%M:%S')
    if 'minutes' in file and not np.shape(file['minutes']):
        return np.arange(count) * float(file['minutes'])
    for name in ('minutes', 'times', 'time'):
        if name in file:
            return _as_minutes(file[name])
    return None


def _moment(text: str, written: str) -> np.ndarray:
    moment = datetime.datetime.strptime(text, written)
    return np.array([(moment - datetime.datetime(1970, 1, 1)).total_seconds() / 60])


def _as_minutes(stored: Any) -> np.ndarray:
    """Times of NumPy's kind, or numbers in a unit as `seconds since ...` of NetCDF, minutes where there is none."""
    values = np.atleast_1d(stored[...])
    if values.dtype.kind == 'M':
        return values.astype('datetime64[s]').astype(np.float64) / 60
    unit, _, since = _text(getattr(stored, 'attrs', {}).get('units', 'minutes')).partition(' since ')
    minutes = {'second': 1 / 60, 'minute': 1.0, 'hour': 60.0, 'day': 1440.0}.get(unit.rstrip('s').lower())
    if minutes is None:
        raise BadClip(f'counts time in {unit!r}; seconds, minutes, hours and days are known')
    begun = 0.0
    if since:
        day = re.match(r'(\d+-\d+-\d+)(?:[ T](\d+:\d+))?', since)
        begun = 0.0 if day is None else float(_moment(f'{day[1]} {day[2] or "00:00"}', '%Y-%m-%d %H:%M')[0])
    return begun + values.astype(np.float64) * minutes


def _unit(file: Any, name: str) -> str:
    if name.startswith('dataset1/'):
        return common_unit(_text(_odim(file, 'quantity', '')))
    attributes = getattr(file[name], 'attrs', {})
    if name == 'image1/image_data':
        return common_unit(_text(file['image1'].attrs.get('image_geo_parameter', '')).split('_[')[-1].rstrip(']'))
    return common_unit(_text(attributes.get('units', '')))


def _values(file: Any) -> Any:
    """From the number of a frame to its numbers."""
    name = _rain_in(file)
    stored = file[name]
    if isinstance(stored, np.ndarray):
        return lambda number: _picked(stored, number).astype(np.float32)
    gain, offset, missing, dry = _calibration(file, name)

    def values(number: int) -> np.ndarray:
        raw = _picked(stored, number)
        found = raw.astype(np.float32) * gain + offset
        found[np.isin(raw, missing)] = np.nan
        found[np.isin(raw, dry)] = -np.inf  # less than what the radar sees
        return found

    return values


def _picked(stored: Any, number: int) -> np.ndarray:
    return stored[...] if len(stored.shape) == 2 else stored[number]


def _calibration(file: Any, name: str) -> tuple[float, float, list, list]:
    """gain, offset, raw values of missing pixels, and of those without an echo."""
    if name.startswith('dataset1/'):
        gain, offset = float(_odim(file, 'gain', 1.0)), float(_odim(file, 'offset', 0.0))
        return gain, offset, _some(_odim(file, 'nodata', None)), _some(_odim(file, 'undetect', None))
    if name == 'image1/image_data':
        attributes = file['image1/calibration'].attrs
        formula = _text(attributes['calibration_formulas'])
        found = re.match(r'GEO\s*=\s*([-+.\deE]+)\s*\*\s*PV\s*\+?\s*([-+.\deE]+)', formula)
        if found is None:
            raise BadClip(f'is calibrated by {formula!r}; GEO = a * PV + b is known')
        missing = [attributes.get(key) for key in ('calibration_missing_data', 'calibration_out_of_image')]
        return float(found[1]), float(found[2]), [value for each in missing for value in _some(each)], []
    attributes = file[name].attrs
    missing = [value for key in ('_FillValue', 'missing_value') for value in _some(attributes.get(key))]
    scale, offset = (float(np.ravel(attributes.get(key, start))[0]) for key, start in _SCALING)
    return scale, offset, missing, []


_SCALING = (('scale_factor', 1.0), ('add_offset', 0.0))


def _odim(file: Any, key: str, otherwise: Any) -> Any:
    """An attribute of what describes the data: the nearest group that has it."""
    for place in ('dataset1/data1/what', 'dataset1/what', 'what'):
        if place in file and key in file[place].attrs:
            return file[place].attrs[key]
    return otherwise


def _some(value: Any) -> list:
    return [] if value is None else list(np.ravel(value))


def _text(value: Any) -> str:
    value = np.ravel(value)[0] if isinstance(value, np.ndarray) else value
    return value.decode() if isinstance(value, bytes) else str(value)
