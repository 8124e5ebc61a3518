"""Hinge losses per example (paper 2.2).

    D: E[relu(1 - D(x))] + E[relu(1 + D(G(z)))]        G: -E[D(G(z))]

Differences from the paper: `grid_cell` and `spectrum` are not in it, and not used unless asked for.
"""

from __future__ import annotations

import dataclasses
import math
from collections.abc import Callable, Sequence

import tensorflow as tf

from dvdgan_tf.errors import InputError

_LEAST_POWER = 1e-8  # of the squared range of numbers: that of white noise of three ten-thousandths of the range


def discriminator_hinge(real_logits: tf.Tensor, fake_logits: tf.Tensor) -> tf.Tensor:
    """`[B]` logits of real and of generated clips to the loss of each pair, `[B]`."""
    return tf.nn.relu(1.0 - real_logits) + tf.nn.relu(1.0 + fake_logits)


def generator_hinge(fake_logits: tf.Tensor) -> tf.Tensor:
    """`[B]` logits of generated clips to the generator's loss of each, `[B]`."""
    return -fake_logits


@dataclasses.dataclass(frozen=True)
class GridCell:
    """That predictions are kept near the truth, by `grid_cell` and, if asked, by `spectrum`; not in the paper.

    Attributes:
        weight: of `grid_cell` in G's loss, above 0; 20 in DGMR. Or a function of the step that gives it, such as Keras'
            `optimizers.schedules.PolynomialDecay`: a large weight ties forecasts to their context, a smaller one later
            lets them be as sharp as the truth.
        samples: predictions of each context in an update of G; 6 in DGMR.
        spectrum_weight: of `spectrum`, which takes 2 samples, in G's loss; 0 for not at all, as in DGMR.

    Raises:
        InputError: one of them makes no sense.
    """

    weight: float | Callable[[tf.Tensor], tf.Tensor]
    samples: int = 6
    spectrum_weight: float = 0.0

    def __post_init__(self) -> None:
        if self.spectrum_weight and not (self.spectrum_weight > 0 and self.samples > 1):
            raise InputError(
                f'the weight of spectra is {self.spectrum_weight} and the grid cell samples are {self.samples}; choose '
                'a weight above 0 and samples from 2 on, or a weight of 0.'
            )
        first = self.weight_at(0)
        if not first > 0 or self.samples < 1:
            raise InputError(
                f'the grid cell weight is {float(first)} and its samples are {self.samples}; choose a weight above 0 '
                'and samples from 1 on, or bind None instead.'
            )

    def weight_at(self, step: int | tf.Tensor) -> float | tf.Tensor:
        """The weight in this step, counted from 0."""
        return self.weight(step) if callable(self.weight) else self.weight


def grid_cell(samples: Sequence[tf.Tensor], truth: tf.Tensor) -> tf.Tensor:
    """How far the mean of several predictions is from what came: DGMR's regularization (Ravuri et al. 2021).

    There every difference is weighted by the rain; here all weigh the same.

    Args:
        samples: `[B, T, H, W, C]` each, from the same contexts.
        truth: `[B, T, H, W, C]`.

    Returns: the mean absolute difference of each clip, `[B]`.
    """
    return tf.reduce_mean(tf.abs(tf.add_n(list(samples)) / len(samples) - truth), [1, 2, 3, 4])


def spectrum(samples: Sequence[tf.Tensor], truth: tf.Tensor) -> tf.Tensor:
    """The CRPS of the power of several predictions at each length of waves, in decibel [ours].

    A proper score (Gneiting and Raftery 2007, equation 21, with unbiased spread: Ferro 2014): it is least, on average,
    where the power is distributed as that of what may come, so it favours neither blur nor members that are alike.

    Args:
        samples: two or more `[B, T, H, H, C]`, from the same contexts, as shares of the range of their numbers.
        truth: `[B, T, H, H, C]`, likewise.

    Returns: the mean over frames, channels and rings of each clip, `[B]`.
    """
    fields = tf.transpose(tf.stack([*samples, truth]), [0, 1, 2, 5, 3, 4])
    decibels = tf.math.log(radial_power(fields) + _LEAST_POWER) * (10 / math.log(10))
    made, came, count = decibels[:-1], decibels[-1], len(samples)
    error = tf.reduce_mean(tf.abs(made - came), 0)
    spread = tf.reduce_sum(tf.abs(made[:, tf.newaxis] - made), [0, 1]) / (2 * count * (count - 1))
    return tf.reduce_mean(error - spread, [1, 2, 3])


def radial_power(fields: tf.Tensor) -> tf.Tensor:
    """Radially averaged power `[..., H // 2]` of `[..., H, H]` under a Hann window, by whole waves over the field.

    What `metrics.verification.spectrum` computes for scores, here with gradients.
    """
    size = fields.shape[-1]
    taper = tf.square(tf.sin(math.pi * tf.range(1.0, size + 1) / (size + 1)))
    tapered = fields * taper * taper[:, tf.newaxis]
    found = tf.signal.fft2d(tf.complex(tapered, tf.zeros_like(tapered)))
    power = (tf.square(tf.math.real(found)) + tf.square(tf.math.imag(found))) / size**2
    waves = tf.cast((tf.range(size) + size // 2) % size - size // 2, tf.float32)
    distance = tf.round(tf.sqrt(tf.square(waves) + tf.square(waves)[:, tf.newaxis]))
    rings = tf.cast(tf.reshape(distance, [-1, 1]) == tf.range(1.0, size // 2 + 1), tf.float32)
    return tf.tensordot(tf.reshape(power, [*fields.shape[:-2], -1]), rings / tf.reduce_sum(rings, 0), 1)
