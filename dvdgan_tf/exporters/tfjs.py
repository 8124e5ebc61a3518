"""TensorFlow.js: a graph model for browsers, checked by running what was written in TensorFlow."""

import io
import json
import os
import subprocess
import tempfile
from typing import Dict

import numpy as np
import tensorflow as tf
from PIL import Image

from dvdgan_tf.errors import InputError
from dvdgan_tf.exporters.source import ExportSource
from dvdgan_tf.exporters.tfjs_graph import read_graph
from dvdgan_tf.sampling.latents import interpolate, sample_latents
from dvdgan_tf.sampling.video import tile_clips, write_whole

# The largest and the mean difference of a pixel in [-1, 1] that numbers of so many bits may make.
TOLERANCES = {'float16': (0.02, 0.002), 'float32': (1e-4, 1e-5), 'uint8': (0.5, 0.02)}
# Variables are kernels. What normalises is small and needs all its digits: in 8 bits it makes most of the error.
_KERNELS = '*ReadVariableOp*'


def write(precision: str, converter: str, source: ExportSource, folder: str) -> None:
    """Writes the model, what is known about it and clips to compare with, then compares it with the live generator.

    The model maps `latent [B, 120]` and `classes [B, num_classes]`, one-hot or a mixture that sums to 1, to
    `clip [B, T, H, W, C]` in [-1, 1].

    Args:
      precision: of the kernels as they are stored: float32, float16 or uint8. Browsers compute in float32.
      converter: the environment that holds the converter.
      source: the generator.
      folder: gets model.json, its weights, metadata.json and reference.png.

    Raises:
      InputError: the converter is missing, the generator continues clips or was not trained at all.
      RuntimeError: the model that was written differs, or was not written.
    """
    if source.generator.context_frames:
        frames = source.generator.context_frames
        raise InputError(f'this generator continues clips of {frames} frames, which the web page does not have.')
    if source.about['step'] == 0:
        # A sum with a bias of zeros is dropped, and the sum after it, with features, is then taken for one with a bias.
        raise InputError('the converter of TensorFlow.js cannot convert biases that are all zero; train first.')
    with tempfile.TemporaryDirectory() as place:
        _save(source, place)
        _convert(precision, converter, place, folder)
    write_whole(f'{folder}/metadata.json', json.dumps({**source.about, 'precision': precision}, indent=2).encode())
    write_whole(f'{folder}/reference.png', _reference(source))
    _check(precision, source, folder)


def _save(source: ExportSource, folder: str) -> None:
    """The generator as a SavedModel, with a mixture of classes in place of the label."""
    frozen = source.frozen

    def generate(latent: tf.Tensor, classes: tf.Tensor) -> Dict[str, tf.Tensor]:
        return {'clip': frozen.from_embedding(latent, tf.matmul(classes, frozen.embeddings))}

    sizes = {'latent': frozen.latent_size, 'classes': frozen.num_classes}
    inputs = [tf.TensorSpec([None, size], tf.float32, name) for name, size in sizes.items()]
    module = tf.Module()
    module.network = frozen
    signature = tf.function(generate, input_signature=inputs, autograph=False)
    tf.saved_model.save(module, folder, {'serving_default': signature})


def _convert(precision: str, converter: str, saved_model: str, folder: str) -> None:
    python = os.path.join(converter, 'bin', 'python')
    if not os.path.exists(python):
        raise InputError(f'the converter of TensorFlow.js is not in {converter}; make converter installs it there.')
    # Isolated: the converter has its own TensorFlow, and no other one may be found before it.
    command = [python, '-I', '-m', 'tensorflowjs.converters.converter']
    command += ['--input_format=tf_saved_model', '--output_format=tfjs_graph_model']
    command += ['--signature_name=serving_default', '--saved_model_tags=serve']
    if precision != 'float32':
        command.append(f'--quantize_{precision}={_KERNELS}')
    done = subprocess.run([*command, saved_model, folder], capture_output=True, text=True)
    if done.returncode or not os.path.exists(os.path.join(folder, 'model.json')):
        raise RuntimeError(f'the converter of TensorFlow.js failed:\n{done.stderr}')


def _reference(source: ExportSource) -> bytes:
    """A PNG of the live generator's clips, a row each and a column a frame: seed 0 of the first class, and what is
    halfway from there to seed 1 of the last class.
    """
    generator = source.generator
    first, second = (sample_latents(seed, 1, 1.0, generator.latent_size) for seed in (0, 1))
    latents = tf.concat([first, interpolate(first, second, tf.constant([0.5]))], 0)
    ends = tf.gather(generator.embedding.embeddings, [0, generator.num_classes - 1])
    embeddings = tf.stack([ends[0], tf.reduce_mean(ends, 0)])
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
