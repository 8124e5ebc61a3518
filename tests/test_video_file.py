"""The beginning of a video file as training would see it."""

import numpy as np
import pytest
from sample_files import clip, write_sound, write_video

from dvdgan_tf.errors import InputError
from dvdgan_tf.prepare import video_file


def test_frames_are_strided_resized_and_cut_from_the_middle(tmp_path):
    path = write_video(tmp_path / 'film.mp4', clip(frames=9, width=48, height=32))
    frames = video_file.first_frames(str(path), resolution=32, num_frames=3, stride=2, channels=3)
    assert frames.shape == (3, 32, 32, 3) and frames.dtype == np.float32
    expected = clip(frames=5, width=48, height=32)[::2, :, 8:40] / 127.5 - 1
    assert np.abs(frames - expected).mean() < 0.04


def test_a_short_video_gives_what_it_has_and_grey_is_one_channel(tmp_path):
    path = write_video(tmp_path / 'film.mp4', clip(frames=4))
    assert video_file.first_frames(str(path), 16, 9, 2, 1).shape == (2, 16, 16, 1)


def test_what_is_no_video_is_one_sentence(tmp_path):
    write_sound(tmp_path / 'sound.mp4')
    with pytest.raises(InputError, match='sound.mp4 cannot be used: holds no video stream'):
        video_file.first_frames(str(tmp_path / 'sound.mp4'), 16, 2, 1, 3)
    with pytest.raises(InputError, match='missing.mp4 cannot be used: .*No such file'):
        video_file.first_frames(str(tmp_path / 'missing.mp4'), 16, 2, 1, 3)
