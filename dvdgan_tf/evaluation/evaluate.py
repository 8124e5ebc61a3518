"""The root of bin/evaluate: scores of a generator under named protocols, as a list of passes over clips and a loop."""

from __future__ import annotations

import contextlib
import os
from collections.abc import Callable, Iterator, Sequence
from dataclasses import asdict, dataclass

import tensorflow as tf

from dvdgan_tf.evaluation import passes, protocols
from dvdgan_tf.evaluation.clips import Draw
from dvdgan_tf.evaluation.extraction import Extractor, View
from dvdgan_tf.evaluation.jobs import Job, Model
from dvdgan_tf.evaluation.passes import Pass, Wanted
from dvdgan_tf.evaluation.results import report
from dvdgan_tf.evaluation.results.result import result, scores_of

Log = Callable[[str], None]


@dataclass(frozen=True)
class Options:
    """What may be asked for instead of a protocol's own.

    Attributes:
        num_samples: generated clips.
        repeats: times the generated set is made anew.
        split: of the real clips.
        truncation: sigma of the latents, for protocols without a curve.
        seed: of latents, labels and the choice of real clips.
        best_of: for `prediction`, samples per context of which the best counts, per score.
        ddof: of the covariances of Frechet distances; 0 matches some code bases.
    """

    num_samples: int | None = None
    repeats: int | None = None
    split: str | None = None
    truncation: float = 1.0
    seed: int = 0
    best_of: int = 1
    ddof: int = 1


@dataclass(frozen=True)
class Places:
    """Folders.

    Attributes:
        output: where results are appended to evaluation.jsonl and unfinished passes are kept.
        statistics: where sums of real clips are kept.
    """

    output: str
    statistics: str


def evaluate(
    names: Sequence[str],
    model: Model,
    extractor: Extractor,
    places: Places,
    options: Options = Options(),
    reuse: bool = True,
    log: Log = print,
) -> list[dict[str, object]]:
    """Evaluates under every protocol named; protocols that need the same clips share one pass over them.

    Called again with the same arguments it goes on where it was killed. On several processes all call it, see the same
    folders, and get the same results; one of them writes.

    Args:
        names: of protocols, see `protocols.NAMES`.
        model: what is scored.
        extractor: the networks, and how the work is spread.
        places: folders.
        options: instead of what the protocols say.
        reuse: whether a result that evaluation.jsonl has under the same key is taken from there.
        log: takes lines of progress.

    Returns:
        One result for each protocol and sigma, as appended to evaluation.jsonl.

    Raises:
        InputError: a protocol cannot be run with this model, data and networks.
    """
    chosen = protocols.choose(
        names, split=options.split, repeats=options.repeats, fake_clips=options.num_samples
    )
    jobs = [Job(protocol, model, extractor, options.seed) for protocol in chosen]
    log = log if extractor.processes.is_chief else _silent
    tf.io.gfile.makedirs(places.output)
    tf.io.gfile.makedirs(places.statistics)
    known = report.by_key(os.path.join(places.output, report.FILE_NAME)) if reuse else {}
    extractor.processes.wait()  # nobody appends before all have read
    results, real = [], None
    for setting in _settings(jobs, options, model):
        missing = [job for job in setting.jobs if setting.key(job, extractor) not in known]
        if missing and real is None:
            real = _real_sums(jobs, extractor, places, log)
        for new in _score(setting, missing, real, extractor, places.output, log):
            known[new['key']] = new
            if extractor.processes.is_chief:
                report.append(os.path.join(places.output, report.FILE_NAME), [new])
        results += [known[setting.key(job, extractor)] for job in setting.jobs]
    return results


@dataclass(frozen=True)
class _Setting:
    """Under which conditions clips are generated: all jobs of one setting share them."""

    sigma: float
    standing: bool
    options: Options
    jobs: tuple[Job, ...]

    @property
    def label(self) -> str:
        return f'sigma {self.sigma:g}{", standing statistics" if self.standing else ""}'

    def facts(self, job: Job, extractor: Extractor) -> dict[str, object]:
        """What the clips depend on beside the job."""
        standing = job.model.standing
        return {
            'standing_statistics': standing.clips if self.standing else None,
            'quantized': extractor.quantize,
            'best_of': self.options.best_of if job.paired else None,
            'ddof': self.options.ddof,
        }

    def key(self, job: Job, extractor: Extractor) -> str:
        """Of the result of a job."""
        facts = {**self.facts(job, extractor), 'sigma': self.sigma, 'seed': self.options.seed}
        return passes.short_hash({**job.key(), **facts, 'model': job.model.identity})

    def entered(self, model: Model) -> contextlib.AbstractContextManager:
        """Within it the generator's statistics are those of the setting."""
        return model.standing.at(self.sigma) if self.standing else contextlib.nullcontext()


def _settings(jobs: Sequence[Job], options: Options, model: Model) -> list[_Setting]:
    """Curves run at each of their sigmas, with and without standing statistics where there are any; others once."""
    curves = [job for job in jobs if job.protocol.truncations]
    at: dict[tuple[float, bool], list[Job]] = {}
    at[options.truncation, model.standing is not None] = [job for job in jobs if job not in curves]
    for job in curves:
        for sigma in job.protocol.truncations:
            for standing in (False, True) if model.standing else (False,):
                at.setdefault((sigma, standing), []).append(job)
    return [_Setting(*where, options, tuple(at[where])) for where in sorted(at) if at[where]]


def _real_sums(jobs: Sequence[Job], extractor: Extractor, places: Places, log: Log) -> dict[Job, dict[str, Wanted]]:
    """Sums of the real clips of every job: read where they were kept, or computed and kept."""
    sums = {job: job.real_wanted() for job in jobs}
    missing: dict[str, list[tuple[Job, Wanted, dict]]] = {}
    for job, own in sums.items():
        for wanted in own.values():
            key = {**job.real.key(), 'network': job.network.identity, 'quantized': extractor.quantize}
            if not passes.find_kept(places.statistics, wanted, key):
                missing.setdefault(passes.short_hash(job.real.key()), []).append((job, wanted, key))
    extractor.processes.wait()  # nobody keeps before all have looked
    for members in missing.values():
        first, named = members[0][0], {job.protocol.name: None for job, _, _ in members}
        count, wanted = max(job.ends[-1] for job, _, _ in members), [wanted for _, wanted, _ in members]
        pass_ = Pass(
            what=f'{", ".join(named)}, real clips',
            count=count,
            batches=_later(extractor.real, first.real, count, _views(wanted)),
            wanted=wanted,
            key={'clips': [key for _, _, key in members], 'batch_size': extractor.share.batch_size},
        )
        passes.run(pass_, places.output, extractor.processes, log)
        for _, complete, key in members if extractor.processes.is_chief else ():
            passes.keep(places.statistics, complete, key)
        passes.forget(pass_, places.output, extractor.processes)
    return sums


def _score(
    setting: _Setting,
    jobs: Sequence[Job],
    real: dict[Job, dict[str, Wanted]] | None,
    extractor: Extractor,
    folder: str,
    log: Log,
) -> Iterator[dict[str, object]]:
    """The results of jobs under one setting; the sums behind them are removed when all have been taken."""
    if not jobs:
        return
    finished: list[Pass] = []
    fakes: dict[Job, list[dict[str, Wanted]]] = {job: [] for job in jobs}
    with setting.entered(jobs[0].model):
        for pass_ in _generated_passes(setting, fakes, extractor):
            passes.run(pass_, folder, extractor.processes, log)
            finished.append(pass_)
    for job in jobs:
        facts = {**setting.facts(job, extractor), 'key': setting.key(job, extractor)}
        scores = scores_of(job, real[job], fakes[job], setting.options.ddof)
        yield result(job, scores, Draw(setting.options.seed, 0, setting.sigma), facts)
    for pass_ in finished:
        passes.forget(pass_, folder, extractor.processes)


def _generated_passes(setting: _Setting, fakes: dict[Job, list], extractor: Extractor) -> Iterator[Pass]:
    """One pass for each repeat and kind of clips, whose sums are added to `fakes`."""
    for repeat in range(max(job.protocol.repeats for job in fakes)):
        shared: dict[tuple, list[Job]] = {}
        for job in fakes:
            if repeat < job.protocol.repeats:
                shared.setdefault(job.source(), []).append(job)
        draw = Draw(setting.options.seed, repeat, setting.sigma)
        for members in shared.values():
            for job in members:
                fakes[job].append(job.fake_wanted())
            wanted = [wanted for job in members for wanted in fakes[job][-1].values()]
            count = max(job.fake_count for job in members)
            yield Pass(
                what=f'{", ".join(job.protocol.name for job in members)}, {setting.label}, repeat {repeat + 1}',
                count=count,
                batches=_generated_batches(members[0], count, wanted, draw, setting.options.best_of, extractor),
                wanted=wanted,
                key={
                    'draw': asdict(draw),
                    'jobs': [setting.key(job, extractor) for job in members],
                    'batch_size': extractor.share.batch_size,
                },
            )


def _generated_batches(
    job: Job, count: int, wanted: Sequence[Wanted], draw: Draw, best_of: int, extractor: Extractor
) -> Callable[[int], Iterator]:
    generator = job.model.generator
    if job.paired:
        return _later(extractor.predicted, generator, draw, job.real, best_of)
    return _later(extractor.generated, generator, draw, count, _views(wanted), job.contexts)


def _views(wanted: Sequence[Wanted]) -> tuple[View, ...]:
    return tuple(dict.fromkeys(each.view for each in wanted))


def _later(make: Callable, *arguments: object) -> Callable[[int], Iterator]:
    """`make(*arguments, first_batch=n)` as a function of n."""
    return lambda first: make(*arguments, first_batch=first)


def _silent(line: str) -> None:
    """Where another process speaks."""
