"""bfloat16 and float16: what stays float32, and what they must not do to gradients."""

import functools

import numpy as np
import pytest
import tensorflow as tf
import tf_keras as keras

from dvdgan_tf.distribute.strategy import device_type, make_strategy
from dvdgan_tf.errors import InputError
from dvdgan_tf.layers.convolution import ConvolutionPool, SpectralConvolution
from dvdgan_tf.models import Generator, SpatialDiscriminator, TemporalDiscriminator
from dvdgan_tf.models.variables import clip_spec, label_spec, latent_spec
from dvdgan_tf.training import precision


@pytest.mark.parametrize('flags, warned', [('flags : fma avx512f', True), ('flags : avx512f avx512_bf16', False)])
def test_bfloat16_without_the_hardware_works_and_warns(flags, warned, tmp_path, monkeypatch, caplog):
    (tmp_path / 'cpuinfo').write_text(flags)
    monkeypatch.setattr(precision, '_CPU_FLAGS', str(tmp_path / 'cpuinfo'))
    precision.check_hardware('mixed_bfloat16', 'CPU')
    assert ('no instructions for bfloat16' in caplog.text) == warned


def test_float16_without_a_gpu_is_refused():
    with pytest.raises(InputError, match='mixed_float16 needs a GPU and this is a CPU'):
        precision.check_hardware('mixed_float16', device_type(make_strategy('one_device')))


def _kernel_gradient(make, shape, policy):
    keras.utils.set_random_seed(0)
    keras.mixed_precision.set_global_policy(policy)
    layer = make()
    random = np.random.RandomState(0)
    inputs = tf.constant(random.randn(*shape).astype('float32'))

    @tf.function(autograph=False)
    def gradient():
        with tf.GradientTape() as tape:
            outputs = tf.cast(layer(inputs), tf.float32)
            loss = tf.reduce_sum(outputs * random.randn(*outputs.shape).astype('float32'))
        return tape.gradient(loss, layer.spectral.kernel)

    return gradient().numpy()


# Without care oneDNN gives the first three garbage, or crashes.
@pytest.mark.parametrize(
    'make, shape',
    [
        (lambda: SpectralConvolution(4, rank=3), (4, 2, 8, 8, 2)),
        (lambda: ConvolutionPool(16, (1, 2, 2)), (4, 2, 4, 4, 16)),
        (lambda: ConvolutionPool(4, (2, 2, 2)), (4, 4, 2, 2, 4)),
        (lambda: SpectralConvolution(4, rank=3), (4, 3, 8, 8, 2)),
        (lambda: ConvolutionPool(4, (2, 2, 2)), (4, 4, 4, 4, 4)),
    ],
)
def test_gradients_of_volumes_in_bfloat16_are_those_of_float32(make, shape):
    exact, half = (_kernel_gradient(make, shape, policy) for policy in ('float32', 'mixed_bfloat16'))
    np.testing.assert_allclose(half, exact, atol=0.05 * np.abs(exact).max())


@pytest.mark.parametrize('policy', ['mixed_bfloat16', 'mixed_float16'])
def test_variables_and_outputs_stay_float32(policy):
    keras.mixed_precision.set_global_policy(policy)
    clip, label, latent = clip_spec(2, 8, 16, 3), label_spec(2), latent_spec(2, 120)
    networks = Generator(16, 8, 2, 1), SpatialDiscriminator(16, 2, 1), TemporalDiscriminator(16, 2, 1)
    for network, inputs in zip(networks, (latent, clip, clip)):
        made = tf.function(functools.partial(network, training=True), autograph=False)
        function = made.get_concrete_function(inputs, label)
        assert function.structured_outputs.dtype == tf.float32
        assert {variable.dtype for variable in network.variables} == {tf.float32}
        convolutions = [node for node in function.graph.get_operations() if node.type.startswith('Conv')]
        assert {node.outputs[0].dtype for node in convolutions} == {tf.as_dtype(policy[len('mixed_') :])}
