"""The training loop around the smallest networks (tests/tiny.py)."""

import functools
import json
import os
import resource
import signal

import numpy as np
import pytest
import tensorflow as tf
import tf_keras as keras
import tiny

from dvdgan_tf.data.scales import Scale
from dvdgan_tf.data.synthetic import SyntheticClips
from dvdgan_tf.errors import InputError
from dvdgan_tf.evaluation.during_training import ProtocolScores
from dvdgan_tf.training import loop
from dvdgan_tf.training.ema import MovingAverage
from dvdgan_tf.training.schedule import LOOKS_FILE, Checkpoints, Previews
from dvdgan_tf.work_dir.checkpoint import best_step, checkpoint_path, saved_steps


class _TwoClasses(SyntheticClips):
    def __init__(self, *arguments):
        super().__init__(*arguments)
        self.num_classes = 2


_RATE = 'generator_optimizer/_learning_rate/.ATTRIBUTES/VARIABLE_VALUE'


def _adam(rate=1e-3):
    return keras.optimizers.Adam(rate, jit_compile=False)


_step = functools.partial(
    tiny.gan_step,
    generator_optimizer=_adam,
    discriminator_optimizer=_adam,
    global_batch=4,
    moving_average=MovingAverage(0.5, start_step=1),
)


def _train(work_dir, train_steps=4, **changes):
    arguments = {
        'data': SyntheticClips(16, 2),
        'gan_step': _step,
        'steps_per_loop': 2,
        'summary_every': 2,
        'checkpoints': Checkpoints(every=2),
        'previews': Previews(clips=2),
        **changes,
    }
    return loop.train(work_dir=str(work_dir), train_steps=train_steps, **arguments)


def _variables(work_dir, step):
    reader = tf.train.load_checkpoint(checkpoint_path(str(work_dir), step))
    return {name: reader.get_tensor(name) for name in reader.get_variable_to_shape_map() if name[0] != '_'}


def _records(work_dir):
    return [json.loads(line) for line in (work_dir / 'metrics.jsonl').read_text().splitlines()]


def test_the_step_knows_what_the_data_stand_for(tmp_path):
    made, data = [], SyntheticClips(16, 2)
    data.scale = Scale(0.0, 128.0, 0.2)

    def gan_step():
        made.append(_step())
        return made[-1]

    _train(tmp_path, 1, data=data, gan_step=gan_step)
    np.testing.assert_allclose(made[0].shares(data.scale.to_clip([0.0, 0.8, 128.0])), [0.0, 0.8 / 128, 1.0], atol=1e-6)


class _Evaluation:
    """Scores that say which step they were taken at, of which step 2 is the best; counts and may do more at a step."""

    every = 2

    def __init__(self, **at_step):
        self.found, self.checked = [], None
        self._at_step = at_step

    def check(self, data):
        self.checked = data

    def __call__(self, generator, data, step, work_dir, strategy):
        saved = saved_steps(work_dir)
        self.found.append((step, saved[-1] if saved else None, strategy.num_replicas_in_sync))
        self._at_step.get(f'step_{step}', lambda: None)()
        return {'protocol/score': 10.0 * step}

    def is_best(self, work_dir, step):
        return step == 2


_KEPT = Checkpoints(every=2, keep_last=2, keep_every=4)


@pytest.fixture(scope='module')
def whole(tmp_path_factory):
    """A run of 6 steps that nothing stopped."""
    work_dir = tmp_path_factory.mktemp('whole')
    assert _train(work_dir, 6, checkpoints=_KEPT, previews=Previews(every=4, clips=2)) == loop.Outcome(6, None)
    return work_dir


def test_the_last_checkpoints_and_those_of_every_m_steps_are_kept(whole):
    assert saved_steps(str(whole)) == [4, 6]
    assert sorted(path.name for path in (whole / 'checkpoints').iterdir()) == [
        'state-00000004.data-00000-of-00001',
        'state-00000004.index',
        'state-00000006.data-00000-of-00001',
        'state-00000006.index',
    ]


def test_losses_norms_and_speed_are_recorded(whole):
    records = [record for record in _records(whole) if 'loss/spatial' in record]
    assert [record['step'] for record in records] == [2, 4, 6]
    expected = {'loss/generator', 'loss/spatial', 'loss/temporal', 'logits/spatial_real', 'logits/temporal_fake'}
    expected |= {'gradient_norm/generator', 'time/seconds_per_step', 'health/waiting'}
    assert expected < set(records[1])


def test_tensorboard_shows_losses_and_a_playing_preview(whole):
    (file,) = (whole / 'tensorboard').iterdir()
    shown = {}
    for record in tf.data.TFRecordDataset(str(file)):
        for value in tf.compat.v1.Event.FromString(record.numpy()).summary.value:
            shown.setdefault(value.tag, []).append(tf.make_ndarray(value.tensor))
    assert len(shown['loss/spatial']) == 3
    assert len(shown['preview']) == 3 and shown['preview'][0][2].startswith(b'GIF89a')


def test_previews_are_files_at_the_start_and_every_few_steps_beside_real_clips(whole):
    names = {path.name for path in (whole / 'previews').iterdir()}
    kinds = ('real-00000000', 'preview-00000000', 'preview-00000004', 'preview-00000006')
    assert names == {f'{kind}.{ending}' for kind in kinds for ending in ('gif', 'png')}


@pytest.mark.parametrize('number', [signal.SIGTERM, signal.SIGINT])
def test_a_signal_saves_and_the_same_work_directory_ends_as_if_it_had_never_come(whole, tmp_path, number):
    signalling = _Evaluation(step_2=lambda: os.kill(os.getpid(), number))
    stopped = _train(tmp_path, 6, evaluation=signalling, checkpoints=Checkpoints(every=100))
    assert stopped == loop.Outcome(2, number)
    assert saved_steps(str(tmp_path)) == [2]
    assert signal.getsignal(signal.SIGTERM) == signal.SIG_DFL
    assert _train(tmp_path, 6) == loop.Outcome(6, None)
    expected, got = _variables(whole, 6), _variables(tmp_path, 6)
    assert expected.keys() == got.keys()
    for name in expected:
        np.testing.assert_array_equal(expected[name], got[name], err_msg=name)


def test_a_finished_run_is_left_as_it_is(whole):
    before = {path: path.stat().st_mtime_ns for path in (whole / 'checkpoints').iterdir()}
    assert _train(whole, 6, checkpoints=_KEPT) == loop.Outcome(6, None)
    assert before == {path: path.stat().st_mtime_ns for path in (whole / 'checkpoints').iterdir()}


def test_the_offline_distance_is_recorded_with_what_it_is_read_against(tmp_path):
    for steps in (2, 4):
        _train(tmp_path, steps, evaluation=ProtocolScores(['offline_8'], batch_size=8, every=2))
    start, middle, end = (record for record in _records(tmp_path) if 'offline_8/frechet' in record)
    assert (start['step'], middle['step'], end['step']) == (0, 2, 4)
    assert end['offline_8/frechet'] != start['offline_8/frechet']
    assert start['offline_8/frechet_floor'] == end['offline_8/frechet_floor'] > 0


class _Killed(Exception):
    pass


def _kill():
    raise _Killed


def test_looks_that_a_kill_lost_are_made_up_and_no_others(tmp_path):
    killed, after = _Evaluation(step_4=_kill), _Evaluation()
    shown = Previews(every=4, clips=2)
    with pytest.raises(_Killed):
        _train(tmp_path, 8, evaluation=killed, previews=shown)
    assert saved_steps(str(tmp_path))[-1] == 4
    lost = tmp_path / 'previews' / 'preview-00000004.gif'
    before = lost.stat().st_mtime_ns
    _train(tmp_path, 8, evaluation=after, previews=shown)
    assert [step for step, *_ in killed.found] == [0, 2, 4]
    assert [step for step, *_ in after.found] == [4, 6, 8]
    assert lost.stat().st_mtime_ns == before  # the preview had been drawn when the evaluation was killed
    steps = [record['step'] for record in _records(tmp_path) if 'protocol/score' in record]
    assert steps == [0, 2, 4, 6, 8]


def test_a_preview_that_a_kill_lost_is_drawn_at_the_last_step_too(tmp_path):
    _train(tmp_path, 2)
    (tmp_path / LOOKS_FILE).write_text(json.dumps({'previews': 0}))
    lost = tmp_path / 'previews' / 'preview-00000002.gif'
    lost.unlink()
    _train(tmp_path, 2)
    assert lost.is_file()
    lost.unlink()
    _train(tmp_path, 2)
    assert not lost.exists()
    (tmp_path / LOOKS_FILE).write_text('{"previ')  # torn
    _train(tmp_path, 2)
    assert lost.is_file() and json.loads((tmp_path / LOOKS_FILE).read_text()) == {'previews': 2}


def test_a_run_goes_on_with_the_learning_rate_that_it_is_given(tmp_path):
    _train(tmp_path, 2)
    _train(tmp_path, 4, gan_step=functools.partial(_step, generator_optimizer=lambda: _adam(1e-2)))
    rates = [float(_variables(tmp_path, step)[_RATE]) for step in (2, 4)]
    assert rates == [pytest.approx(1e-3), pytest.approx(1e-2)]


def test_evaluations_are_recorded_and_the_best_checkpoint_is_kept(tmp_path):
    evaluation = _Evaluation()
    _train(tmp_path, 6, evaluation=evaluation, checkpoints=Checkpoints(every=100, keep_last=1))
    assert isinstance(evaluation.checked, SyntheticClips)
    assert evaluation.found == [(0, None, 1), (2, 2, 1), (4, 4, 1), (6, 6, 1)]  # step, newest checkpoint then, replicas
    scores = [record['protocol/score'] for record in _records(tmp_path) if 'protocol/score' in record]
    assert scores == [0.0, 20.0, 40.0, 60.0]
    assert (best_step(str(tmp_path)), saved_steps(str(tmp_path))) == (2, [2, 6])


class _BrokenClips(SyntheticClips):
    """Clips that turn to NaN from an example number on."""

    def __init__(self, first_broken):
        super().__init__(16, 2)
        self._first_broken = first_broken

    def _example(self, purpose, number):
        clip, label = super()._example(purpose, number)
        return tf.where(number < self._first_broken, clip, np.nan), label


def test_a_loss_that_is_not_finite_stops_with_its_step_and_keeps_the_checkpoint_before(tmp_path):
    # A step takes 2 batches of 4 examples: number 25 is in the fourth step.
    with pytest.raises(InputError, match='not finite at step 4: .*loss/spatial'):
        _train(tmp_path, 8, data=_BrokenClips(25))
    assert saved_steps(str(tmp_path)) == [2]
    assert all(np.all(np.isfinite(value)) for value in _variables(tmp_path, 2).values())


def test_four_replicas_train_on_the_same_global_batch_and_one_goes_on(whole, tmp_path):
    assert _train(tmp_path, 4, strategy='mirrored') == loop.Outcome(4, None)
    # The checkpoint of four replicas goes on with one.
    assert _train(tmp_path, 6, strategy='one_device') == loop.Outcome(6, None)
    pairs = zip(*(filter(lambda each: 'loss/spatial' in each, _records(place)) for place in (tmp_path, whole)))
    for mirrored, single in pairs:
        for name in ('loss/generator', 'loss/spatial', 'logits/temporal_real', 'gradient_norm/generator'):
            assert mirrored[name] == pytest.approx(single[name], rel=1e-4), name
    expected, got = _variables(whole, 6), _variables(tmp_path, 6)
    assert expected.keys() == got.keys()
    for name in expected:
        np.testing.assert_allclose(expected[name], got[name], rtol=1e-4, atol=1e-6, err_msg=name)


@pytest.mark.parametrize(
    'changes, message',
    [
        ({'strategy': 'two_device'}, "strategy is 'two_device'"),
        ({'precision': 'float8'}, "precision is 'float8'"),
        ({'gan_step': functools.partial(_step, global_batch=6), 'strategy': 'mirrored'}, 'global batch is 6'),
        ({'summary_every': 0}, 'at least 1'),
        ({'evaluation': ProtocolScores(every=-1)}, 'at least 1'),
        ({'checkpoints': Checkpoints(keep_last=0)}, 'keep_last is 0'),
        ({'data': SyntheticClips(16, 3)}, 'clips of 3 frames, and the generator makes 2 after 0 of context'),
        ({'data': SyntheticClips(32, 2)}, 'clips of 2 x 32 x 32 x 3 and the generator makes 2 x 16 x 16 x 3'),
        ({'data': SyntheticClips(16, 3, video_channels=1)}, 'clips of 3 frames, and the generator makes 2'),
        ({'data': _TwoClasses(16, 2)}, 'data have 2 classes and the generator 9'),
    ],
)
def test_arguments_that_cannot_be_used_are_refused_at_the_start(tmp_path, changes, message):
    with pytest.raises(InputError, match=message):
        _train(tmp_path, **changes)
    assert not list(tmp_path.iterdir())


def test_a_full_disk_stops_with_a_sentence_and_keeps_the_checkpoint_before(tmp_path, monkeypatch):
    """A limit on the size of files makes the very write fail that a full disk does."""
    _train(tmp_path, 2)
    before = _variables(tmp_path, 2)
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)

    real_write = tf.train.Checkpoint.write

    def write_on_a_full_disk(checkpoint, path):
        resource.setrlimit(resource.RLIMIT_FSIZE, (4096, hard))
        try:
            return real_write(checkpoint, path)
        finally:
            resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))

    monkeypatch.setattr(tf.train.Checkpoint, 'write', write_on_a_full_disk)
    message = r'checkpoint of step 4 could not be written to \S*checkpoints \(File too large\); .* step 2 is whole'
    with pytest.raises(InputError, match=message):
        _train(tmp_path, 4)
    assert sorted(path.name for path in (tmp_path / 'checkpoints').iterdir()) == [
        'state-00000002.data-00000-of-00001',
        'state-00000002.index',
    ]
    for name, value in before.items():
        np.testing.assert_array_equal(value, _variables(tmp_path, 2)[name])


def test_a_run_may_be_compiled_by_xla(tmp_path):
    assert _train(tmp_path, 2, jit_compile=True).step == 2
    (record,) = [record for record in _records(tmp_path) if 'loss/generator' in record]
    assert np.isfinite(record['loss/generator'])


def test_compiling_for_several_replicas_is_refused(tmp_path):
    with pytest.raises(InputError, match="jit_compile is for one device and STRATEGY = 'mirrored' has 4 replicas"):
        _train(tmp_path, 2, jit_compile=True, strategy='mirrored')
