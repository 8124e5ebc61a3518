"""What a forecast of rain has to beat: the last frame, the mean of the context, no rain, pysteps' advection and STEPS.

pysteps (Pulkkinen et al. 2019) is an extra, with OpenCV, which its advection needs. It gets what the model gets, the
same context of the same crop, and not the rain around it.
"""

from __future__ import annotations

import contextlib
import importlib.util
import io
import warnings
from collections.abc import Callable, Iterator
from types import ModuleType

import numpy as np

from dvdgan_tf.errors import InputError

PYSTEPS = ('advection', 'steps')
_NEEDED = ('pysteps', 'cv2')

_DRY = 0.1  # mm/h, below which pysteps sees no rain
_WET = 0.01  # of the pixels, below which there is no flow to follow
_CASCADE = 5
Reference = Callable[[np.ndarray, int, int, int], np.ndarray]


class NoEnsembleError(ValueError):
    """A context of which STEPS makes no ensemble; why."""


def find(names: list[str] | None = None) -> dict[str, Reference]:
    """References by name, each `(context [C, H, W] mm/h, frames, members, seed) -> [S, frames, H, W]`.

    Args:
        names: those wanted; None for all that can be run here.

    Raises:
        InputError: there is no such reference, or it needs pysteps or OpenCV, which is not installed.
    """
    known: dict[str, Reference] = {'persistence': persistence, 'context_mean': context_mean, 'no_rain': no_rain}
    installed = all(importlib.util.find_spec(name) is not None for name in _NEEDED)
    known.update({'advection': advection, 'steps': steps})
    for name in names or ():
        if name not in known:
            raise InputError(f'there is no reference {name!r}; choose from {", ".join(known)}.')
        if name in PYSTEPS and not installed:
            raise InputError(
                f'the reference {name} needs pysteps and OpenCV; install them with pip install "dvdgan_tf[nowcast]".'
            )
    wanted = names if names is not None else [name for name in known if installed or name not in PYSTEPS]
    return {name: known[name] for name in wanted}


def persistence(context: np.ndarray, frames: int, members: int, seed: int) -> np.ndarray:
    """The last frame again and again."""
    del members, seed
    return np.repeat(context[None, -1:], frames, axis=1)


def context_mean(context: np.ndarray, frames: int, members: int, seed: int) -> np.ndarray:
    """Each pixel's mean over the context."""
    del members, seed
    return np.repeat(context.mean(0)[None, None], frames, axis=1)


def no_rain(context: np.ndarray, frames: int, members: int, seed: int) -> np.ndarray:
    """None anywhere, whose CRPS is the mean rate: what forgets rain instead of moving it comes near to this."""
    del members, seed
    return np.zeros([1, frames, *context.shape[1:]])


def advection(context: np.ndarray, frames: int, members: int, seed: int) -> np.ndarray:
    """The last frame moved on along the flow of the context (Lucas-Kanade); pixels that come in from outside stay."""
    del members, seed
    last = context[-1]
    if not _rains(context):
        return persistence(context, frames, 1, 0)
    with _quiet() as nowcasts:
        moved = nowcasts.get_method('extrapolation')(last, _motion(context), frames)
    return _filled(moved[None], last)


def steps(context: np.ndarray, frames: int, members: int, seed: int) -> np.ndarray:
    """The ensemble of STEPS (Bowler et al. 2006).

    Raises:
        NoEnsembleError: it rains too little for one.
    """
    if not _rains(context):
        raise NoEnsembleError(f'less than {_WET:.0%} of the pixels have {_DRY} mm/h')
    floor = 10 * np.log10(_DRY)
    decibel = np.where(context[-3:] >= _DRY, 10 * np.log10(np.maximum(context[-3:], _DRY)), floor - 5)
    fixed = {'precip_thr': floor, 'kmperpixel': 1.0, 'timestep': 5.0, 'vel_pert_method': None, 'seed': seed}
    levels = min(_CASCADE, int(np.log2(min(context.shape[1:]))) - 1)
    try:
        with _quiet() as nowcasts:
            motion = _motion(context)
            made = nowcasts.get_method('steps')(
                decibel, motion, frames, n_ens_members=members, n_cascade_levels=levels, **fixed
            )
    except (ValueError, RuntimeError, ZeroDivisionError, FloatingPointError) as error:
        raise NoEnsembleError(str(error)) from error
    rates = np.where(made >= floor, np.power(10.0, np.nan_to_num(made, nan=floor) / 10), 0.0)
    return _filled(np.where(np.isnan(made), np.nan, rates), context[-1])


@contextlib.contextmanager
def _quiet() -> Iterator[ModuleType]:
    """pysteps' nowcasts, without what they print."""
    with contextlib.redirect_stdout(io.StringIO()), np.errstate(all='ignore'), warnings.catch_warnings():
        warnings.simplefilter('ignore')
        from pysteps import nowcasts

        yield nowcasts


def _rains(context: np.ndarray) -> bool:
    """Whether there is enough in it to follow."""
    return bool((context[-3:] >= _DRY).mean() > _WET)


def _motion(context: np.ndarray) -> np.ndarray:
    """The flow [2, H, W] of the context, in pixels a frame."""
    from pysteps import motion

    return motion.get_method('LK')(np.log10(np.maximum(context, _DRY)), verbose=False)


def _filled(members: np.ndarray, last: np.ndarray) -> np.ndarray:
    return np.where(np.isnan(members), last, members)
