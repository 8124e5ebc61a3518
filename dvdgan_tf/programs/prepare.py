"""Prepares a data set once: videos, images or arrays become sharded records that training reads fast.

  bin/prepare --source=folder --input=videos/ --output=records/ --resolution=64

docs/data.md has the command for each data set. A run that was killed goes on when the same command is given again.
"""

import collections
import logging
import os
import shlex
import time

from absl import flags

from dvdgan_tf.progress import progress_line

_LOG = logging.getLogger(__name__)
_RAIN = (0.0, 128.0)  # mm/h; more is hail, or no rain
_SOURCES = ['folder', 'ucf101', 'kinetics', 'kth', 'something', 'bair', 'npz', 'radar', 'tar']

_SOURCE = flags.DEFINE_string(
    'source', None, f'The layout of the input: {", ".join(_SOURCES)}, or tfds:NAME.', required=True
)
_INPUT = flags.DEFINE_string('input', None, 'Folder or file of the data set, local, gs:// or s3://.', required=True)
_OUTPUT = flags.DEFINE_string('output', None, 'Folder for the records, local, gs:// or s3://.', required=True)
_RESOLUTION = flags.DEFINE_integer(
    'resolution', None, 'Shorter side of the stored frames; not given: the size of the source.', 1
)
_ENCODING = flags.DEFINE_enum(
    'encoding', None, ['jpeg', 'png', 'raw'], 'How frames are stored; not given: raw if exact, or jpeg.'
)
_QUALITY = flags.DEFINE_integer('quality', 95, 'Quality of JPEG.', 1, 100)
_CHANNELS = flags.DEFINE_enum(
    'channels', None, ['1', '3'], 'Store grey (1) or colour (3) frames; not given: as the source has.'
)
_FPS = flags.DEFINE_float(
    'fps', None, 'Resample videos to this rate by their time stamps; not given: every frame.', 1e-3
)
_DECODER = flags.DEFINE_enum('decoder', 'pyav', ['pyav', 'tfio'], 'What decodes videos.')
_CLIP_SECONDS = flags.DEFINE_float('clip_seconds', None, 'Cut films into clips of this length.', 1e-3)
_CLIP_FRAMES = flags.DEFINE_integer('clip_frames', None, 'Cut films into clips of so many frames.', 2)
_CLIP_STRIDE = flags.DEFINE_float(
    'clip_stride', None, 'From the start of a clip to the next, in its unit; not given: its length.', 1e-3
)
_SCENES = flags.DEFINE_bool('scenes', False, 'Cut films at changes of the scene; alone: each scene is a clip.')
_STRIP_FRAMES = flags.DEFINE_integer('strip_frames', None, 'Images hold so many frames of a clip side by side.', 2)
_SPLITS = flags.DEFINE_list('splits', [], 'Prepare only these splits; not given: all.')
_GROUP_REGEX = flags.DEFINE_string(
    'group_regex', None, 'Finds the group of a clip (a person, a recording) in its name.'
)
_TEST_GROUPS = flags.DEFINE_list('test_groups', [], 'Groups to hold out for testing.')
_TEST_FRACTION = flags.DEFINE_float('test_fraction', 0.0, 'Fraction of the groups to hold out for testing.')
_UCF101_SPLIT = flags.DEFINE_enum(
    'ucf101_split', 'all', ['1', '2', '3', 'all'], 'Official split; all puts every clip into train.'
)
_BAIR_CAMERA = flags.DEFINE_enum('bair_camera', 'image_aux1', ['image_aux1', 'image_main'], 'Camera of BAIR.')
_LAYOUT = flags.DEFINE_enum(
    'layout',
    None,
    ['NTHWC', 'TNHWC', 'NTCHW', 'TNCHW', 'NTHW', 'TNHW'],
    'Axes of arrays; not given: NTHWC or TNHW.',
)
_VALUE_RANGE = flags.DEFINE_list(
    'value_range', None, 'Lowest and highest value of arrays that are not uint8; of radar 0,128 unless given.'
)
_UNIT = flags.DEFINE_enum(
    'unit', None, ['mm/h', 'mm', 'dBZ'], 'Of radar whose files do not say it; mm are from frame to frame.'
)
_BEAM = flags.DEFINE_bool('beam', False, 'Let Apache Beam do the work, on the machines that --beam_options name.')
_BEAM_OPTIONS = flags.DEFINE_string('beam_options', '', 'Options of Beam, such as --runner=DataflowRunner --region=...')
_PROCESSES = flags.DEFINE_integer('processes', None, 'How many processes decode; not given: one for each CPU.', 1)
_SHARD_MB = flags.DEFINE_float('shard_mb', 256.0, 'A shard ends at about this size.', 0)
_SHARD_CLIPS = flags.DEFINE_integer('shard_clips', None, 'A shard also ends with this many clips.', 1)


def main(argv):
    del argv
    # Imported here because every decoding process runs this file up to main: they need no TensorFlow.
    from dvdgan_tf.data import remote
    from dvdgan_tf.prepare import holdout, preparation
    from dvdgan_tf.prepare.listing import Rules, parse_range
    from dvdgan_tf.prepare.sources import films

    remote.register(_INPUT.value, _OUTPUT.value)
    value_range = parse_range(_VALUE_RANGE.value) if _VALUE_RANGE.value else None
    if _SOURCE.value == 'radar':
        value_range = value_range or _RAIN
    listing = list_clips(value_range)
    cutting = films.Cutting(
        _CLIP_SECONDS.value, _CLIP_FRAMES.value, _CLIP_STRIDE.value, _SCENES.value, fps=_FPS.value
    )
    listing = films.cut(listing, cutting, Ticker('film'))
    kept = holdout.Holdout(_GROUP_REGEX.value, tuple(_TEST_GROUPS.value), _TEST_FRACTION.value)
    listing = holdout.only_splits(holdout.hold_out(listing, kept), _SPLITS.value)
    rules = Rules(
        encoding=_ENCODING.value or ('raw' if listing.lossless else 'jpeg'),
        short_side=_RESOLUTION.value,
        channels=int(_CHANNELS.value) if _CHANNELS.value else None,
        fps=_FPS.value,
        quality=_QUALITY.value,
        decoder=_DECODER.value,
    )
    output, given = _OUTPUT.value.rstrip('/'), {'name': _SOURCE.value, 'input': _INPUT.value.rstrip('/') or '/'}
    if _BEAM.value:
        from dvdgan_tf.prepare import beam
        from dvdgan_tf.prepare.split_writer import FullShard

        manifest = beam.prepare(
            listing,
            rules,
            output,
            source=given,
            options=shlex.split(_BEAM_OPTIONS.value),
            value_range=value_range or (0.0, 255.0),
            full=FullShard(_SHARD_MB.value, _SHARD_CLIPS.value),
        )
    else:
        manifest = preparation.prepare(
            listing,
            rules,
            output,
            source=given,
            value_range=value_range or (0.0, 255.0),
            processes=_PROCESSES.value or os.cpu_count(),
            shard_megabytes=_SHARD_MB.value,
            shard_clips=_SHARD_CLIPS.value,
            report=Ticker(),
        )
    summarise(manifest, preparation.skipped_clips(output))


def list_clips(value_range):
    """The clips of the input, by the layout that --source names."""
    from dvdgan_tf.errors import InputError
    from dvdgan_tf.prepare.sources import (
        array_files,
        folders,
        kth,
        lists,
        papers,
        something,
        tar_shards,
        tfds_source,
    )

    source, path = _SOURCE.value, _INPUT.value
    if source.startswith('tfds:'):
        return tfds_source.tfds_clips(source[len('tfds:') :], path)
    if source not in _SOURCES:
        raise InputError(f'there is no --source={source}: choose one of {", ".join(_SOURCES)}, or tfds:NAME.')
    if source == 'folder' and path.lower().endswith(lists.LIST_ENDINGS):
        return lists.list_clips(path)
    return {
        'folder': lambda: folders.list_folder(path, _STRIP_FRAMES.value),
        'ucf101': lambda: papers.ucf101(path, _UCF101_SPLIT.value),
        'kinetics': lambda: papers.kinetics(path),
        'kth': lambda: kth.kth(path),
        'something': lambda: something.something_something(path),
        'bair': lambda: papers.bair_pushing(path, _BAIR_CAMERA.value),
        'radar': lambda: list_radar(path),
        'npz': lambda: array_files.array_files(path, _LAYOUT.value, value_range),
        'tar': lambda: tar_shards.tar_clips(path),
    }[source]()


def list_radar(path):
    """The listing of --source=radar."""
    from dvdgan_tf.errors import InputError
    from dvdgan_tf.prepare.sources import radar

    useless = [name for name in ('resolution', 'channels', 'fps') if flags.FLAGS[name].present]
    if useless:
        raise InputError(
            f'--{useless[0]} has no use with --source=radar: rates keep their pixels and times, and training cuts '
            'crops out (pipeline.RecordClips.field); leave it out.'
        )
    return radar.radar_files(path, _UNIT.value)


class Ticker:
    """Logs the progress every few seconds: of a preparation, or of so many `what` out of a total."""

    def __init__(self, what=None):
        self._what = what
        self._began = time.monotonic()
        self._next = self._began + 2

    def __call__(self, progress, total=None):
        if time.monotonic() >= self._next or (total is None and progress.finished):
            _LOG.info(progress.line() if total is None else self._line(progress, total))
            self._next = time.monotonic() + 5

    def _line(self, done, total):
        seconds = (time.monotonic() - self._began) / max(1, done)
        return progress_line(self._what, done, total, f'{1 / seconds:.3g}/s', (total - done) * seconds)


def summarise(manifest, skipped):
    """Says what is in the folder now, what is odd about it, and what was left out and why."""
    output = _OUTPUT.value.rstrip('/')
    for name, split in manifest['splits'].items():
        size = sum(shard['bytes'] for shard in split['shards']) / 1e6
        used = sum(count > 0 for count in split['clips_per_class'])
        print(
            f'{name}: {split["clips"]} clips, {split["frames"]} frames, '
            f'{used} of {len(manifest["classes"])} classes, {len(split["shards"])} shards, {size:.1f} MB'
        )
    print(f'Records are in {output}; bin/inspect --data={output} checks and shows them.')
    if manifest.get('enlarged'):
        size = f'--resolution={_RESOLUTION.value}'
        print(f'warning: {manifest["enlarged"]} clips are smaller than {size} and were enlarged.')
    if manifest.get('elongated'):
        print(
            f'warning: the frames of {manifest["elongated"]} clips are more than four times as long as they are wide; '
            'if they are strips of frames, give --strip_frames.'
        )
    if skipped:
        reasons = collections.Counter(reason.split(' (')[0] for _, reason in skipped)
        print(f'{len(skipped)} clips were left out ({output}/skipped.jsonl has all):')
        for reason, count in reasons.most_common(10):
            example = next(name for name, other in skipped if other.startswith(reason))
            print(f'  {count} x {reason}, such as {example}')
