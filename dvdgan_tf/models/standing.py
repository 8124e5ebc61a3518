"""Standing statistics: the generator's normalisation with moments computed anew for the latents that it will see.

Moving averages of training are off-distribution for truncated latents (sigma below 1) and for averaged weights, whose
activations have other moments than those of the weights that were averaged; BigGAN recomputes them by forward passes
(Brock et al. 2019, section 3.1). The paper does not say how it normalises when it samples.

Training, evaluation and export follow one rule: E[x] and E[x^2] are pooled over `CLIPS` clips, whose latents and
labels follow from a seed, generated in passes of `TOGETHER`.

Differences from the paper: not stated there [inferred, as BigGAN].
"""

from __future__ import annotations

import contextlib
from collections.abc import Iterator

import tensorflow as tf
import tf_keras as keras

from dvdgan_tf.errors import InputError
from dvdgan_tf.layers import state
from dvdgan_tf.layers.moments import DECAY, TimestepMoments

CLIPS = 1024
TOGETHER = 32
_FIRST_SEED = 1 << 20  # apart from those of previews and scores


class StandingStatistics:
    """Recomputes the moving averages of a generator as the moments over clips that it generates.

    Args:
        generator: with its variables made.
        seed: the latents and labels depend on this alone, so equal weights have equal statistics.
        real: batches (clip [TOGETHER, T, H, W, C], label), at least as many as are needed, whose first frames a
            generator that continues clips gets; None for one that does not.
        clips: over how many, a multiple of TOGETHER.

    Raises:
        InputError: clips is no positive multiple of TOGETHER, or a generator that continues clips is given none.
    """

    def __init__(
        self, generator: keras.Model, seed: int, real: tf.data.Dataset | None = None, clips: int = CLIPS
    ) -> None:
        if clips < TOGETHER or clips % TOGETHER:
            raise InputError(f'standing statistics over {clips} clips were asked for; give a multiple of {TOGETHER}.')
        if generator.context_frames and real is None:
            raise InputError('standing statistics of a generator that continues clips need clips to continue.')
        layers = [layer for layer in generator.submodules if isinstance(layer, TimestepMoments)]
        self.clips = clips
        self._averages = [(layer.moving_mean, layer.moving_variance) for layer in layers]
        self._sums = [[tf.Variable(tf.zeros_like(each), trainable=False) for each in pair] for pair in self._averages]
        self._generator, self._seed, self._real = generator, seed, real
        self._add = tf.function(self._added, autograph=False)

    def recompute(self, sigma: float = 1.0) -> None:
        """Makes the moving averages the moments over clips from latents of this deviation; nothing else changes."""
        if not self._averages:
            return
        for variable in (variable for pairs in (self._averages, self._sums) for pair in pairs for variable in pair):
            variable.assign(tf.zeros_like(variable))  # nothing is lost to rounding when an average's step is undone
        batches = self.clips // TOGETHER
        contexts = self._contexts(batches)
        for batch in range(batches):
            self._add(tf.constant(batch, tf.int64), tf.constant(sigma), *next(contexts))
        for (mean, variance), (first, second) in zip(self._averages, self._sums):
            mean.assign(first / batches)
            variance.assign(tf.nn.relu(second / batches - tf.square(first / batches)))

    @contextlib.contextmanager
    def at(self, sigma: float) -> Iterator[None]:
        """Inside the block the statistics are those of latents of this deviation; after it, as before."""
        variables = [variable for pair in self._averages for variable in pair]
        before = [tf.identity(variable) for variable in variables]
        try:
            self.recompute(sigma)
            yield
        finally:
            for variable, value in zip(variables, before):
                variable.assign(value)

    def _contexts(self, batches: int) -> Iterator[tuple[tf.Tensor, ...]]:
        frames = self._generator.context_frames
        if not frames:
            return (() for _ in range(batches))
        return ((clip[:, :frames],) for clip, _ in self._real.take(batches))

    def _added(self, batch: tf.Tensor, sigma: tf.Tensor, *context: tf.Tensor) -> None:
        seed = tf.stack([tf.constant(self._seed + _FIRST_SEED, tf.int64), batch])
        latent = sigma * tf.random.stateless_normal([TOGETHER, self._generator.latent_size], seed)
        label = tf.random.stateless_uniform([TOGETHER], seed + [1, 0], 0, self._generator.num_classes, tf.int32)
        label = tf.zeros_like(label) if context else label  # prediction knows no classes (paper B.4)
        with state.collected() as updates:
            self._generator(latent, label, *context, training=True)
        values = {variable.ref(): value for variable, value in updates}
        for (mean, variance), (first, second) in zip(self._averages, self._sums):
            # The update is a step of the moving average: undone, it is the moment of this batch.
            of_mean, of_variance = ((values[each.ref()] - DECAY * each) / (1.0 - DECAY) for each in (mean, variance))
            first.assign_add(of_mean)
            second.assign_add(of_variance + tf.square(of_mean))
