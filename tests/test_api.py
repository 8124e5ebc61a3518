"""The package from Python: what a model makes, that exports make the same, and what is refused with which sentence."""

import inspect
import json
import os
import subprocess
import sys

import exported
import numpy as np
import pytest
import tensorflow as tf

import dvdgan_tf
from dvdgan_tf import config, saved_run, serving
from dvdgan_tf.data import in_memory
from dvdgan_tf.data.scales import PICTURES, Scale
from dvdgan_tf.exporters import source, tfjs, tflite
from dvdgan_tf.models import variables
from dvdgan_tf.sampling import generate, interpolation, video
from dvdgan_tf.training import loop
from dvdgan_tf.work_dir import data_facts
from dvdgan_tf.work_dir.checkpoint import checkpoint_path

STEP = 3
SHRUNK = ['NUM_FRAMES = 3', 'CHANNEL_MULTIPLIER = 1']
PREDICTING = [*SHRUNK, 'models.Generator.context_frames = 2', 'NUM_CLASSES = 1']


def run_of(folder, bindings):
    """A run folder of the quick start's generator, shrunk, before training."""
    path = str(folder)
    config.parse(['gin/quickstart.gin'], bindings)
    config.save(path)
    data_facts.write(path, config.bindings(loop.train, only=('data',))['data'])
    generator = saved_run.make_generator()
    variables.make_variables(generator, *variables.generator_specs(generator))
    prefix = checkpoint_path(path, STEP)
    os.makedirs(os.path.dirname(prefix))
    tf.train.Checkpoint(ema_generator=generator).write(prefix)
    return path


@pytest.fixture(scope='module')
def run(tmp_path_factory):
    return run_of(tmp_path_factory.mktemp('run'), SHRUNK)


@pytest.fixture(scope='module')
def model(run):
    return dvdgan_tf.open(run)


@pytest.fixture(scope='module')
def predictor(tmp_path_factory):
    return dvdgan_tf.open(run_of(tmp_path_factory.mktemp('predictor'), PREDICTING))


@pytest.fixture(scope='module')
def folders(tmp_path_factory):
    """Exports of one generator in every format that can be opened, by the format."""
    made, places = exported.source(), {}
    for name in ('savedmodel', 'tfjs', 'tflite'):
        places[name] = tmp_path_factory.mktemp(name) / str(exported.STEP)
        places[name].mkdir()
    module = tf.Module()
    module.network = made.frozen
    functions = serving.signatures(made.frozen, exported.CLASSES, exported.MAX_BATCH)
    tf.saved_model.save(module, str(places['savedmodel']), functions)
    (places['savedmodel'] / 'assets').mkdir(exist_ok=True)
    source.write_about(made.about, str(places['savedmodel'] / 'assets'))
    tfjs.write('float32', made, str(places['tfjs']))
    tflite.write(['float32'], made, str(places['tflite']))
    return places


def test_importing_the_package_imports_nothing_heavy():
    program = """
import sys
import dvdgan_tf
heavy = {'tensorflow', 'tf_keras', 'numpy', 'PIL', 'gin'}
assert not heavy & set(sys.modules), heavy & set(sys.modules)
assert {'open', 'Model', 'InputError'} <= set(dir(dvdgan_tf))
assert not hasattr(dvdgan_tf, 'nothing')
assert dvdgan_tf.open.__name__ == 'open' and 'tensorflow' in sys.modules
assert dvdgan_tf.open is dvdgan_tf.open
"""
    done = subprocess.run([sys.executable, '-c', program], capture_output=True, text=True)
    assert done.returncode == 0, done.stderr


@pytest.mark.parametrize('name', ['open', 'Model', 'Model.sample', 'Model.interpolate', 'Model.predict', 'Model.score'])
def test_every_argument_and_every_result_is_documented(name):
    documented = eval(f'dvdgan_tf.{name}')
    text = inspect.getdoc(documented)
    if name == 'Model':  # users do not make it: its attributes are what they see
        names = {key for key in vars(dvdgan_tf.open('export/tfjs/model')) if not key.startswith('_')}
    else:
        names = inspect.signature(documented).parameters.keys() - {'self'}
        assert 'Raises:\n    InputError: ' in text
    for argument in names:
        assert f'\n    {argument}: ' in text, argument


def test_a_run_makes_the_clips_of_bin_sample(model, run):
    clips = model.sample(3, label='circling disk', seed=4, truncation=0.5)
    assert clips.dtype == np.uint8 and clips.shape == (3, 3, 16, 16, 3)
    live = saved_run.open_run(run).generator
    np.testing.assert_array_equal(clips, video.to_uint8(generate.sample_clips(live, np.full(3, 6), 4, 0.5)))
    assert (model.path, model.step, model.num_frames, model.resolution) == (run, STEP, 3, 16)
    assert repr(model) == f'<Model {run!r}, step 3: 3 frames of 16x16, 9 class(es)>'


def test_labels_are_numbers_names_several_or_random(model):
    np.testing.assert_array_equal(model.sample(2, label=6), model.sample(2, label=np.array(['circling disk'] * 2)))
    np.testing.assert_array_equal(model.sample(4, label=[0, 6]), model.sample(4, label=['0', '0', 6, 'circling disk']))
    np.testing.assert_array_equal(model.sample(9), model.sample(9, label=range(9)))
    drawn = generate.draw_labels(5, 9, 2)
    np.testing.assert_array_equal(model.sample(5, label='random', seed=2), model.sample(5, label=drawn, seed=2))


def test_interpolations_begin_and_end_at_samples(model):
    between = model.interpolate(2, label='sideways disk', to=6, steps=3, seed=1, truncation=0.5)
    assert between.dtype == np.uint8 and between.shape == (2, 3, 3, 16, 16, 3)
    for end, label in ((0, 0), (-1, 6)):
        near(between[:, end], model.sample(2, label=label, seed=1, truncation=0.5))
    ends = model.sample(4, label=5, seed=1)
    for path in interpolation.PATHS:
        way = model.interpolate(2, label=5, steps=3, seed=1, path=path)
        near(way[:, 0], ends[:2])
        near(way[:, -1], ends[2:])


def near(clips, others):
    """Equal but for the rounding of sums in another order."""
    assert clips.dtype == others.dtype == np.uint8
    assert np.abs(clips.astype(int) - others).max() <= 1


@pytest.mark.parametrize('kind', ['savedmodel', 'tfjs', 'tflite'])
def test_an_export_makes_the_clips_of_its_generator(kind, folders):
    opened = dvdgan_tf.open(folders[kind].parent)  # of several versions the newest
    assert opened.class_names == exported.CLASSES and opened.step == exported.STEP
    live = exported.source().generator
    labels = np.arange(20, dtype=np.int32) % 3
    near(opened.sample(20, label=labels, seed=2), video.to_uint8(generate.sample_clips(live, labels, 2)))
    way = interpolation.between_latents(live, labels[:2], 3, 2, path='spherical')
    near(opened.interpolate(2, label=labels[:2], steps=3, seed=2, path='spherical'), video.to_uint8(way))
    if kind == 'tflite':
        with pytest.raises(dvdgan_tf.InputError, match='of TFLite, which mixes no classes'):
            opened.interpolate(label='bend', to='wave')
    else:
        way = interpolation.between_classes(live, [(0, 2)], 3, 2)
        near(opened.interpolate(label='bend', to='wave', steps=3, seed=2), video.to_uint8(way))


def test_predictions_continue_what_they_are_given(predictor):
    context = np.random.default_rng(0).integers(0, 256, (2, 2, 16, 16, 3), np.uint8)
    clips = predictor.predict(context, seed=5)
    assert clips.dtype == np.uint8 and clips.shape == (2, 3, 16, 16, 3)
    live = saved_run.open_run(predictor.path).generator
    expected = generate.continue_clips(live, context.astype(np.float32) / 127.5 - 1, 5)
    near(clips, video.to_uint8(expected))
    assert (predictor.predict(context[::-1], seed=5) != clips).any()


def test_data_that_are_no_pictures_come_and_go_in_their_units(predictor):
    inner, run = predictor._generator, predictor._run
    radar = dvdgan_tf.Model(inner, predictor.path, STEP, ('all',), Scale(0.0, 50.0), run)
    context = np.random.default_rng(0).integers(0, 256, (2, 2, 16, 16, 3), np.uint8)
    clips = radar.predict((context * (50 / 255)).astype(np.float32))
    assert clips.dtype == np.float32 and 0 <= clips.min() < clips.max() <= 50
    assert np.abs(clips * (255 / 50) - predictor.predict(context)).max() < 1
    with pytest.raises(dvdgan_tf.InputError, match='context has values from 0 to 60; .* lie from 0 to 50'):
        radar.predict(np.where(np.arange(16)[:, None] < 8, 60.0, np.zeros([1, 2, 16, 16, 3])))
    with pytest.raises(dvdgan_tf.InputError, match='array of uint8; give float32'):
        radar.predict(context)


def test_scores_are_those_of_the_run_or_of_the_clips_given(model, folders, tmp_path):
    result = model.score('offline_8', output=str(tmp_path))
    assert result['fake_clips'] == 8 and result['scores']['frechet']['value'] > 0
    assert result['model'] == saved_run.open_run(model.path).identity()
    (line,) = (tmp_path / 'evaluation.jsonl').read_text().splitlines()
    assert json.loads(line)['scores'] == result['scores']
    opened = dvdgan_tf.open(folders['tfjs'])
    given = opened.score('offline_8', real=opened.sample(16, label='random', seed=9), num_samples=9)
    assert given['fake_clips'] == 9 and given['model']['sha256'] == exported.source().about['sha256']
    assert given['scores'].keys() == result['scores'].keys() and given['scores']['frechet']['value'] > 0
    with pytest.raises(dvdgan_tf.InputError, match='an export knows no real clips to compare with'):
        opened.score()


def test_clips_of_an_array_are_read_by_number_and_again_from_the_first():
    clips = np.random.default_rng(0).integers(0, 256, (3, 2, 16, 16, 1), np.uint8)
    source = in_memory.InMemoryClips(clips, PICTURES, stride=2)
    assert (source.num_clips, source.num_frames, source.resolution, source.video_channels) == (3, 2, 16, 1)
    ((rows, _, valid),) = source.evaluation(4, numbers=[2, 0, 4, -1])
    np.testing.assert_allclose(rows[:3], clips[[2, 0, 1]].astype(np.float32) / 127.5 - 1, atol=1e-6)
    np.testing.assert_array_equal(valid, [True, True, True, False])
    other = in_memory.InMemoryClips(clips[::-1], PICTURES, stride=2)
    assert source.identity() != other.identity() and source.of_split('test').identity() == source.identity()


PICTURE = np.zeros([1, 2, 16, 16, 3], np.uint8)
# what is asked of the synthesis model or the predictor: the sentence
WRONG = {
    'sample(label="nobody")': "there is no class 'nobody'",
    'sample(label=9)': "there is no class '9'; give 0 to 8",
    'sample(label=-1)': "there is no class '-1'",
    'sample(label=1.5)': 'label is 1.5; give a class by number or name',
    'sample(label=[1, None])': 'label is .1, None.; give a class',
    'sample(label=[0, 1])': '1 clips cannot show 2 classes',
    'sample(label=["random", 1])': 'random stands alone',
    'sample(0)': 'count is 0; give a whole number, 1 or more',
    'sample(2.0)': 'count is 2.0; give a whole number',
    'sample(seed=-1)': 'seed is -1; give a whole number, 0 or more',
    'sample(seed="a")': "seed is 'a'",
    'sample(truncation=2)': 'truncation is 2; give a number from 0 to 1',
    'sample(truncation=float("nan"))': 'truncation is nan',
    'sample(truncation="all")': "truncation is 'all'",
    'interpolate(steps=1)': 'steps is 1; give a whole number, 2 or more',
    'interpolate(path="curved")': "there is no path 'curved'",
    'interpolate(to=1)': 'label is None and to is 1; give one class each',
    'interpolate(label=0, to=1, path="spherical")': 'which is for latents',
    'predict(PICTURE)': 'makes whole clips and continues none',
    'score("offline_8", real=PICTURE)': r'real has the shape \[1, 2, 16, 16, 3\]; give uint8 \[N, 3, 16, 16, 3\]',
    'score("offline_1")': "there is no protocol 'offline_1'",
    'score("k600_truncation")': 'k600_truncation is a curve',
    'score("fvd_8_3f")': 'needs the network i3d-400',
    'score(num_samples=1)': 'num_samples is 1; give a whole number, 2 or more',
    'score("recognition", real=PICTURE.repeat(3, 1)[:, :3])': 'recognition needs clips of two or more classes',
    'score("offline_8", output="/dev/null/here")': 'could not make the folder',
}
WRONG_PREDICTIONS = {
    'sample()': 'continues clips of 2 frames and makes none without any',
    'interpolate()': 'continues clips of 2 frames',
    'predict(PICTURE[0])': r'context has the shape \[2, 16, 16, 3\]; give uint8 \[N, 2, 16, 16, 3\]',
    'predict(PICTURE[:0])': r'context has the shape \[0, ',
    'predict(PICTURE / 255)': 'context is an array of float64; give uint8',
    'predict(PICTURE.tolist())': 'context is list; give uint8 .* as a NumPy array',
    'predict(PICTURE[:, :1])': r'context has the shape \[1, 1, 16, 16, 3\]',
}


@pytest.mark.parametrize('asked', [*WRONG, *WRONG_PREDICTIONS])
def test_what_cannot_be_done_is_one_sentence(asked, model, predictor):
    chosen, sentence = (model, WRONG[asked]) if asked in WRONG else (predictor, WRONG_PREDICTIONS[asked])
    with pytest.raises(ValueError, match=sentence) as raised:
        eval(f'chosen.{asked}')
    assert isinstance(raised.value, dvdgan_tf.InputError)
    text = str(raised.value)
    assert '\n' not in text and text.endswith('.') and not text[0].isupper()
