"""The operations that the benchmark counts for the plain form, against a plain build's graph, and ours beside them."""

import functools

import pytest
import tensorflow as tf

from dvdgan_tf.benchmarks import plain
from dvdgan_tf.models import Generator, SpatialDiscriminator, TemporalDiscriminator
from dvdgan_tf.models.variables import clip_spec, label_spec, latent_spec
from dvdgan_tf.planning import graph_cost


def _flops(network, *specs):
    with tf.Graph().as_default():
        return graph_cost.flops(tf.function(network(), autograph=False).get_concrete_function(*specs).graph)


@pytest.mark.parametrize(
    'num_frames, ch, expected',
    [
        # G, D_S with 8 frames and D_T of a plain build at 64x64, counted on its TensorFlow graph.
        (12, 128, (1.53e12, 0.24e12, 0.09e12)),
        (48, 128, (6.23e12, 0.24e12, 0.36e12)),
        (12, 16, (24.1e9, 3.7e9, 1.5e9)),
    ],
)
def test_operations_of_the_plain_form(num_frames, ch, expected):
    label = label_spec(1)
    with plain.without():
        counted = (
            _flops(functools.partial(Generator, 64, num_frames, 2, ch), latent_spec(1, 120), label),
            _flops(functools.partial(SpatialDiscriminator, 64, 2, ch), clip_spec(1, 8, 64, 3), label),
            _flops(functools.partial(TemporalDiscriminator, 64, 2, ch), clip_spec(1, num_frames, 32, 3), label),
        )
    assert counted == pytest.approx(expected, rel=0.035)


def test_our_generator_needs_fewer_operations_than_the_plain_form():
    make, specs = functools.partial(Generator, 64, 12, 2, 16), (latent_spec(1, 120), label_spec(1))
    ours = _flops(make, *specs)
    with plain.without():
        assert ours / _flops(make, *specs) < 0.92
