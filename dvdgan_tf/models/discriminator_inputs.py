"""What each discriminator sees of a clip (paper 3.1, 4.3): k frames for the spatial one, phi of the clip for the
temporal one.

Random choices are made from uniform numbers that the caller draws, one row a clip, so that they depend on nothing else.

Differences from the paper: none by default; an augmentation is of Zhao et al. 2020, the detail a level of a Laplacian
pyramid (Denton et al. 2015).
"""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence
from typing import Callable, Protocol

import tensorflow as tf

from dvdgan_tf.errors import InputError
from dvdgan_tf.layers import resample

Phi = Callable[[tf.Tensor, tf.Tensor], tf.Tensor]


def sample_frames(clip: tf.Tensor, uniform: tf.Tensor, num_frames: int) -> tf.Tensor:
    """Frames drawn uniformly without replacement, for each clip apart.

    Args:
        clip: `[B, T, H, W, C]`.
        uniform: `[B, T]` in [0, 1): the frames of the largest numbers are taken.
        num_frames: k, at most T.

    Returns: `[B, k, H, W, C]`.
    """
    return tf.gather(clip, tf.math.top_k(uniform, num_frames, sorted=False).indices, axis=1, batch_dims=1)


def identity(clip: tf.Tensor, uniform: tf.Tensor) -> tf.Tensor:
    """phi that keeps the whole clip."""
    return clip


def average_pool_2x2(clip: tf.Tensor, uniform: tf.Tensor) -> tf.Tensor:
    """phi of the paper: `[B, T, H, W, C] -> [B, T, H/2, W/2, C]`."""
    return _average_pool(clip, 2)


def average_pool_4x4(clip: tf.Tensor, uniform: tf.Tensor) -> tf.Tensor:
    """phi of figure 6: `[B, T, H, W, C] -> [B, T, H/4, W/4, C]`."""
    return _average_pool(clip, 4)


def random_half_crop(clip: tf.Tensor, uniform: tf.Tensor) -> tf.Tensor:
    """phi of figure 6: a random crop of half the height and width, the same for all frames of a clip.

    Args:
        clip: `[B, T, H, W, C]`.
        uniform: `[B, 2]` in [0, 1): the corner of each clip's crop.

    Returns: `[B, T, H/2, W/2, C]`.

    Raises:
        InputError: height or width is odd.
    """
    _check_divides(clip, 2, 'a half crop')
    for axis in (0, 1):
        size = clip.shape[2 + axis]
        first = tf.cast(uniform[:, axis] * (size - size // 2 + 1), tf.int32)
        clip = tf.gather(clip, first[:, tf.newaxis] + tf.range(size // 2), axis=2 + axis, batch_dims=1)
    return clip


def fine_detail(clip: tf.Tensor) -> tf.Tensor:
    """What frames of even size lose when averaging halves them and bilinear upsampling doubles them again.

    Args:
        clip: `[B, T, H, W, C]`.

    Returns: the same shape.
    """
    frames = tf.reshape(clip, [-1, *clip.shape[2:]])
    coarse = resample.smooth(resample.upsample(resample.average_pool(frames, (2, 2))))
    return tf.reshape(frames - coarse, [-1, *clip.shape[1:]])


class Augmentation(Protocol):
    """Changes clips before they are seen, by uniform numbers that the caller draws, DRAWS for each clip."""

    DRAWS: int

    def __call__(self, clip: tf.Tensor, uniform: tf.Tensor) -> tf.Tensor:
        """`[B, T, H, W, C]` and `[B, DRAWS]` in [0, 1) to clips of the same shape."""


@dataclasses.dataclass(frozen=True)
class DiscriminatorInputs:
    """What D_S and D_T see of a clip, real or generated.

    Attributes:
        spatial_frames: k, frames per clip that D_S sees.
        phi: what D_T sees of a clip.
        augmentation: how clips are changed before both see them; None, as in the paper, for not at all.
        masked: pixels of real clips at -1 are missing, not seen (see `data.scales`): generated ones are replaced by
            them before anything judges them, so that no loss depends on them.
        detail: D_S sees what `fine_detail` finds in its frames beside them, times this; 0, as in the paper, for not at
            all. Where frames differ far more in what they show than in their texture, D_S hardly finds that alone.
    """

    spatial_frames: int = 8
    phi: Phi = average_pool_2x2
    augmentation: Augmentation | None = None
    masked: bool = False
    detail: float = 0.0

    def check(self, num_frames: int, context_frames: int) -> None:
        """Raises InputError where a generator of so many frames after so many of context cannot be judged so."""
        if not 1 <= self.spatial_frames <= num_frames:
            raise InputError(
                f'spatial_frames (k) is {self.spatial_frames}, but clips have {num_frames} generated frames; '
                f'choose 1 to {num_frames}.'
            )
        if self.detail < 0:
            raise InputError(f'the detail is times {self.detail}; choose a number above 0, or 0 for no detail.')
        if self.masked and not context_frames:
            raise InputError('masked puts what is missing in the truth into predictions; synthesis has none: leave it.')

    def filled(self, fake: tf.Tensor, truth: tf.Tensor) -> tf.Tensor:
        """Generated frames with what is missing in the true ones of the same shape."""
        return tf.where(truth > -1.0, fake, truth) if self.masked else fake

    def seen(
        self, clip: tf.Tensor, context_frames: int, uniform: Callable[[Sequence[int]], tf.Tensor]
    ) -> dict[str, tf.Tensor]:
        """What the discriminators, by name, see; D_S never sees the context frames (paper B.4).

        Args:
            clip: `[B, T, H, W, C]`, context included.
            context_frames: how many frames of it are context.
            uniform: draws afresh, shape to `[B, *shape]` in [0, 1).
        """
        if self.augmentation is not None:
            clip = self.augmentation(clip, uniform([self.augmentation.DRAWS]))
        candidates = clip[:, context_frames:]
        frames = sample_frames(candidates, uniform([candidates.shape[1]]), self.spatial_frames)
        if self.detail:
            frames = tf.concat([frames, self.detail * fine_detail(frames)], -1)
        return {'spatial': frames, 'temporal': self.phi(clip, uniform([2]))}


def _average_pool(clip: tf.Tensor, cell: int) -> tf.Tensor:
    _check_divides(clip, cell, f'{cell}x{cell} pooling')
    frames = tf.nn.avg_pool2d(tf.reshape(clip, [-1, *clip.shape[2:]]), cell, cell, 'VALID')
    return tf.reshape(frames, [-1, clip.shape[1], *frames.shape[1:]])


def _check_divides(clip: tf.Tensor, cell: int, what: str) -> None:
    height, width = clip.shape[2:4]
    if height % cell or width % cell:
        raise InputError(f'phi is {what} and the clips are {height}x{width}; choose sizes that {cell} divides.')
