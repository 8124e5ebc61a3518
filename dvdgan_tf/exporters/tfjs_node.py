"""Measures a TensorFlow.js model in Node, with the page's own code and runtime."""

from __future__ import annotations

import importlib.util
import json
import os
import shutil
import subprocess
import tempfile
from collections.abc import Iterator

import numpy as np

from dvdgan_tf import shipped
from dvdgan_tf.errors import InputError
from dvdgan_tf.exporters import report
from dvdgan_tf.exporters.report import Row
from dvdgan_tf.exporters.source import ExportSource

_PROGRAM = shipped.ROOT / 'export' / 'tfjs' / 'run_in_node.mjs'


def measure(precision: str, source: ExportSource, folder: str) -> Iterator[Row]:
    """Runs a model that was written, beside the live generator."""
    clips, times = answers(source, folder)
    yield report.measure_elsewhere(f'TensorFlow.js {precision}, WebAssembly in Node', folder, clips, times[1:], source)


def answers(source: ExportSource, folder: str) -> tuple[np.ndarray, list[float]]:
    """What the WebAssembly backend makes of the probe: clips float32 [8, T, H, W, C] in [-1, 1], milliseconds of each.

    Raises:
        InputError: Node is not installed.
        RuntimeError: the model does not run.
    """
    node = find_node()
    latent, label = source.probe.inputs['latent'], source.probe.inputs['label']
    request = {'latent': latent.tolist(), 'classes': np.eye(source.frozen.num_classes)[label].tolist()}
    with tempfile.TemporaryDirectory() as place:
        paths = [os.path.join(place, name) for name in ('requests.json', 'clips.bin')]
        with open(paths[0], 'w') as file:
            json.dump(request, file)
        done = subprocess.run([node, _PROGRAM, folder, *paths], capture_output=True, text=True)
        if done.returncode:
            raise RuntimeError(f'the model in {folder} does not run in Node:\n{done.stderr}')
        clips = np.fromfile(paths[1], np.float32).reshape(source.probe.clips.shape)
    return clips, [float(line) for line in done.stdout.split()]


def find_node() -> str:
    """Node on the PATH, else the one that playwright brings.

    Raises:
        InputError: there is neither.
    """
    found, playwright = shutil.which('node'), importlib.util.find_spec('playwright')
    if found is None and playwright is not None:
        found = shutil.which('node', path=os.path.join(os.path.dirname(playwright.origin), 'driver'))
    if found is None:
        raise InputError('there is no Node; put it on the PATH, or pip install playwright, which brings one.')
    return found
