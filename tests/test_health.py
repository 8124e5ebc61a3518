"""Health checks: each fires on a run that was made sick on purpose, and the runs of docs/results stay silent."""

import functools
import json
import time
import types
from pathlib import Path

import numpy as np
import pytest
import tensorflow as tf
import tf_keras as keras
import tiny

from dvdgan_tf.data.synthetic import SyntheticClips
from dvdgan_tf.errors import InputError
from dvdgan_tf.layers import conv_gru
from dvdgan_tf.models import DiscriminatorInputs, Networks
from dvdgan_tf.training import clip_health, health, loop
from dvdgan_tf.training.ema import MovingAverage
from dvdgan_tf.training.schedule import Checkpoints, Previews
from dvdgan_tf.training.step import GanStep
from dvdgan_tf.work_dir.checkpoint import saved_steps

_RESULTS = Path(__file__).parent.parent / 'docs' / 'results'
_WELL = {
    'loss/generator': 3.0, 'loss/spatial': 0.5, 'loss/temporal': 0.6, 'gradient_norm/generator': 80.0,
    'logits/spatial_fake': -2.0, 'sigma/generator_largest': 3.0, 'health/waiting': 0.02,
}


def _found(*changes, steps=1000):
    """What is found in 30 healthy records and these after them, 100 steps apart."""
    records = [{'step': 100 * (1 + number), **_WELL} for number in range(30)]
    records += [{'step': 100 * (31 + number), **_WELL, **change} for number, change in enumerate(changes)]
    return set(health.illnesses(records, steps))


def _records(path):
    return [json.loads(line) for line in path.read_text().splitlines()]


@pytest.mark.parametrize('path', sorted(_RESULTS.glob('*/metrics.jsonl')), ids=lambda path: path.parent.name)
def test_the_committed_runs_are_silent_from_their_first_record_to_their_last(path):
    records = _records(path)
    assert len(records) > 30
    for count in range(len(records) + 1):
        assert health.illnesses(records[:count], 1000) == {}, records[count - 1]['step']


def test_healthy_records_and_no_records_are_silent():
    assert _found() == set() and health.illnesses([], 1000) == {}
    assert health.illnesses([{'step': 0, 'offline_256/frechet': 3.0}], 1000) == {}


@pytest.mark.parametrize(
    'changes, check',
    [
        ([{'loss/spatial': 0.01}] * 10, 'saturated'),
        ([{'loss/temporal': 0.0}] * 10, 'saturated'),
        ([{'logits/spatial_fake': -5000.0}], 'growth'),
        ([{'loss/generator': 1e6}], 'growth'),
        ([{'gradient_norm/generator': 5000.0}], 'growth'),
        ([{'sigma/generator_largest': 30.0}], 'sigma'),
        ([{'health/waiting': 0.5}] * 5, 'waiting'),
        ([{'states/growth': 200.0}], 'states'),
        ([{'health/diversity': 0.03}] * 2, 'collapse'),
        ([{'health/motion': 0.03}] * 2, 'frozen'),
    ],
)
def test_each_illness_is_found_and_one_record_less_or_a_recovery_is_none(changes, check):
    assert _found(*changes) == {check}
    assert _found(*changes[:-1]) == set()
    well = {'health/motion': 1.0, 'health/diversity': 1.0, 'states/growth': 2.0}
    assert _found(*changes, well, well) == set()


def test_saturation_is_counted_in_steps():
    assert _found(*[{'loss/spatial': 0.01}] * 10, steps=1100) == set()
    assert _found(*[{'loss/spatial': 0.01}] * 4, steps=100) == set()  # too few records to say so


def test_every_sentence_says_what_was_found_and_what_to_do():
    records = [{'step': 100 * number, **_WELL} for number in range(10)]
    sick = {'loss/spatial': 0.0, 'loss/temporal': 0.0, 'loss/generator': 1e5, 'sigma/generator_largest': 1e5}
    looks = {'health/waiting': 0.5, 'states/growth': 1e3, 'health/diversity': 0.0, 'health/motion': 0.0}
    records += [{'step': 1000 + 100 * number, **_WELL, **sick, **looks} for number in range(20)]
    found = health.illnesses(records, 1000)
    assert list(found) == ['saturated', 'growth', 'sigma', 'waiting', 'states', 'collapse', 'frozen']
    documented = (_RESULTS.parent / 'running.md').read_text()
    for check, sentence in found.items():
        assert ';' in sentence and sentence[-1] == '.', sentence
        assert f'`{check}`' in documented


class _Log:
    def __init__(self):
        self.recent, self.warnings = [], []

    def warning(self, step, check, sentence):
        self.warnings.append((step, check))


def test_an_illness_is_said_once_and_again_when_it_comes_back():
    log = _Log()
    watch = health.Watch(health.Health(saturated_steps=100), log)
    losses = [0.5] * 2 + [0.0] * 8 + [0.5] * 2 + [0.0] * 8
    for number, loss in enumerate(losses):
        log.recent.append({'step': 100 * number, **_WELL, 'loss/spatial': loss})
        watch(100 * number)
    assert log.warnings == [(600, 'saturated'), (1600, 'saturated')] and not watch.stops
    again = health.Watch(health.Health(saturated_steps=100, stop=True), log)  # a run that goes on
    again(1900)
    assert len(log.warnings) == 2 and not again.stops


def test_saturated_steps_below_one_are_refused():
    with pytest.raises(InputError, match='saturated_steps of Health is 0'):
        health.Watch(health.Health(saturated_steps=0), None)


def _adam(rate):
    return keras.optimizers.Adam(rate, jit_compile=False)


def _train(work_dir, data=None, rates=(1e-3, 1e-3), generator=tiny.Generator, steps=20, **changes):
    step = functools.partial(
        GanStep,
        networks=Networks(generator, tiny.Discriminator, tiny.Discriminator),
        generator_optimizer=lambda: _adam(rates[0]),
        discriminator_optimizer=lambda: _adam(rates[1]),
        global_batch=4,
        seed=0,
        discriminator_inputs=DiscriminatorInputs(1),
        moving_average=MovingAverage(0.1, start_step=0),
    )
    how = {'checkpoints': Checkpoints(every=100), 'previews': Previews(every=5, clips=2), 'steps_per_loop': 1}
    how = {**how, 'summary_every': 1, 'train_steps': steps, **changes}
    loop.train(work_dir=str(work_dir), data=data or SyntheticClips(16, 2), gan_step=step, **how)


def _warned(work_dir):
    path = work_dir / 'warnings.jsonl'
    return {record['check']: record['step'] for record in _records(path)} if path.exists() else {}


def test_a_healthy_small_run_is_silent_and_records_what_was_looked_at(tmp_path):
    _train(tmp_path)
    assert _warned(tmp_path) == {}
    found = [record for record in _records(tmp_path / 'metrics.jsonl') if 'health/diversity' in record]
    assert [record['step'] for record in found] == [5, 10, 15, 20]
    assert all(0.1 < record['health/diversity'] < 3 and 0.1 < record['health/motion'] < 9 for record in found)


def test_a_rate_far_too_high_is_said_before_anything_is_not_finite(tmp_path, caplog):
    with caplog.at_level('WARNING', 'dvdgan_tf'):
        _train(tmp_path, rates=(1e-3, 30.0))
    assert 'growth' in _warned(tmp_path)
    assert 'WARNING: step ' in caplog.text and 'will soon not be finite; stop' in caplog.text


class _White(tiny.Generator):
    """Clips that are nearly white."""

    def call(self, latent, label, context=None, training=False):
        return 1.0 - 1e-3 * (1.0 - super().call(latent, label, context, training))


class _Black(SyntheticClips):
    """Clips that no discriminator takes for white ones; still and all alike, so nothing is compared with them."""

    def _example(self, purpose, number):
        clip, label = super()._example(purpose, number)
        return -tf.ones_like(clip), label


def test_a_discriminator_that_has_won_stops_a_run_that_is_asked_to_and_it_is_saved(tmp_path):
    winning = health.Health(saturated_steps=8, stop=True)
    with pytest.raises(InputError, match='the run is sick and health.Health.stop is set, so it was stopped at step'):
        _train(tmp_path, _Black(16, 2), generator=_White, health=winning, previews=Previews(5, 2))
    (step,) = saved_steps(str(tmp_path))
    assert _warned(tmp_path) == {'saturated': step} and step < 20
    assert not any('diversity' in name for record in _records(tmp_path / 'metrics.jsonl') for name in record)


class _Frozen(tiny.Generator):
    """The same frame again and again, whatever the latent."""

    def call(self, latent, label, context=None, training=False):
        clips = super().call(0.0 * latent, label, context, training)
        return tf.repeat(clips[:, :1], 2, axis=1)


def test_a_frozen_generator_that_ignores_its_latent_is_found(tmp_path):
    _train(tmp_path, generator=_Frozen, steps=10)
    assert _warned(tmp_path) == {'frozen': 10, 'collapse': 10}


class _Slow(SyntheticClips):
    """Clips that take much longer to read than a step of these networks takes."""

    def training(self, *arguments):
        def wait(clip, label):
            with tf.control_dependencies([tf.numpy_function(lambda: time.sleep(0.3) or 0, [], tf.int64)]):
                return tf.identity(clip), tf.identity(label)

        return super().training(*arguments).map(wait)


def test_starved_input_is_found(tmp_path):
    _train(tmp_path, data=_Slow(16, 2), steps=6)
    assert _warned(tmp_path) == {'waiting': 6}


class _Repeating:
    """Continues a clip by its last frame."""

    context_frames, num_classes, latent_size = 2, 1, 120

    def __call__(self, latent, label, context, training):
        assert label is None and not training and len(latent) == len(context)
        return tf.repeat(context[:, -1:], 4, axis=1)


def test_a_generator_that_continues_clips_is_judged_by_its_motion_alone():
    recorded, refreshed = [], []
    log = types.SimpleNamespace(scalars=lambda step, values: recorded.append((step, values)))
    statistics = types.SimpleNamespace(refresh=refreshed.append)
    look = clip_health.ClipLook(_Repeating(), SyntheticClips(16, 6), 0, statistics, log)
    look(0)
    look(3)
    assert recorded == [(3, {'health/motion': 0.0})] and refreshed == [3]


def test_states_are_watched_where_the_generator_has_any():
    frames = tf.random.stateless_uniform([6, 4, 4, 2], [0, 0])
    with conv_gru.watched() as states:
        made = [conv_gru.ConvGRU(5, 3, unroll)(frames) for unroll in (False, True)]
    assert [tuple(each.shape) for each in states] == [(2, 3, 4, 4, 5)] * 2
    np.testing.assert_array_equal(tf.reshape(states[0], made[0].shape), made[0])
    conv_gru.ConvGRU(5, 3)(frames)
    assert len(states) == 2


def test_growth_is_that_of_the_typical_clip_from_its_first_frame_to_its_last():
    sizes = np.array([[1, 2, 8], [1, 1, 4], [1, 1, 1000]], np.float32)  # one clip in three alone grows
    states = sizes[:, :, None, None, None] * np.ones([3, 3, 2, 2, 5])
    assert clip_health.growth(states) == 8.0
    assert clip_health.growth(0.0 * states) == 0.0


def test_diversity_of_clips_without_two_of_a_class_is_that_of_any_two():
    clips = np.zeros([3, 2, 4, 4, 1], np.uint8)
    clips[1:] = 100
    assert clip_health.diversity(clips, np.array([0, 1, 1])) == 0.0
    assert clip_health.diversity(clips, np.arange(3)) > 0.0
    assert clip_health.motion(clips[:, :1]) == 0.0
