"""The quality number logged during training: a Frechet distance with what it must be read against."""

from typing import Callable, Dict, Iterable, Iterator, Optional, Protocol

import tensorflow as tf
import tf_keras as keras

from dvdgan_tf.sampling.latents import sample_latents

_NAME = 'offline_frechet'
CEILING = f'{_NAME}/ceiling'


class Frechet(Protocol):
    """A distance from a fixed draw of real clips; `floor` is that between two draws of real clips."""

    floor: float

    def score(self, clips: Iterable[tf.Tensor]) -> float:
        """Distance of batches of clips [b, T, H, W, C] in [-1, 1]; takes as many as it needs."""


class Quality:
    """Scores one generator again and again on the same latents and labels; the score at step 0 is the ceiling.

    Args:
        make_frechet: makes the distance out of batches of real clips.
        generator: the moving average of the generator.
        real: endless batches (clip [b, T, H, W, C], label [b]); generated clips get their labels or, where the
            generator continues clips, their first frames.
        seed: the latents depend on this alone.
        ceiling: the score at step 0 where the run began earlier; None for none.
    """

    def __init__(
        self,
        make_frechet: Callable[[Iterable], Frechet],
        generator: keras.Model,
        real: tf.data.Dataset,
        seed: int,
        ceiling: Optional[float],
    ) -> None:
        self._generator = generator
        self._real = real
        self._seed = seed
        self._generate = tf.function(self._generated, autograph=False)
        self._frechet = make_frechet(clip for clip, _ in real)
        self._ceiling = ceiling

    def measure(self, step: int) -> Dict[str, float]:
        """Scores the generator as it is at this step; floor and ceiling beside it."""
        distance = self._frechet.score(self._clips())
        if step == 0:
            self._ceiling = distance
        values = {f'{_NAME}/distance': distance, f'{_NAME}/floor': self._frechet.floor}
        return values if self._ceiling is None else {**values, CEILING: self._ceiling}

    def _clips(self) -> Iterator[tf.Tensor]:
        for index, (clip, label) in enumerate(self._real):
            latent = sample_latents(self._seed + index, len(label))
            yield self._generate(latent, clip, label)

    def _generated(self, latent: tf.Tensor, clip: tf.Tensor, label: tf.Tensor) -> tf.Tensor:
        context = clip[:, : self._generator.context_frames]
        if not self._generator.context_frames:
            return self._generator(latent, label, training=False)
        label = tf.zeros_like(label)  # prediction knows no classes (paper B.4)
        return tf.concat([context, self._generator(latent, label, context, training=False)], axis=1)
