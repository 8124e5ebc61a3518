"""Checks a folder that bin/prepare has filled, and shows what is in it.

  bin/inspect --data=records/
  bin/inspect --data=records/ --json
  bin/inspect --data=records/ --show=12

Exits with 1 if the records must not be used as they are.
"""

import json

from absl import flags

_DATA = flags.DEFINE_string('data', None, 'Folder of records, local, gs:// or s3://.', required=True)
_NUM_FRAMES = flags.DEFINE_integer('num_frames', 16, 'Clips should be long enough for a window of this many frames.', 1)
_STRIDE = flags.DEFINE_integer('stride', 1, 'Stride of that window.', 1)
_JSON = flags.DEFINE_bool('json', False, 'Print the whole report as JSON.')
_PICTURES = flags.DEFINE_string(
    'pictures', None, 'Folder for contact sheet and GIFs; not given: pictures/ in the folder of records.'
)
_SHOW = flags.DEFINE_integer('show', None, 'Show only this record of the split, as a GIF and its line of the index.', 0)
_SPLIT = flags.DEFINE_string('split', 'train', 'Split that --show numbers.')

_LARGEST_SIDE, _LARGEST_GIF_SIDE = 96, 320
_SHEET_CLIPS, _SHEET_FRAMES, _GIFS, _GIF_FRAMES = 24, 12, 4, 250


def main(argv):
    del argv
    from dvdgan_tf.data import inspect, records, remote, showing

    remote.register(_DATA.value, _PICTURES.value or '')
    manifest = records.read_manifest(_DATA.value)
    pictures = _PICTURES.value or f'{_DATA.value.rstrip("/")}/pictures'
    if _SHOW.value is not None:
        shard, line = showing.find_clip(_DATA.value, manifest, _SPLIT.value, _SHOW.value)
        path = write_gif(pictures, f'{_SPLIT.value}-{_SHOW.value}', shard, manifest, line)
        print(json.dumps({**line, 'class': manifest['classes'][line['label']], 'gif': path}, indent=2))
        return 0
    report = inspect.inspect(_DATA.value, _NUM_FRAMES.value, _STRIDE.value)
    if not report['errors']:
        report['pictures'] = draw(manifest, pictures)
    print(json.dumps(report, indent=2) if _JSON.value else inspect.describe(report))
    if not _JSON.value:
        print('\n'.join(['', *report.get('pictures', [])]))
    return 1 if report['errors'] else 0


def draw(manifest, folder):
    """Writes a contact sheet for each split and a few GIFs; returns their paths."""
    import tensorflow as tf

    from dvdgan_tf.data import showing
    from dvdgan_tf.sampling import sheets

    tf.io.gfile.makedirs(folder)
    paths = []
    for split, facts in manifest['splits'].items():
        paths.append(f'{folder}/{split}.png')
        clips = showing.sample(_DATA.value, manifest, split, _SHEET_CLIPS, _SHEET_FRAMES, _LARGEST_SIDE)
        sheets.contact_sheet(paths[-1], clips)
        for number in sorted({place * facts['clips'] // _GIFS for place in range(_GIFS)}):
            shard, line = showing.find_clip(_DATA.value, manifest, split, number)
            paths.append(write_gif(folder, f'{split}-{number}', shard, manifest, line))
    return paths


def write_gif(folder, name, shard, manifest, line):
    """Writes the beginning of a clip."""
    import tensorflow as tf

    from dvdgan_tf.data import showing
    from dvdgan_tf.sampling import video

    tf.io.gfile.makedirs(folder)
    path = f'{folder}/{name}.gif'

    def viewed(frame):
        small = showing.shrunk(frame, _LARGEST_GIF_SIDE)
        return video.magnify(small, video.viewing_factor(small.shape[0]))

    clip = showing.read_frames(shard, manifest, line, range(min(line['frames'], _GIF_FRAMES)), viewed)
    video.write_gif(path, clip, line['fps'] or 10)
    return path
