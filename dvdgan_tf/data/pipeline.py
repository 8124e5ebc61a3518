"""From records to batches: the window is drawn first, and only its frames are decoded.

Paper sections 2.3 and B.1: the shorter side is resized to the resolution, a random square is cut along the other side,
and a random window of consecutive frames (after striding) is taken. Reading is native throughout: the records that hold
the window are opened at their offset, their checksums are verified, and no Python runs per example.
"""

from __future__ import annotations

import dataclasses
import hashlib
import logging
from collections.abc import Iterator, Sequence
from typing import Any

import numpy as np
import tensorflow as tf

from dvdgan_tf.data import held_out, ordering, records, remote, stream
from dvdgan_tf.data.importance import Importance
from dvdgan_tf.data.scales import Scale
from dvdgan_tf.data.stream import ClipSource
from dvdgan_tf.errors import InputError

_SHUFFLE, _DRAW, _EVALUATION = 0, 1, 2
_GOLDEN = (5**0.5 - 1) / 2
_WEIGHED = 32  # frames read at once to weigh windows
_LONGEST = 2**31  # frames; the index holds them as int32


@dataclasses.dataclass(frozen=True)
class Field:
    """How clips are cut out of a physical field: radar, satellites, microscopy. Its pixels are kept, not resized.

    Attributes:
        importance: draw windows and crops more often where much happens, in training and where evaluation draws at
            random: the number above the lowest from which more does not count more, as 1 mm/h; None for evenly.
            Reads all records once. `RecordClips.weights` has what undoes it in a mean.
        knee: numbers become [-1, 1] by the logarithm above this; None for linear. See `scales.Scale`.
    """

    importance: float | None = None
    knee: float | None = None


class RecordClips(ClipSource):
    """Clips from a folder that bin/prepare has filled; a `ClipSource`.

    Args:
        data_dir: the folder, local, gs:// or s3://.
        resolution: height and width of the clips; records with a longer shorter side are resized.
        num_frames: frames of a clip.
        stride: take every stride-th frame.
        split: the part of the data set, such as 'train' or 'test'.
        seed: the stream is a pure function of this and the example number.
        flip: mirror half of the clips at random while training; the paper does not.
        even_classes: draw every class equally often while training, however many clips it has; the paper does not.
        test_part: for records without a split to test with, the share of each clip, at its end and at least one window,
            that is split 'test' and not 'train'; a clip without room for a window of each is 'train' whole.
        field: that crops are cut out anywhere at the resolution of the records, and how; None for pictures, which are
            resized and cropped as in the paper.

    `scale` is that of pictures, or from the range that the data were prepared with.

    Clips with fewer than (num_frames - 1) * stride + 1 frames are left out; `num_too_short` counts them.

    Raises:
        InputError: there are no such records, they are incomplete, too small, or all too short.
    """

    def __init__(
        self,
        data_dir: str,
        resolution: int,
        num_frames: int,
        stride: int = 1,
        split: str = 'train',
        seed: int = 0,
        flip: bool = False,
        even_classes: bool = False,
        test_part: float = 0.0,
        field: Field | None = None,
    ):
        if min(resolution, num_frames, stride) < 1:
            raise InputError(
                f'resolution {resolution}, {num_frames} frames and stride {stride} make no clip: give 1 or more.'
            )
        remote.register(data_dir)
        manifest = records.read_manifest(data_dir)
        span = (num_frames - 1) * stride + 1
        index, firsts = held_out.open_part(data_dir, manifest, split, test_part, span)
        self.data_dir = data_dir
        self.split = split
        self.resolution = resolution
        self.num_frames = num_frames
        self.stride = stride
        self.seed = seed
        self.flip = flip
        self.even_classes = even_classes
        self.test_part = test_part
        self.class_names = tuple(manifest['classes'])
        self.num_classes = len(self.class_names)
        self.video_channels = manifest['channels']
        self.field = field
        self.is_weighed = field is not None and field.importance is not None
        self._encoding = manifest['encoding']
        self._dtype = tf.dtypes.as_dtype(manifest['dtype'])
        knee = field.knee if field else None
        self.scale = Scale(*manifest['value_range'], knee, manifest.get('missing', False), manifest.get('unit', ''))
        self._span = span
        kept = index.select(index.frames >= span)
        self._firsts = tf.constant(firsts[index.frames >= span])
        self.num_clips = len(kept.frames)
        self.num_too_short = len(index.frames) - self.num_clips
        self._check(data_dir, split, index, kept)
        self._needs_resize = field is None and bool(np.any(np.minimum(kept.heights, kept.widths) != resolution))
        self._files = tf.constant([f'{data_dir}/{name}' for name in index.files])
        self._index = {
            name: tf.constant(getattr(kept, name)) for name in ('shards', 'frames', 'labels', 'heights', 'widths')
        }
        self._parts = _Parts(kept)
        self._even = ordering.EvenClasses(kept.labels) if even_classes else None
        self._importance = self._weigh(field.importance) if self.is_weighed else None

    def _check(self, data_dir: str, split: str, index: records.SplitIndex, kept: records.SplitIndex) -> None:
        window = f'{self.num_frames} frames at stride {self.stride}'
        if not self.num_clips:
            raise InputError(
                f'none of the {len(index.frames)} clips of {data_dir} ({split}) has the {self._span} frames '
                f'that {window} need; the longest has {index.frames.max()}: ask for fewer frames or a smaller stride.'
            )
        if self.num_too_short:
            logging.getLogger(__name__).warning(
                '%d of %d clips of %s (%s) are shorter than %s and are left out.',
                self.num_too_short,
                len(index.frames),
                data_dir,
                split,
                window,
            )
        side = int(np.minimum(kept.heights, kept.widths).min())
        if side < self.resolution:
            raise InputError(
                f'{data_dir} holds frames of {side} pixels, too small for a resolution of {self.resolution}: prepare '
                f'the data with --resolution={self.resolution} or ask for {side}.'
            )

    def _weigh(self, saturation: float) -> Importance:
        """Reads all that the split holds and weighs every window."""
        if self.even_classes or self._encoding != 'raw':
            raise InputError(
                'importance draws crops of numbers, whatever their class: set even_classes to False, and use data that '
                'were prepared from arrays.'
            )
        clips = (self._numbers(clip) for clip in range(self.num_clips))
        return Importance(clips, self._firsts.numpy(), self._span, self.resolution, self.scale.low, saturation)

    def _numbers(self, clip: int) -> Iterator[np.ndarray]:
        """The numbers [frames, H, W] of a clip that belong to the split, a few frames at a time."""
        count, first = (int(each[clip]) for each in (self._index['frames'], self._firsts))
        shape = (-1, *(int(self._index[name][clip]) for name in ('heights', 'widths')), self.video_channels)
        for start in range(first, first + count, _WEIGHED):
            frames = min(_WEIGHED, first + count - start)
            file = self._files[self._index['shards'][clip]]
            encoded = self._parts.read(file, tf.constant(clip), tf.constant(start, tf.int64), frames)
            yield tf.io.decode_raw(encoded, self._dtype).numpy().reshape(shape).mean(-1)

    def weights(self, numbers: np.ndarray) -> np.ndarray:
        """How much each of these clips of an evaluation at random counts, so that means are those of even draws."""
        if self._importance is None:
            return np.ones(len(numbers))
        draws = [self._spread_draw(tf.constant(number, tf.int64)) for number in numbers]
        return self._importance.weights[[int(self._importance.index(draw)) for draw in draws]]

    def _spread_draw(self, number: tf.Tensor) -> tf.Tensor:
        """Number n of a sequence that fills [0, 1) evenly: few clips of an evaluation have all kinds of weather."""
        first = self._draw(stream.stateless_seed(self.seed, _EVALUATION, tf.constant(0, tf.int64)))
        return (first + tf.cast(number, tf.float64) * _GOLDEN) % 1.0

    @staticmethod
    def _draw(seed: tf.Tensor) -> tf.Tensor:
        return tf.random.stateless_uniform([], seed, dtype=tf.float64, alg='philox')

    def clips_per_class(self) -> np.ndarray:
        """How many different clips [num_classes] of each class can be cut out, in time and along the longer side."""
        index = {name: self._index[name].numpy().astype(np.int64) for name in ('frames', 'labels', 'heights', 'widths')}
        short = np.minimum(index['heights'], index['widths'])
        squares = np.maximum(index['heights'], index['widths']) - short + 1
        if self.field:
            squares = (index['heights'] - self.resolution + 1) * (index['widths'] - self.resolution + 1)
        return np.bincount(index['labels'], (index['frames'] - self._span + 1) * squares, self.num_classes).astype(int)

    def of_split(self, split: str, stride: int | None = None) -> RecordClips:
        """The clips of another split, as these are, or at another stride."""
        cut = self.resolution, self.num_frames, stride or self.stride
        return RecordClips(
            self.data_dir, *cut, split, self.seed, self.flip, self.even_classes, self.test_part, self.field
        )

    def training(
        self, first_example: int, global_batch: int, replica_batch: int, host_index: int = 0, host_count: int = 1
    ) -> tf.data.Dataset:
        """Endless batches of (clip, label), every clip once an epoch; see `stream.training_stream`."""
        return stream.training_stream(self.example, first_example, global_batch, replica_batch, host_index, host_count)

    def evaluation(
        self, batch_size: int, window: str = 'center', crop: str = 'center', numbers: Sequence[int] | None = None
    ) -> tf.data.Dataset:
        """Clips of these numbers, or every clip once: (clip, label, valid); see `stream.evaluation_pass`.

        Args:
            batch_size: rows of each batch.
            window: 'first', 'center', or 'random', which is the same for the same seed and clip.
            crop: 'center', or 'random' as in training, which is the same for the same seed and clip.
            numbers: of clips, in the order wanted; None for all. Those past the last clip count from the first again,
                with other random windows and crops.
        """
        stream.check_window(window, crop)

        def example(number: tf.Tensor) -> tuple[tf.Tensor, tf.Tensor]:
            clip, seed = number % self.num_clips, stream.stateless_seed(self.seed, _EVALUATION, number)
            if self._importance is not None and window == crop == 'random':
                return self._drawn(self._spread_draw(number))
            draws = tf.random.stateless_uniform([3], seed, alg='philox')
            when = {'first': 0.0, 'center': 0.5, 'random': draws[0]}[window]
            top, left = (draws[1], draws[2]) if crop == 'random' else (0.5, 0.5)
            return self._window(clip, when, top, left), self._index['labels'][clip]

        return stream.evaluation_pass(example, self.num_clips, batch_size, numbers)

    def identity(self) -> dict[str, object]:
        """The hash of the manifest, which has those of all shards, and what of each clip is held out."""
        manifest = records.read_optional(f'{self.data_dir}/{records.MANIFEST}')
        found = {'source': 'records', 'manifest_sha256': hashlib.sha256(manifest.encode()).hexdigest()}
        field = {'native': True, **dataclasses.asdict(self.field)} if self.field else {}  # as data.json has it
        changed = {'test_part': self.test_part, **field}
        return {**found, **{name: value for name, value in changed.items() if value}}

    def example(self, number: tf.Tensor) -> tuple[tf.Tensor, tf.Tensor]:
        """Clip and label of example `number` of the stream."""
        if self._even is not None:
            clip = self._even(number, self.seed, _SHUFFLE)
        else:
            clip = ordering.every_clip(number, self.num_clips, self.seed, _SHUFFLE)
        seed = stream.stateless_seed(self.seed, _DRAW, number)
        draws = tf.random.stateless_uniform([4], seed, alg='philox')
        if self._importance is not None:
            pixels, label = self._drawn(self._draw(seed))
        else:
            pixels, label = self._window(clip, draws[0], draws[1], draws[2]), self._index['labels'][clip]
        if self.flip:
            pixels = tf.where(draws[3] < 0.5, tf.reverse(pixels, [2]), pixels)
        return pixels, label

    def _drawn(self, draw: tf.Tensor) -> tuple[tf.Tensor, tf.Tensor]:
        """A window where much happens, and its label."""
        clip, start, top, left = tf.unstack(self._importance.place(draw))
        return self._cut(clip, start, (top, left)), self._index['labels'][clip]

    def _window(self, clip: tf.Tensor, when: Any, top: Any, left: Any) -> tf.Tensor:
        """The window [T, R, R, C] in [-1, 1] of one clip; when, top and left in [0, 1) say where in the room it has."""
        start = self._firsts[clip] + _place(when, self._index['frames'][clip] - self._span)
        return self._cut(clip, start, None, top, left)

    def _cut(
        self, clip: tf.Tensor, start: tf.Tensor, corner: tuple | None = None, top: Any = 0.0, left: Any = 0.0
    ) -> tf.Tensor:
        """The window from frame `start` on, at a corner in pixels, or where top and left say."""
        file = self._files[self._index['shards'][clip]]
        window = self._parts.read(file, clip, tf.cast(start, tf.int64), self._span)[:: self.stride]
        height, width = self._index['heights'][clip], self._index['widths'][clip]
        frames = self._decode(window, height, width)
        if self._needs_resize:
            short = tf.minimum(height, width)
            height, width = (_rounded_quotient(side * self.resolution, short) for side in (height, width))
            frames = tf.image.resize(frames, [height, width], 'bilinear', antialias=True)
        y, x = corner or (_place(top, height - self.resolution), _place(left, width - self.resolution))
        pixels = self.scale.to_clip(frames[:, y : y + self.resolution, x : x + self.resolution])
        return tf.ensure_shape(pixels, [self.num_frames, self.resolution, self.resolution, self.video_channels])

    def _decode(self, window: tf.Tensor, height: tf.Tensor, width: tf.Tensor) -> tf.Tensor:
        """Frames [T, height, width, C] of the stored type."""
        if self._encoding == 'raw':
            flat = tf.io.decode_raw(window, self._dtype)
            return tf.reshape(flat, [self.num_frames, height, width, self.video_channels])
        # Unrolled: the frames of one clip decode side by side.
        return tf.stack([decode_frame(window[t], self._encoding, self.video_channels) for t in range(self.num_frames)])


def decode_frame(encoded: tf.Tensor, encoding: str, channels: int) -> tf.Tensor:
    """One JPEG or PNG frame, uint8 [height, width, channels]."""
    if encoding == 'png':
        return tf.io.decode_png(encoded, channels)
    return tf.io.decode_jpeg(encoded, channels, dct_method='INTEGER_ACCURATE')


class _Parts:
    """Where the parts of clips are: a window is read from those parts alone that hold its frames."""

    def __init__(self, index: records.SplitIndex):
        clips = np.repeat(np.arange(len(index.frames), dtype=np.int64), np.diff(index.starts))
        self._keys = tf.constant(clips * _LONGEST + index.first_frames)
        self._first_frames = tf.constant(index.first_frames)
        self._offsets = tf.constant(index.offsets)
        self._ends = tf.constant(index.offsets + index.lengths)

    def read(self, file: tf.Tensor, clip: tf.Tensor, start: tf.Tensor, count: int) -> tf.Tensor:
        """The encoded frames [count] of a clip from frame `start` on."""
        wanted = tf.cast(clip, tf.int64) * _LONGEST + tf.stack([start, start + count - 1])
        places = tf.searchsorted(self._keys, wanted, side='right') - 1
        first, last = places[0], places[1]
        offset = self._offsets[first]
        frames = read_records(file, offset, self._ends[last] - offset, tf.cast(last - first + 1, tf.int64))
        start -= self._first_frames[first]
        return frames[start : start + count]


def read_records(file: tf.Tensor, offset: tf.Tensor, length: tf.Tensor, count: tf.Tensor) -> tf.Tensor:
    """The encoded frames [F] of some records that follow one another; a damaged one raises DataLossError.

    Args:
        file: path of the shard.
        offset: int64, byte where the first record starts.
        length: int64, bytes of all.
        count: int64, how many records.
    """
    opened = tf.raw_ops.TFRecordDatasetV2(
        filenames=[file], compression_type='', buffer_size=length, byte_offsets=[offset]
    )
    dataset = tf.data.experimental.from_variant(opened, tf.TensorSpec((), tf.string))
    examples = dataset.take(count).batch(count).get_single_element()
    features = {'frames': tf.io.RaggedFeature(tf.string, row_splits_dtype=tf.int64)}
    return tf.io.parse_example(examples, features)['frames'].values


def _place(draw: Any, room: tf.Tensor) -> tf.Tensor:
    """Where in 0..room a number in [0, 1) falls, every place equally likely; 0.5 falls on the middle."""
    return tf.minimum(tf.cast(draw * tf.cast(room + 1, tf.float32), room.dtype), room)


def _rounded_quotient(numerator: tf.Tensor, denominator: tf.Tensor) -> tf.Tensor:
    return (2 * numerator + denominator) // (2 * denominator)
