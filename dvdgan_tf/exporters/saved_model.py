"""SavedModel: a version folder for TensorFlow Serving, checked in a process without this package before it is kept."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import tempfile
from typing import Iterator

import numpy as np
import tensorflow as tf

from dvdgan_tf import serving
from dvdgan_tf.exporters import reload, report
from dvdgan_tf.exporters.report import Row
from dvdgan_tf.exporters.source import ExportSource, live
from dvdgan_tf.exporters.warmup import write_warmup
from dvdgan_tf.sampling.latents import sample_latents
from dvdgan_tf.sampling.video import to_uint8

BATCH_SIZES = (1, 3, 8)
_TOLERANCE = 1e-4  # of a pixel in [-1, 1]; sums in another order differ by less


def write(source: ExportSource, folder: str) -> None:
    """Writes the model, what is known about it and requests to warm up with, then compares it with the live generator.

    Raises:
        RuntimeError: the model that was written differs, or does not load.
    """
    module = tf.Module(name='dvd_gan')
    module.network = source.frozen
    tf.saved_model.save(module, folder, serving.signatures(source.frozen))
    tf.io.gfile.makedirs(f'{folder}/assets')
    with tf.io.gfile.GFile(f'{folder}/assets/metadata.json', 'w') as file:
        json.dump(source.about, file, indent=2)
    requests = make_requests(source)
    write_warmup(folder, requests)
    compare(source, requests, in_another_process(reload.__file__, folder, requests))


def measure(source: ExportSource, folder: str) -> Iterator[Row]:
    """Runs a model that was written."""
    signature = tf.saved_model.load(folder).signatures['generate_float']

    def in_python(inputs: dict[str, np.ndarray]) -> np.ndarray:
        return signature(**{name: tf.constant(value) for name, value in inputs.items()})['video'].numpy()

    yield report.measure('SavedModel in Python', folder, in_python, source)


def make_requests(source: ExportSource) -> dict[str, np.ndarray]:
    """Requests `signature/input/batch` to the exact and the sampling signature, in several batch sizes."""
    generator, inputs = source.generator, source.probe.inputs
    seeds = np.arange(len(source.probe.clips), dtype=np.int64)
    if generator.context_frames:
        context = to_uint8(inputs['context'])
        sampled = {'predict/context': context, 'predict/seed': seeds}
    else:
        truncation = np.linspace(1.0, 0.0, len(seeds)).astype(np.float32)
        sampled = {'seed': seeds, 'label': inputs['label'], 'truncation': truncation}
        sampled = {f'serving_default/{name}': value for name, value in sampled.items()}
    exact = {f'generate_float/{name}': value for name, value in inputs.items()}
    return {f'{name}/{size}': value[:size] for name, value in {**exact, **sampled}.items() for size in BATCH_SIZES}


def in_another_process(program: str, folder: str, requests: dict[str, np.ndarray]) -> dict[str, np.ndarray]:
    """The answers of a program that is given a model, requests and a place for answers.

    Raises:
        RuntimeError: it failed.
    """
    with tempfile.TemporaryDirectory() as place:
        paths = os.path.join(place, 'requests.npz'), os.path.join(place, 'answers.npz')
        np.savez(paths[0], **requests)
        # Isolated: neither the checkout nor PYTHONPATH are searched for modules.
        command = [sys.executable, '-I', program, folder, *paths]
        done = subprocess.run(command, capture_output=True, text=True)
        if done.returncode:
            raise RuntimeError(f'{os.path.basename(program)} could not run the model in {folder}:\n{done.stderr}')
        with np.load(paths[1]) as answers:
            return dict(answers)


def compare(source: ExportSource, requests: dict[str, np.ndarray], answers: dict[str, np.ndarray]) -> float:
    """The largest difference of a pixel in [-1, 1] between answers and the live generator.

    Raises:
        RuntimeError: it is too large, or a byte differs by more than its rounding.
    """
    name = _sampling(source)
    for size in BATCH_SIZES:
        bytes_apart = answers[f'{name}/video/{size}'] - live_answer(source, requests, size).astype(np.int32)
        if np.abs(bytes_apart).max() > 1:
            raise RuntimeError(f'signature {name} gives other bytes than the live generator')
    apart = [answers[f'generate_float/video/{size}'] - source.probe.clips[:size] for size in BATCH_SIZES]
    worst = max(float(np.abs(difference).max()) for difference in apart)
    if not worst <= _TOLERANCE:
        raise RuntimeError(f'the exported model differs from the live generator by {worst:g} in [-1, 1]')
    return worst


def live_answer(source: ExportSource, requests: dict[str, np.ndarray], size: int) -> np.ndarray:
    """What the live generator makes of the request of this batch size to the sampling signature, uint8."""
    names = (name.split('/') for name in requests)
    request = {
        argument: requests[f'{signature}/{argument}/{batch}']
        for signature, argument, batch in names
        if signature == _sampling(source) and int(batch) == size
    }
    truncation = request.get('truncation', np.ones(size))
    rows = zip(request['seed'], truncation)
    latents = [sample_latents(int(seed), 1, float(sigma), source.frozen.latent_size)[0] for seed, sigma in rows]
    inputs = {'latent': np.stack(latents)}
    if 'context' in request:
        inputs['context'] = request['context'].astype(np.float32) / 127.5 - 1.0
    else:
        inputs['label'] = request['label']
    return to_uint8(live(source.generator, inputs))


def _sampling(source: ExportSource) -> str:
    return 'predict' if source.frozen.context_frames else 'serving_default'
