"""Published answers, where the environment names the weight files; skipped by name otherwise.

DVDGAN_I3D_400, DVDGAN_I3D_600: as --i3d takes them. DVDGAN_C3D: folder with conv3d_deepnetA_ucf.npz and mean2.npz.
DVDGAN_LPIPS: npz as --lpips takes it.
"""

import os

import numpy as np
import pytest
import tensorflow as tf

from dvdgan_tf.evaluation import selftest
from dvdgan_tf.metrics import prediction
from dvdgan_tf.metrics.networks import features


def path_of(name):
    if name not in os.environ:
        pytest.skip(f'{name} does not name a file')
    return os.environ[name]


def assert_all_pass(checks):
    failed = [check.line() for check in checks if not check.passed]
    assert not failed


def test_i3d_kinetics_400():
    network = features.i3d_network(path_of('DVDGAN_I3D_400'))
    assert network.name == 'i3d-400' and network.identity['published_weights']
    assert_all_pass(selftest.i3d_400_answers(network))


def test_i3d_kinetics_600():
    network = features.i3d_network(path_of('DVDGAN_I3D_600'))
    assert network.name == 'i3d-600' and network.sizes['logits'] == 600
    found = network.features(tf.constant(np.random.RandomState(0).uniform(-1, 1, (1, 12, 64, 64, 3)), tf.float32))
    assert all(np.isfinite(value).all() for value in found.values())


def test_c3d():
    folder = path_of('DVDGAN_C3D')
    files = [os.path.join(folder, name) for name in ('conv3d_deepnetA_ucf.npz', 'mean2.npz')]
    for rule in ('tgan', 'tgan2'):
        found = features.c3d_network(*files, rule).features(tf.zeros([1, 16, 64, 64, 3]))['softmax']
        assert float(tf.reduce_sum(found)) == pytest.approx(1, rel=1e-4)


def test_lpips():
    assert_all_pass(selftest.lpips_answers(prediction.LPIPS(path_of('DVDGAN_LPIPS'))))
