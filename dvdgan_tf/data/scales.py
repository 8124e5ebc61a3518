"""What the values of clips in [-1, 1] stand for: pixels, or numbers with a unit, linear or logarithmic."""

from __future__ import annotations

import dataclasses
import math

import numpy as np
import tensorflow as tf

from dvdgan_tf.errors import InputError

_ROOM = 1 / 32  # of [-1, 1], between a pixel that is not known and the lowest value


@dataclasses.dataclass(frozen=True)
class Scale:
    """The way from numbers in their units to [-1, 1] and back.

    Attributes:
        low: the number that becomes the lowest value.
        high: the number that becomes 1; numbers beyond these two are clipped.
        knee: above low, where a linear scale bends into a logarithm: log(1 + (number - low) / knee); None for linear.
        missing: pixels may be unknown, NaN among the numbers: -1 is kept for them, and `low` lies above it.
        unit: of the numbers, where one is known.

    Raises:
        InputError: the knee is not above 0.
    """

    low: float = 0.0
    high: float = 255.0
    knee: float | None = None
    missing: bool = False
    unit: str = ''

    def __post_init__(self) -> None:
        if self.knee is not None and not self.knee > 0:
            raise InputError(f'the knee of a logarithmic scale is {self.knee}; give a number above 0, or none.')

    @property
    def is_of_pictures(self) -> bool:
        """Whether the numbers are the levels of pixels, 0 to 255."""
        return self == PICTURES

    def to_clip(self, numbers: tf.Tensor) -> tf.Tensor:
        """Numbers, any shape, to float32 in [-1, 1]; NaN to -1 where pixels may be missing."""
        numbers, bottom = tf.cast(numbers, tf.float32), self._bottom
        if self.knee is None:
            clip = (numbers - self.low) * ((1.0 - bottom) / (self.high - self.low)) + bottom
        else:
            top = math.log1p((self.high - self.low) / self.knee)
            above = tf.maximum(numbers - self.low, 0.0) / self.knee
            clip = tf.math.log(1.0 + above) * ((1.0 - bottom) / top) + bottom  # TFLite has no log1p
        clip = tf.clip_by_value(clip, bottom, 1.0)
        return tf.where(numbers > tf.float32.min, clip, -1.0) if self.missing else clip  # NaN is above nothing

    def to_numbers(self, clip: tf.Tensor) -> tf.Tensor:
        """Values in [-1, 1], any shape, to float32 numbers; all are taken for known ones."""
        bottom, width = self._bottom, self.high - self.low
        share = tf.maximum((tf.cast(clip, tf.float32) - bottom) / (1.0 - bottom), 0.0)
        if self.knee is None:
            return self.low + width * share
        return self.low + self.knee * (tf.exp(share * math.log1p(width / self.knee)) - 1.0)

    def shares(self, clip: tf.Tensor) -> tf.Tensor:
        """Values in [-1, 1], any shape, to float32 numbers as shares of the range: 0 for `low`, 1 for `high`."""
        return (self.to_numbers(clip) - self.low) / (self.high - self.low)

    def measured(self, clip: np.ndarray) -> np.ndarray:
        """Values of real clips to float32 numbers, NaN where a pixel is missing."""
        numbers = self.to_numbers(clip).numpy()
        return np.where(self.known(clip), numbers, np.float32(np.nan)) if self.missing else numbers

    def known(self, clip: np.ndarray) -> np.ndarray:
        """Which values of real clips in [-1, 1] are known."""
        return np.asarray(clip) > -1.0 if self.missing else np.ones(np.shape(clip), bool)

    @property
    def _bottom(self) -> float:
        return -1.0 + 2 * _ROOM if self.missing else -1.0


PICTURES = Scale()
