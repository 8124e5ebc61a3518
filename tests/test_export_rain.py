"""Exports of a model of rain take and give mm/h: SavedModel, TFLite, and the Python interface on both."""

import json
import os
import sys
from pathlib import Path

import exported
import numpy as np
import pytest
import tensorflow as tf

import dvdgan_tf
from dvdgan_tf.exporters import saved_model, tflite
from dvdgan_tf.sampling import generate, video

sys.path.insert(0, str(Path(__file__).resolve().parent.parent / 'export' / 'tflite'))
import run  # noqa: E402

sys.path.pop(0)


@pytest.fixture(scope='module')
def rain():
    """Rates [2, 2, 16, 16, 1] in mm/h, of which some pixels are missing."""
    rates = np.random.RandomState(0).gamma(0.5, 4.0, [2, 2, 16, 16, 1]).astype(np.float32)
    rates[:, :, :3, :4] = np.nan
    return rates


@pytest.fixture(scope='module')
def expected(rain):
    """What the live generator makes of them with seed 3, in mm/h."""
    source = exported.of_rain()
    made = generate.continue_clips(source.generator, video.from_units(rain, exported.RAIN), 3)
    return video.in_units(made, exported.RAIN)


def close(made, expected):
    assert made.dtype == np.float32 and made.min() >= 0
    np.testing.assert_allclose(exported.RAIN.to_clip(made), exported.RAIN.to_clip(expected), atol=2e-4)


def test_a_saved_model_predicts_mm_per_hour(rain, expected, tmp_path):
    folder = str(tmp_path / '7')
    saved_model.write(exported.MAX_BATCH, exported.of_rain(), folder)
    signatures = tf.saved_model.load(folder).signatures
    assert sorted(signatures) == ['generate_float', 'predict']
    alone = generate.continue_clips(exported.of_rain().generator, video.from_units(rain[:1], exported.RAIN), 3)
    made = signatures['predict'](context=tf.constant(rain[:1]), seed=tf.constant([3], tf.int64))['video'].numpy()
    close(made, video.in_units(alone, exported.RAIN))
    model = dvdgan_tf.open(folder)
    assert (model.unit, model.value_range) == ('mm/h', (0.0, 128.0))
    close(model.predict(rain, seed=3), expected)
    with pytest.raises(dvdgan_tf.InputError, match='the data of this model lie from 0 to 128 mm/h'):
        model.predict(rain - 1)
    with pytest.raises(tf.errors.InvalidArgumentError, match='context must have shape'):
        signatures['predict'](context=tf.constant(rain[:, :1]), seed=tf.constant([3, 4], tf.int64))


def test_tflite_predicts_mm_per_hour(rain, expected, tmp_path):
    tflite.write(('float32', 'float16'), exported.of_rain(), str(tmp_path))
    assert json.loads((tmp_path / 'metadata.json').read_text())['scale']['unit'] == 'mm/h'
    path = tflite.path_of(str(tmp_path), 'float32')
    close(dvdgan_tf.open(path).predict(rain, seed=3), expected)
    np.save(tmp_path / 'context.npy', rain[0])
    run.main([path, f'--context={tmp_path}/context.npy', '--seed=3', f'--output={tmp_path}/forecast.npy'])
    close(np.load(tmp_path / 'forecast.npy'), expected[0])


def test_the_runner_refuses_what_is_no_rain(rain, tmp_path, capsys):
    tflite.write(('float32',), exported.of_rain(), str(tmp_path))
    path = tflite.path_of(str(tmp_path), 'float32')
    np.save(tmp_path / 'context.npy', rain[0])
    np.save(tmp_path / 'bytes.npy', np.zeros(rain[0].shape, np.uint8))
    for words, sentence in (
        (['context.npy', 'clip.png'], 'this model gives numbers, no pictures; give an npy file.'),
        (['bytes.npy', 'clip.npy'], 'give float32 (2, 16, 16, 1).'),
    ):
        with pytest.raises(SystemExit) as left:
            run.main([path, f'--context={tmp_path}/{words[0]}', f'--output={tmp_path}/{words[1]}'])
        assert left.value.code == 2 and capsys.readouterr().err.strip().endswith(sentence)
        assert not os.path.exists(tmp_path / words[1])
