"""Frames as the bytes that a record holds; `data.pipeline.decode_frame` reads them."""

import io

import numpy as np
from PIL import Image

from dvdgan_tf.prepare.listing import Rules


def encode_frame(frame: np.ndarray, rules: Rules) -> bytes:
    """One frame [height, width, channels] as JPEG, PNG or its raw little-endian bytes."""
    if rules.encoding == 'raw':
        return frame.astype(frame.dtype.newbyteorder('<'), copy=False).tobytes()
    image = Image.fromarray(np.ascontiguousarray(frame[..., 0] if frame.shape[-1] == 1 else frame))
    buffer = io.BytesIO()
    if rules.encoding == 'png':
        image.save(buffer, 'PNG')
    else:
        # Small frames suffer visibly from halved chroma, so it is kept whole.
        image.save(buffer, 'JPEG', quality=rules.quality, subsampling=0)
    return buffer.getvalue()
