"""Scores a trained generator under named protocols, or two folders of clips, or this machine's metrics themselves.

  bin/evaluate --work_dir=runs/weizmann
  bin/evaluate --work_dir=runs/k600 --protocol=k600_fid_is,k600_truncation --i3d=i3d-kinetics-600_1
  bin/evaluate --files=real/,generated/ --i3d=i3d-kinetics-400_1
  bin/evaluate --selftest

Results are appended to work_dir/evaluation/evaluation.jsonl, one line each. A killed evaluation goes on when the same
command is given again. docs/metrics.md describes the protocols and where the weights come from.
"""

import contextlib
import hashlib
import os

import numpy as np
import tensorflow as tf
from absl import flags

from dvdgan_tf import trained
from dvdgan_tf.data import pipeline, records
from dvdgan_tf.distribute import strategy
from dvdgan_tf.errors import InputError
from dvdgan_tf.evaluation import during_training, evaluate, files, protocols, report, selftest, truncation
from dvdgan_tf.evaluation.streaming import count_clips, sample_inputs
from dvdgan_tf.metrics import prediction
from dvdgan_tf.models import standing
from dvdgan_tf.prepare.listing import BadClip, Rules

FLAGS = flags.FLAGS

flags.DEFINE_string('work_dir', None, 'The run, as given to bin/train.')
flags.DEFINE_list(
    'protocol', [], f'Separated by commas: {", ".join(protocols.NAMES)}. Not given: offline_256, or with fewer clips.'
)
flags.DEFINE_string(
    'checkpoint', 'newest', 'Step of the checkpoint to use, `newest`, `best`, or 0 for the untrained generator.'
)
flags.DEFINE_multi_string('i3d', [], 'I3D weights: TF-Hub module folder, checkpoint or https address; may be repeated.')
flags.DEFINE_enum('backend', 'keras', ['keras', 'hub'], 'What runs I3D: the port, or the graph of the hub module.')
flags.DEFINE_string('c3d', None, 'C3D weights: conv3d_deepnetA_ucf.npz.')
flags.DEFINE_string('c3d_mean', None, 'The mean of C3D: mean2.npz.')
flags.DEFINE_string('lpips', None, 'LPIPS weights as npz, for the protocol prediction.')
flags.DEFINE_integer('num_samples', None, "Generated clips instead of the protocol's number.")
flags.DEFINE_integer('repeats', None, "Repeats instead of the protocol's number.", 1)
flags.DEFINE_float('truncation', 1.0, 'Standard deviation of the latents, for protocols without a curve.', 0, 1)
flags.DEFINE_bool('standing_statistics', False, 'Recompute the normalisation for each sigma; curves run both ways.')
flags.DEFINE_bool('quantize', False, 'Round all clips to 256 levels first.')
flags.DEFINE_integer('best_of', 1, 'Samples per context of which the best counts, for the protocol prediction.', 1)
flags.DEFINE_string('split', None, "Split of the real clips instead of the protocol's.")
flags.DEFINE_string('statistics_dir', None, 'Where statistics of real clips are kept; next to the data by default.')
flags.DEFINE_integer('seed', 0, 'Of latents and labels.', 0)
flags.DEFINE_integer('batch_size', 16, 'Clips in a batch over all replicas.', 1)
flags.DEFINE_string('strategy', 'one_device', 'How the work is spread: one_device or mirrored.')
flags.DEFINE_bool('selftest', False, 'Compute known answers here, also the published ones of weights that are given.')
flags.DEFINE_list('files', None, 'Two folders of videos or npz files: real clips, then clips to score.')
flags.DEFINE_integer('num_frames', None, 'With --files: the first so many frames of each clip.', 1)
flags.DEFINE_string('output', None, 'With --files: where the result is appended as JSON lines; not given: nowhere.')


def main(_):
    if FLAGS.selftest:
        return check_machine()
    if FLAGS.files is not None:
        return compare_files()
    if FLAGS.work_dir is None:
        raise InputError('nothing to do was given; give --work_dir, or --files, or --selftest')
    return evaluate_run()


def load_networks():
    return during_training.load_networks(FLAGS.i3d, FLAGS.c3d, FLAGS.c3d_mean, FLAGS.backend)


def load_lpips():
    return prediction.LPIPS(FLAGS.lpips) if FLAGS.lpips else None


def check_machine():
    checks = list(selftest.closed_forms())
    networks, lpips = load_networks(), load_lpips()
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


def compare_files():
    if len(FLAGS.files) != 2:
        raise InputError(f'--files was given {len(FLAGS.files)} folders; give two, real clips and clips to score')
    folders = tuple(files.FileClips(folder, decode_video, FLAGS.num_frames) for folder in FLAGS.files)
    results = files.compare(folders, load_networks(), FLAGS.batch_size)
    if FLAGS.output:
        report.append(FLAGS.output, results)
    print(report.table(results))
    return 0


def decode_video(path):
    from dvdgan_tf.prepare import decoding  # needs PyAV

    try:
        frames = [picture for picture, *_ in decoding.video_frames(path, Rules())]
    except BadClip as error:
        raise InputError(f'{path} cannot be decoded ({error}); remove it or write it again') from error
    return np.stack(frames)


def evaluate_run():
    distribution = strategy.make_strategy(FLAGS.strategy)
    with distribution.scope():
        run = trained.open_trained(FLAGS.work_dir, FLAGS.checkpoint)
    output_dir = os.path.join(FLAGS.work_dir, during_training.FOLDER)
    results = evaluate.evaluate(
        names=FLAGS.protocol or [f'offline_{min(256, count_clips(run.data))}'],
        generator=run.generator,
        open_real=run.data.of_split,
        networks=load_networks(),
        output_dir=output_dir,
        model={'step': run.step, 'config_sha256': hashlib.sha256(run.config_text.encode()).hexdigest()},
        data=identity(run.data),
        statistics_dir=FLAGS.statistics_dir or beside_the_data(run.data) or output_dir,
        num_samples=FLAGS.num_samples,
        repeats=FLAGS.repeats,
        truncation=FLAGS.truncation,
        seed=FLAGS.seed,
        batch_size=FLAGS.batch_size,
        split=FLAGS.split,
        strategy=distribution,
        standing=standing_at(run) if FLAGS.standing_statistics else None,
        quantize=FLAGS.quantize,
        best_of=FLAGS.best_of,
        lpips=load_lpips(),
    )
    print(report.table(results))
    curve = [result for result in results if result['protocol'] == 'k600_truncation']
    if curve:
        level = truncation.best(curve)
        print(f'with truncation: sigma {level["sigma"]:g} has the best IS {level["is"]:.5g}, FID {level["fid"]:.5g}')
        print(', '.join(truncation.write(curve, os.path.join(output_dir, f'truncation_{run.step}'))))
    return 0


def identity(data):
    if not isinstance(data, pipeline.RecordClips):
        return {'source': type(data).__name__, 'seed': data.seed}
    manifest = records.read_optional(f'{data.data_dir}/{records.MANIFEST}')
    return {'source': 'records', 'manifest_sha256': hashlib.sha256(manifest.encode()).hexdigest()}


def beside_the_data(data):
    """A folder for statistics in that of the records, where one can be made."""
    folder = os.path.join(getattr(data, 'data_dir', ''), 'statistics')
    try:
        tf.io.gfile.makedirs(folder)
    except tf.errors.OpError:
        return None
    return folder if isinstance(data, pipeline.RecordClips) else None


def standing_at(run):
    """Opens standing statistics at a sigma."""
    generator = run.generator
    context = None
    if generator.context_frames:
        context = run.data.training(0, FLAGS.batch_size, FLAGS.batch_size)

    @contextlib.contextmanager
    def stand(sigma):
        frames = iter(context) if context else None

        def sample(batch):
            classes, size = generator.num_classes, generator.latent_size
            place = batch * FLAGS.batch_size
            latents, labels = sample_inputs(FLAGS.seed + 10**6, place, FLAGS.batch_size, sigma, classes, size)
            if frames is None:
                return latents, labels
            return latents, 0 * labels, next(frames)[0][:, : generator.context_frames]

        with standing.standing_statistics(generator, sample):
            yield

    return stand
