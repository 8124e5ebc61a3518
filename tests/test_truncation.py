"""The truncation curve: the level that Table 1 reports, its numbers and its picture."""

import json

import pytest
from PIL import Image

from dvdgan_tf.errors import InputError
from dvdgan_tf.evaluation.results import truncation


def result(sigma, fid, inception, standing=False):
    return {
        'truncation': sigma,
        'standing_statistics': standing,
        'scores': {'frechet': {'value': fid, 'paper': 7.13}, 'inception': {'value': inception, 'paper': 187.23}},
    }


CURVE = [result(1.0, 1.0, 50.0), result(0.5, 4.0, 90.0), result(0.3, 9.0, 80.0), result(0.3, 8.0, 95.0, True)]


def test_the_level_is_that_of_the_best_inception_score():
    level = truncation.best(CURVE)
    assert (level['sigma'], level['standing_statistics'], level['fid'], level['is']) == (0.3, True, 8.0, 95.0)
    assert (level['paper_fid'], level['paper_is']) == (7.13, 187.23)
    assert truncation.best(CURVE[:3])['sigma'] == 0.5
    with pytest.raises(InputError, match='without results'):
        truncation.best([])


def test_numbers_and_picture_are_written(tmp_path):
    paths = truncation.write(CURVE, str(tmp_path / 'curve'))
    written = json.loads((tmp_path / 'curve.json').read_text())
    points = written['curves']['moving averages']
    assert [point['sigma'] for point in points] == [0.3, 0.5, 1.0]
    assert points[0] == {'sigma': 0.3, 'fid': 9.0, 'is': 80.0}
    assert written['best']['sigma'] == 0.3
    picture = Image.open(paths[1])
    assert picture.size[0] > 500 and len(picture.convert('RGB').getcolors(10**6)) > 20
