"""The runners' noise and films, without TensorFlow: the same seed is the same clip everywhere."""

import io
import struct
import subprocess
import sys
import zlib
from pathlib import Path

import numpy as np
import pytest
import tensorflow as tf
from PIL import Image

from dvdgan_tf import serving
from dvdgan_tf.sampling.latents import sample_latents

EXPORT = Path(__file__).resolve().parent.parent / 'export'
sys.path.insert(0, str(EXPORT))
import animated_png  # noqa: E402
import noise  # noqa: E402

sys.path.remove(str(EXPORT))


@pytest.mark.parametrize('seed', [0, 3, -5, 12345678901, 2**63 - 1, -(2**63)])
def test_a_seed_is_the_latent_of_sampling_and_of_the_served_graph(seed):
    drawn = noise.normal(seed, 120)
    assert drawn.dtype == np.float32
    np.testing.assert_allclose(drawn, sample_latents(seed, 1)[0], atol=3e-6)
    np.testing.assert_allclose(drawn, serving.latents(tf.constant([seed], tf.int64), 120)[0], atol=3e-6)


def test_the_first_numbers_do_not_depend_on_how_many_are_drawn():
    np.testing.assert_array_equal(noise.normal(7, 5), noise.normal(7, 120)[:5])


@pytest.mark.parametrize('seed', [2**63, -(2**63) - 1])
def test_a_seed_beyond_64_bits_is_refused(seed):
    with pytest.raises(ValueError, match='give a signed integer of 64 bits'):
        noise.normal(seed, 4)


def stills(channels):
    frames = np.random.default_rng(0).integers(0, 256, (3, 6, 5, channels), np.uint8)
    return frames, [animated_png.still(5, 6, frame.tobytes()) for frame in frames]


@pytest.mark.parametrize('channels', [1, 3])
def test_a_film_holds_its_frames(channels):
    frames, files = stills(channels)
    film = Image.open(io.BytesIO(animated_png.animated(files, 8.0)))
    assert (film.n_frames, film.size, film.info['duration']) == (3, (5, 6), 125.0)
    for index, frame in enumerate(frames):
        film.seek(index)
        shown = np.asarray(film.convert('L' if channels == 1 else 'RGB')).reshape(frame.shape)
        np.testing.assert_array_equal(shown, frame)


def test_frames_of_tensorflow_whose_pixels_lie_in_several_chunks_make_a_film():
    frames = np.random.default_rng(0).integers(0, 256, (2, 128, 128, 3), np.uint8)
    files = [bytes(file.numpy()) for file in tf.io.encode_png(frames)]
    assert files[0].count(b'IDAT') > 1
    film = Image.open(io.BytesIO(animated_png.animated(files, 8.0)))
    film.seek(1)
    np.testing.assert_array_equal(np.asarray(film.convert('RGB')), frames[1])


@pytest.mark.parametrize('fps', [0.0, -1.0, float('nan'), float('inf'), 0.01])
def test_a_speed_that_no_film_has_is_refused(fps):
    with pytest.raises(ValueError, match='frames per second; give 0.1 to 1000'):
        animated_png.animated(stills(3)[1], fps)


def test_what_is_no_frame_is_refused(tmp_path):
    good = stills(3)[1][0]
    other = animated_png.still(6, 5, bytes(90))
    bomb = good[:8] + struct.pack('>I4s', 1 << 30, b'IHDR') + zlib.compress(b'x')
    for frames in ([b'', good], [good, b'GIF89a'], [good, other], [bomb]):
        with pytest.raises(ValueError, match='not PNG files of one size'):
            animated_png.animated(frames, 8.0)
    with pytest.raises(OSError):
        animated_png.write(str(tmp_path / 'none' / 'film.png'), [good], 8.0)
    assert not list(tmp_path.iterdir())


def test_the_client_needs_python_alone():
    """-I -S: neither the checkout nor site-packages are searched."""
    client = EXPORT / 'serving' / 'client.py'
    told = subprocess.run([sys.executable, '-I', '-S', client, '--help'], capture_output=True, text=True)
    assert told.returncode == 0 and '--seed' in told.stdout
    gone = [client, '--output=clip.png', '--address=localhost:1']
    refused = subprocess.run([sys.executable, '-I', '-S', *gone], capture_output=True, text=True)
    assert refused.returncode == 2 and 'cannot reach http://localhost:1/' in refused.stderr
