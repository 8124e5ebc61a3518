"""The I3D port against the graph of a TF-Hub module, its weight loaders and its preprocessing."""

import hashlib
import shutil

import hub_standin
import numpy as np
import pytest
import tensorflow as tf

from dvdgan_tf.errors import InputError
from dvdgan_tf.metrics import preprocessing
from dvdgan_tf.metrics.networks import features, hub_module, i3d, i3d_weights

DIVISOR = 16


@pytest.fixture(scope='module')
def module_400(tmp_path_factory):
    return hub_standin.write(str(tmp_path_factory.mktemp('i3d')), 400, DIVISOR)


@pytest.fixture(scope='module')
def module_600(tmp_path_factory):
    return hub_standin.write(str(tmp_path_factory.mktemp('i3d')), 600, DIVISOR)


@pytest.fixture(params=[400, 600])
def standin(request):
    return request.param, *request.getfixturevalue(f'module_{request.param}')


@pytest.fixture(scope='module')
def network(module_400):
    return features.i3d_network(module_400[0], width_divisor=DIVISOR)


def noise(frames, seed=0):
    return tf.constant(np.random.default_rng(seed).uniform(-1, 1, (1, frames, 224, 224, 3)), tf.float32)


def assert_same(port, module, clips):
    got, expected = port(clips), module(clips)
    assert np.abs(expected['logits']).max() > 1
    for name in ('avgpool', 'logits'):
        np.testing.assert_allclose(got[name], expected[name], atol=1e-4)


def test_the_port_equals_the_hub_graph(standin):
    classes, module, _ = standin
    port, _ = i3d_weights.load(module, DIVISOR)
    graph = hub_module.load(module)
    assert port(noise(9))['logits'].shape == (1, classes)
    for frames in (9, 12, 16, 48) if classes == 400 else (9, 16):
        assert_same(port, graph, noise(frames))


def test_the_port_equals_the_hub_graph_at_full_width(tmp_path):
    module, _ = hub_standin.write(str(tmp_path), 400, 1)
    port, _ = i3d_weights.load(module)
    variables = port.named_variables()
    assert len(variables) == 230
    assert sum(int(np.prod(variable.shape)) for variable in variables.values()) == 12_704_544
    assert_same(port, hub_module.load(module), noise(9))


def test_module_and_checkpoint_hold_the_same_weights(standin):
    _, module, checkpoint = standin
    port, digest = i3d_weights.load(module, DIVISOR)
    other, other_digest = i3d_weights.load(checkpoint, DIVISOR)
    assert digest == other_digest == i3d_weights.load(f'{checkpoint}.index', DIVISOR)[1]
    for name, variable in port.named_variables().items():
        np.testing.assert_array_equal(variable, other.named_variables()[name])


def test_both_backends_of_the_feature_network_agree(module_400, network, monkeypatch):
    clips = tf.constant(np.random.default_rng(0).uniform(-1, 1, (2, 9, 32, 40, 3)), tf.float32)
    monkeypatch.setattr(features, '_recognised', lambda run, classes: {})  # costs two clips of 30 frames
    port, hub = network, features.i3d_network(module_400[0], 'hub', DIVISOR)
    for name in ('avgpool', 'logits', 'softmax'):
        np.testing.assert_allclose(port.features(clips)[name], hub.features(clips)[name], atol=1e-4)
    assert port.identity['weights_sha256'] == hub.identity['weights_sha256']


def test_random_weights_are_not_taken_for_the_published_ones(network):
    assert network.name == 'i3d-400'
    assert network.identity['published_weights'] is False and 'NOT recognised' in network.identity['weights']


def test_an_address_resolves_through_the_cache_and_a_refusal_names_the_alternatives(module_400, tmp_path, monkeypatch):
    address = 'https://tfhub.invalid/deepmind/i3d-kinetics-400/1'
    monkeypatch.setenv('TFHUB_CACHE_DIR', str(tmp_path))
    with pytest.raises(InputError, match='rgb_scratch'):
        i3d_weights.load(address, DIVISOR)
    shutil.copytree(module_400[0], tmp_path / hashlib.sha1(address.encode()).hexdigest())
    assert i3d_weights.load(address, DIVISOR)[1] == i3d_weights.load(module_400[0], DIVISOR)[1]


def test_too_few_frames_are_refused(network):
    network.check((4, 9, 64, 64, 3))
    with pytest.raises(InputError, match='8 frames'):
        network.check((4, 8, 64, 64, 3))
    with pytest.raises(InputError, match='channels'):
        network.check((4, 16, 64, 64, 2))


def test_a_truncated_weight_file_is_one_sentence(module_400, tmp_path):
    folder = tmp_path / 'module'
    shutil.copytree(module_400[0], folder)
    data = folder / 'variables' / 'variables.data-00000-of-00001'
    data.write_bytes(data.read_bytes()[:5000])
    with pytest.raises(InputError, match='cannot be read'):
        i3d_weights.load(str(folder), DIVISOR)


def test_weights_of_another_network_are_refused(module_400, tmp_path):
    with pytest.raises(InputError, match='another network'):
        i3d_weights.load(module_400[0], 1)
    with pytest.raises(InputError, match='no I3D weights in'):
        i3d_weights.load(str(tmp_path), DIVISOR)
    prefix = tf.train.Checkpoint(v=tf.Variable(1.0)).write(str(tmp_path / 'other'))
    with pytest.raises(InputError, match='no I3D'):
        i3d_weights.load(prefix, DIVISOR)
    with pytest.raises(InputError, match='12 classes'):
        weights = i3d_weights.read(module_400[0])
        weights['Logits/Conv3d_0c_1x1/conv_3d/w'] = np.zeros((1, 1, 1, 64, 12), np.float32)
        with pytest.MonkeyPatch.context() as patch:
            patch.setattr(i3d_weights, 'read', lambda source: weights)
            i3d_weights.load('somewhere', DIVISOR)
    weights = i3d_weights.read(module_400[0])
    del weights['Mixed_3b/Branch_0/Conv3d_0a_1x1/conv_3d/w']
    with pytest.raises(InputError, match='lacks 1'):
        i3d_weights.assign(i3d.InceptionI3D(400, DIVISOR), weights, 'somewhere')


def test_hub_refuses_a_folder_that_is_no_module(tmp_path):
    with pytest.raises(InputError, match='cannot be loaded'):
        hub_module.load(str(tmp_path))


def test_the_resize_is_the_legacy_kernel_and_not_the_half_pixel_one():
    """A row 0 | 255 stretched to 224: legacy sources lie at x / 112, half-pixel ones at (x + 0.5) / 112 - 0.5."""
    clips = np.full((1, 1, 2, 2, 3), -1, np.float32)
    clips[..., 1, :] = 1
    row = preprocessing.i3d_input(tf.constant(clips))[0, 0, 0, :, 0].numpy()
    place = np.arange(224) * 2 / 224
    by_hand = 2 * np.minimum(place, 1) - 1
    np.testing.assert_allclose(row, by_hand, atol=1e-6)
    assert row[0] == -1 and row[56] == pytest.approx(0, abs=1e-6) and row[112] == 1
    half_pixel = tf.image.resize((clips[0] + 1) / 2, (224, 224)).numpy()[0, 0, :, 0] * 2 - 1
    assert np.abs(half_pixel - row).max() > 0.4


def test_half_pixel_resizing_is_that_of_today_and_named():
    clips = np.random.default_rng(0).uniform(-1, 1, (1, 2, 16, 20, 3)).astype(np.float32)
    expected = tf.image.resize(clips[0], (224, 224), 'bilinear')
    np.testing.assert_allclose(preprocessing.i3d_input(tf.constant(clips), half_pixel=True)[0], expected, atol=1e-5)
    assert np.abs(preprocessing.i3d_input(tf.constant(clips))[0] - expected).max() > 0.1
    legacy, half_pixel = features._RESIZES
    assert 'no half-pixel' in legacy and 'NOT that of FVD' in half_pixel


def test_grey_clips_are_repeated_and_quantisation_has_256_levels():
    clips = np.random.default_rng(0).uniform(-1, 1, (1, 2, 16, 16, 1)).astype(np.float32)
    np.testing.assert_array_equal(
        preprocessing.i3d_input(tf.constant(clips)), preprocessing.i3d_input(tf.repeat(clips, 3, -1))
    )
    levels = (preprocessing.quantize(tf.linspace(-1.0, 1.0, 4001)).numpy() + 1) * 127.5
    np.testing.assert_allclose(np.unique(levels.round(3)), np.arange(256), atol=1e-3)


def test_full_precision_switches_tf32_off_and_back():
    assert tf.config.experimental.tensor_float_32_execution_enabled()
    with features.full_precision():
        assert not tf.config.experimental.tensor_float_32_execution_enabled()
    assert tf.config.experimental.tensor_float_32_execution_enabled()
