"""A tiny generator of each kind with weights that leave nothing at zero, made once for all tests of exports."""

import functools
from collections.abc import Sequence

import numpy as np
import tensorflow as tf
import tf_keras as keras

from dvdgan_tf.data.scales import PICTURES, Scale
from dvdgan_tf.exporters.source import ExportSource, make_source
from dvdgan_tf.layers.spectral_norm import SpectralKernel
from dvdgan_tf.models import Generator
from dvdgan_tf.models.variables import clip_spec, label_spec, latent_spec, make_variables

CLASSES = ('bend', 'jump', 'wave')
STEP = 7
MAX_BATCH = 8
CONFIG = "DATA_DIR = '/private'\nNUM_FRAMES = 3\nPRECISION = 'float32'\n"


def source(context_frames: int = 0) -> ExportSource:
    """A generator of 3 frames of 16x16 for 3 classes, or one that continues clips."""
    return _made(context_frames)


@functools.lru_cache(None)
def _made(context_frames: int) -> ExportSource:
    classes = ('all',) if context_frames else CLASSES
    return of_generator(Generator(16, 3, len(classes), 1, context_frames=context_frames), classes)


RAIN = Scale(0.0, 128.0, 0.2, True, 'mm/h')


@functools.lru_cache(None)
def of_rain() -> ExportSource:
    """A generator that continues 2 frames of rain by 3."""
    return of_generator(Generator(16, 3, 1, 1, 1, 2), ('all',), RAIN)


def of_generator(
    generator: Generator, classes: Sequence[str] = CLASSES, scale: Scale = PICTURES
) -> ExportSource:
    """Any generator of 16x16 with weights that leave nothing at zero."""
    keras.utils.set_random_seed(0)  # the first kernels too: 8 bits fit some networks better than others
    context_frames = generator.context_frames
    inputs = [latent_spec(1, 120), label_spec(1)]
    if context_frames:
        inputs.append(clip_spec(1, context_frames, 16, generator.video_channels))
    make_variables(generator, *inputs)
    random = np.random.default_rng(0)
    for variable in generator.variables:
        if 'moving_variance' in variable.name:
            variable.assign(random.uniform(0.3, 1.5, variable.shape))
        elif any(part in variable.name for part in ('bias', 'moving_mean', 'gain')):
            variable.assign(tf.cast(random.normal(0, 0.3, variable.shape), variable.dtype))
    for layer in generator.submodules:
        if isinstance(layer, SpectralKernel):
            layer.refine()
    examples = {'label': np.arange(16, dtype=np.int32) % len(classes)}
    if context_frames:
        shape = 16, context_frames, 16, 16, generator.video_channels
        examples = {'context': random.uniform(-1, 1, shape).astype(np.float32)}
    return make_source(generator, STEP, classes, CONFIG, 8.0, examples, scale)
