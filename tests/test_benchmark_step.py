"""The operations that the benchmark counts, against a plain build's graph and against the tracer's count of ours."""

import pytest
import tensorflow as tf

from dvdgan_tf.benchmarks import step
from dvdgan_tf.models import Generator
from dvdgan_tf.models.variables import label_spec, latent_spec
from dvdgan_tf.planning import graph_cost


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
    counted = (
        step.generator_flops(64, num_frames, ch),
        step.discriminator_flops(64, ch, 64, 8, 0),
        step.discriminator_flops(64, ch, 32, num_frames, 2),
    )
    assert counted == pytest.approx(expected, rel=0.035)


def test_our_generator_needs_fewer_operations_than_the_plain_form():
    with tf.Graph().as_default():
        function = tf.function(Generator(64, 12, 2, 16), autograph=False)
        graph = function.get_concrete_function(latent_spec(1, 120), label_spec(1)).graph
    ratio = graph_cost.flops(graph) / step.generator_flops(64, 12, 16)
    assert ratio < 0.92
