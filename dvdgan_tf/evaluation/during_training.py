"""Protocols as a part of training: scores every so many steps, and which step was best.

As bindings of an experiment:

    loop.train.evaluation = @during_training.ProtocolScores()
    during_training.ProtocolScores.names = ['offline_256']
    during_training.ProtocolScores.every = 1000
"""

from __future__ import annotations

import logging
import os
from collections.abc import Sequence

import tensorflow as tf

from dvdgan_tf.data.stream import ClipSource
from dvdgan_tf.distribute.strategy import Processes
from dvdgan_tf.errors import InputError
from dvdgan_tf.evaluation import protocols, recognition
from dvdgan_tf.evaluation.evaluate import Options, Places, evaluate
from dvdgan_tf.evaluation.extraction import Extractor
from dvdgan_tf.evaluation.jobs import Model, open_split
from dvdgan_tf.evaluation.results import report
from dvdgan_tf.metrics.networks.features import FeatureNetwork, c3d_network, i3d_network, offline_network

_LOG = logging.getLogger(__name__)

FOLDER = 'evaluation'


class ProtocolScores:
    """Evaluates a generator during training; the results are appended to work_dir/evaluation/evaluation.jsonl.

    Args:
        names: of protocols; offline_<clips> and recognition need no weights.
        i3d: weights of I3D, see `i3d_weights.checkpoint_prefix`; several for several networks.
        c3d: weights of C3D, and c3d_mean its mean file.
        c3d_mean: see c3d.
        num_samples: replaces the protocols' numbers of generated clips.
        batch_size: clips in a batch over all replicas, rounded up to a multiple of them.
        best_by: 'protocol/score' that decides which step is best; None for the first score of the first protocol.
        every: steps from one evaluation to the next.

    Raises:
        InputError: a protocol or best_by does not exist, or weights cannot be used.
    """

    def __init__(
        self,
        names: Sequence[str] = ('offline_256',),
        i3d: Sequence[str] = (),
        c3d: str | None = None,
        c3d_mean: str | None = None,
        num_samples: int | None = None,
        batch_size: int = 16,
        best_by: str | None = None,
        every: int = 1000,
    ):
        if not names:
            raise InputError(f'no protocol was given; choose from {", ".join(protocols.NAMES)}')
        self.every = every
        self._names = [name for name in names if name != recognition.NAME]
        self._recognition = None
        if recognition.NAME in names:
            self._recognition = recognition.Recognition(num_samples or recognition.SAMPLES)
        self._options, self._batch_size = Options(num_samples=num_samples), batch_size
        self._networks = load_networks(i3d, c3d, c3d_mean)
        self._extractor: Extractor | None = None
        self._opened: dict[tuple, ClipSource] = {}
        of_first = 'frechet' if names[0] == recognition.NAME else protocols.find(names[0]).scores[0]
        self.best_by = best_by or f'{names[0]}/{of_first}'
        if self.best_by.split('/')[0] not in names:
            raise InputError(f'best_by is {self.best_by!r}; give protocol/score with one of {", ".join(names)}.')

    def check(self, data: ClipSource) -> None:
        """Opens the real clips of every protocol, so that a split that is missing is known before training.

        Raises:
            InputError: the data cannot serve a protocol.
        """
        if self._recognition is not None:
            self._recognition.check(data)
        for protocol in map(protocols.find, self._names):
            if protocol.stride not in (None, data.stride):
                raise InputError(
                    f'{protocol.name} is for clips at stride {protocol.stride} and the data have {data.stride}; '
                    'evaluate by another protocol.'
                )
            open_split(protocol, data, self._opened)

    def __call__(
        self,
        generator: tf.Module,
        data: ClipSource,
        step: int,
        work_dir: str,
        strategy: tf.distribute.Strategy | None = None,
    ) -> dict[str, float]:
        """Evaluates; every process of a strategy calls this and gets the scores.

        Returns:
            scalars named protocol/score, and of Frechet distances protocol/score_floor and protocol/score_ceiling:
            between real clips, and of the untrained generator where step 0 was scored.
        """
        folder = os.path.join(work_dir, FOLDER)
        results = self._evaluate(generator, data, step, folder, strategy) if self._names else []
        if self._recognition is not None:
            if strategy is not None and Processes(strategy).several:
                raise InputError(f'{recognition.NAME} is for one process; leave it to bin/evaluate, on checkpoints.')
            results.append(self._recognition.evaluate(generator, data, {'step': step}, folder))
        return _scalars(results, report.read(os.path.join(folder, report.FILE_NAME)))

    def _evaluate(
        self,
        generator: tf.Module,
        data: ClipSource,
        step: int,
        folder: str,
        strategy: tf.distribute.Strategy | None,
    ) -> list[dict[str, object]]:
        if self._extractor is None:
            replicas = strategy.num_replicas_in_sync if strategy else 1
            self._extractor = Extractor(self._networks, -(-self._batch_size // replicas) * replicas, strategy)
        model = Model(generator, {'step': step}, data, opened=self._opened)
        places = Places(folder, folder)
        return evaluate(self._names, model, self._extractor, places, self._options, reuse=False, log=_LOG.info)

    def is_best(self, work_dir: str, step: int) -> bool:
        """Whether no other step of this work directory, in any run, scored better than this one."""
        protocol, score = self.best_by.split('/')
        values = {}
        for result in report.read(os.path.join(work_dir, FOLDER, report.FILE_NAME)):
            if result['protocol'] == protocol and score in result['scores']:
                values[result['model']['step']] = report.sign(score) * result['scores'][score]['value']
        return bool(values) and values.get(step) == min(values.values())


def _scalars(results: Sequence[dict], of_all_steps: Sequence[dict]) -> dict[str, float]:
    """Scores by protocol/score, and beside those that have a floor that and the ceiling, the score of step 0."""
    ceilings = {
        f'{result["protocol"]}/{name}': score['value']
        for result in of_all_steps
        if result['model']['step'] == 0
        for name, score in result['scores'].items()
    }
    scalars = {}
    for result in results:
        for name, score in result['scores'].items():
            scalar = f'{result["protocol"]}/{name}'
            scalars[scalar] = score['value']
            if score.get('floor'):
                scalars[f'{scalar}_floor'] = score['floor']['value']
                if scalar in ceilings:
                    scalars[f'{scalar}_ceiling'] = ceilings[scalar]
    return scalars


def load_networks(
    i3d: Sequence[str] = (),
    c3d: str | None = None,
    c3d_mean: str | None = None,
    backend: str = 'keras',
    half_pixel: bool = False,
) -> dict[str, FeatureNetwork]:
    """The offline network, and those whose weights are given, by name.

    Raises:
        InputError: weights cannot be used, two are of one network, or one of C3D's two files is missing.
    """
    networks = {'offline': offline_network()}
    for source in i3d:
        network = i3d_network(source, backend, half_pixel=half_pixel)
        if network.name in networks:
            raise InputError(f'{source} and another of the weights given are both {network.name}; give one of each.')
        networks[network.name] = network
    if (c3d is None) != (c3d_mean is None):
        raise InputError('C3D needs two files, its weights and its mean; give both.')
    if c3d is not None:
        for rule in ('tgan', 'tgan2'):
            networks[f'c3d-{rule}'] = c3d_network(c3d, c3d_mean, rule)
    return networks
