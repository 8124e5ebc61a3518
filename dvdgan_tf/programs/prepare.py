"""Prepares a data set once: videos, images or arrays become sharded records that training reads fast.

  bin/prepare --source=folder --input=videos/ --output=records/ --resolution=64

docs/data.md has the command for each data set. A run that was killed goes on when the same command is given again.
"""

import collections
import os
import sys
import time

from absl import flags

FLAGS = flags.FLAGS

flags.DEFINE_enum(
    'source', None, ['folder', 'ucf101', 'kinetics', 'bair', 'npz'], 'The layout of the input.', required=True
)
flags.DEFINE_string('input', None, 'Folder or file of the data set, local, gs:// or s3://.', required=True)
flags.DEFINE_string('output', None, 'Folder for the records, local, gs:// or s3://.', required=True)
flags.DEFINE_integer('resolution', None, 'Shorter side of the stored frames; not given: the size of the source.', 1)
flags.DEFINE_enum('encoding', None, ['jpeg', 'png', 'raw'], 'How frames are stored; not given: raw if exact, or jpeg.')
flags.DEFINE_integer('quality', 95, 'Quality of JPEG.', 1, 100)
flags.DEFINE_enum('channels', None, ['1', '3'], 'Store grey (1) or colour (3) frames; not given: as the source has.')
flags.DEFINE_float('fps', None, 'Resample videos to this rate by their time stamps; not given: every frame.', 1e-3)
flags.DEFINE_enum('decoder', 'pyav', ['pyav', 'tfio'], 'What decodes videos.')
flags.DEFINE_list('splits', [], 'Prepare only these splits; not given: all.')
flags.DEFINE_string('group_regex', None, 'Finds the group of a clip (a person, a recording) in its name.')
flags.DEFINE_list('test_groups', [], 'Groups to hold out for testing.')
flags.DEFINE_float('test_fraction', 0.0, 'Fraction of the groups to hold out for testing.')
flags.DEFINE_enum('ucf101_split', 'all', ['1', '2', '3', 'all'], 'Official split; all puts every clip into train.')
flags.DEFINE_enum('bair_camera', 'image_aux1', ['image_aux1', 'image_main'], 'Camera of BAIR.')
flags.DEFINE_enum('layout', None, ['NTHWC', 'TNHWC', 'NTHW', 'TNHW'], 'Axes of arrays; not given: NTHWC or TNHW.')
flags.DEFINE_list('value_range', None, 'Lowest and highest value of arrays that are not uint8.')
flags.DEFINE_integer('processes', None, 'How many processes decode; not given: one for each CPU.', 1)
flags.DEFINE_float('shard_mb', 256.0, 'A shard ends at about this size.', 0)
flags.DEFINE_integer('shard_clips', None, 'A shard also ends with this many clips.', 1)


def main(argv):
    del argv
    # Imported here because every decoding process runs this file up to main: they need no TensorFlow.
    from dvdgan_tf.data import remote
    from dvdgan_tf.prepare import folders, preparation, sources
    from dvdgan_tf.prepare.listing import Rules, parse_range

    remote.register(FLAGS.input, FLAGS.output)
    value_range = parse_range(FLAGS.value_range) if FLAGS.value_range else None
    if FLAGS.source == 'folder':
        listing = folders.list_folder(FLAGS.input)
    elif FLAGS.source == 'ucf101':
        listing = sources.ucf101(FLAGS.input, FLAGS.ucf101_split)
    elif FLAGS.source == 'kinetics':
        listing = sources.kinetics(FLAGS.input)
    elif FLAGS.source == 'bair':
        listing = sources.bair_pushing(FLAGS.input, FLAGS.bair_camera)
    else:
        listing = sources.array_files(FLAGS.input, FLAGS.layout, value_range)
    holdout = folders.Holdout(FLAGS.group_regex, tuple(FLAGS.test_groups), FLAGS.test_fraction)
    listing = folders.only_splits(folders.hold_out(listing, holdout), FLAGS.splits)
    manifest = preparation.prepare(
        listing,
        Rules(
            encoding=FLAGS.encoding or ('raw' if listing.lossless else 'jpeg'),
            short_side=FLAGS.resolution,
            channels=int(FLAGS.channels) if FLAGS.channels else None,
            fps=FLAGS.fps,
            quality=FLAGS.quality,
            decoder=FLAGS.decoder,
        ),
        FLAGS.output,
        source={'name': FLAGS.source, 'input': FLAGS.input},
        value_range=value_range or (0.0, 255.0),
        processes=FLAGS.processes or os.cpu_count(),
        shard_megabytes=FLAGS.shard_mb,
        shard_clips=FLAGS.shard_clips,
        report=Ticker(),
    )
    summarise(manifest, preparation.skipped_clips(FLAGS.output))


class Ticker:
    """Prints the progress every few seconds."""

    def __init__(self):
        self._next = time.monotonic() + 2

    def __call__(self, progress):
        if time.monotonic() >= self._next or progress.finished:
            print(progress.line(), file=sys.stderr, flush=True)
            self._next = time.monotonic() + 5


def summarise(manifest, skipped):
    """Says what is in the folder now, and what was left out and why."""
    for name, split in manifest['splits'].items():
        size = sum(shard['bytes'] for shard in split['shards']) / 1e6
        used = sum(count > 0 for count in split['clips_per_class'])
        print(
            f'{name}: {split["clips"]} clips, {split["frames"]} frames, '
            f'{used} of {len(manifest["classes"])} classes, {len(split["shards"])} shards, {size:.1f} MB'
        )
    print(f'Records are in {FLAGS.output}; bin/inspect --data={FLAGS.output} checks and shows them.')
    if skipped:
        reasons = collections.Counter(reason.split(' (')[0] for _, reason in skipped)
        print(f'{len(skipped)} clips were left out ({FLAGS.output}/skipped.jsonl has all):')
        for reason, count in reasons.most_common(10):
            example = next(name for name, other in skipped if other.startswith(reason))
            print(f'  {count} x {reason}, such as {example}')
