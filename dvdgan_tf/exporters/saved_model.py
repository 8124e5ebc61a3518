"""SavedModel: a version folder for TensorFlow Serving, checked in a process without this package before it is kept."""

from __future__ import annotations

import os
import subprocess
import sys
import tempfile
from collections.abc import Iterator

import numpy as np
import tensorflow as tf

from dvdgan_tf import serving
from dvdgan_tf.exporters import reload, report
from dvdgan_tf.exporters.report import Row
from dvdgan_tf.exporters.source import ExportSource, live, write_about
from dvdgan_tf.exporters.warmup import write_warmup
from dvdgan_tf.sampling.latents import sample_latents
from dvdgan_tf.sampling.video import to_uint8

MAX_BATCH = 8
_BATCH_SIZES = (1, 3, 8)
_TOLERANCE = 1e-4  # of a pixel in [-1, 1]; sums in another order differ by less


def write(max_batch: int, source: ExportSource, folder: str) -> None:
    """Writes the model, what is known about it and requests to warm up with, then compares it with the live generator.

    Args:
        max_batch: the most rows of a request, which the graph refuses to exceed.

    Raises:
        RuntimeError: the model that was written differs, or does not load.
    """
    module = tf.Module(name='dvd_gan')
    module.network = source.frozen
    tf.saved_model.save(module, folder, _signatures(source, max_batch))
    tf.io.gfile.makedirs(f'{folder}/assets')
    write_about({**source.about, 'max_batch': max_batch}, f'{folder}/assets')
    requests = make_requests(source, max_batch)
    write_warmup(folder, requests)
    compare(source, requests, in_another_process(reload.__file__, folder, requests))


def _signatures(source: ExportSource, max_batch: int) -> dict[str, tf.types.experimental.ConcreteFunction]:
    return serving.signatures(source.frozen, source.about['classes'], max_batch, source.scale)


def measure(source: ExportSource, folder: str) -> Iterator[Row]:
    """Runs a model that was written."""
    signature = tf.saved_model.load(folder).signatures['generate_float']

    def in_python(inputs: dict[str, np.ndarray]) -> np.ndarray:
        return signature(**{name: tf.constant(value) for name, value in inputs.items()})['video'].numpy()

    yield report.measure('SavedModel in Python', folder, in_python, source)


def make_requests(source: ExportSource, max_batch: int = MAX_BATCH) -> dict[str, np.ndarray]:
    """Requests `signature/input/batch` to every signature, in several batch sizes that are allowed."""
    requests = {f'generate_float/{name}': value for name, value in source.probe.inputs.items()}
    requests.update(_sampled(source) if source.frozen.context_frames else {**_sampled(source), **_of_classes(source)})
    sizes = sorted({min(size, max_batch) for size in _BATCH_SIZES})
    return {f'{name}/{size}': value[:size] for name, value in requests.items() for size in sizes}


def _sampled(source: ExportSource) -> dict[str, np.ndarray]:
    inputs = source.probe.inputs
    given = {'seed': np.arange(len(source.probe.clips), dtype=np.int64)}
    if source.frozen.context_frames:
        numbers = source.in_units(inputs)['context']
        given['context'] = to_uint8(numbers) if source.scale.is_of_pictures else numbers
    else:
        given['label'] = inputs['label']
        given['truncation'] = np.linspace(1.0, 0.0, len(given['seed'])).astype(np.float32)
    signatures = [_sampling(source)] + ['encoded'] * serving.encodes(source.frozen, source.scale)
    return {f'{signature}/{name}': value for signature in signatures for name, value in given.items()}


def _of_classes(source: ExportSource) -> dict[str, np.ndarray]:
    latent, label = source.probe.inputs['latent'], source.probe.inputs['label']
    return {
        'interpolate/first_latent': latent,
        'interpolate/second_latent': latent[::-1],
        'interpolate/first_label': label,
        'interpolate/second_label': label[::-1],
        'interpolate/weight': np.linspace(0.0, 1.0, len(label)).astype(np.float32),
        'embed/label': label,
        'class_names/label': label,
    }


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
    sampling, apart = _sampling(source), []
    for name, answer in answers.items():
        signature, _, size = name.split('/')
        size = int(size)
        if signature in (sampling, 'encoded'):
            pixels = answer if signature == sampling else _decoded(answer)
            expected = live_answer(source, requests, size)
            if not source.scale.is_of_pictures:
                apart.append(float(np.abs(source.scale.to_clip(pixels) - expected).max()))
            elif np.abs(pixels - expected.astype(np.int32)).max() > 1:
                raise RuntimeError(f'signature {signature} gives other bytes than the live generator')
        elif signature == 'generate_float':
            apart.append(float(np.abs(answer - source.probe.clips[:size]).max()))
    if not max(apart) <= _TOLERANCE:
        raise RuntimeError(f'the exported model differs from the live generator by {max(apart):g} in [-1, 1]')
    return max(apart)


def live_answer(source: ExportSource, requests: dict[str, np.ndarray], size: int) -> np.ndarray:
    """What the live generator makes of the request of this batch size to the sampling signature.

    uint8 for pictures, else in [-1, 1].
    """
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
        context = request['context']
        pictures = source.scale.is_of_pictures
        inputs['context'] = context / np.float32(127.5) - 1.0 if pictures else source.scale.to_clip(context).numpy()
    else:
        inputs['label'] = request['label']
    clips = live(source.generator, inputs)
    return to_uint8(clips) if source.scale.is_of_pictures else source.scale.to_clip(source.scale.to_numbers(clips))


def _decoded(files: np.ndarray) -> np.ndarray:
    """PNG files, any shape, to pixels, that shape with [H, W, C] behind."""
    pixels = np.stack([tf.io.decode_png(file).numpy() for file in files.ravel()])
    return pixels.reshape(*files.shape, *pixels.shape[1:])


def _sampling(source: ExportSource) -> str:
    return 'predict' if source.frozen.context_frames else 'serving_default'
