"""Small videos and data sets in the layouts that users have, drawn so that every frame tells its number and class."""

import fractions

import av
import numpy as np


def picture(time, tint=0, width=48, height=32):
    """A frame [height, width, 3]: a slope, a bar that moves with time, and a tint that tells the clip."""
    frame = np.zeros((height, width, 3), np.uint8)
    frame[..., 0] = np.linspace(30, 200, width).astype(np.uint8)[None, :]
    frame[..., 1] = np.linspace(30, 200, height).astype(np.uint8)[:, None]
    frame[..., 2] = 40 + 20 * tint % 200
    left = 3 * time % (width - 8)
    frame[4 : height - 4, left : left + 8] = 230
    return frame


def clip(frames=12, tint=0, width=48, height=32):
    """uint8 [frames, height, width, 3]."""
    return np.stack([picture(time, tint, width, height) for time in range(frames)])


_CODECS = {
    '.mp4': ('libx264', 'yuv420p', {'crf': '4', 'preset': 'veryfast'}),
    '.mov': ('libx264', 'yuv420p', {'crf': '4', 'preset': 'veryfast'}),
    '.mkv': ('libx264', 'yuv444p', {'crf': '4', 'preset': 'veryfast'}),
    '.avi': ('mpeg4', 'yuv420p', {'qscale': '2'}),
    '.webm': ('libvpx', 'yuv420p', {'b': '4M'}),
    '.gif': ('gif', 'rgb8', {}),
    '.ts': ('mpeg2video', 'yuv420p', {'qscale': '2'}),
    '.flv': ('flv', 'yuv420p', {'qscale': '2'}),
    '.wmv': ('wmv2', 'yuv420p', {'qscale': '2'}),
}


def write_video(path, frames, rate=25, codec=None, pixels=None, times=None, aspect=None, container=None):
    """Encodes frames [T, H, W, 3] as the file's ending says; `times` are presentation times in milliseconds."""
    path.parent.mkdir(parents=True, exist_ok=True)
    name, format_, options = _CODECS[path.suffix]
    with av.open(str(path), 'w', options=container or {}) as output:
        stream = output.add_stream(codec or name, rate=rate, options={} if codec else options)
        stream.height, stream.width = frames.shape[1:3]
        stream.pix_fmt = pixels or format_
        if path.suffix in ('.avi', '.ts', '.flv', '.wmv') and codec is None:
            stream.bit_rate = 4_000_000
        if aspect is not None:
            stream.codec_context.sample_aspect_ratio = fractions.Fraction(aspect)
        if times is not None:
            stream.codec_context.time_base = fractions.Fraction(1, 1000)
        for number, frame in enumerate(frames):
            picture_ = av.VideoFrame.from_ndarray(np.ascontiguousarray(frame), format='rgb24')
            if times is not None:
                picture_.pts, picture_.time_base = times[number], fractions.Fraction(1, 1000)
            output.mux(stream.encode(picture_))
        output.mux(stream.encode())
    return path


def write_sound(path):
    """An audio-only file."""
    with av.open(str(path), 'w') as output:
        stream = output.add_stream('aac', rate=16000)
        frame = av.AudioFrame.from_ndarray(np.zeros((1, 1024), np.float32), format='fltp', layout='mono')
        frame.sample_rate = 16000
        for _ in range(8):
            output.mux(stream.encode(frame))
        output.mux(stream.encode())


def rotate_mp4(path, turns):
    """Writes a rotation by quarter turns clockwise into the header of an mp4, as telephones do."""
    data = bytearray(path.read_bytes())
    header = data.index(b'tkhd')
    matrix = header + 4 + 4 + 20 + 16  # version and flags, times and ids, layer and volume
    cosine, sine = {1: (0, 1), 2: (-1, 0), 3: (0, -1)}[turns]
    values = [cosine << 16, sine << 16, 0, -sine << 16, cosine << 16, 0]
    data[matrix : matrix + 24] = b''.join(value.to_bytes(4, 'big', signed=True) for value in values)
    path.write_bytes(bytes(data))
