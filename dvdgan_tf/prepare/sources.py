"""The layouts of the paper's data sets, and arrays: a function for each lists the clips without reading frames."""

import posixpath
import re
from typing import Optional, Sequence

import numpy as np

from dvdgan_tf.data import remote
from dvdgan_tf.errors import InputError
from dvdgan_tf.prepare import arrays, bair
from dvdgan_tf.prepare.folders import SPLIT_NAMES, VIDEO_ENDINGS, read_table
from dvdgan_tf.prepare.listing import TEST, TRAIN, BadClip, Listing, SourceClip

_UCF_NAME = re.compile(r'v_(?P<activity>[^_/]+)_(?P<group>g\d+)_c\d+$')
_KINETICS_NAME = re.compile(r'(?P<id>.{11})_(?P<start>\d{6})_(?P<end>\d{6})$')


def _stem(path: str) -> str:
    return posixpath.splitext(posixpath.basename(path))[0]


def _videos(folder: str) -> dict[str, str]:
    """Paths of the video files below a folder by their names without folder and ending."""
    return {_stem(path): path for path in remote.list_files(folder) if path.lower().endswith(VIDEO_ENDINGS)}


def ucf101(folder: str, split: str = 'all') -> Listing:
    """UCF-101 as unpacked: the videos, in class folders or not, and `ucfTrainTestlist/`.

    Args:
        folder: holds both, at any depth.
        split: '1', '2' or '3' of the official lists, or 'all', which puts everything into 'train' as the paper does.

    Raises:
        InputError: the lists are not there or damaged.
    """
    folder = folder.rstrip('/')
    lists = {posixpath.basename(path): path for path in remote.list_files(folder) if path.endswith('.txt')}
    names = ['classInd.txt'] + ([] if split == 'all' else [f'trainlist0{split}.txt', f'testlist0{split}.txt'])
    for name in names:
        if name not in lists:
            raise InputError(
                f'There is no {name} below {folder}: unpack UCF101TrainTestSplits-RecognitionTask.zip there.'
            )
    rows = {name: [line.split() for line in remote.read_text(f'{folder}/{lists[name]}').splitlines()] for name in names}
    try:
        classes = {name: int(number) - 1 for number, name in filter(None, rows['classInd.txt'])}
    except ValueError:
        raise InputError(f'{folder}/{lists["classInd.txt"]} is damaged: its lines are a number and a class.') from None
    if sorted(classes.values()) != list(range(len(classes))):
        raise InputError(f'{lists["classInd.txt"]} does not number its classes 1 to {len(classes)}: download it anew.')
    # HandstandPushups is spelt HandStandPushups in the names of its files.
    labels = {name.lower(): number for name, number in classes.items()}
    videos = _videos(folder)
    splits = dict.fromkeys(videos, TRAIN) if split == 'all' else {}
    for name, part in zip(names[1:], (TRAIN, TEST)):
        splits.update({_stem(row[0]): part for row in rows[name] if row})
    clips, absent = [], [(stem, 'is missing') for stem in sorted(set(splits) - set(videos))]
    for stem, path in sorted(videos.items()):
        match = _UCF_NAME.match(stem)
        if match is None:
            absent.append((path, 'is not named v_<Class>_g<group>_c<clip>'))
        elif match['activity'].lower() not in labels:
            absent.append((path, f'is of the class {match["activity"]}, which classInd.txt does not name'))
        elif stem not in splits:
            absent.append((path, f'is in no list of split {split}'))
        else:
            label, group = labels[match['activity'].lower()], f'{match["activity"]}_{match["group"]}'
            clips.append(SourceClip(stem, f'{folder}/{path}', 'video', label, splits[stem], group))
    return Listing(tuple(clips), tuple(sorted(classes, key=classes.get)), tuple(absent))


def kinetics(folder: str) -> Listing:
    """Kinetics-400, -600 or -700: videos at any depth, and the official CSV files of all wanted splits.

    Classes are numbered by sorted label. A file `<id>_<start>_<end>` is the clip; of a file `<id>` that is longer than
    the clip, the part between the two times is taken.

    Raises:
        InputError: there is no CSV file, or one lacks a column.
    """
    folder = folder.rstrip('/')
    tables = [path for path in remote.list_files(folder) if path.lower().endswith('.csv')]
    if not tables:
        raise InputError(f'There is no CSV file below {folder}: put the official lists of Kinetics there.')
    rows, absent = {}, []
    for table in tables:
        for row in read_table(f'{folder}/{table}', ['youtube_id', 'time_start', 'time_end']):
            try:
                start, end = (round(float(row[key])) for key in ('time_start', 'time_end'))
            except ValueError:
                absent.append((row['youtube_id'], f'has no times that are numbers in {table}'))
                continue
            word = row.get('split', '').lower()
            split = SPLIT_NAMES.get(word, word) or _split_of_name(_stem(table))
            label = row.get('label', '').replace('_', ' ').strip('"')
            rows.setdefault((row['youtube_id'], start, end), (label, split))
    class_names = sorted({label for label, _ in rows.values() if label})
    videos, used, clips = _videos(folder), set(), []
    for (video, start, end), (label, split) in sorted(rows.items()):
        name = f'{video}_{start:06d}_{end:06d}'
        stem = name if name in videos else video
        if not label:
            absent.append((name, 'has no label'))
        elif stem not in videos:
            absent.append((name, 'is missing'))
        else:
            place = None if stem == name else (float(start), float(end))
            path, label = f'{folder}/{videos[stem]}', class_names.index(label)
            clips.append(SourceClip(name, path, 'video', label, split, video, place))
        used.add(stem)
    absent += [(path, 'is named by no CSV file') for stem, path in sorted(videos.items()) if stem not in used]
    return Listing(tuple(clips), tuple(class_names), tuple(absent))


def _split_of_name(name: str) -> str:
    """The split that a file or array is named after, 'train' if after none."""
    words = re.split(r'[^a-z]+', name.lower())
    return next((SPLIT_NAMES[word] for word in words if word in SPLIT_NAMES), TRAIN)


def bair_pushing(folder: str, camera: str = 'image_aux1') -> Listing:
    """BAIR robot pushing as distributed: `softmotion30_44k/{train,test}/traj_*_to_*.tfrecords`.

    Args:
        folder: softmotion30_44k or a folder above it.
        camera: 'image_aux1', which the literature uses, or 'image_main'.

    Raises:
        InputError: there is no such file.
    """
    folder = folder.rstrip('/')
    clips, absent = [], []
    for path in remote.list_files(folder):
        if not path.endswith('.tfrecords'):
            continue
        split = next((SPLIT_NAMES[part] for part in path.split('/')[:-1] if part in SPLIT_NAMES), None)
        if split is None or not re.match(r'traj_\d+_to_\d+$', _stem(path)):
            absent.append((path, 'is not train/ or test/traj_<first>_to_<last>.tfrecords'))
            continue
        offsets, complaint = bair.record_offsets(f'{folder}/{path}')
        if complaint:
            absent.append((path, complaint))
        for number, offset in enumerate(offsets):
            name = f'{split}/{_stem(path)}#{number:03d}'
            clips.append(SourceClip(name, f'{folder}/{path}', 'bair', 0, split, name, place=(offset, camera)))
    return Listing(tuple(clips), ('robot pushing',), tuple(absent), lossless=True)


def array_files(path: str, layout: Optional[str] = None, value_range: Optional[Sequence[float]] = None) -> Listing:
    """Arrays in .npy or .npz files: uint8, or any other numbers with the range that becomes [-1, 1].

    Splits are told by the words train, test or validate in the names of files or of arrays in an .npz. An .npz may hold
    `labels` [N] beside its one array of clips.

    Args:
        path: a file or a folder of files.
        layout: order of the axes, such as NTHWC; not given: NTHWC with five axes, TNHW (Moving MNIST) with four.
        value_range: (lowest, highest) value; needed unless the arrays are uint8.

    Raises:
        InputError: nothing usable, or the value range is missing.
    """
    if path.lower().endswith(('.npy', '.npz')):
        folder, files = posixpath.dirname(path) or '.', [posixpath.basename(path)]
    else:
        folder = path.rstrip('/')
        files = [file for file in remote.list_files(folder) if file.lower().endswith(('.npy', '.npz'))]
    clips, absent, dtypes, channels = [], [], set(), set()
    for file in files:
        try:
            found, labels = _shapes(f'{folder}/{file}')
        except (BadClip, OSError) as error:
            absent.append((file, str(error)))
            continue
        for name, (shape, dtype) in found.items():
            order = layout or {5: 'NTHWC', 4: 'TNHW'}.get(len(shape))
            complaint = _complaint(shape, dtype, order, labels)
            if complaint:
                absent.append((f'{file}:{name}' if name else file, complaint))
                continue
            if value_range is None and dtype != np.uint8:
                raise _range_missing(f'{folder}/{file}', name)
            dtypes.add('uint8' if dtype == np.uint8 else 'float32')
            channels.add(shape[-1] if 'C' in order else 1)
            split = _split_of_name(f'{file}_{name}')
            stem = posixpath.splitext(file)[0] + (f':{name}' if name else '')
            for number in range(shape[order.index('N')]):
                label, clip = 0 if labels is None else int(labels[number]), f'{stem}#{number:06d}'
                place = number, name, order
                clips.append(SourceClip(clip, f'{folder}/{file}', 'array', label, split, clip, place=place))
    if len(dtypes) > 1 or len(channels) > 1:
        raise InputError(f'{path} mixes arrays of different types or channels: prepare them one by one.')
    num_classes = 1 + max((clip.label for clip in clips), default=0)
    names = tuple(str(label) for label in range(num_classes)) if num_classes > 1 else ('all',)
    return Listing(tuple(clips), names, tuple(absent), lossless=True, dtype=dtypes.pop() if dtypes else 'uint8')


def _shapes(path: str) -> tuple[dict[str, tuple[tuple[int, ...], np.dtype]], Optional[np.ndarray]]:
    """(shape, dtype) of the arrays of clips in a file by their names, and the labels if it has some."""
    if not path.lower().endswith('.npz'):
        return {'': arrays.header(path)}, None
    found = dict(arrays.read_archive(path))
    labels = found.pop('labels', None)
    return {name: (array.shape, array.dtype) for name, array in found.items()}, labels


def _complaint(shape: tuple[int, ...], dtype: np.dtype, order: Optional[str], labels: Optional[np.ndarray]) -> str:
    """Why an array cannot be used; empty if it can."""
    if order is None or len(shape) != len(order):
        return f'has the shape {shape}, which is not {order or "[N, T, H, W, C] or [T, N, H, W]"}'
    if 'C' in order and shape[-1] not in (1, 3):
        return f'has {shape[-1]} channels; 1 and 3 can be used'
    if not (np.issubdtype(dtype, np.integer) or np.issubdtype(dtype, np.floating)):
        return f'holds {dtype}, not numbers'
    count = shape[order.index('N')]
    if labels is not None and (labels.shape != (count,) or not np.issubdtype(labels.dtype, np.integer)):
        return f'holds {count} clips but labels of the shape {labels.shape} and type {labels.dtype}'
    if labels is not None and count and labels.min() < 0:
        return f'has the label {labels.min()}; labels count from 0'
    return ''


def _range_missing(path: str, name: str) -> InputError:
    with remote.open_input(path) as file:
        array = arrays.read_archive(path)[name] if name else np.load(file)
    low, high = np.nanmin(array), np.nanmax(array)
    return InputError(
        f'{path} holds {array.dtype} from {low:g} to {high:g}: say what becomes -1 and 1, as in '
        f'--value_range={low:g},{high:g}.'
    )
