"""One protocol on one model: whether they fit, which clips it needs, and what it keeps of their features."""

from __future__ import annotations

from contextlib import AbstractContextManager
from dataclasses import dataclass, field, replace
from functools import partial
from typing import Protocol as Interface

import numpy as np
import tensorflow as tf

from dvdgan_tf.data.stream import ClipSource
from dvdgan_tf.errors import InputError
from dvdgan_tf.evaluation.clips import RealClips
from dvdgan_tf.evaluation.extraction import PIXELS, Extractor, View
from dvdgan_tf.evaluation.passes import Wanted
from dvdgan_tf.evaluation.protocols import Protocol
from dvdgan_tf.metrics.networks.features import FeatureNetwork
from dvdgan_tf.metrics.prediction import SSIM_WINDOW
from dvdgan_tf.metrics.samples import Parts, RandomRows
from dvdgan_tf.metrics.statistics import ClassEntropies, Moments

TENTHS = 10


class Standing(Interface):
    """Statistics of the normalisation, recomputed by forward passes.

    Attributes:
        clips: how many they are taken over.
    """

    clips: int

    def at(self, sigma: float) -> AbstractContextManager:
        """Within it the generator has the statistics of latents of this deviation."""


@dataclass(frozen=True)
class Model:
    """A generator and what its scores depend on beside its weights.

    Attributes:
        generator: called as generator(latent [B, latent_size], label [B], training=False), with the context
            [B, context_frames, H, W, c] third where its `context_frames` is not 0; also has `num_classes`.
        identity: what tells it from others, such as its step and the hash of its configuration.
        data: the clips that it was trained on, whose splits are opened for the real side.
        standing: recomputes its statistics; None for those that it has.
        opened: splits of the data that were opened already.
    """

    generator: tf.Module
    identity: dict[str, object]
    data: ClipSource
    standing: Standing | None = None
    opened: dict[tuple, ClipSource] = field(default_factory=dict, repr=False, compare=False)

    @property
    def frames(self) -> int:
        """Of a whole clip, context included."""
        return self.generator.num_frames + self.generator.context_frames


class Job:
    """One protocol on one model.

    Args:
        protocol: what is asked.
        model: of what.
        extractor: holds the networks.
        seed: of the choice of real clips.

    Raises:
        InputError: protocol, model, data and networks do not fit.
    """

    def __init__(self, protocol: Protocol, model: Model, extractor: Extractor, seed: int):
        self.protocol, self.model, self._extractor = protocol, model, extractor
        self.network = find_network(protocol, extractor)
        self.paired = self.network is None
        self._check()
        prefix = protocol.prefix and (protocol.frames, protocol.every) != (model.frames, 1)
        frames = protocol.frames if prefix else None
        self.view = View(PIXELS) if self.paired else View(protocol.network, frames, protocol.every)
        self.real: RealClips | None = None
        if protocol.needs_real or model.generator.context_frames:
            source = open_split(protocol, model.data, model.opened)
            self.real = RealClips(source, protocol.window, protocol.crop, seed)
            self._check_count(self.real.available)
        self.fake_count = self._fake_count()
        self.ends = self._real_ends()

    @property
    def target_count(self) -> int:
        """Real clips that the generated ones are compared with."""
        return (self.protocol.real_clips or self.real.available) if self.protocol.needs_real else 0

    @property
    def contexts(self) -> RealClips | None:
        """The real clips that a model continues, None for one that does not."""
        if not self.model.generator.context_frames:
            return None
        return replace(self.real, first=self.protocol.real_clips)

    @property
    def score_names(self) -> tuple[str, ...]:
        """Of a job whose scores are those of predictions."""
        return self._extractor.score_names()

    def key(self) -> dict[str, object]:
        """What the result depends on, beside the setting that clips are generated under."""
        identity = self.network.identity if self.network else self.score_names
        lpips = self._extractor.lpips if self.paired else None
        return {
            'protocol': self.protocol.name,
            'fake_clips': self.fake_count,
            'repeats': self.protocol.repeats,
            'network': identity,
            'lpips': lpips.hash if lpips else None,
            'real': self.real.key() if self.real else None,
            'real_ends': self.ends,
        }

    def source(self) -> tuple:
        """Equal for jobs that can share generated clips."""
        return self.paired, self.contexts and tuple(map(str, self.contexts.key().values()))

    def real_wanted(self) -> dict[str, Wanted]:
        """Empty sums for the real clips."""
        if self.paired or not self.protocol.needs_real:
            return {}
        return sums_for(self.protocol, self.network, self.view, self.ends, self.target_count)

    def fake_wanted(self) -> dict[str, Wanted]:
        """Empty sums for the generated clips."""
        ends = tenths(self.fake_count)
        if self.paired:
            columns = 2 * len(self.score_names) * self.model.generator.num_frames
            return {'scores': Wanted(self.view, 'scores', Parts(partial(Moments, columns), ends), 'moments', {})}
        found = sums_for(self.protocol, self.network, self.view, ends, self.fake_count)
        if 'inception' in self.protocol.scores:
            found['entropies'] = entropies_for(self.protocol, self.network, self.view, ends)
        return found

    def _check(self) -> None:
        protocol, generator, frames = self.protocol, self.model.generator, self.model.frames
        shown = -(-frames // protocol.every)
        fits = protocol.frames in (None, shown) or (protocol.prefix and protocol.frames < shown)
        if not fits:
            raise InputError(
                f'{protocol.name} is for clips of {protocol.frames * protocol.every} frames and the model makes '
                f'{frames}; choose a protocol of its length.'
            )
        if protocol.context_frames not in (None, generator.context_frames):
            raise InputError(
                f'{protocol.name} continues {protocol.context_frames} frames and the model '
                f'{generator.context_frames}; choose a protocol of its own task.'
            )
        if protocol.stride not in (None, self.model.data.stride):
            raise InputError(
                f'{protocol.name} is for clips at stride {protocol.stride} and the model was trained at stride '
                f'{self.model.data.stride}; choose another protocol, or train at its stride.'
            )
        if self.paired:
            self._check_paired()
        else:
            shape = (protocol.frames or frames, generator.resolution, generator.resolution, generator.video_channels)
            self.network.check(shape)

    def _check_paired(self) -> None:
        protocol, generator = self.protocol, self.model.generator
        if not generator.context_frames:
            raise InputError(f'{protocol.name} is for models that continue clips, and this one takes no context.')
        if generator.resolution < SSIM_WINDOW:
            raise InputError(f'{protocol.name} needs {SSIM_WINDOW} pixels and the model makes {generator.resolution}.')
        if protocol.fake_clips is not None:
            raise InputError(f'{protocol.name} makes one clip for each of the split; leave the number of samples away.')

    def _check_count(self, available: int) -> None:
        wanted = self.protocol.real_clips
        if wanted and wanted > available and not self.protocol.again:
            raise InputError(
                f'{self.protocol.name} needs {wanted} real clips and the split {self.protocol.split} holds '
                f'{available}; choose a protocol with fewer.'
            )

    def _fake_count(self) -> int:
        one_each = (self.protocol.real_clips or self.real.available) if self.real else 0
        count = one_each if self.paired else self.protocol.fake_clips or one_each * self.protocol.samples_per_context
        if count < 2:
            raise InputError(f'{self.protocol.name} was given {count} clips; a distribution needs at least 2.')
        return count

    def _real_ends(self) -> list[int]:
        if not self.protocol.needs_real or self.paired:
            return []
        available = None if self.protocol.again else self.real.available
        return real_ends(self.target_count, available, self.fake_count)


def real_ends(target: int, available: int | None, fake_count: int) -> list[int]:
    """Ends of the parts of the real clips: of all, tenths; else those compared with, and others for the floor.

    Args:
        target: clips that are compared with.
        available: that there are; None for any number.
        fake_count: generated clips.
    """
    if target == available:
        return tenths(available)
    read = target + fake_count if available is None else min(available, target + fake_count)
    return sorted({read - min(fake_count, read // 2), target, read})


def sums_for(
    protocol: Protocol, network: FeatureNetwork, view: View, ends: list[int], count: int
) -> dict[str, Wanted]:
    """What the distances of a protocol keep of one side: sums of parts with these ends, rows of the first `count`."""
    feature, found = protocol.feature, {}
    size = network.sizes.get(feature, 0)
    if 'frechet' in protocol.scores:
        found['moments'] = Wanted(view, feature, Parts(partial(Moments, size), ends), 'moments', {'ends': ends})
    if {'kernel', 'precision_recall'} & set(protocol.scores):
        rows = RandomRows(size, count)
        found['rows'] = Wanted(view, feature, rows, 'rows', {'end': count, 'limit': rows.limit})
    return found


def entropies_for(protocol: Protocol, network: FeatureNetwork, view: View, ends: list[int]) -> Wanted:
    """What the Inception score of a protocol keeps."""
    epsilon = protocol.epsilon
    sums = Parts(partial(ClassEntropies, network.sizes['softmax'], epsilon), ends)
    return Wanted(view, 'softmax', sums, 'entropies', {'epsilon': epsilon, 'ends': ends})


def find_network(protocol: Protocol, extractor: Extractor) -> FeatureNetwork | None:
    """The network of a protocol, None for scores of pixels.

    Raises:
        InputError: it was not given.
    """
    name = protocol.network
    if name is not None and name not in extractor.networks:
        given = ', '.join(extractor.networks) or 'none'
        raise InputError(f'{protocol.name} needs the network {name} and {given} was given; give its weights.')
    return extractor.networks.get(name)


def open_split(protocol: Protocol, data: ClipSource, opened: dict[tuple, ClipSource]) -> ClipSource:
    """The real clips of a protocol.

    Args:
        protocol: whose.
        data: whose split they are.
        opened: what was opened before, added to.

    Raises:
        InputError: the data have no such split.
    """
    where = protocol.split, protocol.stride or data.stride
    if where == (data.split, data.stride):
        return data
    if where not in opened:
        try:
            opened[where] = data.of_split(*where)
        except InputError as error:
            raise InputError(f'{protocol.name} takes its real clips from {protocol.split}: {error}') from error
    return opened[where]


def tenths(count: int) -> list[int]:
    """Ends of ten consecutive parts of so many clips, fewer where there are fewer clips."""
    return sorted({int(end) for end in np.rint(np.linspace(0, count, TENTHS + 1)[1:])} - {0})
