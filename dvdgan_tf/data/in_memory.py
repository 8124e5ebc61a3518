"""Clips of an array as a source of real clips, to compare generated ones with."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence

import numpy as np
import tensorflow as tf

from dvdgan_tf.data import stream
from dvdgan_tf.data.scales import Scale


class InMemoryClips(stream.ClipSource):
    """Clips without labels, which stand for whatever split is asked for; they have no windows and crops.

    Args:
        clips: [N, T, R, R, C], in the units of the data.
        scale: of their numbers.
        stride: frames of the source from one frame to the next.
    """

    num_classes = 1
    class_names = ('all',)
    seed = 0

    def __init__(self, clips: np.ndarray, scale: Scale, stride: int) -> None:
        self.num_clips, self.num_frames, self.resolution, _, self.video_channels = clips.shape
        self.scale, self.stride = scale, stride
        self._digest = hashlib.sha256(np.ascontiguousarray(clips).tobytes()).hexdigest()
        self._clips = tf.constant(clips)

    def evaluation(
        self, batch_size: int, window: str = 'center', crop: str = 'center', numbers: Sequence[int] | None = None
    ) -> tf.data.Dataset:
        """Clips of these numbers, or all: (clip, label, valid); see `stream.evaluation_pass`."""
        stream.check_window(window, crop)
        return stream.evaluation_pass(self._example, self.num_clips, batch_size, numbers)

    def of_split(self, split: str, stride: int | None = None) -> InMemoryClips:
        """The same clips."""
        return self

    def identity(self) -> dict[str, object]:
        """A hash of the clips."""
        return {'source': 'InMemoryClips', 'clips_sha256': self._digest}

    def _example(self, number: tf.Tensor) -> tuple[tf.Tensor, tf.Tensor]:
        return self.scale.to_clip(tf.gather(self._clips, number % self.num_clips)), tf.constant(0)
