"""Frames of one clip of any kind of source, resized and with the wanted channels."""

from typing import Iterator

import numpy as np
from PIL import Image, UnidentifiedImageError

from dvdgan_tf.data import remote
from dvdgan_tf.files import is_remote
from dvdgan_tf.prepare import arrays, bair
from dvdgan_tf.prepare.listing import BadClip, Rules, SourceClip

Frames = Iterator[tuple[np.ndarray, float, bool]]


def clip_frames(clip: SourceClip, rules: Rules) -> Frames:
    """The frames of a clip.

    Args:
        clip: where it is.
        rules: size, channels, frame rate and decoder.

    Yields:
        (frame [height, width, channels], frames per second or 0 where the source has no rate, whether it is damaged).

    Raises:
        BadClip: this clip cannot be read.
    """
    try:
        if clip.kind == 'video':
            yield from _video(clip, rules)
        elif clip.kind == 'images':
            yield from _images(clip, rules)
        elif clip.kind == 'array':
            yield from _array(clip, rules)
        else:
            for frame in bair.record_frames(clip):
                yield resized(frame, rules), 0.0, False
    except FileNotFoundError:
        raise BadClip('is missing') from None
    except PermissionError:
        raise BadClip('may not be read') from None


def _video(clip: SourceClip, rules: Rules) -> Frames:
    with remote.open_input(clip.path) as file:
        start = file.read(1)
        if not start:
            raise BadClip('is empty (0 bytes)')
        if clip.path.lower().endswith('.gif'):
            _check_gif_end(file)
        file.seek(0)
        if rules.decoder == 'tfio':
            from dvdgan_tf.prepare import decoding_tfio

            if clip.seconds is not None:
                raise BadClip('is a part of a longer video, which only --decoder=pyav can cut out')
            for frame in decoding_tfio.video_frames(file.read()):
                yield resized(frame, rules), 0.0, False
        else:
            from dvdgan_tf.prepare import decoding

            yield from decoding.video_frames(file if is_remote(clip.path) else clip.path, rules, clip.seconds)


def _check_gif_end(file) -> None:
    """GIF has no frame count; its last byte tells whether it is whole."""
    file.seek(0)
    if file.read().rstrip(b'\0')[-1:] != b';':
        raise BadClip('is cut short: the end mark of a GIF is missing')


def _images(clip: SourceClip, rules: Rules) -> Frames:
    size = None
    for name in clip.place:
        with remote.open_input(f'{clip.path}/{name}') as file:
            try:
                image = Image.open(file)
                grey = image.mode in ('1', 'L', 'I', 'I;16', 'LA') if rules.channels is None else rules.channels == 1
                frame = np.asarray(image.convert('L' if grey else 'RGB'))
            except (UnidentifiedImageError, OSError, SyntaxError, ValueError) as error:
                raise BadClip(f'frame {name} cannot be read ({error})') from None
        if size not in (None, frame.shape):
            raise BadClip(f'frame {name} has the size {frame.shape[:2]} after frames of {size[:2]}')
        size = frame.shape
        yield resized(frame[..., None] if grey else frame, rules), 0.0, False


def _array(clip: SourceClip, rules: Rules) -> Frames:
    number, name, layout = clip.place
    for frame in arrays.clip_frames(clip.path, name, number, layout):
        if frame.dtype != np.uint8:
            frame = frame.astype(np.float32)
            if not np.isfinite(frame).all():
                raise BadClip('holds values that are not finite')
        yield resized(frame, rules), 0.0, False


def resized(frame: np.ndarray, rules: Rules) -> np.ndarray:
    """A frame [height, width, channels] with the wanted short side (bilinear, antialiased) and channels."""
    if rules.channels == 1 and frame.shape[-1] == 3:
        grey = frame.astype(np.float32) @ np.array([0.299, 0.587, 0.114], np.float32)
        frame = (grey.round().astype(np.uint8) if frame.dtype == np.uint8 else grey)[..., None]
    elif rules.channels == 3 and frame.shape[-1] == 1:
        frame = np.repeat(frame, 3, axis=-1)
    height, width, channels = frame.shape
    size = rules.scaled_size(width, height)
    if size == (width, height):
        return frame
    planes = [
        np.asarray(Image.fromarray(np.ascontiguousarray(frame[..., channel])).resize(size, Image.Resampling.BILINEAR))
        for channel in range(channels)
    ]
    return np.stack(planes, axis=-1)
