"""The progress line and what it is made of."""

import logging

import pytest
import tensorflow as tf

from dvdgan_tf.errors import InputError
from dvdgan_tf.progress import duration, progress_line
from dvdgan_tf.training import progress


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


def test_the_first_call_is_forgotten_and_later_ones_are_smoothed():
    speed = progress.Speed()
    speed.record(1, 100.0)
    assert speed.seconds_per_step == 100.0
    speed.record(2, 2.0)
    assert speed.seconds_per_step == 1.0
    speed.record(1, 2.0)
    assert speed.seconds_per_step == pytest.approx(0.8 * 1.0 + 0.2 * 2.0)


def test_records_are_means_over_the_steps_since_the_last_one(caplog):
    log = _Log()
    recorder = progress.Recorder(log, {}, train_steps=10)
    recorder.take({'loss/spatial': tf.constant(6.0)}, tf.constant(-1), 2, 0.0)
    recorder.take({'loss/spatial': tf.constant(3.0)}, tf.constant(-1), 1, 0.0)
    with caplog.at_level(logging.INFO, 'dvdgan_tf'):
        recorder.record(3)
    recorder.take({'loss/spatial': tf.constant(5.0)}, tf.constant(-1), 1, 0.0)
    recorder.record(4)
    assert [(step, values['loss/spatial']) for step, values in log.records] == [(3, 3.0), (4, 5.0)]
    assert 'step 3/10' in caplog.text and 'spatial 3.000' in caplog.text and 'left' in caplog.text


def test_what_is_not_finite_is_named_with_its_step():
    recorder = progress.Recorder(_Log(), {}, train_steps=10)
    totals = {'loss/spatial': tf.constant(float('nan')), 'loss/temporal': tf.constant(1.0)}
    with pytest.raises(InputError, match='not finite at step 7: loss/spatial;'):
        recorder.take(totals, tf.constant(7), 2, 0.0)
