"""What the runners of TFLite and ONNX share: flags, inputs of a seed and a class, and the clip as a file."""

from __future__ import annotations

import argparse
import json
import os
from collections.abc import Sequence

import animated_png
import noise
import numpy as np


def make_parser(description: str) -> argparse.ArgumentParser:
    """The flags of a clip."""
    parser = argparse.ArgumentParser(description=description, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument('model', help='The file.')
    parser.add_argument('--label', default='0', help='A class by number, or by name where labels.txt is beside it.')
    parser.add_argument('--seed', type=int, default=0, help='Of 64 bits; the clip of bin/sample --seed.')
    parser.add_argument('--truncation', type=float, default=1.0, help='Standard deviation of the latent, 0 to 1.')
    parser.add_argument('--context', help='To continue clips: an npy file [C_frames, H, W, C], uint8 or numbers.')
    parser.add_argument('--threads', type=int, default=processors(), help='All processors by default.')
    parser.add_argument('--fps', type=float, default=8.0, help='Frames per second of the clip.')
    parser.add_argument('--output', required=True, help='The animated PNG to write; of numbers an npy file.')
    return parser


def processors() -> int:
    """How many processors this process may use."""
    return len(os.sched_getaffinity(0)) if hasattr(os, 'sched_getaffinity') else os.cpu_count() or 1


def make_inputs(
    arguments: argparse.Namespace, latent_size: int, context_shape: Sequence[int] | None, unit: str | None = None
) -> dict[str, np.ndarray]:
    """Inputs of `generate_float` for one clip.

    Args:
        arguments: of `make_parser`.
        latent_size: width of the latent.
        context_shape: [C_frames, H, W, C] of a model that continues clips.
        unit: of the numbers that the model takes and gives; None for one of pictures.

    Raises:
        OSError, ValueError: an argument cannot be used; the message says why.
    """
    if not 0.0 <= arguments.truncation <= 1.0:
        raise ValueError(f'--truncation is {arguments.truncation}; give a number from 0 to 1')
    latent = np.float32(arguments.truncation) * noise.normal(arguments.seed, latent_size)[np.newaxis]
    if context_shape is None:
        label = find_label(arguments.label, os.path.join(os.path.dirname(arguments.model), 'labels.txt'))
        return {'latent': latent, 'label': np.array([label], np.int32)}
    if arguments.context is None:
        raise ValueError('this generator continues clips; give it frames with --context')
    context, expected = read_array(arguments.context), tuple(context_shape)
    wanted = np.uint8 if unit is None else np.float32
    if context.dtype != wanted or context.shape != expected:
        raise ValueError(f'--context holds {context.dtype} {context.shape}; give {np.dtype(wanted)} {expected}')
    if unit is not None:
        return {'latent': latent, 'context': context[np.newaxis]}
    return {'latent': latent, 'context': context[np.newaxis].astype(np.float32) / np.float32(127.5) - np.float32(1)}


def find_label(name: str, path: str) -> int:
    """The number of a class.

    Args:
        name: its number, or its name if the path is that of labels.txt.
        path: where labels.txt would be.

    Raises:
        ValueError: there is no such class.
    """
    names = []
    if os.path.exists(path):
        with open(path, encoding='utf-8') as file:
            names = file.read().splitlines()
    if name in names:
        return names.index(name)
    if name.isascii() and name.isdecimal() and int(name) < (len(names) or 1 << 31):
        return int(name)
    known = f'0 to {len(names) - 1} or one of {", ".join(names[:10])}' if names else 'its number'
    raise ValueError(f'there is no class {name!r}; give {known}')


def read_array(path: str) -> np.ndarray:
    """An array of an npy file, which is refused if it would run code."""
    array = np.load(path, allow_pickle=False)
    if not isinstance(array, np.ndarray):
        raise ValueError(f'{path} holds several arrays; give an npy file of one')
    return array


def unit_of(model: str) -> str | None:
    """The unit of the numbers that a model takes and gives, by the metadata.json beside it; None for pictures."""
    path = os.path.join(os.path.dirname(model), 'metadata.json')
    if not os.path.exists(path):
        return None
    with open(path, encoding='utf-8') as file:
        scale = json.load(file).get('scale')
    return None if scale is None else scale.get('unit', '')


def write_numbers(path: str, clip: np.ndarray, unit: str) -> None:
    """Writes a clip of numbers in a unit, float32 [T, H, W, C], as an npy file.

    Raises:
        OSError, ValueError: it cannot be written, or the path is another's; the message says why.
    """
    if not path.endswith('.npy'):
        raise ValueError(f'--output is {path} and this model gives numbers, no pictures; give an npy file')
    np.save(path, clip)
    print(f'{path}: {len(clip)} frames, {unit}')


def write_clip(path: str, clip: np.ndarray, fps: float) -> None:
    """Writes a clip float32 [T, H, W, C] in [-1, 1].

    Raises:
        OSError, ValueError: it cannot be written, or holds no picture; the message says why.
    """
    if not np.isfinite(clip).all():
        raise ValueError('the model gives NaN or infinity')
    pixels = np.rint((np.clip(clip, -1.0, 1.0) + 1.0) * 127.5).astype(np.uint8)
    count, height, width, channels = pixels.shape
    if channels not in (1, 3):
        raise ValueError(f'frames of {channels} channels are no pictures')
    animated_png.write(path, [animated_png.still(width, height, frame.tobytes()) for frame in pixels], fps)
    print(f'{path}: {count} frames')
