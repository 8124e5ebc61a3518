"""Frames out of video files: right pixels, upright, square, at the right times, or one reason why not."""

import concurrent.futures
from fractions import Fraction

import av
import numpy as np
import pytest
from PIL import Image
from sample_files import clip, picture, rotate_mp4, write_sound, write_video

from dvdgan_tf.prepare.decoders.pyav import video_frames
from dvdgan_tf.prepare.listing import BadClip, Part, Rules

AS_IT_IS = Rules()


def decode(path, rules=AS_IT_IS, part=None):
    with open(path, 'rb') as file:
        decoded = list(video_frames(file, rules, part))
    return np.stack([frame.pixels for frame in decoded]).astype(int), decoded[0].fps


def bar_position(frames, threshold=215):
    """Left edge of the bright bar in every frame, which tells the frame's number."""
    row = frames[:, frames.shape[1] // 2, :, 2]
    return [int(np.argmax(line > threshold)) for line in row]


@pytest.mark.parametrize(
    'ending, error',
    [
        *[('.mp4', 6), ('.mov', 6), ('.mkv', 2), ('.avi', 6), ('.webm', 6), ('.gif', 25)],
        *[('.ts', 6), ('.flv', 8), ('.wmv', 6)],
    ],
)
def test_every_container_gives_back_its_frames(tmp_path, ending, error):
    frames = clip(12)
    decoded, rate = decode(write_video(tmp_path / f'a{ending}', frames))
    assert decoded.shape == frames.shape and rate == 25
    assert np.abs(decoded - frames).mean() < error  # 4:2:0 chroma and GIF's 256 colours cost the most
    assert np.abs(np.array(bar_position(decoded)) - bar_position(frames)).max() <= 1


def test_threads_may_decode_at_the_same_time(tmp_path):
    """As workers of Beam do: what scales frames is not safe for two."""
    sizes = (640, 480), (480, 640), (320, 240), (960, 540)
    paths = [
        write_video(tmp_path / f'{number}.mp4', clip(15, number, *size)) for number, size in enumerate(sizes)
    ]
    alone = [decode(path, Rules(short_side=64))[0] for path in paths]
    with concurrent.futures.ThreadPoolExecutor(4) as threads:
        together = threads.map(lambda path: decode(path, Rules(short_side=64))[0], 3 * paths)
        for found, expected in zip(together, 3 * alone):
            np.testing.assert_array_equal(found, expected)


def test_lossless_pixels_are_exact(tmp_path):
    frames = clip(4)
    decoded, _ = decode(write_video(tmp_path / 'a.mkv', frames, codec='ffv1', pixels='bgr0'))
    np.testing.assert_array_equal(decoded, frames)


def test_shrinking_is_antialiased_and_unbiased(tmp_path):
    rng = np.random.default_rng(0)
    noise = rng.integers(0, 256, (96, 160, 3), dtype=np.uint8)
    smooth = picture(5, width=160, height=96)
    path = write_video(tmp_path / 'a.mkv', np.stack([noise, smooth]), codec='ffv1', pixels='bgr0')
    decoded, _ = decode(path, Rules(short_side=24))
    assert decoded.shape == (2, 24, 40, 3)
    for frame, source, error in zip(decoded, (noise, smooth), (4, 0.7)):
        expected = np.asarray(Image.fromarray(source).resize((40, 24), Image.Resampling.BILINEAR)).astype(int)
        assert np.abs(frame - expected).mean() < error and abs((frame - expected).mean()) < 0.3
    assert decoded[0].std() < 0.4 * noise.std()  # picking single pixels of noise would keep its spread


@pytest.mark.parametrize('turns', [1, 2, 3])
def test_rotation_in_the_header_is_honoured(tmp_path, turns):
    frames = clip(3)
    path = write_video(tmp_path / 'a.mp4', frames)
    rotate_mp4(path, turns)
    decoded, _ = decode(path)
    upright = np.rot90(frames, -turns, axes=(1, 2)).astype(int)
    assert decoded.shape == upright.shape
    assert np.abs(decoded - upright).mean() < 6
    assert decode(path, Rules(short_side=16))[0].shape == ((3, 24, 16, 3) if turns % 2 else (3, 16, 24, 3))


def test_pixels_become_square(tmp_path):
    path = write_video(tmp_path / 'a.mp4', clip(3, width=48, height=48), aspect='2/1')
    assert decode(path)[0].shape == (3, 48, 96, 3)
    assert decode(path, Rules(short_side=16))[0].shape == (3, 16, 32, 3)


@pytest.mark.parametrize('width, height', [(35, 51), (51, 35), (33, 33)])
def test_odd_sizes_keep_their_pixels(tmp_path, width, height):
    frames = clip(3, width=width, height=height)
    path = write_video(tmp_path / 'a.mkv', frames)
    decoded, _ = decode(path)
    assert decoded.shape == frames.shape and np.abs(decoded - frames).mean() < 2
    assert min(decode(path, Rules(short_side=17))[0].shape[1:3]) == 17


def test_grey_is_the_luma(tmp_path):
    frames = clip(3)
    decoded, _ = decode(write_video(tmp_path / 'a.mkv', frames), Rules(channels=1))
    assert decoded.shape == (*frames.shape[:3], 1)
    assert np.abs(decoded[..., 0] - frames @ [0.299, 0.587, 0.114]).mean() < 2


# Frames 0 to 9; the fifth stays on screen for 400 ms.
_VARIABLE = [0, 40, 80, 120, 160, 560, 600, 640, 680, 720]


def test_variable_rate_keeps_every_frame_once_unless_a_rate_is_asked_for(tmp_path):
    frames = clip(10)
    path = write_video(tmp_path / 'a.mkv', frames, times=_VARIABLE)
    decoded, _ = decode(path)
    assert bar_position(decoded) == bar_position(frames)


def test_resampling_goes_by_time_stamps(tmp_path):
    frames = clip(10)
    path = write_video(tmp_path / 'a.mkv', frames, times=_VARIABLE)
    decoded, rate = decode(path, Rules(fps=12.5))
    shown = [0, 2, 4, 4, 4, 4, 4, 5, 7, 9]  # what is on screen at 0, 80, 160, ... 720 ms
    assert rate == 12.5
    assert bar_position(decoded)[: len(shown)] == bar_position(frames[shown])
    constant = write_video(tmp_path / 'b.mkv', frames)
    faster, _ = decode(constant, Rules(fps=50))
    assert bar_position(faster) == bar_position(np.repeat(frames, 2, axis=0))


def test_a_part_of_a_longer_video_is_cut_out(tmp_path):
    frames = clip(100)
    path = write_video(tmp_path / 'a.mp4', frames)
    decoded, _ = decode(path, part=Part(1.0, 2.0))
    assert len(decoded) == 25
    assert np.abs(np.array(bar_position(decoded)) - bar_position(frames[25:50])).max() <= 1
    whole, _ = decode(path, part=Part(10.0, 14.0, may_be_cut_already=True))
    assert len(whole) == 100  # already trimmed: not longer than the clip


def reason(path, rules=AS_IT_IS, part=None):
    with pytest.raises(BadClip) as caught:
        decode(path, rules, part)
    return str(caught.value)


@pytest.mark.parametrize('ending', ['.mp4', '.mov', '.avi', '.mkv', '.webm'])
@pytest.mark.parametrize('part', [0.02, 0.5, 0.85])
def test_a_file_cut_short_is_refused(tmp_path, ending, part):
    rng = np.random.default_rng(0)
    frames = clip(40) + rng.integers(0, 20, (40, 32, 48, 3), dtype=np.uint8)
    path = write_video(tmp_path / f'a{ending}', frames)
    data = path.read_bytes()
    path.write_bytes(data[: int(part * len(data))])
    assert reason(path).startswith(('is not a video', 'is cut short', 'is damaged', 'holds'))


def test_an_index_at_the_front_does_not_hide_a_cut(tmp_path):
    path = write_video(tmp_path / 'a.mp4', clip(40), container={'movflags': 'faststart'})
    data = path.read_bytes()
    path.write_bytes(data[: int(0.7 * len(data))])
    assert 'is damaged' in reason(path) or 'is cut short' in reason(path)


def test_what_is_no_video_says_so(tmp_path):
    (tmp_path / 'empty.mp4').write_bytes(b'')
    (tmp_path / 'text.mp4').write_text('not a video ' * 100)
    write_sound(tmp_path / 'sound.mp4')
    assert 'not a video' in reason(tmp_path / 'empty.mp4')
    assert 'not a video' in reason(tmp_path / 'text.mp4')
    assert reason(tmp_path / 'sound.mp4') == 'holds no video stream'


def test_damage_inside_is_reported(tmp_path):
    path = write_video(tmp_path / 'a.avi', clip(40))
    data = bytearray(path.read_bytes())
    middle = len(data) // 2
    data[middle : middle + 300] = bytes(byte ^ 0x5A for byte in data[middle : middle + 300])
    path.write_bytes(bytes(data))
    with open(path, 'rb') as file:
        assert any(frame.damaged for frame in video_frames(file, Rules()))


def test_times_that_go_back_cannot_be_resampled_but_can_be_read(tmp_path):
    times = [0, 40, 80, 120, 100, 160, 200, 240]
    path = tmp_path / 'a.mkv'
    with av.open(str(path), 'w') as output:
        stream = output.add_stream('mjpeg', rate=25)
        stream.width, stream.height, stream.pix_fmt = 48, 32, 'yuvj444p'
        for number, frame in enumerate(clip(8)):
            for packet in stream.encode(av.VideoFrame.from_ndarray(frame, format='rgb24')):
                packet.time_base, packet.pts, packet.dts = Fraction(1, 1000), times[number], 10 * number
                output.mux(packet)
    assert len(decode(path)[0]) == 8
    assert 'do not increase' in reason(path, Rules(fps=10))


def remuxed(source, path, shift_seconds):
    """The packets of a video in another file, `shift_seconds` later, as `ffmpeg -c copy` writes them."""
    with av.open(str(source)) as given, av.open(str(path), 'w') as output:
        stream = given.streams.video[0]
        copied = output.add_stream_from_template(stream)
        for packet in given.demux(stream):
            if packet.size:
                packet.pts += int(shift_seconds / stream.time_base)
                packet.dts = None if packet.dts is None else packet.dts + int(shift_seconds / stream.time_base)
                packet.stream = copied
                output.mux(packet)
    return path


@pytest.mark.parametrize('ending', ['.mkv', '.webm'])
def test_a_file_whose_times_start_late_is_whole(tmp_path, ending):
    """As `ffmpeg -f segment -c copy` writes the second and later segments: the DURATION tag says where it ends."""
    source = write_video(tmp_path / f'a{ending}', clip(25))
    path = remuxed(source, tmp_path / f'late{ending}', shift_seconds=60)
    with av.open(str(path)) as container:
        assert container.streams.video[0].start_time > 0
    assert len(decode(path)[0]) == 25
    data = path.read_bytes()
    (tmp_path / f'cut{ending}').write_bytes(data[: len(data) // 2])
    assert 'cut short' in reason(tmp_path / f'cut{ending}')
    assert len(decode(path, part=Part(0.2, 0.6))[0]) == 10


@pytest.mark.parametrize('tag', ['soon', '1:2', '00:00:00:01', '0x1:00:00', '-1:00:00.0', '\u0661:00:00'])
def test_a_duration_tag_that_is_no_time_is_not_believed(tmp_path, tag):
    path = write_video(tmp_path / 'a.mkv', clip(6))
    data = path.read_bytes()
    place = data.index(b'00:00:00.2')
    path.write_bytes(data[:place] + tag.encode()[:10].ljust(10, b' ') + data[place + 10 :])
    assert len(decode(path)[0]) == 6


def test_a_file_cut_out_of_another_may_declare_frames_before_its_beginning(tmp_path):
    """mp4 keeps the frames from the key frame on and says in an edit list that the clip begins later."""
    source = write_video(tmp_path / 'a.mp4', clip(40))
    path = remuxed(source, tmp_path / 'b.mp4', shift_seconds=-0.8)
    with av.open(str(path)) as container:
        declared = container.streams.video[0].frames
    assert declared == 40 and len(decode(path)[0]) < 25
    data = path.read_bytes()
    path.write_bytes(data[: int(0.6 * len(data))])
    with pytest.raises(BadClip):
        decode(path)


def test_a_jump_of_the_time_stamps_is_refused_only_where_time_counts(tmp_path):
    times = [40 * number + (26 * 3600 * 1000 if number > 4 else 0) for number in range(10)]
    path = write_video(tmp_path / 'a.mkv', clip(10), times=times)
    assert len(decode(path)[0]) == 10
    assert 'shows nothing new for 93600 seconds at frame 5' in reason(path, Rules(fps=12.5))


@pytest.mark.parametrize('height, matrix', [(720, 'ITU709'), (480, 'ITU601')])
def test_a_video_without_a_note_has_the_colours_of_its_height(tmp_path, height, matrix):
    path, colour = tmp_path / 'a.mkv', (200, 40, 60)
    frame = av.VideoFrame.from_ndarray(np.full((height, 1280, 3), colour, np.uint8), format='rgb24')
    frame = frame.reformat(format='yuv444p', dst_colorspace=matrix)
    frame.colorspace = 2  # not said
    with av.open(str(path), 'w') as output:
        stream = output.add_stream('libx264', rate=25, options={'crf': '4', 'preset': 'ultrafast'})
        stream.width, stream.height, stream.pix_fmt = 1280, height, 'yuv444p'
        for _ in range(2):
            frame.pts = None
            output.mux(stream.encode(frame))
        output.mux(stream.encode())
    assert np.abs(decode(path, Rules(short_side=16))[0][0, 5, 5] - colour).max() <= 2


def test_a_part_is_counted_in_frames_where_frames_are_asked_for(tmp_path):
    frames = clip(60)
    path = write_video(tmp_path / 'a.mp4', frames)
    for part, first in ((Part(skip=7, frames=5), 7), (Part(start=1.18, frames=5), 30)):
        decoded, _ = decode(path, part=part)
        assert np.abs(np.array(bar_position(decoded)) - bar_position(frames[first : first + 5])).max() <= 1
    assert 'ends after 3 of the 5 frames' in reason(path, part=Part(skip=57, frames=5))


def test_a_part_that_the_film_does_not_reach_is_refused(tmp_path):
    path = write_video(tmp_path / 'a.mp4', clip(50))
    assert 'ends 0.00 seconds into the part' in reason(path, part=Part(5.0, 6.0))
    data = write_video(tmp_path / 'b.mkv', clip(400)).read_bytes()
    (tmp_path / 'cut.mkv').write_bytes(data[: int(0.6 * len(data))])
    with pytest.raises(BadClip):
        decode(tmp_path / 'cut.mkv', part=Part(6.0, 14.0))


def test_frames_of_an_absurd_size_are_refused():
    with pytest.raises(BadClip, match='pixels, more than 64 million'):
        Rules(short_side=64).scaled_size(48 / 60000, 32)
    with pytest.raises(BadClip, match='32768x32768'):
        Rules().scaled_size(32768, 32768)
