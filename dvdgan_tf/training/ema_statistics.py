"""The moving statistics of the averaged generator: those of its own weights, not of the weights it averages.

The paper does not say how the averaged generator normalises [inferred, as BigGAN's standing statistics]. Averages of
the trained generator's moments do not fit averaged weights: early in a run they leave its clips grey.
"""

from __future__ import annotations

import tensorflow as tf
import tf_keras as keras

from dvdgan_tf.models.standing import StandingStatistics


class AverageStatistics:
    """Recomputes the statistics of the averaged generator before it is looked at, scored or saved.

    Args:
        generator: the moving average of the generator.
        real: endless batches (clip [standing.TOGETHER, T, H, W, C], label), whose first frames a generator that
            continues clips gets.
        seed: the latents and labels depend on this alone, so equal weights have equal statistics.
        truncation: sigma of the latents.
    """

    def __init__(self, generator: keras.Model, real: tf.data.Dataset, seed: int, truncation: float = 1.0) -> None:
        self._truncation = truncation
        self._standing = StandingStatistics(generator, seed, real)
        self._step: int | None = None

    def refresh(self, step: int) -> None:
        """Recomputes the statistics, unless that is done for this step."""
        if step != self._step:
            self._standing.recompute(self._truncation)
            self._step = step
