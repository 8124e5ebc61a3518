"""Scores a trained generator under named protocols, or two folders of clips, or this machine's metrics themselves.

  bin/evaluate --work_dir=runs/weizmann
  bin/evaluate --work_dir=runs/k600 --protocol=k600_fid_is,k600_truncation --i3d=i3d-kinetics-600_1
  bin/evaluate --work_dir=runs/a,runs/b,runs/c --checkpoints=every:10000
  bin/evaluate --files=real/,generated/ --i3d=i3d-kinetics-400_1
  bin/evaluate --selftest

Results are appended to work_dir/evaluation/evaluation.jsonl, one line each. A killed evaluation goes on when the same
command is given again, and what is there already is not computed anew. docs/metrics.md describes the protocols and
where the weights come from.
"""

from __future__ import annotations

import contextlib
import os
import sys
from collections.abc import Callable

import numpy as np
import tensorflow as tf
from absl import flags

from dvdgan_tf import saved_run, trust
from dvdgan_tf.data import pipeline
from dvdgan_tf.distribute import cluster, strategy
from dvdgan_tf.errors import InputError
from dvdgan_tf.evaluation import checkpoints, during_training, evaluate, protocols, recognition, selftest
from dvdgan_tf.evaluation.extraction import Extractor
from dvdgan_tf.evaluation.folders import clips, comparison
from dvdgan_tf.evaluation.jobs import Model
from dvdgan_tf.evaluation.nowcast import protocol as nowcast
from dvdgan_tf.evaluation.results import curve, report, truncation
from dvdgan_tf.metrics import prediction
from dvdgan_tf.models.standing import TOGETHER, StandingStatistics
from dvdgan_tf.prepare.listing import BadClip, Rules
from dvdgan_tf.work_dir.checkpoint import checkpoint_path, restore, saved_steps

flags.adopt_module_key_flags(trust)
_WORK_DIR = flags.DEFINE_list('work_dir', [], 'The run, as given to bin/train; several with --checkpoints.')
_PROTOCOL = flags.DEFINE_list(
    'protocol',
    [],
    f'Separated by commas: {recognition.NAME}, {nowcast.NAME}, {", ".join(protocols.NAMES)}. Not given: offline_256.',
)
_CHECKPOINT = flags.DEFINE_string(
    'checkpoint', 'newest', 'Step of the checkpoint to use, `newest`, `best`, or 0 for the untrained generator.'
)
_CHECKPOINTS = flags.DEFINE_string(
    'checkpoints', None, 'Many at once: all, steps like 1000,2000, or every:1000. Gives curves and the best step.'
)
_I3D = flags.DEFINE_multi_string(
    'i3d', [], 'I3D weights: TF-Hub module folder, checkpoint or https address; may be repeated.'
)
_BACKEND = flags.DEFINE_enum(
    'backend', 'keras', ['keras', 'hub'], 'What runs I3D: the port, or the graph of the hub module.'
)
_RESIZE = flags.DEFINE_enum(
    'resize', 'legacy', ['legacy', 'half_pixel'], "I3D's resizing: FVD's own, or that of some code bases."
)
_DDOF = flags.DEFINE_integer('ddof', 1, 'Of covariances; 0 matches some code bases.', 0, 1)
_C3D = flags.DEFINE_string('c3d', None, 'C3D weights: conv3d_deepnetA_ucf.npz.')
_C3D_MEAN = flags.DEFINE_string('c3d_mean', None, 'The mean of C3D: mean2.npz.')
_LPIPS = flags.DEFINE_string('lpips', None, 'LPIPS weights as npz, for the protocol prediction.')
_NUM_SAMPLES = flags.DEFINE_integer('num_samples', None, "Generated clips instead of the protocol's number.", 2)
_REPEATS = flags.DEFINE_integer('repeats', None, "Repeats instead of the protocol's number.", 1)
_TRUNCATION = flags.DEFINE_float(
    'truncation', 1.0, 'Standard deviation of the latents, for protocols without a curve.', 0, 1
)
_STANDING = flags.DEFINE_bool(
    'standing_statistics', False, 'Recompute the normalisation for each sigma; curves run both ways.'
)
_QUANTIZE = flags.DEFINE_bool('quantize', False, 'Round all clips to 256 levels first.')
_BEST_OF = flags.DEFINE_integer(
    'best_of', 1, 'Samples per context of which the best counts, for the protocol prediction.', 1
)
_MEMBERS = flags.DEFINE_integer('members', nowcast.MEMBERS, 'Of each ensemble, for the protocol nowcast.', 1)
_SPLIT = flags.DEFINE_string('split', None, "Split of the real clips instead of the protocol's.")
_STATISTICS_DIR = flags.DEFINE_string(
    'statistics_dir', None, 'Where sums of real clips are kept, by default next to the data; with --files, of all.'
)
_SEED = flags.DEFINE_integer('seed', 0, 'Of latents, labels and the choice of clips.', 0)
_BATCH_SIZE = flags.DEFINE_integer('batch_size', 16, 'Clips in a batch over all replicas.', 1)
_STRATEGY = flags.DEFINE_string(
    'strategy', 'one_device', f'How the work is spread: {", ".join(strategy.STRATEGIES)}.'
)
_SELFTEST = flags.DEFINE_bool(
    'selftest', False, 'Compute known answers here, also the published ones of weights that are given.'
)
_FILES = flags.DEFINE_list('files', None, 'Two folders of videos, pictures or arrays: real clips, then clips to score.')
_NUM_FRAMES = flags.DEFINE_integer('num_frames', None, 'With --files: the first so many frames of each clip.', 1)
_OUTPUT = flags.DEFINE_string(
    'output', None, 'With --files: where the result is appended as JSON lines. With --checkpoints: prefix of curves.'
)

_WEIGHTS = ('i3d', 'backend', 'resize', 'c3d', 'c3d_mean')
_BOTH = ('protocol', 'ddof', 'quantize', 'statistics_dir', 'seed', 'batch_size', 'strategy', *_WEIGHTS)
_OF_A_MODEL = (
    *('lpips', 'num_samples', 'repeats', 'truncation', 'standing_statistics', 'best_of', 'members', 'split'),
    *_BOTH,
)
_USES = {
    'selftest': ('selftest', 'lpips', *_WEIGHTS),
    'files': ('files', 'num_frames', 'output', *_BOTH),
    'checkpoints': ('work_dir', 'checkpoints', 'output', *_OF_A_MODEL),
    'work_dir': ('work_dir', 'checkpoint', *_OF_A_MODEL),
}


def main(_: list) -> int:
    given = {name for names in _USES.values() for name in names if flags.FLAGS[name].present}
    mode = next((name for name in _USES if name in given), None)
    if mode is None:
        raise InputError('nothing to do was given; give --work_dir, or --files, or --selftest.')
    useless = sorted(given - set(_USES[mode]))
    if useless:
        raise InputError(f'--{", --".join(useless)} has no use with --{mode}; leave it away.')
    modes = {
        'selftest': check_machine,
        'files': compare_files,
        'checkpoints': evaluate_checkpoints,
        'work_dir': evaluate_run,
    }
    return modes[mode]()


def load_networks() -> dict:
    half_pixel = _RESIZE.value == 'half_pixel'
    return during_training.load_networks(_I3D.value, _C3D.value, _C3D_MEAN.value, _BACKEND.value, half_pixel)


def check_machine() -> int:
    checks = list(selftest.closed_forms())
    networks = load_networks()
    lpips = prediction.LPIPS(_LPIPS.value) if _LPIPS.value else None
    if 'i3d-400' in networks:
        print('I3D-400 is given its published inputs; 256 clips take minutes on a CPU', flush=True)
        checks += selftest.i3d_400_answers(networks['i3d-400'])
    if lpips:
        checks += selftest.lpips_answers(lpips)
    for check in checks:
        print(check.line())
    failed = sum(not check.passed for check in checks)
    print(f'{len(checks) - failed} of {len(checks)} passed')
    return int(failed > 0)


def compare_files() -> int:
    if len(_FILES.value) != 2:
        raise InputError(f'--files was given {len(_FILES.value)} folders; give two, real clips and clips to score.')
    if _OUTPUT.value:
        report.check_writable(_OUTPUT.value)
    with cluster.naming_lost_peers():
        distribution = strategy.make_strategy(_STRATEGY.value)
        folders = tuple(clips.FolderClips(place, decode_video, _NUM_FRAMES.value) for place in _FILES.value)
        extractor = Extractor(load_networks(), _BATCH_SIZE.value, distribution, _QUANTIZE.value)
        how = comparison.Comparison(_PROTOCOL.value, _SEED.value, _DDOF.value, _STATISTICS_DIR.value)
        log = print if extractor.processes.is_chief else lambda line: None
        results = comparison.compare(folders, extractor, how, log)
        if extractor.processes.is_chief:
            print(report.table(results))
            if _OUTPUT.value:
                report.append(_OUTPUT.value, results)
        extractor.processes.wait()  # nobody leaves before the chief has written
    return 0


def decode_video(path: str) -> np.ndarray:
    from dvdgan_tf.prepare.decoders import pyav  # needs PyAV

    try:
        frames = [picture for picture, *_ in pyav.video_frames(path, Rules())]
    except BadClip as error:
        raise InputError(f'{path} cannot be decoded ({error}); remove it or write it again.') from error
    return np.stack(frames)


class Scorer:
    """Scores one run after the other as the flags say."""

    def __init__(self) -> None:
        self.distribution = strategy.make_strategy(_STRATEGY.value)
        lpips = prediction.LPIPS(_LPIPS.value) if _LPIPS.value else None
        networks = load_networks()
        self.extractor = Extractor(networks, _BATCH_SIZE.value, self.distribution, _QUANTIZE.value, lpips)

    def open(self, work_dir: str, checkpoint: str) -> Opened:
        with self.distribution.scope():
            return Opened(self, trust.open_run(work_dir, checkpoint))

    def score(self, run: saved_run.Run, model: Model) -> list:
        output = os.path.join(run.work_dir, during_training.FOLDER)
        first = os.path.join(_WORK_DIR.value[0], during_training.FOLDER)
        places = evaluate.Places(output, _STATISTICS_DIR.value or beside_the_data(run.data) or first)
        asked = (_NUM_SAMPLES, _REPEATS, _SPLIT, _TRUNCATION, _SEED, _BEST_OF, _DDOF)
        options = evaluate.Options(*(flag.value for flag in asked))
        names = _PROTOCOL.value or ['offline_256']
        results = []
        for name, make in ((recognition.NAME, self._recognition), (nowcast.NAME, self._nowcast)):
            if name in names:
                results.append(self._alone(name, make, model, output))
        others = [name for name in names if name not in (recognition.NAME, nowcast.NAME)]
        return results + (evaluate.evaluate(others, model, self.extractor, places, options) if others else [])

    def _alone(self, name: str, make: Callable, model: Model, output: str) -> dict:
        """The result of a protocol that goes through the clips by itself."""
        if self.extractor.processes.several:
            raise InputError(f'{name} is for one process; evaluate it apart from the other protocols.')
        protocol, sigma = make(), _TRUNCATION.value
        with model.standing.at(sigma) if model.standing else contextlib.nullcontext():
            standing = model.standing.clips if model.standing else None
            return protocol.evaluate(model.generator, model.data, model.identity, output, sigma, standing, print)

    @staticmethod
    def _recognition() -> recognition.Recognition:
        return recognition.Recognition(_NUM_SAMPLES.value or recognition.SAMPLES, seed=_SEED.value)

    @staticmethod
    def _nowcast() -> nowcast.Nowcast:
        forecasts = _NUM_SAMPLES.value or nowcast.FORECASTS
        return nowcast.Nowcast(forecasts, _MEMBERS.value, _SPLIT.value or 'test', _SEED.value)


class Opened:
    """A run with its generator."""

    def __init__(self, scorer: Scorer, run: saved_run.Run) -> None:
        self.run, self.config_text, self._scorer = run, run.config_text, scorer
        self._opened: dict = {}
        self._standing = standing_of(run) if _STANDING.value else None

    def score(self, step: int) -> list:
        """The results of the checkpoint of a step."""
        run = self.run
        if step != run.step:
            path = checkpoint_path(run.work_dir, step)
            problem = restore(tf.train.Checkpoint(ema_generator=run.generator), path, partial=True)
            if problem is not None:
                run.step = None  # half of another step
                raise InputError(f'the checkpoint {path} is gone or damaged ({problem}).')
            run.step = step
        model = Model(run.generator, run.identity(), run.data, self._standing, self._opened)
        return self._scorer.score(run, model)


def evaluate_run() -> int:
    if len(_WORK_DIR.value) != 1:
        raise InputError(f'--work_dir was given {len(_WORK_DIR.value)} folders; give one, or say which --checkpoints.')
    with cluster.naming_lost_peers():
        scorer = Scorer()
        opened = scorer.open(_WORK_DIR.value[0], _CHECKPOINT.value)
        results = opened.score(opened.run.step)
        if scorer.extractor.processes.is_chief:
            folder = os.path.join(opened.run.work_dir, during_training.FOLDER)
            show(results, os.path.join(folder, f'truncation_{opened.run.step}'))
        scorer.extractor.processes.wait()  # nobody leaves before the chief has written
    return 0


def evaluate_checkpoints() -> int:
    problems: list[str] = []
    prefix = _OUTPUT.value or os.path.join(_WORK_DIR.value[0], during_training.FOLDER, 'checkpoints')
    os.makedirs(os.path.dirname(prefix) or '.', exist_ok=True)
    report.check_writable(f'{prefix}.json')

    def steps_of(work_dir: str) -> list[int]:
        return checkpoints.choose_steps(_CHECKPOINTS.value, saved_steps(work_dir), work_dir)

    def problem(sentence: str) -> None:
        print(f'error: {sentence}', file=sys.stderr, flush=True)
        problems.append(sentence)

    with cluster.naming_lost_peers():
        scorer = Scorer()
        found = checkpoints.score_all(
            _WORK_DIR.value, lambda place: scorer.open(place, str(steps_of(place)[0])), steps_of, problem
        )
        if scorer.extractor.processes.is_chief:
            for number, curves in enumerate(found, 1):
                print(curve.table(curves))
                print(', '.join(curve.write(curves, prefix if number == 1 else f'{prefix}_{number}')))
        scorer.extractor.processes.wait()
    return 2 if problems else 0


def show(results: list, prefix: str) -> None:
    print(report.table(results))
    curve = [result for result in results if result['protocol'] == 'k600_truncation']
    if curve:
        level = truncation.best(curve)
        print(f'with truncation: sigma {level["sigma"]:g} has the best IS {level["is"]:.5g}, FID {level["fid"]:.5g}')
        print(', '.join(truncation.write(curve, prefix)))


def beside_the_data(data: object) -> str | None:
    """A folder for statistics in that of the records, where one can be made."""
    if not isinstance(data, pipeline.RecordClips):
        return None
    place = os.path.join(data.data_dir, 'statistics')
    try:
        tf.io.gfile.makedirs(place)
    except tf.errors.OpError:
        return None
    return place


def standing_of(run: saved_run.Run) -> StandingStatistics:
    """By the rule of training, on the clips that it begins with."""
    real = run.data.training(0, TOGETHER, TOGETHER) if run.generator.context_frames else None
    return StandingStatistics(run.generator, _SEED.value, real)
