"""The moving statistics of the averaged generator: those of its own weights, not of the weights it averages.

The paper does not say how the averaged generator normalises [inferred, as BigGAN's standing statistics]. Averages of
the trained generator's moments do not fit averaged weights: early in a run they leave its clips grey.
"""

from typing import Optional, Tuple

import tensorflow as tf
import tf_keras as keras

from dvdgan_tf.models.standing import StandingStatistics
from dvdgan_tf.sampling.latents import sample_latents

_BATCHES = 8
_FIRST_SEED = 1 << 20  # apart from those of previews and scores


class AverageStatistics:
    """Recomputes the statistics of the averaged generator before it is looked at, scored or saved.

    Args:
      generator: the moving average of the generator.
      real: endless batches (clip [b, T, H, W, C], label [b]), whose first frames a generator that continues clips gets.
      seed: the latents and labels depend on this alone, so equal weights have equal statistics.
      truncation: sigma of the latents.
    """

    def __init__(self, generator: keras.Model, real: tf.data.Dataset, seed: int, truncation: float = 1.0) -> None:
        self._generator = generator
        self._seed = seed
        self._truncation = truncation
        self._clips = [clip[:, : generator.context_frames] for clip, _ in real.take(_BATCHES)]
        self._standing = StandingStatistics(generator)
        self._step: Optional[int] = None

    def refresh(self, step: int) -> None:
        """Recomputes the statistics, unless that is done for this step."""
        if step != self._step:
            self._standing.recompute(self._sample, _BATCHES)
            self._step = step

    def _sample(self, batch: int) -> Tuple[tf.Tensor, ...]:
        context = self._clips[batch]
        count, seed = len(context), self._seed + _FIRST_SEED + batch
        label = tf.random.stateless_uniform([count], [seed, 1], 0, self._generator.num_classes, tf.int32)
        latent = sample_latents(seed, count, self._truncation)
        return latent, label, *((context,) if self._generator.context_frames else ())
