"""The progress line and what it is made of."""

import logging
import math

import pytest
import tensorflow as tf

from dvdgan_tf.errors import InputError
from dvdgan_tf.progress import Seldom, duration, progress_line
from dvdgan_tf.training import device_loop, progress


class _Log:
    def __init__(self):
        self.records = []

    def scalars(self, step, values):
        self.records.append((step, values))


@pytest.mark.parametrize(
    'seconds, worded',
    [(0.4, '0 s'), (59, '59 s'), (61, '1 min 01 s'), (3600, '1 h 00 min'), (90061, '1 d 01 h')],
)
def test_durations_are_worded_by_their_two_largest_units(seconds, worded):
    assert duration(seconds) == worded


def test_a_line_says_how_far_how_fast_and_how_long_still():
    line = progress_line('clip', 3, 9, '2 frames/s', 61.0, '0 skipped')
    assert line == 'clip 3/9  2 frames/s  1 min 01 s left  0 skipped'


def test_where_nobody_watches_lines_become_seldom_after_ten_minutes_and_the_last_is_shown(monkeypatch):
    clock = [0.0]
    monkeypatch.setattr('dvdgan_tf.progress.time.monotonic', lambda: clock[0])
    seldom, shown = Seldom(), []
    for second in range(590, 800, 10):
        clock[0] = float(second)
        line = progress_line('step', second, 790, '1/s', 0.0)
        if seldom.filter(logging.makeLogRecord({'msg': line})):
            shown.append(second)
        assert seldom.filter(logging.makeLogRecord({'msg': 'something else'}))
    assert shown == [590, 650, 710, 770, 790]


def test_the_first_call_is_forgotten_and_later_ones_are_smoothed():
    speed = progress.Speed()
    speed.record(1, 100.0, 1.0)
    assert speed.seconds_per_step == 100.0 and speed.taken_waiting() == {}
    speed.record(2, 2.0, 1.0)
    assert speed.seconds_per_step == 1.0
    speed.record(1, 2.0, 1.0)
    assert speed.seconds_per_step == pytest.approx(0.8 * 1.0 + 0.2 * 2.0)


def test_waiting_is_what_so_many_steps_as_long_as_the_last_batch_is_old_would_not_have_taken():
    speed = progress.Speed()
    speed.record(4, 1000.0, 1.0)  # the first call traces
    speed.record(4, 10.0, 2.0)  # read 2 s before the end: a step takes 2 s, so 2 of the 10 were waiting
    speed.record(4, 10.0, 7.0)  # the last batch had been there for long: no waiting
    assert speed.taken_waiting() == {'health/waiting': pytest.approx(0.1)}
    speed.record(4, 10.0, math.nan)  # of a deterministic run
    assert speed.taken_waiting() == {}


def test_a_batch_is_as_old_as_the_clock_says_also_over_its_end(monkeypatch):
    ((_, _, read_at),) = device_loop.dated(tf.data.Dataset.from_tensors((0.0, 0))).as_numpy_iterator()
    assert 0.0 <= device_loop.age_seconds(read_at) < 600.0
    monkeypatch.setattr(device_loop.time, 'time', lambda: 3.0)
    assert device_loop.age_seconds(1000.0) == 2.0 and device_loop.age_seconds(2.0**24 - 1000.0) == 4.0


def test_records_are_means_over_the_steps_since_the_last_one(caplog):
    log = _Log()
    recorder = progress.Recorder(log, {}, train_steps=10)
    recorder.take({'loss/spatial': tf.constant(6.0)}, tf.constant(-1), tf.constant(0.0), 2, 0.0)
    recorder.take({'loss/spatial': tf.constant(3.0)}, tf.constant(-1), tf.constant(0.0), 1, 0.0)
    with caplog.at_level(logging.INFO, 'dvdgan_tf'):
        recorder.record(3)
    recorder.take({'loss/spatial': tf.constant(5.0)}, tf.constant(-1), tf.constant(0.0), 1, 0.0)
    recorder.record(4)
    assert [(step, values['loss/spatial']) for step, values in log.records] == [(3, 3.0), (4, 5.0)]
    assert 'step 3/10' in caplog.text and 'spatial 3.000' in caplog.text and 'left' in caplog.text


def test_what_is_not_finite_is_named_with_its_step():
    recorder = progress.Recorder(_Log(), {}, train_steps=10)
    totals = {'loss/spatial': tf.constant(float('nan')), 'loss/temporal': tf.constant(1.0)}
    with pytest.raises(InputError, match='not finite at step 7: loss/spatial;'):
        recorder.take(totals, tf.constant(7), tf.constant(0.0), 2, 0.0)
