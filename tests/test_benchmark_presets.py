"""The benchmarks of a preset, on the smallest networks: which numbers they find."""

import functools

import pytest
import tf_keras as keras
import tiny

from dvdgan_tf.benchmarks import feeding, profile, sampling, scaling, step
from dvdgan_tf.benchmarks.preset import Preset, check_fits
from dvdgan_tf.benchmarks.record import Record
from dvdgan_tf.data.synthetic import SyntheticClips
from dvdgan_tf.errors import InputError
from dvdgan_tf.models import DiscriminatorInputs
from dvdgan_tf.planning.memory import Room

_SGD = functools.partial(keras.optimizers.SGD, 0.1, jit_compile=False)


@pytest.fixture
def preset():
    optimizers = {'generator_optimizer': _SGD, 'discriminator_optimizer': _SGD}
    make = functools.partial(tiny.gan_step, discriminator_inputs=DiscriminatorInputs(2), **optimizers)
    return Preset('tiny', make, lambda: SyntheticClips(16, 2), 'float32')


def test_a_step_is_measured_beside_its_plain_form_and_without_each_rewrite(preset, monkeypatch):
    monkeypatch.setattr(step, 'matmul_flops_per_second', lambda: 1e9)
    record = Record('step', preset.name)
    lines = list(step.report(record, preset, 1))
    rewrites = [f'step without {name}, CPU' for name in step.plain.REWRITES]
    assert {'step, CPU', 'step, seconds', 'step in the plain form, CPU', *rewrites} <= set(record.numbers)
    assert record.numbers['step / step, CPU'] == 1
    assert all(value >= 0 for value in record.numbers.values())
    assert any(line.endswith('MatMul') for line in lines)
    assert any(line.endswith('G forward') for line in lines) and any(line.endswith('G backward') for line in lines)


@pytest.mark.parametrize(
    'name, network, layer',
    [
        ('generator/group_4/gru/while/body/_1/generator/group_4/gru/while/Conv2D', 'G forward', 'ConvGRU'),
        ('gradient_tape/generator/group_8/block/norm1/moments/mul', 'G backward', 'normalisation'),
        ('spatial_discriminator/block_0/conv1/Conv2D', 'D_S forward', 'convolution'),
        ('temporal_discriminator/block_0/skip/spectral/MatMul', 'D_T forward', 'spectral normalisation'),
        ('gradient_tape/temporal_discriminator/linear/MatMul/MatMul', 'D_T backward', 'dense, embedding, projection'),
        ('generator/group_8/block/Relu', 'G forward', 'activations, pooling, sums'),
        ('Adam/ResourceApplyAdam_7', *2 * ['the rest: draws, losses, averages, optimizers']),
    ],
)
def test_operations_belong_to_a_network_and_a_kind_of_layer(name, network, layer):
    assert (profile.network_of(name), profile.layer_of(name)) == (network, layer)


def test_the_shares_of_a_profile_are_of_all_its_time():
    found = [profile.Operation('generator/Tanh', 'Tanh', 3.0), profile.Operation('AddN', 'AddN', 1.0)]
    lines = list(profile.table(found))
    assert lines[0] == 'where the time goes by network (4 ms of operations):' and len(lines) == 9
    assert [line.split()[0] for line in lines if '%' in line] == ['75.0', '25.0'] * 3


def test_sampling_is_measured_two_at_once_and_many(preset):
    record = Record('sampling', preset.name)
    assert len(list(sampling.report(record, preset, 1))) == len(record.numbers) == 9
    assert record.numbers['throughput'] == pytest.approx(16 / record.numbers['sampling 16, seconds'])


def test_the_share_of_waiting_is_between_none_and_all(preset):
    record = Record('feeding', preset.name)
    list(feeding.report(record, preset, 2))
    assert 0 <= record.numbers['share of the time that goes by for clips'] < 1


def test_exponents_are_those_of_powers(preset, monkeypatch):
    assert scaling.exponent((1, 2, 4), (3.0, 6.0, 12.0)) == pytest.approx(1)
    assert scaling.exponent((8, 16), (1.0, 4.0)) == pytest.approx(2)
    monkeypatch.setattr(scaling, 'GRID', {'GLOBAL_BATCH': (1, 2)})
    record, asked = Record('scaling', preset.name), []

    def make(more):
        asked.append(more)
        return preset

    list(scaling.report(record, make, 1))
    assert asked == [('GLOBAL_BATCH = 1',), ('GLOBAL_BATCH = 2',)]
    assert 'exponent in GLOBAL_BATCH' in record.numbers


def test_a_preset_that_does_not_fit_is_one_sentence(preset, monkeypatch):
    check_fits(preset)
    monkeypatch.setattr('dvdgan_tf.benchmarks.preset.room_of_a_replica', lambda _: Room('this machine', 1000))
    with pytest.raises(InputError, match='tiny does not fit: .* and this machine has 0.0; give a smaller GLOBAL_BATCH'):
        check_fits(preset)
