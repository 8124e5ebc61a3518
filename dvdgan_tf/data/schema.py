"""What a manifest and an index must look like, checked where they are read.

A schema is a mapping of field names to checks; a check is a function that raises `Mismatch` unless a value fits. Fields
that a schema does not name are let through, so that later versions may add some.
"""

from __future__ import annotations

import json
import math
import re
from collections.abc import Iterable
from typing import Any, Callable

LARGEST = 2**53  # of whole numbers: what every reader of JSON keeps exactly

Check = Callable[[Any, str], None]


class Mismatch(Exception):
    """A value does not fit; the message names its field."""


def parse(text: str) -> Any:
    """The value of a JSON text.

    Raises:
        Mismatch: it is no JSON.
    """
    try:
        return json.loads(text)
    except (ValueError, RecursionError) as error:
        raise Mismatch(f'it is no JSON ({error})') from None


def shown(value: Any) -> str:
    """A value as a message quotes it."""
    try:
        text = repr(value) if isinstance(value, str) else json.dumps(value)
    except RecursionError:
        text = 'nested without end'
    return text if len(text) <= 60 else f'{text[:57]}...'


def _refuse(where: str, value: Any, wanted: str) -> None:
    raise Mismatch(f'{where or "it"} is {shown(value)}, not {wanted}')


def integer(low: int = 0, high: int = LARGEST) -> Check:
    """A whole number in [low, high]."""

    def check(value: Any, where: str) -> None:
        if not isinstance(value, int) or isinstance(value, bool) or not low <= value <= high:
            _refuse(where, value, f'a whole number of {low} or more' if high == LARGEST else f'one of {low} to {high}')

    return check


def number(low: float = -math.inf) -> Check:
    """A finite number of at least low."""

    def check(value: Any, where: str) -> None:
        if not isinstance(value, (int, float)) or isinstance(value, bool) or not abs(value) < 1e300 or value < low:
            _refuse(where, value, 'a finite number' if low == -math.inf else f'a finite number of {low:g} or more')

    return check


def text(value: Any, where: str) -> None:
    """A string that can be written as UTF-8."""
    if not isinstance(value, str) or any('\ud800' <= letter <= '\udfff' for letter in value):
        _refuse(where, value, 'a text')


def matching(pattern: str, what: str) -> Check:
    """A string of that pattern."""

    def check(value: Any, where: str) -> None:
        if not isinstance(value, str) or not re.fullmatch(pattern, value):
            _refuse(where, value, what)

    return check


def one_of(*choices: Any) -> Check:
    """One of some values, of the same type."""

    def check(value: Any, where: str) -> None:
        if not any(type(value) is type(choice) and value == choice for choice in choices):
            _refuse(where, value, ' or '.join(map(shown, choices)))

    return check


def array(of: Check, least: int = 0) -> Check:
    """A list of values that fit."""

    def check(value: Any, where: str) -> None:
        if not isinstance(value, list) or len(value) < least:
            _refuse(where, value, f'a list of {least} or more' if least else 'a list')
        for place, item in enumerate(value):
            of(item, f'{where}[{place}]')

    return check


def row(*checks: Check) -> Check:
    """A list of a fixed length, each place with a check of its own."""

    def check(value: Any, where: str) -> None:
        if not isinstance(value, list) or len(value) != len(checks):
            _refuse(where, value, f'a list of {len(checks)}')
        for place, (item, fits) in enumerate(zip(value, checks)):
            fits(item, f'{where}[{place}]')

    return check


def mapping(key: Check, of: Check, least: int = 0) -> Check:
    """An object with any names that fit."""

    def check(value: Any, where: str) -> None:
        if not isinstance(value, dict) or len(value) < least:
            _refuse(where, value, f'an object with {least} or more names' if least else 'an object')
        for name, item in value.items():
            key(name, f'the name {shown(name)} in {where}')
            of(item, f'{where}.{name}')

    return check


def record(fields: dict[str, Check], optional: Iterable[str] = ()) -> Check:
    """An object with these fields; those in `optional` may be missing."""
    optional = frozenset(optional)

    def check(value: Any, where: str) -> None:
        if not isinstance(value, dict):
            _refuse(where, value, 'an object')
        for name, fits in fields.items():
            path = f'{where}.{name}' if where else name
            if name in value:
                fits(value[name], path)
            elif name not in optional:
                raise Mismatch(f'{path} is missing')

    return check
