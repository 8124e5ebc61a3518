"""From the sums of clips to scores with their spread and, for Frechet distances, their floor."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence

import numpy as np

from dvdgan_tf.evaluation.passes import Wanted
from dvdgan_tf.evaluation.protocols import Protocol
from dvdgan_tf.metrics import scores
from dvdgan_tf.metrics.networks.features import FeatureNetwork
from dvdgan_tf.metrics.samples import Parts

NEIGHBOURS = 3
Sums = Mapping[str, Wanted]
Scores = dict[str, dict[str, object]]


def jackknife(score: Callable[[object], float], sums: Parts) -> float | None:
    """Standard error of a score by leaving out each tenth of its clips; None with fewer than 20 clips."""
    count = len(sums.parts)
    if sums.count < 20 or count < 2:
        return None
    every = range(count)
    values = np.array([score(sums.union([part for part in every if part != left_out])) for left_out in every])
    return float(np.sqrt((count - 1) / count * np.square(values - values.mean()).sum()))


def target(real: Parts, count: int) -> list[int]:
    """The parts of the real clips that generated ones are compared with: the first so many clips."""
    return [index for index, end in enumerate(real.ends) if end <= count]


def floor(real: Parts, fake_count: int, ddof: int = 1) -> dict[str, object] | None:
    """Frechet distance between disjoint sets of real clips, of the sizes that were compared as far as there are clips.

    The held-out set has as many clips as were generated, or the part nearest to that, and at most half. None with
    fewer than four clips.
    """
    ends = np.array(real.ends)
    below_half = ends[:-1][2 * ends[:-1] >= ends[-1]]
    if not len(below_half):
        return None
    apart = below_half[np.argmin(np.abs(ends[-1] - below_half - fake_count))]
    first = real.union([index for index, end in enumerate(ends) if end <= apart])
    second = real.union([index for index, end in enumerate(ends) if end > apart])
    if min(first.count, second.count) < 2:
        return None
    return {'value': scores.frechet_distance(first, second, ddof), 'clips': [first.count, second.count]}


def mean_and_spread(values: Sequence[float], error: float | None) -> dict[str, object]:
    """The mean over repeats with their standard deviation (ddof = 0), or one value with its standard error."""
    if len(values) > 1:
        return {'value': float(np.mean(values)), 'spread': float(np.std(values)), 'spread_kind': 'std over repeats'}
    kind = None if error is None else 'jackknife standard error'
    return {'value': float(values[0]), 'spread': error, 'spread_kind': kind}


def frechet(real: Sums, fakes: Sequence[Sums], real_count: int, ddof: int = 1) -> Scores:
    """Frechet distance, its spread, and the floor that real clips set."""
    of_real: Parts = real['moments'].sums
    distance = scores.frechet_distance_from(of_real.union(target(of_real, real_count)), ddof)
    values = [distance(fake['moments'].sums.union()) for fake in fakes]
    error = jackknife(distance, fakes[0]['moments'].sums) if len(fakes) == 1 else None
    lowest = floor(of_real, fakes[0]['moments'].sums.count, ddof)
    return {'frechet': {**mean_and_spread(values, error), 'floor': lowest}}


def inception(fakes: Sequence[Sums]) -> Scores:
    """Inception score without splits, and over ten splits."""
    first: Parts = fakes[0]['entropies'].sums
    values = [scores.inception_score(fake['entropies'].sums.union()) for fake in fakes]
    error = jackknife(scores.inception_score, first) if len(fakes) == 1 else None
    filled = [part for part in first.parts if part.count]
    mean, std = scores.split_inception_score(filled)
    splits = {'splits': len(filled), 'mean': mean, 'std': std}
    return {'inception': {**mean_and_spread(values, error), 'over_splits': splits}}


def kernel(real: Sums, fakes: Sequence[Sums]) -> Scores:
    """Kernel distance on at most `samples.MAX_ROWS` clips of each side."""
    reference = real['rows'].sums.rows
    pairs = [scores.kernel_distance(reference, fake['rows'].sums.rows) for fake in fakes]
    spread = mean_and_spread([value for value, _ in pairs], pairs[0][1])
    if len(fakes) == 1:
        spread['spread_kind'] = None if pairs[0][1] is None else 'standard error over blocks'
    return {'kernel': {**spread, 'clips_used': [len(reference), len(fakes[0]['rows'].sums.rows)]}}


def precision_recall(real: Sums, fakes: Sequence[Sums]) -> Scores:
    """Precision and recall on at most `samples.MAX_ROWS` clips of each side; none where there are too few clips."""
    reference = real['rows'].sums.rows
    if min(len(reference), *(len(fake['rows'].sums.rows) for fake in fakes)) <= NEIGHBOURS:
        return {}
    pairs = [scores.precision_recall(reference, fake['rows'].sums.rows, NEIGHBOURS) for fake in fakes]
    used = [len(reference), len(fakes[0]['rows'].sums.rows)]
    return {
        name: {**mean_and_spread(values, None), 'clips_used': used}
        for name, values in zip(('precision', 'recall'), zip(*pairs))
    }


def of_features(names: Sequence[str], real: Sums, fakes: Sequence[Sums], count: int, ddof: int) -> Scores:
    """The scores of these names; the Frechet distance is to the first `count` real clips."""
    compute = {
        'frechet': lambda: frechet(real, fakes, count, ddof),
        'inception': lambda: inception(fakes),
        'kernel': lambda: kernel(real, fakes),
        'precision_recall': lambda: precision_recall(real, fakes),
    }
    found: Scores = {}
    for name in names:
        found.update(compute[name]())
    return found


def cautions(protocol: Protocol, network: FeatureNetwork, clips: int) -> list[str]:
    """What a reader must know of the network, and of the smaller number of clips of the two sides."""
    found, size = [], network.sizes.get(protocol.feature, 0)
    if not network.identity['published_weights']:
        found.append(f'{network.identity["network"]} weights {network.identity["weights"]}')
    if 'frechet' in protocol.scores and protocol.network != 'offline' and clips <= size:
        found.append(
            f'{protocol.name}: {clips} clips for {size} features: the covariance has no full rank and the distance is '
            'far too large; compare only at equal numbers of clips'
        )
    if 'precision_recall' in protocol.scores and clips <= NEIGHBOURS:
        found.append(f'{protocol.name}: precision and recall need more than {NEIGHBOURS} clips a set')
    return found


def closeness(fakes: Sequence[Sums], names: Sequence[str]) -> Scores:
    """Scores of predictions against the truth, each with its curve over the frames and that of the frame repeated.

    Columns of the sums are each score's frames in the order of names, then the same of the last frame repeated.
    """
    first = fakes[0]['scores'].sums.union()
    frames = first.size // (2 * len(names))
    means = [fake['scores'].sums.union().mean().reshape(2, len(names), frames) for fake in fakes]
    covariance = first.covariance().reshape(2, len(names), frames, 2, len(names), frames)
    found: Scores = {}
    for index, name in enumerate(names):
        error = float(np.sqrt(covariance[0, index, :, 0, index].mean() / first.count))  # of the mean over frames
        value = mean_and_spread([float(mean[0, index].mean()) for mean in means], error)
        if len(fakes) == 1:
            value['spread_kind'] = 'standard error over clips'
        found[name] = {
            **value,
            'by_frame': np.mean([mean[0, index] for mean in means], 0).tolist(),
            'last_frame_repeated': float(means[0][1, index].mean()),
            'last_frame_repeated_by_frame': means[0][1, index].tolist(),
        }
    return found
