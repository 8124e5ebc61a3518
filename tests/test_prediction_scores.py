"""PSNR, SSIM and LPIPS against closed forms and slow NumPy."""

import numpy as np
import pytest
import tensorflow as tf

from dvdgan_tf.errors import InputError
from dvdgan_tf.metrics import prediction

KERNELS = {
    'net.slice1.0': (64, 3, 11),
    'net.slice2.3': (192, 64, 5),
    'net.slice3.6': (384, 192, 3),
    'net.slice4.8': (256, 384, 3),
    'net.slice5.10': (256, 256, 3),
}


def clips(seed=0, frames=2, size=48):
    return np.random.default_rng(seed).uniform(-1, 1, (2, frames, size, size, 3)).astype(np.float32)


def test_psnr_of_every_frame():
    real, fake = clips(), clips(1)
    errors = np.mean(((real - fake) / 2) ** 2, (2, 3, 4))
    np.testing.assert_allclose(prediction.psnr(real, fake), -10 * np.log10(errors), rtol=1e-5)


def test_equal_clips_are_finite_and_best():
    real = clips()
    np.testing.assert_allclose(prediction.psnr(real, real), 100, rtol=1e-5)
    np.testing.assert_allclose(prediction.ssim(real, real), 1, rtol=1e-5)


def test_ssim_against_numpy():
    real, fake = clips(0, 1, 16), clips(1, 1, 16)
    x, y = ((clip[0, 0, :11, :11, 0].astype(np.float64) + 1) / 2 for clip in (real, fake))
    window = np.exp(-((np.arange(11) - 5) ** 2) / (2 * 1.5**2))
    window = np.outer(window, window) / window.sum() ** 2
    mx, my = (window * x).sum(), (window * y).sum()
    vx, vy = (window * x * x).sum() - mx**2, (window * y * y).sum() - my**2
    cov = (window * x * y).sum() - mx * my
    expected = (2 * mx * my + 1e-4) * (2 * cov + 9e-4) / ((mx**2 + my**2 + 1e-4) * (vx + vy + 9e-4))
    got = prediction.ssim(real[:1, :, :11, :11, :1], fake[:1, :, :11, :11, :1])
    np.testing.assert_allclose(got, [[expected]], rtol=1e-3)
    with pytest.raises(InputError, match='11 pixels'):
        prediction.ssim(real[:1, :, :10, :, :1], fake[:1, :, :10, :, :1])


@pytest.fixture(scope='module')
def weights(tmp_path_factory):
    random, arrays = np.random.default_rng(0), {}
    for index, (name, (channels, inputs, size)) in enumerate(KERNELS.items()):
        scale = np.sqrt(2 / (inputs * size * size))
        arrays[f'{name}.weight'] = (scale * random.standard_normal((channels, inputs, size, size))).astype(np.float32)
        arrays[f'{name}.bias'] = (0.1 * random.standard_normal(channels)).astype(np.float32)
        arrays[f'lin{index}.model.1.weight'] = random.uniform(0, 1, (1, channels, 1, 1)).astype(np.float32)
    path = str(tmp_path_factory.mktemp('lpips') / 'alex.npz')
    np.savez(path, **arrays)
    return path, arrays


def convolved(x, kernel, bias, stride, pad):
    """Channels first [C, H, W] by [out, in, k, k], as PyTorch does it, ReLU."""
    size = kernel.shape[-1]
    x = np.pad(x, [(0, 0), (pad, pad), (pad, pad)])
    rows = (x.shape[1] - size) // stride + 1
    out = np.zeros((len(kernel), rows, rows))
    for i, j in np.ndindex(size, size):
        part = x[:, i : i + stride * rows : stride, j : j + stride * rows : stride]
        out += np.einsum('oc,chw->ohw', kernel[:, :, i, j], part)
    return np.maximum(out + bias[:, None, None], 0)


def pooled(x):
    rows = (x.shape[1] - 3) // 2 + 1
    parts = [x[:, i : i + 2 * rows : 2, j : j + 2 * rows : 2] for i, j in np.ndindex(3, 3)]
    return np.max(parts, 0)


def slow_features(frame, arrays):
    shift, scale = np.array([-0.030, -0.088, -0.188]), np.array([0.458, 0.448, 0.450])
    x, found = ((frame - shift) / scale).transpose(2, 0, 1), []
    for index, name in enumerate(KERNELS):
        x = pooled(x) if index in (1, 2) else x
        stride, pad = ((4, 2), (1, 2), (1, 1), (1, 1), (1, 1))[index]
        x = convolved(x, arrays[f'{name}.weight'], arrays[f'{name}.bias'], stride, pad)
        found.append(x / (np.linalg.norm(x, axis=0) + 1e-10))
    return found


def test_lpips_against_numpy(weights):
    path, arrays = weights
    real, fake = clips(0, 1, 64), clips(1, 1, 64)
    expected = 0
    for index, (x, y) in enumerate(zip(slow_features(real[0, 0], arrays), slow_features(fake[0, 0], arrays))):
        lin = arrays[f'lin{index}.model.1.weight'][0, :, 0, 0]
        expected += np.einsum('c,chw->hw', lin, (x - y) ** 2).mean()
    lpips = prediction.LPIPS(path)
    np.testing.assert_allclose(lpips(real[:1], fake[:1]), [[expected]], rtol=1e-3)
    np.testing.assert_allclose(lpips(real, real), 0, atol=1e-6)


def test_lpips_takes_grey_clips_frame_by_frame(weights):
    lpips, grey = prediction.LPIPS(weights[0]), clips(0, 2, 64)[..., :1]
    other = clips(1, 2, 64)[..., :1]
    per_frame = [lpips(tf.constant(grey[:, t : t + 1]), tf.constant(other[:, t : t + 1])).numpy() for t in range(2)]
    np.testing.assert_allclose(lpips(grey, other), np.concatenate(per_frame, 1), rtol=1e-4)


def test_lpips_refuses_other_weights(weights, tmp_path):
    path = str(tmp_path / 'other.npz')
    np.savez(path, **{**weights[1], 'lin0.model.1.weight': np.zeros((1, 32, 1, 1))})
    with pytest.raises(InputError, match='lin0.model.1.weight'):
        prediction.LPIPS(path)
    with pytest.raises(InputError, match='cannot be read'):
        prediction.LPIPS(str(tmp_path / 'absent.npz'))
