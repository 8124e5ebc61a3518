"""A folder of clips from any code base: videos, arrays and folders of frames."""

from __future__ import annotations

import hashlib
import json
import os
import zipfile
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass

import numpy as np
from PIL import Image

from dvdgan_tf.errors import InputError

ARRAYS = ('.npz', '.npy')
VIDEOS = ('.mp4', '.avi', '.mkv', '.mov', '.webm', '.gif')
PICTURES = ('.png', '.jpg', '.jpeg')


@dataclass(frozen=True)
class _Entry:
    """Clips of one array, or the one clip of a video or a folder of frames.

    Attributes:
        path: of the file or folder.
        array: its name in an npz file.
        clips: how many.
        shape: of each clip; None where it has to be decoded to know.
        single: whether the array is one clip and not several.
    """

    path: str
    array: str | None = None
    clips: int = 1
    shape: tuple[int, ...] | None = None
    single: bool = True


class FolderClips:
    """Clips of a folder: videos, folders of pictures, and npz or npy arrays [N, T, H, W, C] or [T, H, W, C].

    Arrays are uint8, or floats in [-1, 1] or [0, 1]; other arrays in a file of clips, such as labels, are passed over.
    Arrays are looked at when this is made, without reading their clips. Files are opened one at a time.

    Args:
        folder: looked through with all folders inside.
        decode: path of a video to frames uint8 [T, H, W, C].
        num_frames: the first so many frames of each clip; None where all have the same number.

    Attributes:
        count: clips in the folder.

    Raises:
        InputError: the folder holds no clips, or arrays that are not clips or of several shapes.
    """

    def __init__(self, folder: str, decode: Callable[[str], np.ndarray], num_frames: int | None = None):
        self.folder, self._decode, self._num_frames = folder, decode, num_frames
        if not os.path.isdir(folder):
            raise InputError(f'there is no folder {folder}; give two folders of videos, pictures or npz files.')
        self._paths = _paths(folder)
        self._entries = [entry for path in self._paths for entry in _entries(path)]
        if not self._entries:
            raise InputError(f'{folder} holds no videos, pictures, npz or npy files; give a folder of clips.')
        self.count = sum(entry.clips for entry in self._entries)
        self.encodings = sorted({os.path.splitext(path)[1].lower() or 'pictures' for path in self._paths})
        self.shape: tuple[int, ...] | None = None
        self.value_range: str | None = None
        for entry in self._entries:
            if entry.shape is not None:
                self._check_shape(entry.shape, entry.path)

    def key(self) -> dict[str, object]:
        """What tells this folder from others and from itself when a file changes."""
        facts = []
        for path in self._paths:
            status = os.stat(path)
            facts.append((os.path.relpath(path, self.folder), status.st_size, status.st_mtime_ns))
        digest = hashlib.sha256(json.dumps(facts).encode()).hexdigest()
        return {'files_sha256': digest, 'clips': self.count, 'num_frames': self._num_frames}

    def clips(self, wanted: Sequence[int]) -> Iterator[np.ndarray]:
        """The clips with these numbers, which rise: float32 [T, H, W, C] in [-1, 1].

        Raises:
            InputError: a clip cannot be read, is of another shape or range.
        """
        wanted, first = np.asarray(wanted), 0
        for entry in self._entries:
            inside = wanted[(wanted >= first) & (wanted < first + entry.clips)] - first
            if len(inside):
                read = self._read(entry)
                for place in inside:
                    clip = read if entry.single else read[place]
                    yield self._scaled(self._cut(clip, entry.path), entry.path)
            first += entry.clips

    def _read(self, entry: _Entry) -> np.ndarray:
        if entry.array is not None or entry.path.lower().endswith('.npy'):
            return _array(entry.path, entry.array)
        if os.path.isdir(entry.path):
            return _pictures(entry.path)
        return self._decode(entry.path)

    def _cut(self, clip: np.ndarray, path: str) -> np.ndarray:
        self._check_shape(clip.shape, path)
        return clip[: self._num_frames]

    def _check_shape(self, shape: tuple[int, ...], path: str) -> None:
        if self._num_frames is not None:
            if shape[0] < self._num_frames:
                raise InputError(f'{path} has {shape[0]} frames; lower --num_frames={self._num_frames}.')
            shape = (self._num_frames, *shape[1:])
        self.shape = self.shape or shape
        if shape != self.shape:
            raise InputError(
                f'{path} is {shape} where the clips before it are {self.shape} (frames, height, width, channels); '
                'make them equal, or give --num_frames for a common length.'
            )

    def _scaled(self, clip: np.ndarray, path: str) -> np.ndarray:
        """In [-1, 1]; all clips of a folder must have one range."""
        if clip.dtype == np.uint8:
            found, scaled = 'uint8', clip.astype(np.float32) / 127.5 - 1
        else:
            low, high = float(np.min(clip)), float(np.max(clip))
            if not (-1.001 <= low and high <= 1.001):
                raise InputError(f'{path} has floats in [{low:.4g}, {high:.4g}]; give [-1, 1], [0, 1] or uint8.')
            found = 'floats in [-1, 1]' if low < 0 else 'floats in [0, 1]'
            scaled = clip.astype(np.float32) if low < 0 else clip.astype(np.float32) * 2 - 1
        self.value_range = self.value_range or found
        if found != self.value_range:
            raise InputError(
                f'{path} looks like {found} and the clips before it like {self.value_range}; give uint8, which is sure.'
            )
        return scaled


def _paths(folder: str) -> list[str]:
    """Files of clips, and folders that hold pictures, in order of names."""
    found = []
    for place, _, names in os.walk(folder):
        files = [os.path.join(place, name) for name in names if name.lower().endswith((*ARRAYS, *VIDEOS))]
        pictures = any(name.lower().endswith(PICTURES) for name in names)
        found += files if files or not pictures else [place]
    return sorted(found)


def _entries(path: str) -> list[_Entry]:
    if not path.lower().endswith(ARRAYS):
        return [_Entry(path)]
    entries = []
    for name, (shape, dtype) in _headers(path).items():
        if len(shape) < 4 and name is not None:
            continue  # labels and such
        if len(shape) not in (4, 5) or shape[-1] not in (1, 3) or not (dtype == np.uint8 or dtype.kind == 'f'):
            raise InputError(
                f'{path} holds {dtype} {shape}; give [clips, frames, height, width, 1 or 3], uint8 or floats.'
            )
        single = len(shape) == 4
        entries.append(_Entry(path, name, 1 if single else shape[0], shape if single else shape[1:], single))
    return entries


def _headers(path: str) -> dict[str | None, tuple[tuple[int, ...], np.dtype]]:
    """Shape and type of every array of a file, by name; None is that of an npy file."""
    try:
        if path.lower().endswith('.npy'):
            array = np.load(path, mmap_mode='r', allow_pickle=False)
            return {None: (array.shape, array.dtype)}
        with zipfile.ZipFile(path) as archive:
            found = {}
            for name in archive.namelist():
                with archive.open(name) as stream:
                    version = np.lib.format.read_magic(stream)
                    read = np.lib.format.read_array_header_1_0 if version == (1, 0) else None
                    shape, _, dtype = (read or np.lib.format.read_array_header_2_0)(stream)
                found[name[: -len('.npy')] if name.endswith('.npy') else name] = (shape, dtype)
            return found
    except Exception as error:  # damaged archives raise whatever zip, zlib or NumPy think of first
        raise InputError(f'{path} cannot be read ({error}); write it again.') from error


def _array(path: str, name: str | None) -> np.ndarray:
    try:
        stored = np.load(path, allow_pickle=False)
        return stored if name is None else stored[name]
    except Exception as error:  # as above
        raise InputError(f'{path} cannot be read ({error}); write it again.') from error


def _pictures(folder: str) -> np.ndarray:
    """Frames uint8 [T, H, W, 1 or 3] of the pictures in a folder, in order of names."""
    names = sorted(name for name in os.listdir(folder) if name.lower().endswith(PICTURES))
    frames = []
    for name in names:
        path = os.path.join(folder, name)
        try:
            with Image.open(path) as picture:
                frame = np.asarray(picture if picture.mode in ('L', 'RGB') else picture.convert('RGB'))
        except (OSError, SyntaxError) as error:
            raise InputError(f'{path} cannot be read ({error}); write it again.') from error
        frames.append(frame[..., None] if frame.ndim == 2 else frame)
        if frames[-1].shape != frames[0].shape:
            raise InputError(f'{path} is {frames[-1].shape} where the first is {frames[0].shape}; make them equal.')
    return np.stack(frames)
