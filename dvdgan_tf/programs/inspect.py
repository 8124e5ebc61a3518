"""Checks a folder that bin/prepare has filled, and shows what is in it.

  bin/inspect --data=records/
  bin/inspect --data=records/ --json
  bin/inspect --data=records/ --show=12

Exits with 1 if the records must not be used as they are.
"""

import json

from absl import flags

FLAGS = flags.FLAGS

flags.DEFINE_string('data', None, 'Folder of records, local, gs:// or s3://.', required=True)
flags.DEFINE_integer('num_frames', 16, 'Clips should be long enough for a window of this many frames.', 1)
flags.DEFINE_integer('stride', 1, 'Stride of that window.', 1)
flags.DEFINE_bool('json', False, 'Print the whole report as JSON.')
flags.DEFINE_string(
    'pictures', None, 'Folder for contact sheet and GIFs; not given: pictures/ in the folder of records.'
)
flags.DEFINE_integer('show', None, 'Show only this record of the split, as a GIF and its line of the index.', 0)
flags.DEFINE_string('split', 'train', 'Split that --show numbers.')

_LARGEST_SIDE = 96
_SHEET_CLIPS, _SHEET_FRAMES, _GIFS = 24, 12, 4


def main(argv):
    del argv
    from dvdgan_tf.data import inspect, records, remote

    remote.register(FLAGS.data, FLAGS.pictures or '')
    manifest = records.read_manifest(FLAGS.data)
    pictures = FLAGS.pictures or f'{FLAGS.data.rstrip("/")}/pictures'
    if FLAGS.show is not None:
        clip, line = inspect.read_clip(FLAGS.data, manifest, FLAGS.split, FLAGS.show)
        path = write_gif(pictures, f'{FLAGS.split}-{FLAGS.show}', clip, line)
        print(json.dumps({**line, 'class': manifest['classes'][line['label']], 'gif': path}, indent=2))
        return 0
    report = inspect.inspect(FLAGS.data, FLAGS.num_frames, FLAGS.stride)
    if not report['errors']:
        report['pictures'] = draw(manifest, pictures)
    print(json.dumps(report, indent=2) if FLAGS.json else inspect.describe(report))
    if not FLAGS.json:
        print('\n'.join(['', *report.get('pictures', [])]))
    return 1 if report['errors'] else 0


def draw(manifest, folder):
    """Writes a contact sheet for each split and a few GIFs; returns their paths."""
    import tensorflow as tf

    from dvdgan_tf.data import inspect
    from dvdgan_tf.sampling import sheets

    tf.io.gfile.makedirs(folder)
    paths = []
    for split, facts in manifest['splits'].items():
        paths.append(f'{folder}/{split}.png')
        clips = inspect.sample(FLAGS.data, manifest, split, _SHEET_CLIPS, _SHEET_FRAMES, _LARGEST_SIDE)
        sheets.contact_sheet(paths[-1], clips)
        for number in sorted({place * facts['clips'] // _GIFS for place in range(_GIFS)}):
            clip, line = inspect.read_clip(FLAGS.data, manifest, split, number)
            paths.append(write_gif(folder, f'{split}-{number}', clip, line))
    return paths


def write_gif(folder, name, clip, line):
    import tensorflow as tf

    from dvdgan_tf.sampling import video

    tf.io.gfile.makedirs(folder)
    path = f'{folder}/{name}.gif'
    video.write_gif(path, video.magnify(clip, video.viewing_factor(clip.shape[1])), line['fps'] or 10)
    return path
