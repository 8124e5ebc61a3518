"""The root of bin/evaluate: scores of a generator under named protocols, every number with what it depends on."""

from __future__ import annotations

import contextlib
import dataclasses
import json
import os
from collections.abc import Iterator, Mapping, Sequence
from typing import Callable, ContextManager

import tensorflow as tf

from dvdgan_tf.errors import InputError
from dvdgan_tf.evaluation import collecting, protocols, report
from dvdgan_tf.evaluation.collecting import Collector
from dvdgan_tf.evaluation.runs import Run
from dvdgan_tf.evaluation.streaming import Features, Source, Streams
from dvdgan_tf.metrics import prediction
from dvdgan_tf.metrics.networks.features import FeatureNetwork


def evaluate(
    *,
    names: Sequence[str],
    generator: tf.Module,
    open_real: Callable[[str, int | None], Source],
    networks: Mapping[str, FeatureNetwork],
    output_dir: str,
    model: Mapping[str, object],
    data: Mapping[str, object],
    statistics_dir: str | None = None,
    num_samples: int | None = None,
    repeats: int | None = None,
    truncation: float = 1.0,
    seed: int = 0,
    batch_size: int = 8,
    split: str | None = None,
    strategy: tf.distribute.Strategy | None = None,
    standing: Callable[[float], ContextManager] | None = None,
    quantize: bool = False,
    best_of: int = 1,
    lpips: prediction.LPIPS | None = None,
    log: Callable[[str], None] = print,
) -> list[dict[str, object]]:
    """Evaluates under every protocol named; protocols that need the same clips share one pass over them.

    A killed evaluation goes on where it stopped when called again with the same arguments.

    Args:
        names: of protocols, see `protocols.NAMES`.
        generator: called as generator(latent [B, latent_size], label [B], training=False), with the context
            [B, context_frames, H, W, c] third where its `context_frames` is not 0; also has `num_classes`.
        open_real: opens the real clips of a split at a stride, None for that of the model.
        networks: feature networks by name.
        output_dir: where results are appended to evaluation.jsonl and unfinished passes are kept.
        model: what identifies the generator, such as its step and the hash of its configuration; part of every result.
        data: what identifies the real clips, such as the hash of their index; part of every result.
        statistics_dir: where statistics of real clips are kept; None for output_dir.
        num_samples: replaces the protocol's number of generated clips.
        repeats: replaces the protocol's number of repeats.
        truncation: sigma of the latents, for protocols without a curve.
        seed: of latents and labels; repeat r has seed + r.
        batch_size: clips in a batch over all replicas.
        split: replaces the protocol's split of the real clips.
        strategy: that the generator's variables were made under.
        standing: gives a context within which the generator's normalisation has statistics recomputed at a sigma;
            curves are then run with and without it, everything else only with it.
        quantize: round real and generated clips to 256 levels first.
        best_of: for `prediction`, samples per context of which the best counts, per score.
        lpips: for `prediction`.
        log: takes lines of progress.

    Returns:
        One result for each protocol and sigma, as written to evaluation.jsonl.

    Raises:
        InputError: a protocol cannot be run with this model, data and networks.
    """
    if not names:
        raise InputError(f'no protocol was given; choose from {", ".join(protocols.NAMES)}')
    chosen = [protocols.find(name) for name in dict.fromkeys(names)]
    if split is not None:
        chosen = [dataclasses.replace(protocol, split=split) for protocol in chosen]
    if repeats is not None:
        chosen = [dataclasses.replace(protocol, repeats=repeats) for protocol in chosen]
    streams = Streams(networks, batch_size, generator, strategy, quantize, lpips)
    common = {'seed': seed, 'quantized': quantize, 'data': dict(data)}
    runs = [Run(protocol, streams, open_real, num_samples, common) for protocol in chosen]
    tf.io.gfile.makedirs(output_dir)
    places = (statistics_dir or output_dir, output_dir)
    for run in runs:
        run.fill_real(places, log)
    curves = [run for run in runs if run.protocol.truncations]
    sigmas = {truncation: [run for run in runs if run not in curves]}
    for run in curves:
        for sigma in run.protocol.truncations:
            sigmas.setdefault(sigma, []).append(run)
    results = []
    for sigma, there in sorted(sigmas.items()):
        for stand in (None, standing) if standing else (None,):
            now = [run for run in there if run in curves or stand is standing]
            if now:
                setting = _Setting(sigma, stand is not None, seed, dict(model), best_of)
                with stand(sigma) if stand else contextlib.nullcontext():
                    results += _evaluate_setting(setting, now, streams, output_dir, log)
    report.append(os.path.join(output_dir, report.FILE_NAME), results)
    for path in tf.io.gfile.glob(os.path.join(output_dir, 'partial-*')):
        tf.io.gfile.remove(path)
    return results


@dataclasses.dataclass(frozen=True)
class _Setting:
    """Under which conditions clips are generated: all runs of one setting share them."""

    sigma: float
    standing: bool
    seed: int
    model: Mapping[str, object]
    best_of: int

    @property
    def label(self) -> str:
        return f'sigma {self.sigma:g}{", standing statistics" if self.standing else ""}'


def _evaluate_setting(
    setting: _Setting, runs: Sequence[Run], streams: Streams, output_dir: str, log: Callable[[str], None]
) -> list[dict[str, object]]:
    """The results of the runs under one setting, kept on disk until the whole evaluation is done."""
    key = {**dataclasses.asdict(setting), 'runs': [run.key() for run in runs], 'batch_size': streams.batch_size}
    kept = os.path.join(output_dir, f'partial-{collecting.short_hash(key)}.json')
    if tf.io.gfile.exists(kept):
        with tf.io.gfile.GFile(kept) as file:
            return json.load(file)
    fakes: list[list[dict[str, Collector]]] = [[] for _ in runs]
    for repeat in range(max(run.protocol.repeats for run in runs)):
        shared: dict[tuple, list[int]] = {}
        for index, run in enumerate(runs):
            if repeat < run.protocol.repeats:
                shared.setdefault(run.fake_source(), []).append(index)
        for members in shared.values():
            for index in members:
                fakes[index].append(runs[index].collectors(runs[index].fake_count, False))
            pairs = [(runs[index], fakes[index][-1]) for index in members]
            _fill(setting, repeat, pairs, streams, output_dir, {**key, 'repeat': repeat, 'members': members}, log)
    results = [
        run.result(own, setting.sigma, setting.standing, setting.model, setting.best_of)
        for run, own in zip(runs, fakes)
    ]
    with tf.io.gfile.GFile(f'{kept}.tmp', 'w') as file:
        json.dump(results, file)
    tf.io.gfile.rename(f'{kept}.tmp', kept, overwrite=True)
    for path in tf.io.gfile.glob(os.path.join(output_dir, 'partial-*.npz')):
        tf.io.gfile.remove(path)
    return results


def _fill(
    setting: _Setting,
    repeat: int,
    pairs: Sequence[tuple[Run, dict[str, Collector]]],
    streams: Streams,
    output_dir: str,
    key: Mapping[str, object],
    log: Callable[[str], None],
) -> None:
    """One pass over generated clips for all runs that can share them."""
    first_run = pairs[0][0]
    seed = setting.seed + repeat
    wanted = tuple(dict.fromkeys(run.network.name for run, _ in pairs if run.network))

    def batches(first: int) -> Iterator[Features]:
        if first_run.network is None:
            return streams.predicted(first_run.real_clips, first, seed, setting.sigma, setting.best_of)
        if first_run.context_frames:
            return streams.continued(first_run.real_clips, first, seed, setting.sigma, wanted)
        return streams.fake(first, seed, setting.sigma, wanted)

    names = ', '.join(run.protocol.name for run, _ in pairs)
    collecting.run_pass(
        f'{names}, {setting.label}, repeat {repeat + 1}',
        batches,
        [collector for _, own in pairs for collector in own.values()],
        os.path.join(output_dir, f'partial-{collecting.short_hash(key)}.npz'),
        key,
        log,
    )
