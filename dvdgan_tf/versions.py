"""The Pythons and libraries that this package runs on, checked before any of them is imported."""

from __future__ import annotations

import importlib.metadata
import re
import sys

from dvdgan_tf.errors import InputError

_PYTHONS = (3, 9), (3, 13)
_TENSORFLOWS = (2, 15), (2, 21)
_INSTALL = 'an environment made by make install, or pip install, has those that belong together'


def check(python: tuple[int, ...] = tuple(sys.version_info[:3])) -> None:
    """Refuses what is known not to work.

    Args:
        python: the version that runs this.

    Raises:
        InputError: Python, TensorFlow or tf-keras is missing or of a version that does not go.
    """
    _check_range('Python', '.'.join(map(str, python)), _PYTHONS)
    # The same library is also distributed under the second name.
    tensorflow = _installed('tensorflow') or _installed('tensorflow-cpu')
    keras = _installed('tf-keras')
    for name, version in ('tensorflow', tensorflow), ('tf-keras', keras):
        if version is None:
            raise InputError(f'{name} is not installed for {sys.executable}; {_INSTALL}.')
    _check_range('TensorFlow', tensorflow, _TENSORFLOWS)
    if _minor(keras) != _minor(tensorflow):
        wanted = '.'.join(map(str, _minor(tensorflow)))
        raise InputError(
            f'tf-keras {keras} does not go with TensorFlow {tensorflow}: pip install "tf-keras=={wanted}.*".'
        )


def _check_range(name: str, version: str, allowed: tuple[tuple[int, int], tuple[int, int]]) -> None:
    lowest, highest = allowed
    if not lowest <= _minor(version) <= highest:
        first, last = ('.'.join(map(str, each)) for each in allowed)
        raise InputError(f'this needs {name} {first} to {last}, and here is {version}; {_INSTALL}.')


def _installed(name: str) -> str | None:
    try:
        return importlib.metadata.version(name)
    except importlib.metadata.PackageNotFoundError:
        return None


def _minor(version: str) -> tuple[int, ...]:
    return tuple(int(part) for part in re.findall(r'\d+', version)[:2])
