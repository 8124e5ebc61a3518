"""One protocol on one model: the clips that it needs, the statistics that it keeps, and the result that follows."""

from __future__ import annotations

import os
from collections.abc import Mapping
from typing import Callable

import tensorflow as tf

from dvdgan_tf.errors import InputError
from dvdgan_tf.evaluation import collecting, report, scoring
from dvdgan_tf.evaluation.collecting import Collector
from dvdgan_tf.evaluation.protocols import Protocol
from dvdgan_tf.evaluation.scoring import Fakes, Scores
from dvdgan_tf.evaluation.streaming import PIXELS, SAMPLING, RealClips, Source, Streams, count_clips
from dvdgan_tf.metrics.networks.features import FeatureNetwork


class Run:
    """One protocol on one model: what it needs, what it has collected of real clips, and what follows from all."""

    def __init__(
        self,
        protocol: Protocol,
        streams: Streams,
        open_real: Callable[[str, int | None], Source],
        num_samples: int | None,
        common: Mapping[str, object],
    ):
        self.protocol, self.streams, self.common = protocol, streams, common
        self.network = self._find_network()
        self.context_frames = streams.generator.context_frames
        self._check_model()
        self.real_clips: RealClips | None = None
        if protocol.needs_real or self.context_frames:
            self.real_clips = self._choose_real(open_real(protocol.split, protocol.stride))
        one_each = self.real_clips.count * protocol.samples_per_context if self.real_clips else 0
        self.fake_count = num_samples or protocol.fake_clips or one_each
        if self.network is None:
            self.fake_count = self.real_clips.count
        if self.fake_count < 2:
            raise InputError(f'{protocol.name} was given {self.fake_count} clips; a distribution needs at least 2')
        self.real: dict[str, Collector] = {}

    def _find_network(self) -> FeatureNetwork | None:
        name = self.protocol.network
        if name is not None and name not in self.streams.networks:
            given = ', '.join(self.streams.networks) or 'none'
            raise InputError(f'{self.protocol.name} needs the network {name} and {given} was given; give its weights')
        return self.streams.networks.get(name)

    def _check_model(self) -> None:
        protocol, model = self.protocol, self.streams.generator
        frames = model.num_frames + self.context_frames
        if protocol.frames not in (None, frames):
            raise InputError(f'{protocol.name} is for clips of {protocol.frames} frames and the model makes {frames}')
        if protocol.context_frames not in (None, self.context_frames):
            raise InputError(
                f'{protocol.name} continues {protocol.context_frames} frames and the model {self.context_frames}; '
                'choose a protocol of its own task'
            )
        if self.network is None and not self.context_frames:
            raise InputError(f'{protocol.name} is for models that continue clips, and this one takes no context')
        if self.network is not None:
            self.network.check((frames, model.resolution, model.resolution, model.video_channels))

    def _choose_real(self, source: Source) -> RealClips:
        available = count_clips(source)
        count = self.protocol.real_clips or available
        if count > available:
            raise InputError(
                f'{self.protocol.name} needs {count} real clips and the split {self.protocol.split} holds {available}; '
                'choose a protocol with fewer'
            )
        return RealClips(source, self.protocol.window, count, self.common['seed'])

    def collectors(self, count: int, real: bool) -> dict[str, Collector]:
        """Empty collectors for the clips of one side."""
        protocol = self.protocol
        if self.network is None:
            columns = len(self.streams.prediction_columns())
            return {} if real else {'moments': Collector(PIXELS, 'prediction', columns, count, 'moments')}
        name, sizes, found = self.network.name, self.network.sizes, {}
        if 'frechet' in protocol.scores:
            found['moments'] = Collector(name, protocol.feature, sizes[protocol.feature], count, 'moments')
        if {'kernel', 'precision_recall'} & set(protocol.scores):
            found['rows'] = Collector(name, protocol.feature, sizes[protocol.feature], count, 'rows')
        if 'inception' in protocol.scores and not real:
            classes = sizes['softmax']
            found['entropies'] = Collector(name, 'softmax', classes, count, 'entropies', protocol.epsilon)
        return found

    def fake_source(self) -> tuple:
        """Equal for runs that can share generated clips: same kind of pass, same contexts."""
        real = self.real_clips if self.context_frames else None
        context = real and (self.protocol.split, self.protocol.stride, real.window, real.count)
        return self.network is None, context

    def key(self) -> dict[str, object]:
        """What the result depends on, beside the setting that clips are generated under."""
        return {
            **self.common,
            'protocol': self.protocol.name,
            'fake_clips': self.fake_count,
            'repeats': self.protocol.repeats,
            'network': self.network.identity if self.network else self.streams.prediction_columns(),
            'real': self._real_key() if self.network and self.real_clips else None,
            'source': self.fake_source(),
        }

    def _real_key(self) -> dict[str, object]:
        source, model = self.real_clips.source, self.streams.generator
        chosen = self.real_clips.count < count_clips(source)
        return {
            **self.common,
            'seed': self.real_clips.seed if chosen else None,
            'source_seed': getattr(source, 'seed', None),
            'network': self.network.identity,
            'split': self.protocol.split,
            'window': self.protocol.window,
            'stride': getattr(source, 'stride', None),
            'clips': self.real_clips.count,
            'shape': [source.num_frames, model.resolution, model.resolution, model.video_channels],
        }

    def fill_real(self, places: tuple[str, str], log: Callable[[str], None]) -> None:
        """Statistics of the real clips: read where they were kept, or computed and kept."""
        if self.network is None or not self.protocol.needs_real:
            return
        statistics_dir, output_dir = places
        key = self._real_key()
        missing = {}
        for kind, collector in self.collectors(self.real_clips.count, True).items():
            own = {**key, 'collector': collector.key}
            name = f'real-{self.network.name}-{collector.feature}-{kind}-{collecting.short_hash(own)}.npz'
            path = os.path.join(statistics_dir, name)
            self.real[kind] = collector
            if tf.io.gfile.exists(path):
                collecting.restore(path, [collector], own)
            else:
                missing[path] = (collector, own)
        if not missing:
            return
        wanted = (self.network.name,)
        collecting.run_pass(
            f'{self.protocol.name}, real clips',
            lambda first: self.streams.real(self.real_clips, first, wanted),
            [collector for collector, _ in missing.values()],
            os.path.join(output_dir, f'partial-{collecting.short_hash({**key, "of": sorted(missing)})}.npz'),
            key,
            log,
        )
        tf.io.gfile.makedirs(statistics_dir)
        for path, (collector, own) in missing.items():
            collecting.save(path, [collector], 0, own)

    def scores(self, fakes: Fakes) -> Scores:
        """Every score over the repeats."""
        if self.network is None:
            return self._prediction_scores(fakes)
        found: Scores = {}
        for name in self.protocol.scores:
            found.update(scoring.COMPUTE[name](self.real, fakes))
        for name, score in found.items():
            score['paper'] = self.protocol.paper.get(self._paper_row(name))
        return found

    def _paper_row(self, score: str) -> tuple[int, int, str]:
        model = self.streams.generator
        return model.num_frames + self.context_frames, model.resolution, score

    def _prediction_scores(self, fakes: Fakes) -> Scores:
        names = self.streams.prediction_columns()
        half, found = len(names) // 2, {}
        means = [fake['moments'].merged().mean() for fake in fakes]
        moments = fakes[0]['moments'].merged()
        for index, name in enumerate(names[:half]):
            error = float((moments.covariance()[index, index] / moments.count) ** 0.5)
            found[name] = scoring.mean_and_spread([mean[index] for mean in means], error)
            found[name]['spread_kind'] = 'standard error over clips' if len(fakes) == 1 else 'std over repeats'
            found[name]['last_frame_repeated'] = float(means[0][half + index])
        return found

    def warnings(self) -> list[str]:
        """What a reader of the numbers must know."""
        notes, protocol = [], self.protocol
        if self.network is None:
            if not self.streams.lpips:
                notes.append('LPIPS was left out: no weights were given')
            return notes
        if not self.network.identity['published_weights']:
            notes.append(f'{self.network.identity["network"]} weights {self.network.identity["weights"]}')
        size = self.network.sizes[protocol.feature] if protocol.feature else 0
        fewest = min(self.fake_count, self.real_clips.count if protocol.needs_real else self.fake_count)
        if 'frechet' in protocol.scores and fewest <= size:
            notes.append(
                f'{protocol.name}: {fewest} clips for {size} features: the covariance has no full rank and the '
                'distance is far too large; compare only at equal numbers of clips'
            )
        if protocol.fake_clips not in (None, self.fake_count):
            notes.append(f'{protocol.name}: {self.fake_count} generated clips instead of {protocol.fake_clips}')
        return notes

    def result(
        self,
        fakes: Fakes,
        truncation: float,
        standing: bool,
        model: Mapping[str, object],
        best_of: int,
    ) -> dict[str, object]:
        """The JSON line."""
        protocol, generator = self.protocol, self.streams.generator
        source = self.real_clips.source if self.real_clips else None
        return {
            **self.common,
            'protocol': protocol.name,
            'source': protocol.source,
            'scores': self.scores(fakes),
            'network': self.network.identity if self.network else {'network': 'none: pixels'},
            'feature': protocol.feature or None,
            'lpips_sha256': self.streams.lpips.hash if self.streams.lpips and not self.network else None,
            'split': protocol.split if source else None,
            'window': protocol.window if source else None,
            'stride': getattr(source, 'stride', None),
            'real_clips': self.real_clips.count if protocol.needs_real else 0,
            'fake_clips': self.fake_count,
            'frames': generator.num_frames + self.context_frames,
            'context_frames': self.context_frames,
            'resolution': generator.resolution,
            'sampling': SAMPLING,
            'best_of': best_of if self.network is None else None,
            'repeats': len(fakes),
            'truncation': truncation,
            'standing_statistics': standing,
            'model': dict(model),
            'versions': report.versions(),
            'warnings': self.warnings(),
        }
