"""Clips as GIF, MP4 and contact sheets."""
import io

import av
import numpy as np
import pytest
from PIL import Image

from dvdgan_tf.errors import InputError
from dvdgan_tf.sampling import sheets, video


def _moving_square(frames=6, height=16, width=16, channels=3):
    clip = np.zeros([frames, height, width, channels], np.uint8)
    for t in range(frames):
        clip[t, 4:8, t : t + 4] = [200, 120, 40][:channels]
    return clip


def test_minus_one_is_black_and_one_is_white():
    pixels = video.to_uint8(np.array([-1.0, 1.0, 0.0, -3.0, 3.0, -1 + 2 / 255], np.float32))
    assert pixels.dtype == np.uint8
    np.testing.assert_array_equal(pixels, [0, 255, 128, 0, 255, 1])


def test_every_uint8_survives_the_way_to_float_and_back():
    pixels = np.arange(256, dtype=np.uint8)
    np.testing.assert_array_equal(video.to_uint8(pixels.astype(np.float32) / 127.5 - 1), pixels)


@pytest.mark.parametrize('clips', [np.array([0.0, np.nan], np.float32), np.array([1, 2], np.int32)])
def test_pixels_of_another_kind_are_refused(clips):
    with pytest.raises(InputError):
        video.to_uint8(clips)


@pytest.mark.parametrize('channels', [1, 3])
def test_gif_holds_the_frames_in_order_and_loops(tmp_path, channels):
    clip = _moving_square(channels=channels)
    path = str(tmp_path / 'clip.gif')
    video.write_gif(path, clip, fps=10)
    with Image.open(path) as gif:
        assert gif.n_frames == 6
        assert gif.info['loop'] == 0
        assert gif.info['duration'] == 100
        for t in range(6):
            gif.seek(t)
            frame = np.asarray(gif.convert('RGB')).astype(int)
            assert np.abs(frame - clip[t].astype(int)).max() <= 4
    assert [file.name for file in tmp_path.iterdir()] == ['clip.gif']


@pytest.mark.parametrize('height, width', [(16, 16), (15, 17)])
def test_mp4_is_played_back_at_its_own_size_padded_to_even(tmp_path, height, width):
    clip = np.repeat(np.linspace(30, 220, 8).astype(np.uint8), height * width * 3).reshape([8, height, width, 3])
    path = str(tmp_path / 'clip.mp4')
    video.write_mp4(path, clip, fps=12.5)
    with av.open(path) as container:
        stream = container.streams.video[0]
        assert stream.codec_context.pix_fmt == 'yuv420p'
        assert float(stream.average_rate) == 12.5
        frames = [frame.to_ndarray(format='rgb24') for frame in container.decode(stream)]
    assert len(frames) == 8
    assert frames[0].shape == (height + height % 2, width + width % 2, 3)
    np.testing.assert_allclose([f.mean() for f in frames], clip.mean(axis=(1, 2, 3)), atol=4)


def test_rows_of_a_contact_sheet_are_clips_and_columns_are_frames(tmp_path):
    clips = np.zeros([2, 3, 4, 4, 1], np.uint8)
    for clip in range(2):
        for frame in range(3):
            clips[clip, frame] = 100 * clip + 10 * frame
    path = str(tmp_path / 'sheet.png')
    sheets.contact_sheet(path, clips, factor=2)
    sheet = np.asarray(Image.open(path))
    assert sheet.shape == (2 * 8 + 2, 3 * 8 + 2 * 2, 3)
    for clip in range(2):
        for frame in range(3):
            assert (sheet[clip * 10 : clip * 10 + 8, frame * 10 : frame * 10 + 8] == 100 * clip + 10 * frame).all()


def test_a_long_clip_shows_its_first_and_last_frame(tmp_path):
    clips = np.broadcast_to(np.arange(48, dtype=np.uint8)[None, :, None, None, None], [1, 48, 4, 4, 1])
    path = str(tmp_path / 'sheet.png')
    sheets.contact_sheet(path, clips, max_frames=5, factor=1)
    sheet = np.asarray(Image.open(path))
    assert [sheet[0, column * 6, 0] for column in range(5)] == [0, 12, 24, 35, 47]


def test_a_grid_plays_every_clip_in_its_place():
    clips = np.stack([np.full([2, 4, 4, 1], value, np.uint8) for value in (10, 20, 30)])
    grid = video.tile_clips(clips, columns=2)
    assert grid.shape == (2, 8, 8, 1)
    assert [grid[0, 0, 0, 0], grid[0, 0, 4, 0], grid[0, 4, 0, 0], grid[0, 4, 4, 0]] == [10, 20, 30, 255]


def test_a_folder_that_is_missing_is_named(tmp_path):
    with pytest.raises(InputError, match='nowhere'):
        video.write_gif(str(tmp_path / 'nowhere' / 'clip.gif'), _moving_square(), fps=10)


def test_gif_of_one_frame_can_be_opened():
    with Image.open(io.BytesIO(video.encode_gif(_moving_square(frames=1), fps=8))) as gif:
        assert gif.size == (16, 16)
