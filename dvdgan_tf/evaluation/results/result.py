"""The line of a result: scores beside the paper's numbers, what they depend on, and what a reader must know."""

from __future__ import annotations

from collections.abc import Sequence

from dvdgan_tf import __version__
from dvdgan_tf.evaluation.clips import SAMPLING, Draw
from dvdgan_tf.evaluation.jobs import Job
from dvdgan_tf.evaluation.results import report, scoring
from dvdgan_tf.evaluation.results.scoring import Scores, Sums


def scores_of(job: Job, real: Sums, fakes: Sequence[Sums], ddof: int) -> Scores:
    """Every score of a job over the repeats."""
    if job.paired:
        return scoring.closeness(fakes, job.score_names)
    return scoring.of_features(job.protocol.scores, real, fakes, job.target_count, ddof)


def paper_number(job: Job, score: str, sigma: float, ddof: int) -> tuple[float | None, str | None]:
    """The paper's number for a score, and why it does not stand beside this one where it does not.

    It stands only beside weights that are recognised as the published ones, and the paper's frames, resolution, split
    and number of clips.
    """
    protocol, generator = job.protocol, job.model.generator
    number = protocol.paper.get((job.model.frames, generator.resolution, score, protocol.split))
    if number is None:
        return None, None
    if not job.network.identity['published_weights']:
        return None, 'the weights are not recognised as the published ones'
    enough = protocol.recipe_clips or job.target_count * protocol.samples_per_context
    if job.fake_count < enough:
        return None, f'{job.fake_count} generated clips instead of {enough}'
    if protocol.real_clips is None and job.target_count <= job.network.sizes.get(protocol.feature, 0):
        return None, f'{job.target_count} real clips'
    if ddof != 1 or (not protocol.truncations and sigma != 1.0):
        return None, f'sigma {sigma:g}, ddof {ddof}'
    return number, None


def notes(job: Job) -> list[str]:
    """What a reader of the numbers must know."""
    protocol, generator = job.protocol, job.model.generator
    found = [f'{protocol.name}: {change}' for change in protocol.changes]
    if protocol.resolution not in (None, generator.resolution):
        found.append(f'{protocol.name} is for {protocol.resolution} pixels and the model makes {generator.resolution}')
    if job.ends and job.ends[-1] > job.real.available:
        found.append(f'{protocol.name}: {job.ends[-1]} windows of the {job.real.available} clips of {protocol.split}')
    if job.paired:
        return found + ([] if 'lpips' in job.score_names else ['LPIPS was left out: no weights were given'])
    return found + scoring.cautions(protocol, job.network, min(job.fake_count, job.target_count or job.fake_count))


def result(job: Job, scores: Scores, draw: Draw, setting: dict[str, object]) -> dict[str, object]:
    """The JSON line.

    Args:
        job: whose result it is.
        scores: of it.
        draw: how its samples were drawn, the repeat left aside.
        setting: what else the result depends on; goes into it as it is.
    """
    warnings = notes(job)
    for name, score in scores.items():
        score['paper'], reason = paper_number(job, name, draw.sigma, setting['ddof'])
        if reason:
            warnings.append(f"{job.protocol.name}: the paper's number is not beside this one: {reason}")
    protocol, generator, real = job.protocol, job.model.generator, job.real
    return {
        'protocol': protocol.name,
        'source': protocol.source,
        'scores': scores,
        'network': job.network.identity if job.network else {'network': 'none: pixels'},
        'feature': protocol.feature or None,
        'split': protocol.split if real else None,
        'window': protocol.window if real else None,
        'crop': protocol.crop if real else None,
        'stride': job.model.data.stride,
        'data': job.model.data.identity(),
        'real_clips': job.target_count,
        'fake_clips': job.fake_count,
        'frames': job.view.frames or job.model.frames,
        'every': job.view.every,
        'model_frames': job.model.frames,
        'context_frames': generator.context_frames,
        'resolution': generator.resolution,
        'sampling': SAMPLING,
        'seed': draw.seed,
        'repeats': protocol.repeats,
        'truncation': draw.sigma,
        'model': dict(job.model.identity),
        'versions': {'dvdgan_tf': __version__, **report.versions()},
        'warnings': warnings,
        **setting,
    }
