"""The layouts of the paper's data sets: a function for each lists the clips without reading frames."""

from __future__ import annotations

import posixpath
import re

from dvdgan_tf.data import remote
from dvdgan_tf.errors import InputError
from dvdgan_tf.prepare.listing import TEST, TRAIN, Listing, Part, SourceClip
from dvdgan_tf.prepare.sources import bair
from dvdgan_tf.prepare.sources.folders import SPLIT_NAMES, VIDEO_ENDINGS, named_split, split_name
from dvdgan_tf.prepare.sources.lists import read_table

_UCF_NAME = re.compile(r'v_(?P<activity>[^_/]+)_(?P<group>g\d+)_c\d+$')


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
                f'there is no {name} below {folder}: unpack UCF101TrainTestSplits-RecognitionTask.zip there.'
            )
    rows = {name: [line.split() for line in remote.read_text(f'{folder}/{lists[name]}').splitlines()] for name in names}
    try:
        classes = {name: int(number) - 1 for number, name in filter(None, rows['classInd.txt'])}
    except ValueError:
        raise InputError(f'{folder}/{lists["classInd.txt"]} is damaged: its lines are a number and a class.') from None
    if sorted(classes.values()) != list(range(len(classes))):
        raise InputError(f'{lists["classInd.txt"]} does not number its classes 1 to {len(classes)}: download it anew.')
    # HandstandPushups is spelt HandStandPushups in some names of files and in some lists.
    labels = {name.lower(): number for name, number in classes.items()}
    videos = _videos(folder)
    listed = dict.fromkeys(videos, TRAIN) if split == 'all' else {}
    for name, part in zip(names[1:], (TRAIN, TEST)):
        listed.update({_stem(row[0]): part for row in rows[name] if row})
    splits, present = {stem.lower(): part for stem, part in listed.items()}, {stem.lower() for stem in videos}
    clips, absent = [], [(stem, 'is missing') for stem in sorted(listed) if stem.lower() not in present]
    for stem, path in sorted(videos.items()):
        match = _UCF_NAME.match(stem)
        if match is None:
            absent.append((path, 'is not named v_<Class>_g<group>_c<clip>'))
        elif match['activity'].lower() not in labels:
            absent.append((path, f'is of the class {match["activity"]}, which classInd.txt does not name'))
        elif stem.lower() not in splits:
            absent.append((path, f'is in no list of split {split}'))
        else:
            label, group = labels[match['activity'].lower()], f'{match["activity"]}_{match["group"]}'
            clips.append(SourceClip(stem, f'{folder}/{path}', 'video', label, splits[stem.lower()], group))
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
        raise InputError(f'there is no CSV file below {folder}: put the official lists of Kinetics there.')
    rows, absent = _kinetics_rows(folder, tables)
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
            part = None if stem == name else Part(float(start), float(end), may_be_cut_already=True)
            path, label = f'{folder}/{videos[stem]}', class_names.index(label)
            clips.append(SourceClip(name, path, 'video', label, split, video, part))
        used.add(stem)
    absent += [(path, 'is named by no CSV file') for stem, path in sorted(videos.items()) if stem not in used]
    return Listing(tuple(clips), tuple(class_names), tuple(absent))


def _kinetics_rows(
    folder: str, tables: list[str]
) -> tuple[dict[tuple[str, int, int], tuple[str, str]], list[tuple[str, str]]]:
    """(label, split) by (video, start, end) out of all lists, and what cannot be used of them."""
    rows, absent, complaints = {}, [], []
    for table in tables:
        try:
            lines = read_table(f'{folder}/{table}', ['youtube_id', 'time_start', 'time_end'])
        except InputError as error:
            complaints.append(error)
            absent.append((table, 'is no list of Kinetics'))
            continue
        for row in lines:
            try:
                start, end = (round(float(row[key])) for key in ('time_start', 'time_end'))
            except (ValueError, OverflowError):
                absent.append((row['youtube_id'], f'has no times that are numbers in {table}'))
                continue
            split = split_name(row.get('split', '')) or named_split(_stem(table)) or TRAIN
            label = row.get('label', '').replace('_', ' ').strip('"')
            key = row['youtube_id'], start, end
            earlier = rows.setdefault(key, (label, split))
            if earlier[1] != split:
                # What is tested on must not be trained on.
                rows[key] = max(earlier, (label, split), key=lambda found: (found[1] != TRAIN, found[1]))
                name = f'{row["youtube_id"]}_{start:06d}_{end:06d}'
                absent.append((name, f'is listed in {earlier[1]} and in {split}: it is kept in {rows[key][1]} only'))
    if len(complaints) == len(tables):
        raise complaints[0]
    return rows, absent


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
