"""Forecasts of rain as pictures: classes of colour, missing pixels, probabilities, and what lies where on a sheet."""

import os

import numpy as np
from PIL import Image

from dvdgan_tf.sampling import rain


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
