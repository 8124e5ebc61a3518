"""The networks whose features are compared, each with its own preprocessing and the identity of its weights."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Callable

import tensorflow as tf

from dvdgan_tf.errors import InputError
from dvdgan_tf.metrics import preprocessing
from dvdgan_tf.metrics.networks import c3d, hub_module, i3d, i3d_weights
from dvdgan_tf.metrics.offline import FEATURES, OfflineNetwork, check_clips

NETWORKS = ('i3d-400', 'i3d-600', 'c3d-tgan', 'c3d-tgan2', 'offline')

# |logits(white) - logits(black)|^2 of constant clips of 30 frames: the published FVD of 8 clips of zeros against ones.
_I3D_400_ANSWER = 151.39244
_I3D_400_FRAMES = 30
_RESIZES = (
    'TF1 legacy bilinear (no half-pixel centres, no antialias) to 224x224, aspect squashed',
    'half-pixel bilinear (no antialias) to 224x224, aspect squashed: NOT that of FVD, to match other code bases',
)


@dataclass(frozen=True)
class FeatureNetwork:
    """A network ready to be given clips.

    Attributes:
        name: one of NETWORKS.
        features: clips [B, T, H, W, C] float32 in [-1, 1] to a dict of features [B, d] float32.
        sizes: d of each feature.
        identity: what a result says about the network: resize rule, range, weights, whether they are published.
        min_frames: fewest frames of a clip.
        exact_frames: the only number of frames, or None.
        min_size: fewest rows and columns.
    """

    name: str
    features: Callable[[tf.Tensor], dict[str, tf.Tensor]]
    sizes: dict[str, int]
    identity: dict[str, object]
    min_frames: int = 1
    exact_frames: int | None = None
    min_size: int = 1

    def check(self, shape: Sequence[int]) -> None:
        """Refuses clips of shape [.., T, H, W, C] that the network cannot read.

        Raises:
            InputError: too few frames, or another number of channels.
        """
        frames = shape[-4]
        if frames < self.min_frames:
            raise InputError(
                f'clips have {frames} frames; {self.name} needs at least {self.min_frames}, because with fewer its '
                'last pool is empty and every feature NaN.'
            )
        if self.exact_frames and frames != self.exact_frames:
            raise InputError(f'clips have {frames} frames; {self.name} takes exactly {self.exact_frames}.')
        if min(shape[-3:-1]) < self.min_size:
            raise InputError(
                f'clips have {shape[-3]}x{shape[-2]} pixels; {self.name} needs {self.min_size} rows and columns.'
            )
        if shape[-1] not in (1, 3):
            raise InputError(f'clips have {shape[-1]} channels; {self.name} takes 1 or 3.')


@contextlib.contextmanager
def full_precision() -> Iterator[None]:
    """Switches TensorFloat-32 off: features with 10 bits of mantissa are not the published ones."""
    before = tf.config.experimental.tensor_float_32_execution_enabled()
    tf.config.experimental.enable_tensor_float_32_execution(False)
    try:
        yield
    finally:
        tf.config.experimental.enable_tensor_float_32_execution(before)


def i3d_network(
    source: str, backend: str = 'keras', width_divisor: int = 1, half_pixel: bool = False
) -> FeatureNetwork:
    """I3D with the weights of `source`; Kinetics-400 or -600 is seen from the weights.

    Args:
        source: as in `i3d_weights.checkpoint_prefix`; the hub backend needs a module.
        backend: 'keras' (the port) or 'hub' (the module's own graph).
        width_divisor: of the network, for tests.
        half_pixel: resize clips as `preprocessing.i3d_input` says.

    Raises:
        InputError: the weights cannot be used.
    """
    if backend not in ('keras', 'hub'):
        raise InputError(f'backend is {backend!r}; choose keras or hub.')
    port, digest = i3d_weights.load(source, width_divisor)
    run: Callable = port
    if backend == 'hub':
        is_address = source.startswith(('http://', 'https://'))
        run = hub_module.load(hub_module.resolve(source) if is_address else source)

    def features(clips: tf.Tensor) -> dict[str, tf.Tensor]:
        found = run(preprocessing.i3d_input(clips, half_pixel))
        return {**found, 'softmax': tf.nn.softmax(found['logits'])}

    identity = {
        'network': f'I3D Kinetics-{port.classes}',
        'backend': backend,
        'weights_sha256': digest,
        **_recognised(run, port.classes),
        'resize': _RESIZES[half_pixel],
        'range': '[-1, 1]',
    }
    sizes = {'avgpool': 1024 // width_divisor, 'logits': port.classes, 'softmax': port.classes}
    return FeatureNetwork(f'i3d-{port.classes}', features, sizes, identity, min_frames=i3d.MIN_FRAMES)


def _recognised(run: Callable, classes: int) -> dict[str, object]:
    """Whether the weights are the published ones, judged by the one answer of theirs that is public."""
    if classes != 400:
        return {'weights': 'unverified: no known answer is public for Kinetics-600', 'published_weights': None}
    shape = (1, _I3D_400_FRAMES, preprocessing.I3D_SIZE, preprocessing.I3D_SIZE, 3)
    with full_precision():
        black, white = (run(tf.fill(shape, value))['logits'] for value in (-1.0, 1.0))
    answer = float(tf.reduce_sum(tf.square(white - black)))
    if abs(answer - _I3D_400_ANSWER) < 0.05:
        return {'weights': f'rgb_scratch, recognised by its answer {answer:.4f}', 'published_weights': True}
    return {
        'weights': f'NOT recognised as published: answer {answer:.4f} where rgb_scratch gives {_I3D_400_ANSWER}',
        'published_weights': False,
    }


def c3d_network(weights: str, mean: str, rule: str = 'tgan', width_divisor: int = 1) -> FeatureNetwork:
    """C3D with tgan's weights and mean file, under the preprocessing of tgan or tgan2.

    Raises:
        InputError: a file cannot be used.
    """
    network, digest = c3d.load(weights, width_divisor)
    mean_clip, mean_digest = c3d.load_mean(mean)
    prepare = {'tgan': preprocessing.tgan_input, 'tgan2': preprocessing.tgan2_input}[rule]
    resize = {
        'tgan': 'x*128+128, cubic (a = -0.75) to 128x128, minus mean columns 21:149, crop 8:120',
        'tgan2': 'x*128, bilinear with aligned corners to 112x112, +128 - mean rows and columns 8:120',
    }[rule]
    identity = {
        'network': 'C3D UCF-101',
        'backend': 'tensorflow',
        'weights_sha256': digest,
        'mean_sha256': mean_digest,
        'weights': 'unverified: no known answer is public',
        'published_weights': None,
        'resize': resize,
        'range': 'BGR, mean subtracted',
    }
    return FeatureNetwork(
        f'c3d-{rule}',
        lambda clips: network(prepare(clips, mean_clip)),
        {'softmax': c3d.CLASSES},
        identity,
        exact_frames=c3d.FRAMES,
        min_frames=c3d.FRAMES,
    )


def offline_network(seed: int = 0) -> FeatureNetwork:
    """The fixed untrained network of `offline`."""
    network = OfflineNetwork(seed)

    def features(clips: tf.Tensor) -> dict[str, tf.Tensor]:
        check_clips(clips)
        return {'offline': network(clips)}

    identity = {
        'network': f'offline network, untrained, seed {seed}: not FVD',
        'backend': 'tensorflow',
        'weights_sha256': network.hash,
        'weights': 'fixed random weights of this package',
        'published_weights': True,
        'resize': 'none',
        'range': '[-1, 1]',
    }
    return FeatureNetwork('offline', features, {'offline': FEATURES}, identity, min_frames=2, min_size=16)
