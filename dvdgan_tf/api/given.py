"""What the user gave, checked: every mistake is one sentence."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Union

import numpy as np

from dvdgan_tf.data.scales import Scale
from dvdgan_tf.errors import InputError

Label = Union[int, str]

_MOST = 2**63 - 1


def whole(name: str, value: object, lowest: int) -> int:
    """A whole number from `lowest` on.

    Raises:
        InputError: it is something else.
    """
    number = isinstance(value, (int, np.integer)) and not isinstance(value, bool)
    if not number or not lowest <= value <= _MOST:
        raise InputError(f'{name} is {value!r}; give a whole number, {lowest} or more.')
    return int(value)


def truncation(value: object) -> float:
    """A standard deviation of latents, 0 to 1.

    Raises:
        InputError: it is something else.
    """
    number = isinstance(value, (int, float, np.integer, np.floating)) and not isinstance(value, bool)
    if not number or not 0.0 <= value <= 1.0:
        raise InputError(f'truncation is {value!r}; give a number from 0 to 1.')
    return float(value)


def label_words(label: Label | Sequence[Label] | np.ndarray | None) -> list[str]:
    """One label or several, numbers or names, as words; none for None.

    Raises:
        InputError: a label is neither.
    """
    if label is None:
        return []
    if isinstance(label, (str, int, np.integer)):
        label = [label]
    if not isinstance(label, (Sequence, np.ndarray)) or not all(_is_label(each) for each in label):
        raise InputError(f'label is {label!r}; give a class by number or name, or several of them.')
    return [str(each) for each in label]


def clips(name: str, array: object, shape: tuple[int | str, ...], scale: Scale) -> np.ndarray:
    """An array of clips, as it was given.

    Args:
        name: of the argument.
        array: what was given for it.
        shape: of each clip, [T, H, W, C].
        scale: of its values; where this is that of pictures, they are uint8; where pixels may be missing, NaN is one.

    Raises:
        InputError: it is no array of clips of this shape and kind.
    """
    kind = 'uint8' if scale.is_of_pictures else 'float32'
    wanted = f'give {kind} [N, {", ".join(map(str, shape))}]'
    if not isinstance(array, np.ndarray):
        raise InputError(f'{name} is {type(array).__name__}; {wanted} as a NumPy array.')
    if array.dtype != np.uint8 if scale.is_of_pictures else array.dtype.kind != 'f':
        raise InputError(f'{name} is an array of {array.dtype}; {wanted}.')
    if array.shape[1:] != tuple(shape) or not len(array):
        raise InputError(f'{name} has the shape {list(array.shape)}; {wanted}, that is clips, frames, height, width, '
                         'channels.')
    if not scale.is_of_pictures:
        numbers = array[~np.isnan(array)] if scale.missing else array
        lowest, highest = (float(numbers.min()), float(numbers.max())) if numbers.size else (scale.low, scale.low)
        if not scale.low <= lowest <= highest <= scale.high:
            raise InputError(f'{name} has values from {lowest:g} to {highest:g}; the data of this model lie from '
                             f'{scale.low:g} to {scale.high:g}{scale.unit and " "}{scale.unit}.')
    return array


def _is_label(value: object) -> bool:
    return isinstance(value, (str, int, np.integer)) and not isinstance(value, bool)
