"""The exported SavedModel: the live generator's clips in Python, in C and after a restart, and clear refusals."""

import collections
import io
import json
import os

import c_api
import exported
import numpy as np
import pytest
import tensorflow as tf
from PIL import Image
from tensorflow_serving.apis import prediction_log_pb2

from dvdgan_tf import serving
from dvdgan_tf.exporters import saved_model, warmup
from dvdgan_tf.sampling.latents import sample_latents
from dvdgan_tf.sampling.video import to_uint8

SHAPE = (3, 16, 16, 3)
SEED, LABEL, TRUNCATION = np.int64([5, 6]), np.int32([0, 2]), np.float32([1.0, 0.5])
LATENT = np.zeros((2, 120), np.float32)


@pytest.fixture(scope='module')
def folder(exported_folders):
    return exported_folders['synthesis']


@pytest.fixture(scope='module')
def in_c(folder):
    return c_api.Model(folder)


@pytest.fixture(scope='module')
def prediction(exported_folders):
    return c_api.Model(exported_folders['prediction'])


def test_the_folder_holds_what_servers_look_for(folder):
    assert sorted(os.listdir(os.path.dirname(folder))) == [str(exported.STEP)]
    with open(f'{folder}/assets/metadata.json') as file:
        about = json.load(file)
    assert about['step'] == exported.STEP and about['fps'] == 8.0 and about['context_frames'] == 0
    assert about['preset'] == {'NUM_FRAMES': '3', 'PRECISION': 'float32'}
    assert about['classes'] == list(exported.CLASSES)
    assert about['sha256'] == exported.source().frozen.sha256()
    assert about['max_batch'] == exported.MAX_BATCH


def test_python_c_and_the_warm_up_give_the_same_bytes(folder, in_c):
    loaded = tf.saved_model.load(folder).signatures
    records = list(tf.data.TFRecordDataset(f'{folder}/{warmup.PLACE}').as_numpy_iterator())
    asked = collections.Counter()
    for record in records:
        request = prediction_log_pb2.PredictionLog.FromString(record).predict_log.request
        inputs = {name: tf.make_ndarray(value) for name, value in request.inputs.items()}
        name = request.model_spec.signature_name
        answers = in_c.run(name, inputs)
        for output, expected in loaded[name](**{k: tf.constant(v) for k, v in inputs.items()}).items():
            np.testing.assert_array_equal(answers[output].astype(expected.numpy().dtype), expected)
        asked[name] += 1
        if 'video' in answers:
            assert answers['video'].shape[1:] == SHAPE and answers['video'].std() > 0
    assert asked == dict.fromkeys(loaded, 3)


def test_a_process_without_tensorflow_in_python_agrees(folder):
    source = exported.source()
    requests = saved_model.make_requests(source)
    answers = saved_model.in_another_process(c_api.__file__, folder, requests)
    assert saved_model.compare(source, requests, answers) < 1e-4


def test_a_seed_is_that_of_sampling(in_c):
    live = exported.source().generator
    latent = [sample_latents(5, 1)[0], sample_latents(6, 1, 0.5)[0]]
    expected = to_uint8(live(tf.stack(latent), LABEL).numpy())
    video = in_c.run('serving_default', {'seed': SEED, 'label': LABEL, 'truncation': TRUNCATION})['video']
    assert np.abs(video.astype(int) - expected).max() <= 1


def test_interpolation_begins_and_ends_at_its_two_clips(in_c):
    inputs, clips = exported.source().probe
    first, second = ({'latent': inputs['latent'][[i, i]], 'label': inputs['label'][[i, i]]} for i in (0, 7))
    pair = {f'first_{name}': value for name, value in first.items()}
    pair.update({f'second_{name}': value for name, value in second.items()})
    video = in_c.run('interpolate', {**pair, 'weight': np.float32([0, 1])})['video']
    assert np.abs(video.astype(int) - to_uint8(clips[[0, 7]])).max() <= 1
    between = in_c.run('interpolate', {**pair, 'weight': np.float32([0.5, 0.5])})['video']
    assert min(np.abs(between[0] / 255 - end / 255).mean() for end in video) > 0.01


def test_embed_gives_rows_of_the_class_embedding(in_c):
    rows = in_c.run('embed', {'label': np.int32([2, 0])})['embedding']
    np.testing.assert_array_equal(rows, exported.source().generator.embedding.embeddings.numpy()[[2, 0]])


def test_encoded_frames_are_the_pixels_of_the_default(in_c):
    video = in_c.run('serving_default', SAMPLED)['video']
    files = in_c.run('encoded', SAMPLED)['png_bytes']
    assert files.shape == video.shape[:2]
    for clip, frames in zip(files, video):
        for file, frame in zip(clip, frames):
            np.testing.assert_array_equal(np.asarray(Image.open(io.BytesIO(file))), frame)


def test_class_names_can_be_asked_for(in_c):
    answers = in_c.run('class_names', {'label': np.int32([2, 0])})
    assert [name.decode() for name in answers['name']] == ['wave', 'bend']
    assert [[name.decode() for name in row] for row in answers['all']] == [list(exported.CLASSES)] * 2


def test_the_bound_of_a_batch_is_that_of_the_export():
    signatures = serving.signatures(exported.source().frozen, exported.CLASSES, 2)
    two = {name: tf.constant(value) for name, value in SAMPLED.items()}
    assert signatures['serving_default'](**two)['video'].shape[0] == 2
    for name in ('serving_default', 'encoded'):
        with pytest.raises(tf.errors.InvalidArgumentError, match='at most 2 rows'):
            signatures[name](**{name: tf.tile(value, [2]) for name, value in two.items()})
    assert {int(name.split('/')[2]) for name in saved_model.make_requests(exported.source(), 2)} == {1, 2}


def bad(inputs, **changes):
    return {**inputs, **changes}


SAMPLED = {'seed': SEED, 'label': LABEL, 'truncation': TRUNCATION}
EXACT = {'latent': LATENT, 'label': LABEL}
LATENTS, LABELS = {'first_latent': LATENT, 'second_latent': LATENT}, {'first_label': LABEL, 'second_label': LABEL}
PAIR = {**LATENTS, **LABELS, 'weight': TRUNCATION}
MANY = {name: np.repeat(value, 50_000, 0) for name, value in SAMPLED.items()}
REFUSED = [
    ('serving_default', MANY, 'a request may have at most 8 rows'),
    ('encoded', MANY, 'a request may have at most 8 rows'),
    ('embed', {'label': MANY['label']}, 'a request may have at most 8 rows'),
    ('class_names', {'label': np.int32([3])}, 'label must be 0 to 2'),
    ('generate_float', bad(EXACT, latent=np.full_like(LATENT, 1e30)), 'the clip holds NaN or infinity'),
    ('interpolate', bad(PAIR, first_latent=np.full_like(LATENT, 1e38)), 'the clip holds NaN or infinity'),
    ('serving_default', bad(SAMPLED, label=np.int32([0, 3])), 'label must be 0 to 2'),
    ('serving_default', bad(SAMPLED, label=np.int32([0, -1])), 'label must be 0 to 2'),
    ('serving_default', bad(SAMPLED, truncation=np.float32([0, 1.01])), 'truncation must be 0 to 1'),
    ('serving_default', bad(SAMPLED, truncation=np.float32([0, np.nan])), 'truncation must be 0 to 1'),
    ('serving_default', {name: value[:0] for name, value in SAMPLED.items()}, 'the request is empty'),
    ('serving_default', bad(SAMPLED, label=LABEL[:1]), 'differ in batch size'),
    ('generate_float', bad(EXACT, latent=np.full_like(LATENT, np.nan)), 'latent holds NaN'),
    ('generate_float', bad(EXACT, latent=LATENT[:, :60]), r'latent must have shape \[batch, 120\]'),
    ('generate_float', {name: value[:0] for name, value in EXACT.items()}, 'the request is empty'),
    ('interpolate', bad(PAIR, second_label=np.int32([7, 0])), 'label must be 0 to 2'),
    ('interpolate', bad(PAIR, first_latent=np.full_like(LATENT, np.inf)), 'latent holds NaN or infinity'),
    ('interpolate', bad(PAIR, weight=np.float32([0, 2])), 'weight must be 0 to 1'),
    ('embed', {'label': np.int32([3])}, 'label must be 0 to 2'),
]


@pytest.mark.parametrize('signature, inputs, reason', REFUSED, ids=lambda value: value if type(value) is str else '')
def test_a_request_that_cannot_be_answered_is_refused(in_c, signature, inputs, reason):
    with pytest.raises(RuntimeError, match=reason):
        in_c.run(signature, inputs)


def test_a_prediction_of_the_wrong_frames_is_refused(prediction):
    context = np.zeros((2, 2, 16, 16, 3), np.uint8)
    assert prediction.run('predict', {'context': context, 'seed': SEED})['video'].dtype == np.uint8
    for wrong in (context[:, :1], context[..., :1], context[:, :, :8]):
        with pytest.raises(RuntimeError, match=r'context must have shape \[batch, 2, 16, 16, 3\]'):
            prediction.run('predict', {'context': wrong, 'seed': SEED})
    with pytest.raises(RuntimeError, match='context holds NaN'):
        prediction.run('generate_float', {'latent': LATENT, 'context': context * np.nan})
    with pytest.raises(RuntimeError, match='the request is empty'):
        prediction.run('predict', {'context': context[:0], 'seed': SEED[:0]})
    with pytest.raises(RuntimeError, match='at most 8 rows'):
        prediction.run('predict', {'context': np.repeat(context, 5, 0), 'seed': np.arange(10)})
    with pytest.raises(RuntimeError, match='the clip holds NaN or infinity'):
        prediction.run('generate_float', {'latent': LATENT + np.float32(1e30), 'context': context.astype(np.float32)})


def test_a_model_that_continues_clips_has_no_default(prediction):
    assert set(prediction.signatures) - {'__saved_model_init_op'} == {'predict', 'generate_float', 'encoded'}


def test_an_export_that_differs_is_not_kept():
    source = exported.source()
    other = source._replace(probe=source.probe._replace(clips=source.probe.clips + 0.01))
    requests = saved_model.make_requests(source)
    answers = {f'generate_float/video/{size}': source.probe.clips[:size] for size in (1, 3, 8)}
    sampled = {f'serving_default/video/{size}': np.zeros((size, *SHAPE), np.uint8) for size in (1, 3, 8)}
    with pytest.raises(RuntimeError, match='other bytes'):
        saved_model.compare(source, requests, {**answers, **sampled})
    right = {
        f'serving_default/video/{size}': saved_model.live_answer(source, requests, size)
        for size in (1, 3, 8)
    }
    assert saved_model.compare(source, requests, {**answers, **right}) == 0.0
    with pytest.raises(RuntimeError, match='differs from the live generator by 0.01'):
        saved_model.compare(other, requests, {**answers, **right})
