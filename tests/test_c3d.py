"""C3D and its two preprocessing rules against slow NumPy; its files."""

import numpy as np
import pytest
import tensorflow as tf

from dvdgan_tf.errors import InputError
from dvdgan_tf.metrics import preprocessing
from dvdgan_tf.metrics.networks import c3d, features

DIVISOR = 16


@pytest.fixture(scope='module')
def paths(tmp_path_factory):
    folder, random = tmp_path_factory.mktemp('c3d'), np.random.default_rng(0)
    arrays = {}
    for name, shape in c3d.shapes(DIVISOR).items():
        arrays[name] = (random.standard_normal(shape) * np.sqrt(2 / max(np.prod(shape[1:]), 1))).astype(np.float32)
        if name.endswith('/b'):
            arrays[name] *= 0.1
    np.savez(folder / 'c3d.npz', **arrays)
    np.savez(folder / 'mean2.npz', mean=random.uniform(90, 110, (3, 16, 128, 171)).astype(np.float32))
    return str(folder / 'c3d.npz'), str(folder / 'mean2.npz'), arrays


def test_the_published_network_has_its_number_of_parameters():
    assert sum(int(np.prod(shape)) for shape in c3d.shapes().values()) == 78_409_573


def convolved(x, kernel, bias):
    """Channels first [C, T, H, W] by kernel [out, in, 3, 3, 3], zero padding, ReLU."""
    padded = np.pad(x, [(0, 0)] + [(1, 1)] * 3)
    out = np.zeros((len(kernel), *x.shape[1:]))
    for t, i, j in np.ndindex(3, 3, 3):
        part = padded[:, t : t + x.shape[1], i : i + x.shape[2], j : j + x.shape[3]]
        out += np.einsum('oc,cthw->othw', kernel[:, :, t, i, j], part)
    return np.maximum(out + bias[:, None, None, None], 0)


def pooled(x, frames):
    """Max over windows (frames, 2, 2) that cover all: a last odd row is a window of its own."""
    pad = [(0, 0), (0, -x.shape[1] % frames), (0, x.shape[2] % 2), (0, x.shape[3] % 2)]
    x = np.pad(x, pad, constant_values=-np.inf)
    channels, time, height, width = x.shape
    return x.reshape(channels, time // frames, frames, height // 2, 2, width // 2, 2).max((2, 4, 6))


def test_the_network_against_numpy(paths):
    clips = np.random.default_rng(1).uniform(-60, 60, (1, 16, 112, 112, 3)).astype(np.float32)
    got = c3d.load(paths[0], DIVISOR)[0](tf.constant(clips))['softmax'][0]
    weights, x = paths[2], clips[0].transpose(3, 0, 1, 2).astype(np.float64)
    for name in ('conv1a', 'conv2a', 'conv3a', 'conv3b', 'conv4a', 'conv4b', 'conv5a', 'conv5b'):
        x = convolved(x, weights[f'{name}/W'], weights[f'{name}/b'])
        if name in ('conv1a', 'conv2a', 'conv3b', 'conv4b', 'conv5b'):
            x = pooled(x, 1 if name == 'conv1a' else 2)
    assert x.shape[1:] == (1, 4, 4)
    x = x.ravel()
    for name in ('fc6', 'fc7'):
        x = np.maximum(weights[f'{name}/W'] @ x + weights[f'{name}/b'], 0)
    logits = weights['fc8/W'] @ x + weights['fc8/b']
    expected = np.exp(logits - logits.max())
    np.testing.assert_allclose(got, expected / expected.sum(), rtol=2e-3, atol=1e-6)


def test_cubic_interpolation_has_the_constant_of_opencv():
    """By hand, 2 to 4 pixels: target 1 lies at 0.25, its taps at distances 1.25, 0.25, 0.75 and 1.75, a = -0.75."""
    weights = [preprocessing._cubic(distance) for distance in (1.25, 0.25, 0.75, 1.75)]
    np.testing.assert_allclose(weights, [-0.10546875, 0.87890625, 0.26171875, -0.03515625])
    np.testing.assert_allclose(preprocessing.cubic_matrix(2, 4)[1], [0.7734375, 0.2265625])
    np.testing.assert_allclose(preprocessing.cubic_matrix(128, 128), np.eye(128), atol=1e-7)
    np.testing.assert_allclose(preprocessing.cubic_matrix(64, 128).sum(1), 1, atol=1e-6)


def test_tgan_input_at_its_own_size(paths):
    clips = np.random.default_rng(0).uniform(-1, 1, (2, 16, 128, 128, 3)).astype(np.float32)
    mean = np.load(paths[1])['mean']
    got = preprocessing.tgan_input(tf.constant(clips), mean)
    x = (clips * 128 + 128).transpose(4, 0, 1, 2, 3)[::-1]
    x = x - mean.reshape(3, 1, 16, 128, 171)[:, :, :, :, 21:149]
    np.testing.assert_allclose(got, x[:, :, :, 8:120, 8:120].transpose(1, 2, 3, 4, 0), atol=1e-3)


def test_tgan2_input_crops_the_mean_elsewhere_and_aligns_corners(paths):
    clips = np.random.default_rng(0).uniform(-1, 1, (1, 16, 64, 64, 3)).astype(np.float32)
    mean = np.load(paths[1])['mean']
    got = preprocessing.tgan2_input(tf.constant(clips), mean).numpy()
    for row, column, source in ((0, 0, (0, 0)), (111, 111, (63, 63)), (0, 111, (0, 63))):
        expected = clips[0, :, source[0], source[1], ::-1] * 128 + 128 - mean[:, :, 8 + row, 8 + column].T
        np.testing.assert_allclose(got[0, :, row, column], expected, atol=1e-3)


def test_the_feature_network_takes_any_size_but_16_frames(paths):
    network = features.c3d_network(paths[0], paths[1], 'tgan', DIVISOR)
    found = network.features(tf.zeros([2, 16, 32, 32, 1]))['softmax']
    assert found.shape == (2, 101)
    np.testing.assert_allclose(tf.reduce_sum(found, 1), 1, rtol=1e-5)
    assert network.identity['published_weights'] is None
    for frames in (12, 48):
        with pytest.raises(InputError, match='16'):
            network.check((1, frames, 64, 64, 3))


def test_bad_files_are_refused(paths, tmp_path):
    with pytest.raises(InputError, match='no C3D of UCF-101: conv1a/W'):
        c3d.load(paths[0])
    with pytest.raises(InputError, match='missing'):
        c3d.load(paths[1], DIVISOR)
    with pytest.raises(InputError, match='no array "mean"'):
        c3d.load_mean(paths[0])
    torn = tmp_path / 'torn.npz'
    torn.write_bytes(open(paths[0], 'rb').read()[:4000])
    with pytest.raises(InputError, match='cannot be read'):
        c3d.load(str(torn), DIVISOR)
    with pytest.raises(InputError, match='cannot be read'):
        c3d.load_mean(str(tmp_path / 'absent.npz'))
