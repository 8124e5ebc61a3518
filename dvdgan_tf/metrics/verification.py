"""Scores of rain forecasts at each lead time, of single forecasts and of ensembles; missing pixels enter none of them.

CSI and frequency bias of exceeding a threshold (Wilks 2011, chapter 8), the fractions skill score in a moving window
(Roberts and Lean 2008), the CRPS of the members' empirical distribution (Gneiting and Raftery 2007, equation 21), on
pixels and on pooled fields (Ravuri et al. 2021), spread against error (Fortin et al. 2014), and radially averaged power
spectra. Rates are in mm/h.
"""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np

THRESHOLDS = (0.5, 1.0, 4.0, 8.0)  # mm/h
POOLS = (4, 16)  # pixels
FSS_WINDOW = 9  # pixels
_LEAST = 1e-12


class Verification:
    """Sums over forecasts, of which the scores are functions.

    Every member of an ensemble counts as a forecast of its own in CSI, bias, FSS and spectra.
    """

    def __init__(self) -> None:
        self._sums: dict[str, np.ndarray] = {}
        self._crps, self._weights = [], []

    def update(self, members: np.ndarray, truth: np.ndarray, weight: float = 1.0) -> None:
        """Adds one forecast.

        Args:
            members: [S, T, H, W] mm/h.
            truth: [T, H, W] mm/h, NaN where a pixel is missing.
            weight: how much it counts.
        """
        members, known = np.asarray(members, np.float64), ~np.isnan(truth)
        truth = np.where(known, truth, 0.0).astype(np.float64)
        members = np.where(known, members, 0.0)
        for threshold in THRESHOLDS:
            self._exceeding(threshold, members, truth, known, weight)
        self._of_pools('crps', members, truth, known, weight)
        for size in POOLS:
            if min(truth.shape[1:]) >= size:
                for kind in ('average', 'max'):
                    pooled = [pool(each, known, size, kind) for each in (members, truth)]
                    self._of_pools(f'crps_{kind}_{size}', *pooled, pool(known, known, size, 'max') > 0, weight)
        mean = members.mean(0)
        self._add('error', weight, _sum(np.square(mean - truth)))
        self._add('variance', weight, _sum(members.var(0, ddof=1) if len(members) > 1 else 0 * mean))
        self._add('known', weight, _sum(known))
        self._add('spectrum', weight, spectrum(members).mean(0))
        self._add('spectrum_of_mean', weight, spectrum(mean))
        self._add('spectrum_of_truth', weight, spectrum(truth))

    def scores(self) -> dict[str, list]:
        """Every score by lead time [T]; None where it has no value, as CSI where it never rains; spectra [T, rings]."""
        sums, found = self._sums, {}
        for threshold in THRESHOLDS:
            hits, misses, alarms = (sums[f'{name}_{threshold:g}'] for name in ('hits', 'misses', 'alarms'))
            found[f'csi_{threshold:g}'] = _ratio(hits, hits + misses + alarms)
            found[f'bias_{threshold:g}'] = _ratio(hits + alarms, hits + misses)
            apart = _ratio(sums[f'apart_{threshold:g}'], sums[f'most_apart_{threshold:g}'])
            found[f'fss_{threshold:g}'] = 1 - apart
        for name in ('crps', *(f'crps_{kind}_{size}' for size in POOLS for kind in ('average', 'max'))):
            if name in sums:
                found[name] = _ratio(sums[name], sums[f'{name}_places'])
        found['error'] = np.sqrt(_ratio(sums['error'], sums['known']))
        found['spread'] = np.sqrt(_ratio(sums['variance'], sums['known']))
        total = sum(self._weights)
        for name in ('spectrum', 'spectrum_of_mean', 'spectrum_of_truth'):
            found[name] = sums[name] / total
        for name in ('spectrum', 'spectrum_of_mean'):
            found[f'{name}_distance'] = spectrum_distance(found[name], found['spectrum_of_truth'])
        return {name: _listed(values) for name, values in found.items()}

    def crps_by_forecast(self) -> tuple[np.ndarray, np.ndarray]:
        """The CRPS [forecasts, T] of each, NaN where it has no known pixel, and the weights [forecasts]."""
        return np.stack(self._crps), np.array(self._weights)

    def _exceeding(
        self, threshold: float, members: np.ndarray, truth: np.ndarray, known: np.ndarray, weight: float
    ) -> None:
        said, came = (members >= threshold) & known, (truth >= threshold) & known
        weight_of_one = weight / len(members)
        for name, both in (('hits', said & came), ('misses', ~said & came), ('alarms', said & ~came)):
            self._add(f'{name}_{threshold:g}', weight_of_one, _sum(both).sum(0))
        shares = fractions(came, known, FSS_WINDOW)
        apart = most = 0.0
        for member in said:
            forecast = fractions(member, known, FSS_WINDOW)
            apart = apart + np.nansum(np.square(forecast - shares), (1, 2))
            most = most + np.nansum(np.square(forecast) + np.square(shares), (1, 2))
        self._add(f'apart_{threshold:g}', weight_of_one, apart)
        self._add(f'most_apart_{threshold:g}', weight_of_one, most)

    def _of_pools(self, name: str, members: np.ndarray, truth: np.ndarray, known: np.ndarray, weight: float) -> None:
        found = np.where(known, crps(members, truth), 0.0)
        sums, places = _sum(found), _sum(known)
        self._add(name, weight, sums)
        self._add(f'{name}_places', weight, places)
        if name == 'crps':
            self._crps.append(_ratio(sums, places))
            self._weights.append(weight)

    def _add(self, name: str, weight: float, values: np.ndarray) -> None:
        self._sums[name] = self._sums.get(name, 0.0) + weight * np.asarray(values, np.float64)


def crps(members: np.ndarray, truth: np.ndarray) -> np.ndarray:
    """CRPS of the empirical distribution of members [S, ...] against truth [...]; of one member the absolute error."""
    ordered = np.sort(members, 0)
    count = len(members)
    ranks = (2 * np.arange(count) - count + 1).reshape([-1] + [1] * truth.ndim)
    return np.abs(members - truth).mean(0) - (ranks * ordered).sum(0) / count**2


def pool(fields: np.ndarray, known: np.ndarray, size: int, kind: str) -> np.ndarray:
    """Fields [..., H, W] by blocks of size pixels, the average or the max of the known ones; 0 where none is known."""
    height, width = (length // size for length in known.shape[-2:])

    def blocks(values: np.ndarray) -> np.ndarray:
        cut = values[..., : height * size, : width * size]
        return cut.reshape(*values.shape[:-2], height, size, width, size)

    inside = blocks(known)
    if kind == 'max':
        return np.where(inside, blocks(fields), 0.0).max((-3, -1))
    counts = np.maximum(inside.sum((-3, -1)), 1)
    return np.where(inside, blocks(fields), 0.0).sum((-3, -1)) / counts


def fractions(events: np.ndarray, known: np.ndarray, window: int) -> np.ndarray:
    """The share [T, H, W] of known pixels around each that are events, inside the field; NaN where none is known."""
    return _ratio(_around(events & known, window), _around(known, window))


def _around(values: np.ndarray, window: int) -> np.ndarray:
    """Sums over a square window around each pixel, cut off at the edges."""
    sums = np.pad(values.astype(np.float64).cumsum(-2).cumsum(-1), [(0, 0), (1, 0), (1, 0)])
    (top, bottom), (left, right) = (
        (np.maximum(np.arange(n) - window // 2, 0), np.minimum(np.arange(n) + window // 2 + 1, n))
        for n in values.shape[-2:]
    )
    rows = sums[:, bottom] - sums[:, top]
    return rows[:, :, right] - rows[:, :, left]


def spectrum(fields: np.ndarray) -> np.ndarray:
    """Radially averaged power [..., H // 2] of square fields [..., H, H] under a Hann window, by whole wave numbers."""
    size = fields.shape[-1]
    taper = np.hanning(size + 2)[1:-1]
    power = np.square(np.abs(np.fft.fft2(fields * np.outer(taper, taper)))) / size**2
    waves = np.fft.fftfreq(size, 1 / size)
    ring = np.rint(np.hypot(waves[:, None], waves)).astype(int)
    return np.stack([power[..., ring == number].mean(-1) for number in range(1, size // 2 + 1)], -1)


def spectrum_distance(found: np.ndarray, wanted: np.ndarray) -> np.ndarray:
    """How far spectra [T, rings] are apart: the mean over rings of the absolute difference in decibel, [T].

    NaN where a field without any rain has none.
    """
    apart = np.abs(10 * np.log10((found + _LEAST) / (wanted + _LEAST))).mean(-1)
    return np.where((found.sum(-1) > 0) & (wanted.sum(-1) > 0), apart, np.nan)


def mean_over_leads(values: Mapping[str, list], name: str) -> float | None:
    """The mean of a score over the lead times that have a value; None where none has."""
    known = [value for value in values[name] if value is not None]
    return float(np.mean(known)) if known else None


def _sum(values: np.ndarray) -> np.ndarray:
    return values.sum((-2, -1))


def _ratio(above: np.ndarray, below: np.ndarray) -> np.ndarray:
    """NaN where there is nothing to divide by."""
    return np.divide(above, below, out=np.full(np.shape(below), np.nan), where=np.asarray(below) > 0)


def _listed(values: np.ndarray) -> list:
    return [_listed(row) if np.ndim(row) else None if np.isnan(row) else float(row) for row in values]
