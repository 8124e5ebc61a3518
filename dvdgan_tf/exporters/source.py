"""What is exported: the live generator, the same one frozen, what is known about it, and clips to compare with."""

from __future__ import annotations

import dataclasses
import functools
import json
import re
from typing import NamedTuple

import numpy as np
import tensorflow as tf
import tf_keras as keras

from dvdgan_tf import __version__
from dvdgan_tf.data.scales import PICTURES, Scale
from dvdgan_tf.exporters.frozen import Frozen
from dvdgan_tf.sampling.generate import spread_labels
from dvdgan_tf.sampling.latents import sample_latents

PROBE_SIZE = 8
_PRIVATE = ('DATA_DIR', 'STRATEGY')
_COARSE = 4


class Probe(NamedTuple):
    """Inputs of `generate_float` with the clips that the live generator makes of them.

    latent float32 [8, 120], label int32 [8] or context float32 [8, C_frames, H, W, C]; clips float32 [8, T, H, W, C].
    """

    inputs: dict[str, np.ndarray]
    clips: np.ndarray


class ExportSource(NamedTuple):
    """A generator to export."""

    generator: keras.Model
    frozen: Frozen
    about: dict[str, object]
    probe: Probe
    examples: dict[str, np.ndarray] | None

    @property
    def scale(self) -> Scale:
        """Of the numbers in clips."""
        return Scale(**self.about.get('scale', {}))

    def in_units(self, inputs: dict[str, np.ndarray]) -> dict[str, np.ndarray]:
        """Inputs of `generate_float` as models of numbers in a unit take them; those of pictures as they are."""
        if self.scale.is_of_pictures or 'context' not in inputs:
            return inputs
        return {**inputs, 'context': self.scale.measured(inputs['context'])}


def make_source(
    generator: keras.Model,
    step: int,
    class_names: tuple[str, ...],
    config_text: str,
    fps: float,
    examples: dict[str, np.ndarray] | None = None,
    scale: Scale = PICTURES,
) -> ExportSource:
    """Freezes a generator and asks the live one for clips.

    Args:
        generator: the moving average, in this process.
        step: of its checkpoint.
        class_names: one a label.
        config_text: the configuration of its run.
        fps: at how many frames per second its clips should play.
        examples: from training data: `label` int32 [N], or for a generator that continues clips `context` float32
            [N, C_frames, H, W, C] in [-1, 1], at least 8; what calibrates 8-bit activations.
        scale: of the numbers in clips.
    """
    frozen = Frozen(generator)
    about = {
        'preset': {name: value for name, value in _macros(config_text) if name not in _PRIVATE},
        'step': step,
        'resolution': frozen.resolution,
        'num_frames': frozen.num_frames,
        'video_channels': frozen.video_channels,
        'context_frames': frozen.context_frames,
        'latent_size': frozen.latent_size,
        'fps': fps,
        'classes': list(class_names) if not frozen.context_frames else [],
        'code_version': __version__,
        'sha256': frozen.sha256(),
        **({} if scale.is_of_pictures else {'scale': dataclasses.asdict(scale)}),
    }
    return ExportSource(generator, frozen, about, _probe(generator, examples, scale), examples)


def write_about(about: dict[str, object], folder: str) -> None:
    """Writes metadata.json, and of a generator of classes labels.txt: a line a label, in their order."""
    with tf.io.gfile.GFile(f'{folder}/metadata.json', 'w') as file:
        json.dump(about, file, indent=2, allow_nan=False)
    if about['classes']:
        with tf.io.gfile.GFile(f'{folder}/labels.txt', 'w') as file:
            file.write(''.join(f'{" ".join(name.split())}\n' for name in about['classes']))


def live(generator: keras.Model, inputs: dict[str, np.ndarray]) -> np.ndarray:
    """The live generator's clips for inputs of `generate_float`, float32 [B, T, H, W, C]."""
    label = inputs.get('label', np.zeros(len(inputs['latent']), np.int32))
    context = (inputs['context'],) if 'context' in inputs else ()
    return _function(generator)(inputs['latent'], label, *context).numpy()


@functools.lru_cache(maxsize=1)
def _function(generator: keras.Model) -> tf.types.experimental.GenericFunction:
    return tf.function(functools.partial(generator, training=False), autograph=False, reduce_retracing=True)


def _probe(generator: keras.Model, examples: dict[str, np.ndarray] | None, scale: Scale) -> Probe:
    inputs = {'latent': sample_latents(0, PROBE_SIZE, 1.0, generator.latent_size).numpy()}
    if generator.context_frames:
        context = examples['context'][:PROBE_SIZE] if examples else _smooth_frames(generator)
        # Of a scale with room for missing pixels not every value is one of a number.
        inputs['context'] = context if scale.is_of_pictures else scale.to_clip(scale.measured(context)).numpy()
    else:
        inputs['label'] = spread_labels(PROBE_SIZE, generator.num_classes)
    return Probe(inputs, live(generator, inputs))


def _smooth_frames(generator: keras.Model) -> np.ndarray:
    """Frames to continue where no data are at hand: clouds, which like pictures have little of high frequency."""
    random = np.random.default_rng(0)
    frames, channels, size = generator.context_frames, generator.video_channels, generator.resolution
    coarse = random.uniform(-1.0, 1.0, (PROBE_SIZE * frames, _COARSE, _COARSE, channels)).astype(np.float32)
    fine = tf.image.resize(coarse, [size, size]).numpy()
    return fine.reshape(PROBE_SIZE, frames, size, size, channels)


def _macros(config_text: str) -> list:
    return [(name, value.strip("'")) for name, value in re.findall(r'^([A-Z_]+) = (.+)$', config_text, re.MULTILINE)]
