"""Frames of one clip of any kind of source, resized and with the wanted channels."""

from __future__ import annotations

import contextlib
import io
import shutil
import tempfile
from collections.abc import Iterator
from typing import BinaryIO

import numpy as np
from PIL import Image, ImageOps

from dvdgan_tf.data import remote
from dvdgan_tf.errors import InputError
from dvdgan_tf.files import is_remote
from dvdgan_tf.prepare.decoders import arrays
from dvdgan_tf.prepare.listing import BadClip, Frame, Rules, SourceClip
from dvdgan_tf.prepare.sources import bair


def clip_frames(clip: SourceClip, rules: Rules) -> Iterator[Frame]:
    """The frames of a clip.

    Args:
        clip: where it is.
        rules: size, channels, frame rate and decoder.

    Raises:
        BadClip: this clip cannot be read, for whatever reason that is its own.
        InputError: what concerns other clips too: a decoder or an object store that is not there.
    """
    readers = {
        'video': _video,
        'tar': _in_tar,
        'images': _images,
        'strip': _strip,
        'array': _array,
        'radar': _radar,
        'bair': _bair,
        'tfds': _tfds,
    }
    with _named(clip):
        yield from readers[clip.kind](clip, rules)


@contextlib.contextmanager
def _named(clip: SourceClip) -> Iterator[None]:
    """Turns everything that reading a clip raises into the reason why it is left out."""
    try:
        yield
    except (BadClip, InputError):
        raise
    except FileNotFoundError:
        raise BadClip('is missing') from None
    except PermissionError:
        raise BadClip('may not be read') from None
    except Exception as error:
        if is_remote(clip.path):
            _check_reachable(clip.path, error)
        words = str(error).strip().splitlines() or ['']
        raise BadClip(f'cannot be read ({type(error).__name__}: {words[0].rstrip(".")})') from error


def _check_reachable(path: str, error: Exception) -> None:
    """Raises InputError where an object store does not answer: its clips are not bad."""
    import tensorflow as tf

    if isinstance(error, tf.errors.NotFoundError):
        raise BadClip('is missing') from None
    if isinstance(error, tf.errors.OpError) and not isinstance(error, tf.errors.PermissionDeniedError):
        raise InputError(
            f'{path} cannot be read now ({error.message}): check the network and the credentials; the same command '
            'goes on from there.'
        ) from None


def _video(clip: SourceClip, rules: Rules) -> Iterator[Frame]:
    with remote.open_input(clip.path) as file:
        _check_ends(file, clip.path)
        if rules.decoder == 'tfio':
            yield from _by_tfio(clip.path, clip, rules)
            return
        from dvdgan_tf.prepare.decoders import pyav

        # ffmpeg opens paths of letters only, and reads files faster than through Python.
        by_path = not is_remote(clip.path) and _is_text(clip.path)
        yield from pyav.video_frames(clip.path if by_path else file, rules, clip.part)


def _in_tar(clip: SourceClip, rules: Rules) -> Iterator[Frame]:
    offset, size, ending = clip.place
    with remote.open_input(clip.path) as file:
        section = io.BufferedReader(remote.Section(file, offset, size), 1 << 16)
        _check_ends(section, ending)
        if rules.decoder == 'tfio':
            with tempfile.NamedTemporaryFile(suffix=ending) as copy:  # it opens paths only
                shutil.copyfileobj(section, copy)
                copy.flush()
                yield from _by_tfio(copy.name, clip, rules)
            return
        from dvdgan_tf.prepare.decoders import pyav

        yield from pyav.video_frames(section, rules, clip.part)


def _by_tfio(path: str, clip: SourceClip, rules: Rules) -> Iterator[Frame]:
    from dvdgan_tf.prepare.decoders import tfio

    if clip.part is not None:
        raise BadClip('is a part of a longer video, which only --decoder=pyav can cut out')
    for frame in tfio.video_frames(path):
        yield resized(frame, rules)


def _is_text(path: str) -> bool:
    try:
        path.encode()
    except UnicodeEncodeError:
        return False
    return True


def _check_ends(file: BinaryIO, name: str) -> None:
    """Raises BadClip for a video that is empty or a GIF that is cut short; else the file is at its beginning."""
    if not file.read(1):
        raise BadClip('is empty (0 bytes)')
    if name.lower().endswith('.gif'):
        # GIF has no frame count; its last byte tells whether it is whole.
        file.seek(0, 2)
        file.seek(max(0, file.tell() - 4096))
        if file.read().rstrip(b'\0')[-1:] != b';':
            raise BadClip('is cut short: the end mark of a GIF is missing')
    file.seek(0)


def _images(clip: SourceClip, rules: Rules) -> Iterator[Frame]:
    size = None
    for name in clip.place:
        frame = _picture(f'{clip.path}/{name}', rules, f'frame {name} ')
        if size not in (None, frame.shape):
            raise BadClip(f'frame {name} has the size {frame.shape[:2]} after frames of {size[:2]}')
        size = frame.shape
        yield resized(frame, rules)


def _strip(clip: SourceClip, rules: Rules) -> Iterator[Frame]:
    """The frames that lie side by side, or one below the other, in one image."""
    (count,) = clip.place
    picture = _picture(clip.path, rules, '')
    axis = 1 if picture.shape[1] >= picture.shape[0] else 0
    if picture.shape[axis] % count:
        raise BadClip(f'is {picture.shape[axis]} pixels long, which is no multiple of {count} frames')
    for frame in np.split(picture, count, axis):
        yield resized(frame, rules)


def _picture(path: str, rules: Rules, what: str) -> np.ndarray:
    """An image, uint8 [height, width, channels], upright."""
    with remote.open_input(path) as file:
        try:
            image = ImageOps.exif_transpose(Image.open(file))
            if image.mode.startswith('I'):
                image = _eight_bits(image)
            grey = image.mode in ('1', 'L', 'LA') if rules.channels is None else rules.channels == 1
            pixels = np.asarray(image.convert('L' if grey else 'RGB'))
        except FileNotFoundError:
            raise
        except (OSError, SyntaxError, ValueError, Image.DecompressionBombError) as error:
            raise BadClip(f'{what}cannot be read ({error})') from None
    return pixels[..., None] if grey else pixels


def _eight_bits(image: Image.Image) -> Image.Image:
    """A grey image of 16 bits: 65535 becomes 255. Pillow's own conversion cuts all above 255 off."""
    values = np.asarray(image).astype(np.float32)
    if values.min() < 0 or values.max() > 65535:
        raise ValueError(f'its values are {values.min():g} to {values.max():g}, not those of 16 bits')
    return Image.fromarray(np.rint(values / 257).astype(np.uint8))


def _array(clip: SourceClip, rules: Rules) -> Iterator[Frame]:
    number, name, layout = clip.place
    for frame in arrays.clip_frames(clip.path, name, number, layout):
        if frame.dtype != np.uint8:
            frame = frame.astype(np.float32)
            if not np.isfinite(frame).all():
                raise BadClip('holds values that are not finite')
        yield resized(frame, rules)


def _radar(clip: SourceClip, rules: Rules) -> Iterator[Frame]:
    del rules  # rates keep their size
    from dvdgan_tf.prepare.sources import radar

    for frame in radar.rates(clip):
        yield Frame(frame)


def _bair(clip: SourceClip, rules: Rules) -> Iterator[Frame]:
    for frame in bair.record_frames(clip):
        yield resized(frame, rules)


def _tfds(clip: SourceClip, rules: Rules) -> Iterator[Frame]:
    from dvdgan_tf.prepare.sources import tfds_source

    for frame in tfds_source.example_frames(clip):
        yield resized(frame, rules)


def resized(frame: np.ndarray, rules: Rules) -> Frame:
    """A picture [height, width, channels] with the wanted short side (bilinear, antialiased) and channels."""
    if rules.channels == 1 and frame.shape[-1] == 3:
        grey = frame.astype(np.float32) @ np.array([0.299, 0.587, 0.114], np.float32)
        frame = (grey.round().astype(np.uint8) if frame.dtype == np.uint8 else grey)[..., None]
    elif rules.channels == 3 and frame.shape[-1] == 1:
        frame = np.repeat(frame, 3, axis=-1)
    height, width, channels = frame.shape
    size = rules.scaled_size(width, height)
    if size == (width, height):
        return Frame(frame)
    planes = [
        np.asarray(Image.fromarray(np.ascontiguousarray(frame[..., channel])).resize(size, Image.Resampling.BILINEAR))
        for channel in range(channels)
    ]
    return Frame(np.stack(planes, axis=-1), enlarged=rules.enlarges(width, height))
