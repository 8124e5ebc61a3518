"""What a benchmark has found: lines for people, a JSON file for programs, ratios to such a file of before."""

from __future__ import annotations

import json
import os
import platform

import tensorflow as tf

from dvdgan_tf import __version__, files
from dvdgan_tf.errors import InputError

_CPU = '/proc/cpuinfo'


class Record:
    """Collects the numbers of one benchmark.

    Args:
        what: which benchmark.
        preset: of which networks and precision, in words.
        baseline: the file that an earlier one wrote, with which numbers are compared; None for none.

    Raises:
        InputError: the baseline cannot be read, or is of another benchmark, preset or machine.
    """

    def __init__(self, what: str, preset: str, baseline: str | None = None) -> None:
        self.about = {'what': what, 'preset': preset, 'machine': machine()}
        self.numbers: dict[str, float] = {}
        self._before = _read(baseline, self.about) if baseline else {}

    def line(self, name: str, value: float, unit: str) -> str:
        """Keeps a number, and says it, as a ratio too where the baseline has it."""
        self.numbers[name] = value
        before = self._before.get(name)
        ratio = f' ({value / before:.3f} of the baseline)' if before else ''
        return f'{name}: {value:.4g} {unit}'.rstrip() + ratio

    def write(self, path: str) -> None:
        """Writes the file that can be a baseline."""
        versions = {'dvdgan_tf': __version__, 'tensorflow': tf.__version__}
        content = {**self.about, 'versions': versions, 'load': os.getloadavg()[0], 'numbers': self.numbers}
        files.write_atomically(path, json.dumps(content, indent=1) + '\n')


def machine() -> str:
    """The processors and accelerators, in words."""
    model = platform.machine()
    if os.path.exists(_CPU):
        with open(_CPU) as file:
            models = [line.partition(':')[2].strip() for line in file if line.startswith('model name')]
        model = models[0] if models else model
    gpus = [
        tf.config.experimental.get_device_details(gpu).get('device_name', 'GPU')
        for gpu in tf.config.list_physical_devices('GPU')
    ]
    threads = os.environ.get('TF_NUM_INTRAOP_THREADS') or len(os.sched_getaffinity(0))
    return ', '.join([f'{model}, {threads} threads', *gpus])


def _read(path: str, about: dict[str, str]) -> dict[str, float]:
    """The numbers of a baseline."""
    try:
        with open(path) as file:
            content = json.load(file)
        numbers = dict(content['numbers'])
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise InputError(f'{path!r} is no baseline ({error}); give a file that --output wrote.') from error
    for key, mine in about.items():
        if content.get(key) != mine:
            raise InputError(
                f'the baseline {path!r} is of another {key}, {content.get(key)!r}, and this is {mine!r}; compare '
                'numbers of the same.'
            )
    return numbers
