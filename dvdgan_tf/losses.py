"""Hinge losses per example (paper 2.2).

    D: E[relu(1 - D(x))] + E[relu(1 + D(G(z)))]        G: -E[D(G(z))]

Differences from the paper: `grid_cell` is not in it, and not used unless asked for.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Sequence

import tensorflow as tf

from dvdgan_tf.errors import InputError


def discriminator_hinge(real_logits: tf.Tensor, fake_logits: tf.Tensor) -> tf.Tensor:
    """`[B]` logits of real and of generated clips to the loss of each pair, `[B]`."""
    return tf.nn.relu(1.0 - real_logits) + tf.nn.relu(1.0 + fake_logits)


def generator_hinge(fake_logits: tf.Tensor) -> tf.Tensor:
    """`[B]` logits of generated clips to the generator's loss of each, `[B]`."""
    return -fake_logits


@dataclasses.dataclass(frozen=True)
class GridCell:
    """That predictions are kept near the truth, by `grid_cell`; not in the paper.

    Attributes:
        weight: of `grid_cell` in G's loss, above 0; 20 in DGMR. Or a function of the step that gives it, such as Keras'
            `optimizers.schedules.PolynomialDecay`: a large weight ties forecasts to their context, a smaller one later
            lets them be as sharp as the truth.
        samples: predictions of each context in an update of G; 6 in DGMR.

    Raises:
        InputError: one of them makes no sense.
    """

    weight: float | Callable[[tf.Tensor], tf.Tensor]
    samples: int = 6

    def __post_init__(self) -> None:
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
