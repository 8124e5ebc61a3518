"""Moving shapes made on the fly, so that nothing has to be downloaded to train.

A class is a motion and a shape: a disk, square or triangle that swings sideways, swings up and down, or circles.
Colours, size, place and phase are random. Edges are antialiased: motion by less than a pixel shows at 16x16 too.
"""
from __future__ import annotations

import copy
import math
from collections.abc import Sequence

import tensorflow as tf

from dvdgan_tf.data import stream
from dvdgan_tf.errors import InputError

SHAPES = ('disk', 'square', 'triangle')
MOTIONS = ('sideways', 'up-and-down', 'circling')
EVALUATION_CLIPS = 1024

_REACH = 1.2  # how far the triangle's corners are from its centre, in radii
_TRAINING = 0
_EVALUATION = {'train': 1, 'test': 2}  # what the draws of a split are for


class SyntheticClips(stream.ClipSource):
    """An endless supply of clips of moving shapes; a `ClipSource`.

    Args:
        resolution: height and width in pixels, at least 16.
        num_frames: frames of a clip, at least 1.
        video_channels: 3 for colour, 1 for grey.
        seed: the stream is a pure function of this and the example number.
        black_background: bright shapes on black, instead of dark and bright ones on the other.

    Raises:
        InputError: an argument is out of range.
    """

    def __init__(
        self,
        resolution: int,
        num_frames: int,
        video_channels: int = 3,
        seed: int = 0,
        black_background: bool = False,
    ):
        if resolution < 16:
            raise InputError(f'{resolution} pixels do not show a moving shape: give a resolution of 16 or more.')
        if num_frames < 1:
            raise InputError(f'A clip of {num_frames} frames is none: give num_frames of 1 or more.')
        if video_channels not in (1, 3):
            raise InputError(f'synthetic clips have 1 or 3 channels, not {video_channels}.')
        self.resolution = resolution
        self.num_frames = num_frames
        self.video_channels = video_channels
        self.seed = seed
        self.split = 'train'
        self.black_background = black_background
        self.class_names = tuple(f'{motion} {shape}' for motion in MOTIONS for shape in SHAPES)
        self.num_classes = len(self.class_names)
        self.num_clips = None

    def training(
        self, first_example: int, global_batch: int, replica_batch: int, host_index: int = 0, host_count: int = 1
    ) -> tf.data.Dataset:
        """Endless batches of (clip, label); see `stream.training_stream`."""
        return stream.training_stream(
            lambda number: self._example(_TRAINING, number),
            first_example,
            global_batch,
            replica_batch,
            host_index,
            host_count,
        )

    def evaluation(
        self, batch_size: int, window: str = 'center', crop: str = 'center', numbers: Sequence[int] | None = None
    ) -> tf.data.Dataset:
        """Clips of these numbers, or all 1024, that are not in the training stream: (clip, label, valid).

        Every split has its own. Window and crop have no meaning here.
        """
        stream.check_window(window, crop)
        purpose = _EVALUATION[self.split]
        return stream.evaluation_pass(
            lambda number: self._example(purpose, number), EVALUATION_CLIPS, batch_size, numbers
        )

    def of_split(self, split: str, stride: int | None = None) -> SyntheticClips:
        """The clips of a split, train or test; they have no stride but 1."""
        if split not in _EVALUATION:
            raise InputError(f'the moving shapes have no split {split!r}; choose one of {", ".join(_EVALUATION)}.')
        if stride not in (None, self.stride):
            raise InputError(f'the moving shapes are made at stride {self.stride} and not at {stride}.')
        other = copy.copy(self)
        other.split = split
        return other

    def identity(self) -> dict[str, object]:
        """How they are made."""
        found = {'source': 'SyntheticClips', 'seed': self.seed}
        return {**found, 'black_background': True} if self.black_background else found

    def _example(self, purpose: int, number: tf.Tensor) -> tuple[tf.Tensor, tf.Tensor]:
        """Clip [T, R, R, C] in [-1, 1] and label [] of one example number."""
        draws = tf.random.stateless_uniform([16], stream.stateless_seed(self.seed, purpose, number), alg='philox')
        label = tf.cast(draws[0] * self.num_classes, tf.int32)
        motion, shape = label // len(SHAPES), label % len(SHAPES)
        radius = 0.16 + 0.08 * draws[1]
        centre_y, centre_x = self._path(motion, radius, draws[2:8])
        pixels = (tf.range(self.resolution, dtype=tf.float32) + 0.5) / self.resolution
        distance = _distance(shape, pixels[None, :, None] - centre_y, pixels[None, None, :] - centre_x, radius)
        coverage = tf.clip_by_value(0.5 - distance * self.resolution, 0.0, 1.0)[..., None]
        background, foreground = self._colours(draws[8:16])
        clip = background + coverage * (foreground - background)
        return tf.ensure_shape(clip, [self.num_frames, self.resolution, self.resolution, self.video_channels]), label

    def _path(self, motion: tf.Tensor, radius: tf.Tensor, draws: tf.Tensor) -> tuple[tf.Tensor, tf.Tensor]:
        """The centre's y and x over time, each [T, 1, 1], with the whole shape inside the frame."""
        frames_per_turn = 12.0 + 8.0 * draws[0]
        direction = tf.where(draws[1] < 0.5, -1.0, 1.0)
        time = tf.range(self.num_frames, dtype=tf.float32)
        angle = 2.0 * math.pi * (draws[2] + direction * time / frames_per_turn)
        room = 0.5 - _REACH * radius
        swing = room * (0.6 + 0.4 * draws[3])
        rest = 0.5 + room * (2.0 * draws[4] - 1.0)
        level = tf.fill([self.num_frames], rest)
        sideways, up_and_down = tf.equal(motion, 0), tf.equal(motion, 1)
        y = tf.where(sideways, level, 0.5 + swing * tf.sin(angle))
        x = tf.where(up_and_down, level, 0.5 + swing * tf.cos(angle))
        return y[:, None, None], x[:, None, None]

    def _colours(self, draws: tf.Tensor) -> tuple[tf.Tensor, tf.Tensor]:
        """Colours [C] in [-1, 1]: a dark or bright background, and a foreground at its other side."""
        background = 0.7 * draws[0:3] - 1.0
        foreground = 0.2 + 0.8 * draws[3:6]
        if self.black_background:
            return tf.fill([self.video_channels], -1.0), foreground[: self.video_channels]
        flip = tf.where(draws[6] < 0.5, -1.0, 1.0)
        return flip * background[: self.video_channels], flip * foreground[: self.video_channels]


def _distance(shape: tf.Tensor, y: tf.Tensor, x: tf.Tensor, radius: tf.Tensor) -> tf.Tensor:
    """Distance of every pixel to the shape's edge, negative inside, in units of the frame's side [T, R, R]."""
    disk = tf.sqrt(x * x + y * y) - radius
    square = tf.maximum(tf.abs(x), tf.abs(y)) - 0.8 * radius
    # An upright triangle, the intersection of three half planes.
    slope = math.sqrt(3.0) / 2.0
    triangle = tf.maximum(slope * tf.abs(x) - 0.5 * y, y) - 0.6 * radius
    return tf.where(tf.equal(shape, 0), disk, tf.where(tf.equal(shape, 1), square, triangle))
