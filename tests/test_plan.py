"""What a configuration costs, told before it is trained."""

import functools
import json
import re

import pytest
import tiny

from dvdgan_tf.errors import InputError
from dvdgan_tf.planning import plan
from dvdgan_tf.planning.memory import Room


def _plan(global_batch=400, **changes):
    arguments = {
        'gan_step': functools.partial(tiny.gan_step, global_batch=global_batch),
        'train_steps': 1000,
        'strategy': 'mirrored',
        'precision': 'float32',
    }
    return plan.plan(**{**arguments, **changes})


def test_parameters_operations_and_memory_of_the_smallest_networks():
    said = _plan()
    values, inputs = 2 * 16 * 16 * 3, 120 + 9
    generator, spatial, temporal = (inputs + 1) * values, 16 * 16 * 3 + 9 + 1, 2 * 8 * 8 * 3 + 9 + 1
    assert f'generator {generator:,}, spatial {spatial:,}, temporal {temporal:,}' in said
    assert '100 clips on each of 4 replica(s)' in said
    # A multiply-add is 2. D: G forwards once, each D on real and generated clips forwards and once backwards.
    once, judged = 2 * inputs * values, 2 * (spatial - 1 + temporal - 1)
    expected = 400 * (2 * (once + 2 * judged * 2) + (2 * once + 2 * judged))
    (total,) = re.findall(r'operations of a step: ([\d.,]+) GFLOP', said)
    assert abs(float(total) - expected / 1e9) <= 0.05
    # G and its average, Adam's two slots for G, D_S and D_T with theirs.
    held = 4 * (4 * generator + 3 * (spatial + temporal))
    assert f'{held / 1e9:.2f} for variables' in said
    assert 'time: not measured' in said
    assert 'WARNING' not in said


def test_several_workers_are_planned_without_the_others(monkeypatch):
    workers = {'cluster': {'worker': ['localhost:1', 'localhost:2']}, 'task': {'type': 'worker', 'index': 1}}
    monkeypatch.setenv('TF_CONFIG', json.dumps(workers))
    assert '50 clips on each of 8 replica(s)' in _plan(strategy='multi_worker')
    with pytest.raises(InputError, match='global batch is 9; choose a multiple of the 2 workers'):
        _plan(strategy='multi_worker', global_batch=9)
    with pytest.raises(InputError, match='not timed by a dry run; leave --probe_steps away'):
        _plan(strategy='multi_worker', probe_steps=1)


def test_a_probe_measures_steps_and_says_the_days():
    said = _plan(global_batch=4, probe_steps=2)
    seconds, a_day, days = re.search(r'time: (\S+) s a step, ([\d,]+) steps a day, ([\d.]+) days', said).groups()
    assert float(a_day.replace(',', '')) * float(seconds) == pytest.approx(86_400, rel=0.01)
    assert float(days) == pytest.approx(1000 * float(seconds) / 86_400, abs=0.01)


_COST = plan.Cost(
    parameters=(1, 1, 1),
    rows=12,
    replicas=1,
    micro_batches=1,
    discriminator_flops=1,
    generator_flops=1,
    updates=2,
    held=2_000,
    activations=6_000,
)


@pytest.mark.parametrize(
    'free, expected',
    [
        (8_000, None),
        (5_000, 'step.GanStep.micro_batches = 2; models.Groups.recompute = True; PRECISION = .mixed_bfloat16.;'),
        (3_400, r'what helps: step.GanStep.micro_batches = 6;'),  # 5 would do, but 12 clips are not 5 parts
        (2_100, r'what helps \(none is enough alone\): step.GanStep.micro_batches = 12;'),
        (1_000, 'the variables alone are more, so use a smaller CHANNEL_MULTIPLIER'),
    ],
)
def test_what_does_not_fit_is_said_with_the_bindings_that_help(free, expected):
    said = plan._warning(_COST, Room('a GPU', free), 'float32')
    if expected is None:
        assert said == []
    else:
        assert re.search(f'WARNING: a replica does not fit: a GPU has .*{expected}', said[0])


def test_a_precision_that_is_in_use_is_not_recommended():
    assert 'PRECISION' not in plan._warning(_COST, Room('a GPU', 5_000), 'mixed_bfloat16')[0]
    assert 'not known' in plan._warning(_COST, Room('a TPU', None), 'float32')[0]
