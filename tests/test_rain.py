"""Forecasts of rain as pictures: classes of colour, missing pixels, probabilities, and what lies where on a sheet."""

import os

import numpy as np
import tensorflow as tf
from PIL import Image

from dvdgan_tf.data.scales import Scale
from dvdgan_tf.sampling import rain
from dvdgan_tf.training.averaged import Preview
from dvdgan_tf.training.schedule import Previews

_SCALE = Scale(0.0, 128.0, 5.0, True, 'mm/h')


def test_colours_are_classes_and_missing_pixels_are_grey():
    rates = np.array([0.0, 0.09, 0.1, 0.3, 7.99, 8.0, 500.0, np.nan])
    found = rain.colours(rates)
    colour = dict(rain.CLASSES)
    for place, rate in ((2, 0.1), (3, 0.25), (4, 4.0), (5, 8.0), (6, 64.0)):
        assert tuple(found[place]) == colour[rate]
    assert (found[0] == found[1]).all() and (found[0] > 240).all()
    assert len({tuple(each) for each in found[[0, 2, 3, 4, 5, 6, 7]]}) == 7


def test_probability_is_the_share_of_members():
    members = np.array([0.2, 1.0, 4.0, 0.0]).reshape(1, 4, 1, 1, 1)
    assert rain.probability(members, 1.0).item() == 0.5
    assert (rain.shades(np.zeros(1)) == 255).all() and tuple(rain.shades(np.ones(1))[0]) == (70, 10, 110)


def test_a_forecast_is_written_with_and_without_the_truth(tmp_path):
    random = np.random.RandomState(0)
    context, truth, members = (random.gamma(0.5, 4, shape + [16, 16]) for shape in ([2, 4], [2, 3], [2, 5, 3]))
    for name, came in (('a', truth), ('b', None)):
        written = rain.write_forecasts(str(tmp_path / name), context, came, members, 1.0, 8)
        assert [os.path.basename(path) for path in written] == [f'predictions.{end}' for end in ('gif', 'mp4', 'png')]
        film = Image.open(written[0])
        assert film.n_frames == 7 and film.width > 6 * 16


class _Rain:
    """Two clips of five frames with 6 mm/h everywhere but in a missing corner."""

    scale = _SCALE

    def training(self, *unused):
        rates = np.full([2, 5, 8, 8, 1], 6.0, np.float32)
        rates[:, :, :2, :2] = np.nan
        return tf.data.Dataset.from_tensors((_SCALE.to_clip(rates), tf.zeros([2], tf.int32)))


class _Fading:
    """Continues two frames by three of 1.5 mm/h, the last of them the lowest value that there is."""

    context_frames, num_classes, latent_size = 2, 1, 120

    def __call__(self, latents, labels, context, training):
        frames = tf.fill([2, 3, 8, 8, 1], _SCALE.to_clip(1.5))
        return tf.concat([frames[:, :2], -tf.ones_like(frames[:, 2:])], 1)


class _Seen:
    def clips(self, name, step, clips, fps):
        setattr(self, name, clips)


def test_previews_of_rain_are_in_its_colours():
    seen, preview = _Seen(), Preview(_Fading(), _Rain(), 0, Previews(1, 2))
    preview.show_real(seen)
    preview.show(seen, 7)
    colour = dict(rain.CLASSES)
    grey, dry = (tuple(rain.colours(np.array(rate))) for rate in (np.nan, 0.0))
    assert seen.real.shape == seen.preview.shape == (2, 5, 8, 8, 3) and seen.preview.dtype == np.uint8
    for clips in (seen.real, seen.preview[:, :2]):
        assert (clips[:, :, :2, :2] == grey).all() and (clips[:, :, 2:, 2:] == colour[4.0]).all()
    assert (seen.preview[:, 2:4] == colour[1.0]).all() and (seen.preview[:, 4] == dry).all()


def test_what_is_not_rain_stays_as_it_is():
    clips = np.zeros([1, 2, 4, 4, 1], np.float32)
    assert rain.pictures(clips, Scale()) is clips
