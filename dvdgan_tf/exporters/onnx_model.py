"""ONNX: written and measured by the programs of export/onnx in their own environment."""

from __future__ import annotations

import os
import subprocess
import tempfile
from collections.abc import Iterator

import numpy as np
import tensorflow as tf

from dvdgan_tf import serving, shipped
from dvdgan_tf.errors import InputError
from dvdgan_tf.exporters import report
from dvdgan_tf.exporters.report import Row
from dvdgan_tf.exporters.saved_model import MAX_BATCH
from dvdgan_tf.exporters.source import ExportSource, write_about

_PROGRAMS = shipped.ROOT / 'export' / 'onnx'
_TOLERANCE = 1e-3  # of a pixel in [-1, 1]


def write(environment: str, source: ExportSource, folder: str) -> None:
    """Writes generator.onnx, metadata.json and labels.txt, then compares with the live generator.

    Args:
        environment: holds tf2onnx and ONNX Runtime.

    Raises:
        InputError: there is no such environment.
        RuntimeError: the model that was written differs, or was not written.
    """
    with tempfile.TemporaryDirectory() as place:
        module = tf.Module()
        module.network = source.frozen
        signatures = serving.signatures(source.frozen, source.about['classes'], MAX_BATCH)
        tf.saved_model.save(module, place, signatures)
        os.makedirs(f'{place}/assets', exist_ok=True)
        write_about(source.about, f'{place}/assets')
        write_about(source.about, folder)
        _call(environment, 'convert.py', place, _file(folder))
    check(environment, source, folder)


def check(environment: str, source: ExportSource, folder: str) -> None:
    """Compares the clips that ONNX Runtime makes with the live ones.

    Raises:
        RuntimeError: they differ.
    """
    clips, _ = answers(environment, source, folder)
    apart = float(np.abs(clips - source.probe.clips).max())
    if not apart <= _TOLERANCE:
        raise RuntimeError(f'the ONNX model differs from the live generator by {apart:g} in [-1, 1]')


def measure(environment: str, source: ExportSource, folder: str) -> Iterator[Row]:
    """Runs a model that was written in ONNX Runtime."""
    clips, milliseconds = answers(environment, source, folder)
    yield report.measure_elsewhere('ONNX Runtime', _file(folder), clips, milliseconds[1:], source)


def _file(folder: str) -> str:
    return os.path.join(folder, 'generator.onnx')


def answers(environment: str, source: ExportSource, folder: str) -> tuple[np.ndarray, np.ndarray]:
    """What ONNX Runtime makes of the probe: clips float32 [8, T, H, W, C] in [-1, 1], and the milliseconds of each."""
    with tempfile.TemporaryDirectory() as place:
        paths = os.path.join(place, 'inputs.npz'), os.path.join(place, 'answers.npz')
        np.savez(paths[0], **source.probe.inputs)
        _call(environment, 'run.py', _file(folder), f'--inputs={paths[0]}', f'--output={paths[1]}')
        with np.load(paths[1]) as answers:
            return answers['video'], answers['milliseconds']


def _call(environment: str, program: str, *arguments: str) -> None:
    python = os.path.join(environment, 'bin', 'python')
    if not os.path.exists(python):
        remedy = shipped.how_to_install('onnx', environment, _PROGRAMS / 'requirements.txt')
        raise InputError(f'the converter of ONNX is not in {environment}; {remedy}.')
    done = subprocess.run([python, '-I', _PROGRAMS / program, *arguments], capture_output=True, text=True)
    if done.returncode:
        raise RuntimeError(f'export/onnx/{program} failed:\n{done.stderr}')
