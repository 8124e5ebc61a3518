"""The protocol `nowcast`: a generator's ensembles of rain against what came, at each lead time, beside the references.

Windows of the split are drawn as in training, more often where it rains where the data are drawn so, and every score
weighs them so that it is that of even draws (DGMR, Ravuri et al. 2021). The references see the same context.
"""

from __future__ import annotations

import copy
import functools
import json
import logging
import os
from collections.abc import Callable, Iterator, Sequence

import numpy as np
import tensorflow as tf

from dvdgan_tf import files
from dvdgan_tf.data.stream import ClipSource
from dvdgan_tf.errors import InputError
from dvdgan_tf.evaluation.clips import Draw
from dvdgan_tf.evaluation.nowcast import curves, references
from dvdgan_tf.evaluation.results import report
from dvdgan_tf.metrics.verification import FSS_WINDOW, POOLS, THRESHOLDS, Verification, mean_over_leads

NAME = 'nowcast'
FORECASTS, MEMBERS = 64, 8
UNIT = 'mm/h'
_MODEL = 'model'
_SHOWN = ('crps', 'crps_average_16', 'csi_1', 'csi_4', 'fss_4', 'spectrum_distance')
_LOG = logging.getLogger(__name__)
_SOURCE = (
    'CSI, frequency bias (Wilks 2011), FSS (Roberts and Lean 2008), CRPS (Gneiting and Raftery 2007), pooled as in '
    'Ravuri et al. 2021; references by pysteps (Pulkkinen et al. 2019)'
)


class Nowcast:
    """Scores ensembles of forecasts.

    Args:
        forecasts: windows that are continued.
        members: forecasts of each.
        split: of the data.
        seed: of the windows and latents.
        against: references, see `references.find`; None for all that can be run here.

    Raises:
        InputError: a number is too small, or a reference cannot be run.
    """

    def __init__(
        self,
        forecasts: int = FORECASTS,
        members: int = MEMBERS,
        split: str = 'test',
        seed: int = 0,
        against: Sequence[str] | None = None,
    ) -> None:
        if forecasts < 1 or members < 1:
            raise InputError(f'nowcast was given {forecasts} forecasts of {members} members; give at least 1 of each.')
        self._forecasts, self._members, self._split, self._seed = forecasts, members, split, seed
        self._references = references.find(against)

    def evaluate(
        self,
        generator: tf.Module,
        data: ClipSource,
        model: dict[str, object],
        output_dir: str,
        truncation: float = 1.0,
        standing_statistics: int | None = None,
        log: Callable[[str], None] = _LOG.info,
    ) -> dict[str, object]:
        """The result, of which evaluation.jsonl gets all but the scores of every method; these are files beside it.

        Args:
            generator: continues context frames.
            data: the clips that it was trained on.
            model: what identifies the generator, such as its step.
            output_dir: where everything goes.
            truncation: sigma of the latents.
            standing_statistics: clips over which the generator's statistics were recomputed, for the result.
            log: takes lines of progress.

        Raises:
            InputError: the generator continues nothing, or the data cannot serve.
        """
        if not generator.context_frames:
            raise InputError('nowcast asks for the continuation of rain, and this model makes whole clips.')
        source = self._opened(data)
        found = {name: Verification() for name in (_MODEL, *self._references)}
        draw = Draw(self._seed, sigma=truncation)
        without_ensemble = 0
        for number, (clip, weight) in enumerate(self._windows(source)):
            context, truth = np.split(source.scale.measured(clip)[..., 0], [generator.context_frames])
            made = self._made(generator, draw, number, clip[: generator.context_frames])
            found[_MODEL].update(source.scale.to_numbers(made).numpy()[..., 0], truth, weight)
            given = np.nan_to_num(context)
            for name, reference in self._references.items():
                try:
                    members = reference(given, len(truth), self._members, self._seed + number)
                except references.NoEnsembleError:
                    members = references.advection(given, len(truth), self._members, self._seed + number)
                    without_ensemble += 1
                found[name].update(members, truth, weight)
            if (number + 1) % 8 == 0 or number + 1 == self._forecasts:
                log(f'{NAME}: {number + 1} of {self._forecasts} forecasts')
        tf.io.gfile.makedirs(output_dir)
        result = self._result(found, generator, source, model, truncation, standing_statistics)
        result['warnings'] = self._warnings(without_ensemble)
        line = {name: value for name, value in result.items() if name != 'methods'}  # of all, a file has room
        report.append(os.path.join(output_dir, report.FILE_NAME), [line])
        prefix = os.path.join(output_dir, f'{NAME}_{self._split}_{model["step"]}')
        files.write_atomically(f'{prefix}.json', json.dumps(result, indent=1) + '\n')
        log(', '.join([f'{prefix}.json', curves.write(result, prefix)]))
        return result

    def _opened(self, data: ClipSource) -> ClipSource:
        if data.scale.unit != UNIT:
            unit = data.scale.unit or 'not said'
            raise InputError(
                f'nowcast scores rain in {UNIT}, and the unit of these data is {unit}: bin/prepare --source=radar '
                'makes such data.'
            )
        source = copy.copy(data if data.split == self._split else data.of_split(self._split))
        source.seed = self._seed
        return source

    def _windows(self, source: ClipSource) -> Iterator[tuple[np.ndarray, float]]:
        """Clips [T, H, W, 1] of the split with their weights."""
        numbers = np.arange(self._forecasts)
        for (clip, _, _), weight in zip(source.evaluation(1, 'random', 'random', numbers), source.weights(numbers)):
            yield clip[0].numpy(), float(weight)

    def _made(self, generator: tf.Module, draw: Draw, number: int, context: np.ndarray) -> np.ndarray:
        """Members [S, T, H, W, 1] in [-1, 1] of one context."""
        wanted = number * self._members + np.arange(self._members)
        latents, labels = draw.samples(wanted, generator.num_classes, generator.latent_size)
        return _compiled(generator)(latents, labels, np.repeat(context[None], self._members, 0)).numpy()

    def _result(
        self,
        found: dict[str, Verification],
        generator: tf.Module,
        source: ClipSource,
        model: dict[str, object],
        truncation: float,
        standing_statistics: int | None,
    ) -> dict[str, object]:
        methods = {name: sums.scores() for name, sums in found.items()}
        last = methods.get('persistence', {})
        scores = {}
        for name in _SHOWN:
            value = mean_over_leads(methods[_MODEL], name)
            if value is not None:
                scores[name] = {'value': value, 'by_frame': methods[_MODEL][name]}
                beside = mean_over_leads(last, name) if last else None
                scores[name].update({} if beside is None else {'last_frame_repeated': beside})
        scores['crps']['spread'] = _error(*found[_MODEL].crps_by_forecast())
        scores['crps']['spread_kind'] = 'standard error over forecasts'
        return {
            'protocol': NAME,
            'source': _SOURCE,
            'scores': scores,
            'methods': methods,
            'paired': {name: _paired(found[_MODEL], sums) for name, sums in found.items() if name != _MODEL},
            'thresholds': list(THRESHOLDS),
            'pools': list(POOLS),
            'fss_window': FSS_WINDOW,
            'unit': UNIT,
            'split': self._split,
            'data': source.identity(),
            'members': self._members,
            'fake_clips': self._forecasts,
            'real_clips': self._forecasts,
            'seed': self._seed,
            'truncation': truncation,
            'standing_statistics': standing_statistics,
            'resolution': generator.resolution,
            'context_frames': generator.context_frames,
            'model': dict(model),
            'versions': report.versions(),
        }

    def _warnings(self, without_ensemble: int) -> list[str]:
        left = [name for name in references.PYSTEPS if name not in self._references]
        found = [f'nowcast: without {" and ".join(left)}, which pysteps makes'] if left else []
        if without_ensemble:
            share = f'{without_ensemble} of {self._forecasts}'
            found.append(f'nowcast: STEPS makes no ensemble of {share} contexts, mostly dry ones; advection instead')
        return found


def _error(values: np.ndarray, weights: np.ndarray) -> float:
    """Standard error of the weighted mean over forecasts of values [forecasts, T], averaged over the lead times."""
    means = np.nan_to_num(np.nanmean(values, 1))
    weights = weights / weights.sum()
    mean = (weights * means).sum()
    return float(np.sqrt(np.square(weights * (means - mean)).sum()))


def _paired(model: Verification, other: Verification) -> dict[str, object]:
    """CRPS of the model less that of another on the same forecasts: [T], and its standard error over all lead times."""
    (of_model, weights), (of_other, _) = model.crps_by_forecast(), other.crps_by_forecast()
    apart = of_model - of_other
    by_lead = (weights[:, None] * np.nan_to_num(apart)).sum(0) / weights.sum()
    return {'crps_less': by_lead.tolist(), 'error': _error(apart, weights)}


@functools.lru_cache(maxsize=1)
def _compiled(generator: tf.Module) -> Callable[..., tf.Tensor]:
    return tf.function(functools.partial(generator, training=False), autograph=False, reduce_retracing=True)
