"""A trained generator for programs in Python: arrays in, arrays out."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import tf_keras as keras

from dvdgan_tf.api import given, scores
from dvdgan_tf.api.exports import Exported, TFLiteGenerator
from dvdgan_tf.data.scales import Scale
from dvdgan_tf.errors import InputError
from dvdgan_tf.sampling import generate, interpolation, video
from dvdgan_tf.saved_run import Run


class Model:
    """A trained generator, from `dvdgan_tf.open`.

    Clips are arrays [N, T, H, W, C]: clips, frames, height, width, channels; uint8 from 0 to 255, or for data that are
    no pictures, such as radar, float32 in their units. The same arguments give the same clips, in `bin/sample` too.

    Attributes:
        path: what was opened.
        step: of training, of its checkpoint.
        class_names: one a label, from 0 on.
        num_frames: T of the clips that it makes.
        context_frames: frames that it continues; 0 for a model that makes whole clips.
        resolution: H and W, in pixels.
        video_channels: C.
        value_range: of the values in a clip, (0, 255) for pictures.
        unit: of these values, such as mm/h; empty for pictures.
    """

    def __init__(
        self,
        generator: keras.Model | Exported,
        path: str,
        step: int,
        class_names: tuple[str, ...],
        scale: Scale,
        run: Run | None = None,
    ) -> None:
        """@private: `dvdgan_tf.open` does it, and pages for users leave it out."""
        self.path, self.step, self.class_names = path, step, class_names
        self.value_range, self.unit = (scale.low, scale.high), scale.unit
        self.num_frames, self.context_frames = generator.num_frames, generator.context_frames
        self.resolution, self.video_channels = generator.resolution, generator.video_channels
        self._generator, self._run, self._scale = generator, run, scale

    def __repr__(self) -> str:
        after = f' after {self.context_frames}' if self.context_frames else f', {len(self.class_names)} class(es)'
        size = f'{self.num_frames} frames of {self.resolution}x{self.resolution}'
        return f'<Model {self.path!r}, step {self.step}: {size}{after}>'

    def sample(
        self,
        count: int = 1,
        *,
        label: given.Label | Sequence[given.Label] | None = None,
        seed: int = 0,
        truncation: float = 1.0,
    ) -> np.ndarray:
        """Makes clips (paper 3; truncation: 4.1.1).

        Args:
            count: how many, N, at least 1.
            label: a class by number or name, several, which are shown as evenly as possible in this order, or `random`;
                None for all classes in turn.
            seed: what the latents, and random classes, depend on; 0 or more.
            truncation: standard deviation of the latents, 0 to 1: less is more alike and more typical.

        Returns:
            [N, T, H, W, C], see above.

        Raises:
            InputError: an argument cannot be used, or the model continues clips: see `predict`.
        """
        count, seed = given.whole('count', count, 1), given.whole('seed', seed, 0)
        truncation = given.truncation(truncation)
        labels = generate.choose_labels(given.label_words(label), count, self.class_names, seed)
        return self._in_units(generate.sample_clips(self._generator, labels, seed, truncation))

    def interpolate(
        self,
        count: int = 1,
        *,
        label: given.Label | Sequence[given.Label] | None = None,
        to: given.Label | None = None,
        steps: int = 8,
        seed: int = 0,
        truncation: float = 1.0,
        path: str = 'linear',
    ) -> np.ndarray:
        """Makes clips on the way between two latents of one class, or between two classes (paper C.1 and E.2).

        Args:
            count: how many interpolations, N, at least 1.
            label: the class of both ends, as in `sample`; with `to` the one class of the first end.
            to: the class of the last end, by number or name, at one latent for the whole way; None for two latents.
            steps: clips of an interpolation, S, both ends included, at least 2.
            seed: what the latents depend on; 0 or more.
            truncation: standard deviation of the latents at the ends, 0 to 1.
            path: between latents, `linear` as in the paper or `spherical`, which keeps their length.

        Returns:
            [N, S, T, H, W, C], see above.

        Raises:
            InputError: an argument cannot be used, the model continues clips, or is of TFLite, which mixes no classes.
        """
        count, seed = given.whole('count', count, 1), given.whole('seed', seed, 0)
        steps, truncation = given.whole('steps', steps, 2), given.truncation(truncation)
        if to is not None:
            pair = self._ends(label, to, path)
            clips = interpolation.between_classes(self._generator, [pair] * count, steps, seed, truncation)
        else:
            labels = generate.choose_labels(given.label_words(label), count, self.class_names, seed)
            clips = interpolation.between_latents(self._generator, labels, steps, seed, truncation, path)
        return self._in_units(clips)

    def predict(self, context: np.ndarray, *, seed: int = 0, truncation: float = 1.0) -> np.ndarray:
        """Continues clips, one continuation each (DVD-GAN-FP, paper B.4).

        Args:
            context: [N, context_frames, H, W, C], the frames to continue, in the units of the model's clips.
            seed: what the latents depend on; 0 or more.
            truncation: standard deviation of the latents, 0 to 1.

        Returns:
            [N, T, H, W, C], the frames that follow, see above.

        Raises:
            InputError: an argument cannot be used, or the model makes whole clips: see `sample`.
        """
        seed, truncation = given.whole('seed', seed, 0), given.truncation(truncation)
        if self.context_frames:
            context = given.clips('context', context, self._shape(self.context_frames), self._scale)
            context = video.from_units(context, self._scale)
        return self._in_units(generate.continue_clips(self._generator, context, seed, truncation))

    def score(
        self,
        protocol: str = 'offline_256',
        *,
        real: np.ndarray | None = None,
        num_samples: int | None = None,
        truncation: float = 1.0,
        seed: int = 0,
        i3d: str | None = None,
        output: str | None = None,
    ) -> dict[str, object]:
        """Compares generated clips with real ones, as `bin/evaluate` does (docs/metrics.md).

        Args:
            protocol: `offline_256` and the like need no weights, `fvd_2048_16f` and the like need `i3d`, `recognition`
                needs a run's own data.
            real: [N, context_frames + T, H, W, C], real clips in the units of the model's; None for those that the run
                was trained on. An export knows of none.
            num_samples: generated clips, at least 2; None for the protocol's number.
            truncation: standard deviation of the latents, 0 to 1.
            seed: of latents, labels and the choice of real clips; 0 or more.
            i3d: weights of I3D: a TF-Hub module folder or a checkpoint.
            output: a folder whose evaluation.jsonl gets the result: what it has is not computed anew, what was killed
                goes on; None to keep nothing.

        Returns:
            The line of evaluation.jsonl: its `scores` map a name such as `frechet` to its `value` and, where real clips
            were compared with each other too, its `floor`.

        Raises:
            InputError: an argument cannot be used, the protocol does not fit the model, or there are no real clips.
        """
        if num_samples is not None:
            num_samples = given.whole('num_samples', num_samples, 2)
        asked = scores.Asked(protocol, num_samples, given.truncation(truncation), given.whole('seed', seed, 0), i3d)
        if real is not None:
            shape = self._shape(self.context_frames + self.num_frames)
            real = given.clips('real', real, shape, self._scale)
        clips = scores.find_clips(self._run, real, self._scale)
        return scores.score(asked, self._generator, clips, self._identity(), output)

    def _shape(self, frames: int) -> tuple[int, ...]:
        return frames, self.resolution, self.resolution, self.video_channels

    def _in_units(self, clips: np.ndarray) -> np.ndarray:
        return video.in_units(clips, self._scale)

    def _identity(self) -> dict[str, object]:
        """What tells the weights from others, for results that are kept."""
        if self._run is not None:
            return self._run.identity()
        return {'step': self.step, 'export': type(self._generator).__name__, 'sha256': self._generator.sha256}

    def _ends(self, label: given.Label | Sequence[given.Label] | None, to: given.Label, path: str) -> tuple[int, int]:
        """The labels at both ends of a way between classes."""
        words = given.label_words(label), given.label_words(to)
        if [len(end) for end in words] != [1, 1]:
            raise InputError(f'label is {label!r} and to is {to!r}; give one class each.')
        if path != 'linear':
            raise InputError(f'path is {path!r}, which is for latents; between classes leave it out.')
        if isinstance(self._generator, TFLiteGenerator):
            raise InputError(f'{self.path} is of TFLite, which mixes no classes; open the run or another export.')
        first, last = (generate.find_label(word, self.class_names) for (word,) in words)
        return first, last
