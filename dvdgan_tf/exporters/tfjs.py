"""TensorFlow.js: a graph model for browsers, checked by running what was written in TensorFlow."""

from __future__ import annotations

import io
import json

import numpy as np
import tensorflow as tf
from PIL import Image

from dvdgan_tf import files
from dvdgan_tf.errors import InputError
from dvdgan_tf.exporters.frozen import Frozen
from dvdgan_tf.exporters.source import ExportSource
from dvdgan_tf.exporters.tfjs_graph import read_graph, write_graph
from dvdgan_tf.sampling.latents import interpolate, sample_latents
from dvdgan_tf.sampling.video import tile_clips

# The largest and the mean difference of a pixel in [-1, 1] that numbers of so many bits may make.
TOLERANCES = {'float16': (0.02, 0.002), 'float32': (1e-4, 1e-5), 'uint8': (0.5, 0.02)}


def write(precision: str, source: ExportSource, folder: str) -> None:
    """Writes the model, what is known about it and clips to compare with, then compares it with the live generator.

    The model maps `latent [B, 120]` and `classes [B, num_classes]`, one-hot or a mixture that sums to 1, to
    `clip [B, T, H, W, C]` in [-1, 1].

    Args:
        precision: of the kernels as they are stored: float32, float16 or uint8. Browsers compute in float32.
        source: the generator.
        folder: gets model.json, its weights, metadata.json and reference.png.

    Raises:
        InputError: the generator continues clips.
        RuntimeError: the model that was written differs.
    """
    if source.generator.context_frames:
        frames = source.generator.context_frames
        raise InputError(f'this generator continues clips of {frames} frames, which the web page does not have.')
    write_graph(_traced(source.frozen), precision, folder)
    files.write_atomically(f'{folder}/metadata.json', json.dumps({**source.about, 'precision': precision}, indent=2))
    files.write_atomically(f'{folder}/reference.png', _reference(source))
    _check(precision, source, folder)


def _traced(frozen: Frozen) -> tf.types.experimental.ConcreteFunction:
    """The generator of any batch size, with a mixture of classes in place of the label."""

    def generate(latent: tf.Tensor, classes: tf.Tensor) -> dict[str, tf.Tensor]:
        return {'clip': frozen.from_embedding(latent, tf.matmul(classes, frozen.embeddings))}

    sizes = {'latent': frozen.latent_size, 'classes': frozen.num_classes}
    inputs = [tf.TensorSpec([None, size], tf.float32, name) for name, size in sizes.items()]
    return tf.function(generate, autograph=False).get_concrete_function(*inputs)


def _reference(source: ExportSource) -> bytes:
    """A PNG of the live generator's clips, a row each and a column a frame: seed 0 of the last class, and what is
    halfway from seed 0 of the first class to seed 1 of the last.
    """
    generator = source.generator
    first, second = (sample_latents(seed, 1, 1.0, generator.latent_size) for seed in (0, 1))
    latents = tf.concat([first, interpolate(first, second, tf.constant([0.5]))], 0)
    ends = tf.gather(generator.embedding.embeddings, [0, generator.num_classes - 1])
    embeddings = tf.stack([ends[1], tf.reduce_mean(ends, 0)])
    live = tf.function(generator.from_embedding, autograph=False)
    clips = live(latents, embeddings).numpy()
    cells = clips.reshape([-1, 1, *clips.shape[2:]])
    sheet = tile_clips(cells, columns=generator.num_frames)[0]
    buffer = io.BytesIO()
    Image.fromarray(sheet[..., 0] if sheet.shape[-1] == 1 else sheet).save(buffer, format='PNG')
    return buffer.getvalue()


def _check(precision: str, source: ExportSource, folder: str) -> None:
    """Compares with the live generator.

    Raises:
        RuntimeError: it differs by more than the precision explains.
    """
    inputs, clips = source.probe
    difference = np.abs(read_graph(folder).generate(inputs['latent'], inputs['label']) - clips)
    found = difference.max(), difference.mean()
    if not all(value <= limit for value, limit in zip(found, TOLERANCES[precision])):
        raise RuntimeError(
            f'the {precision} model differs from the live generator by {found[0]:.3g} at most and {found[1]:.3g} on '
            f'average in [-1, 1]; {TOLERANCES[precision]} is allowed'
        )
