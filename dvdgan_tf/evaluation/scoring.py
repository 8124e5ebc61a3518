"""From collected statistics to scores with their spread and, for Frechet distances, their floor."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence

import numpy as np

from dvdgan_tf.evaluation.collecting import Collector
from dvdgan_tf.metrics import scores

Fakes = Sequence[Mapping[str, Collector]]
Scores = dict[str, dict[str, object]]


def jackknife(score: Callable[[object], float], collector: Collector) -> float | None:
    """Standard error of a score by leaving out each tenth of its clips; None with fewer than 20 clips."""
    groups = len(collector.moments or collector.entropies)
    if collector.count < 20:
        return None
    values = np.array([score(collector.merged(without=index)) for index in range(groups)])
    return float(np.sqrt((groups - 1) / groups * np.square(values - values.mean()).sum()))


def floor(real: Collector) -> dict[str, object] | None:
    """Frechet distance between two disjoint halves of the real clips; None with fewer than four clips."""
    halves = [type(real.moments[0])(real.size) for _ in range(2)]
    for index, group in enumerate(real.moments):
        halves[index % 2].merge(group)
    if min(half.count for half in halves) < 2:
        return None
    return {'value': scores.frechet_distance(*halves), 'clips': [half.count for half in halves]}


def mean_and_spread(values: Sequence[float], error: float | None) -> dict[str, object]:
    """The mean over repeats with their standard deviation (ddof = 0), or one value with its standard error."""
    if len(values) > 1:
        return {'value': float(np.mean(values)), 'spread': float(np.std(values)), 'spread_kind': 'std over repeats'}
    kind = None if error is None else 'jackknife standard error'
    return {'value': float(values[0]), 'spread': error, 'spread_kind': kind}


def frechet(real: Mapping[str, Collector], fakes: Fakes) -> Scores:
    """Frechet distance, its spread, and the floor that real clips set."""
    target = real['moments'].merged()
    values = [scores.frechet_distance(target, fake['moments'].merged()) for fake in fakes]
    error = None
    if len(fakes) == 1:
        error = jackknife(lambda part: scores.frechet_distance(target, part), fakes[0]['moments'])
    return {'frechet': {**mean_and_spread(values, error), 'floor': floor(real['moments'])}}


def inception(real: Mapping[str, Collector], fakes: Fakes) -> Scores:
    """Inception score without splits, and over splits; real clips do not enter."""
    del real
    first = fakes[0]['entropies']
    values = [scores.inception_score(fake['entropies'].merged()) for fake in fakes]
    error = jackknife(scores.inception_score, first) if len(fakes) == 1 else None
    filled = [group for group in first.entropies if group.count]
    mean, std = scores.split_inception_score(filled)
    splits = {'splits': len(filled), 'mean': mean, 'std': std}
    return {'inception': {**mean_and_spread(values, error), 'over_splits': splits}}


def kernel(real: Mapping[str, Collector], fakes: Fakes) -> Scores:
    """Kernel distance on at most `collecting.MAX_ROWS` clips of each side."""
    target = real['rows'].rows
    pairs = [scores.kernel_distance(target, fake['rows'].rows) for fake in fakes]
    spread = mean_and_spread([value for value, _ in pairs], pairs[0][1])
    if len(fakes) == 1:
        spread['spread_kind'] = None if pairs[0][1] is None else 'standard error over blocks'
    return {'kernel': {**spread, 'clips_used': [len(target), len(fakes[0]['rows'].rows)]}}


def precision_recall(real: Mapping[str, Collector], fakes: Fakes) -> Scores:
    """Precision and recall on at most `collecting.MAX_ROWS` clips of each side."""
    pairs = [scores.precision_recall(real['rows'].rows, fake['rows'].rows) for fake in fakes]
    return {name: mean_and_spread(values, None) for name, values in zip(('precision', 'recall'), zip(*pairs))}


COMPUTE: dict[str, Callable[[Mapping[str, Collector], Fakes], Scores]] = {
    'frechet': frechet,
    'inception': inception,
    'kernel': kernel,
    'precision_recall': precision_recall,
}
