"""Decoded frames as arrays: scaled by swscale, in the colours that their standard means.

The flags for exact rounding and full chroma are needed: without them swscale darkens pictures by one level in 255.
Without PyAV the import of this module raises an InputError.
"""

from __future__ import annotations

import functools
import operator
import threading
from fractions import Fraction
from typing import Callable

import numpy as np

from dvdgan_tf.errors import InputError

try:
    import av
    from av.video.reformatter import Interpolation, VideoReformatter
except ImportError as error:
    raise InputError(f'videos are read by PyAV, and {error}: pip install "dvdgan_tf[video]".') from None

# swscale widens the bilinear kernel where it shrinks a picture: it is antialiased.
_FLAGS = ('BILINEAR', 'ACCURATE_RND', 'BITEXACT', 'FULL_CHR_H_INT', 'FULL_CHR_H_INP')
_UNTAGGED, _HIGHEST_OF_601 = 2, 576


def scaled(frame: av.VideoFrame, width: int, height: int, pixels: str) -> np.ndarray:
    """A frame as uint8 [height, width(, 3)], `pixels` being 'rgb24' or 'gray'.

    A video without a note on its colours has those of BT.709 above 576 lines and of BT.601 else, as players take it.
    """
    bt709 = int(frame.colorspace) == _UNTAGGED and frame.height > _HIGHEST_OF_601
    thread = threading.get_ident()
    reformat = _reformatter(thread)
    if reformat is not None:
        matrix = {'src_colorspace': 'ITU709'} if bt709 else {}
        return reformat(frame, width=width, height=height, format=pixels, **matrix).to_ndarray()
    graph = _graph(thread, (frame.width, frame.height, frame.format.name), width, height, pixels, bt709)
    graph.push(frame)
    return graph.pull().to_ndarray()


@functools.lru_cache(maxsize=64)
def _reformatter(thread: int) -> Callable[..., av.VideoFrame] | None:
    """Scales and converts frames; None before PyAV 18, whose reformatter does not take the flags.

    One for each thread, as it is not safe for two: many times faster than a new one for every frame.
    """
    if not hasattr(Interpolation, 'ACCURATE_RND'):
        return None
    flags = functools.reduce(operator.or_, (getattr(Interpolation, flag) for flag in _FLAGS))
    return functools.partial(VideoReformatter().reformat, interpolation=flags, threads=1)


@functools.lru_cache(maxsize=16)
def _graph(
    thread: int, source: tuple[int, int, str], width: int, height: int, pixels: str, bt709: bool
) -> av.filter.Graph:
    """The same by a filter graph, a little slower, for frames of one size and format."""
    graph = av.filter.Graph()
    start = graph.add_buffer(width=source[0], height=source[1], format=source[2], time_base=Fraction(1, 1000))
    options = f'{width}:{height}:flags={"+".join(_FLAGS).lower().replace("chr_h", "chroma")}'
    scale = graph.add('scale', options + (':in_color_matrix=bt709' if bt709 else ''))
    ends = graph.add('format', f'pix_fmts={pixels}'), graph.add('buffersink')
    for first, second in zip((start, scale, *ends), (scale, *ends)):
        first.link_to(second)
    graph.configure()
    return graph
