"""The quality number logged during training: a Frechet distance with what it must be read against."""

from typing import Callable, Dict, Iterable, Iterator, Protocol

import tensorflow as tf
import tf_keras as keras

from dvdgan_tf.sampling.latents import sample_latents

_NAME = 'offline_frechet'


class Frechet(Protocol):
    """A distance from a fixed draw of real clips; `floor` is that between two draws of real clips."""

    floor: float

    def score(self, clips: Iterable[tf.Tensor]) -> float:
        """Distance of batches of clips [b, T, H, W, C] in [-1, 1]; takes as many as it needs."""


class Quality:
    """Scores one generator again and again on the same latents and labels.

    The score at construction is the ceiling, so the generator must be untrained then.

    Args:
        make_frechet: makes the distance out of batches of real clips.
        generator: the moving average of the generator, untrained.
        real: endless batches (clip [b, T, H, W, C], label [b]); generated clips get their labels and, where the
            generator continues clips, their first frames.
        seed: the latents depend on this alone.
    """

    def __init__(
        self, make_frechet: Callable[[Iterable], Frechet], generator: keras.Model, real: tf.data.Dataset, seed: int
    ) -> None:
        self._generator = generator
        self._real = real
        self._seed = seed
        self._generate = tf.function(self._generated, autograph=False)
        self._frechet = make_frechet(clip for clip, _ in real)
        self._ceiling = self._frechet.score(self._clips())

    def measure(self) -> Dict[str, float]:
        """Scores the generator as it is now; floor and ceiling beside it."""
        return {
            f'{_NAME}/distance': self._frechet.score(self._clips()),
            f'{_NAME}/floor': self._frechet.floor,
            f'{_NAME}/ceiling': self._ceiling,
        }

    def _clips(self) -> Iterator[tf.Tensor]:
        for index, (clip, label) in enumerate(self._real):
            latent = sample_latents(self._seed + index, len(label))
            yield self._generate(latent, clip, label)

    def _generated(self, latent: tf.Tensor, clip: tf.Tensor, label: tf.Tensor) -> tf.Tensor:
        context = clip[:, : self._generator.context_frames]
        if not self._generator.context_frames:
            return self._generator(latent, label, training=False)
        return tf.concat([context, self._generator(latent, label, context, training=False)], axis=1)
