"""Checkpoints that were damaged, and models that they do not belong to."""

import logging
import os

import pytest
import tensorflow as tf

from dvdgan_tf.errors import InputError
from dvdgan_tf.work_dir.checkpoint import Checkpointer, best_step, checkpoint_path, saved_steps


def _state(value=0.0, size=1000):
    return {'weights': tf.Variable(tf.fill([size], value)), 'step': tf.Variable(0, dtype=tf.int64)}


@pytest.fixture
def work_dir(tmp_path):
    """Checkpoints of steps 1, 2 and 3 whose weights are the step."""
    state = _state()
    checkpointer = Checkpointer(str(tmp_path), state, keep_last=3, keep_every=0)
    for step in (1, 2, 3):
        state['weights'].assign(tf.fill([1000], float(step)))
        checkpointer.save(step)
    return str(tmp_path)


def _restored(work_dir):
    state = _state()
    step = Checkpointer(work_dir, state, keep_last=3, keep_every=0).restore_newest()
    return step, set(state['weights'].numpy())


def _tear(work_dir, step, kind='data-00000-of-00001'):
    path = f'{checkpoint_path(work_dir, step)}.{kind}'
    os.truncate(path, os.path.getsize(path) // 2)


def test_the_newest_checkpoint_is_restored(work_dir):
    assert _restored(work_dir) == (3, {3.0})


def test_an_empty_work_directory_restores_nothing(tmp_path):
    assert _restored(str(tmp_path)) == (None, {0.0})


@pytest.mark.parametrize('kind', ['data-00000-of-00001', 'index'])
def test_a_torn_checkpoint_is_named_and_the_one_before_is_used(work_dir, kind, caplog):
    _tear(work_dir, 3, kind)
    with caplog.at_level(logging.WARNING):
        assert _restored(work_dir) == (2, {2.0})
    assert 'state-00000003 is damaged' in caplog.text


def test_a_flipped_byte_is_found(work_dir):
    path = f'{checkpoint_path(work_dir, 3)}.data-00000-of-00001'
    content = bytearray(open(path, 'rb').read())
    content[100] ^= 1
    open(path, 'wb').write(content)
    assert _restored(work_dir) == (2, {2.0})


def test_a_checkpoint_without_its_data_is_damaged(work_dir):
    os.remove(f'{checkpoint_path(work_dir, 3)}.data-00000-of-00001')
    assert _restored(work_dir) == (2, {2.0})


def test_a_checkpoint_whose_writing_was_killed_does_not_count(work_dir):
    os.remove(f'{checkpoint_path(work_dir, 3)}.index')
    assert saved_steps(work_dir) == [1, 2]
    assert _restored(work_dir) == (2, {2.0})


def test_the_last_that_can_be_read_is_kept_where_a_newer_one_is_torn(tmp_path):
    """Killed while the index of 20 was written, gone on at 15, stopped at 16."""
    state = _state()
    before = Checkpointer(str(tmp_path), state, keep_last=2, keep_every=0)
    for step in (15, 20):
        before.save(step)
    _tear(str(tmp_path), 20, 'index')
    after = Checkpointer(str(tmp_path), state, keep_last=1, keep_every=0)
    assert after.restore_newest() == 15
    state['weights'].assign(tf.fill([1000], 16.0))
    after.save(16)
    assert saved_steps(str(tmp_path)) == [16]
    assert _restored(str(tmp_path)) == (16, {16.0})


@pytest.mark.parametrize('kind', ['data-00000-of-00001', 'index'])
def test_an_older_one_that_cannot_be_read_does_not_count_as_kept(work_dir, kind, caplog):
    _tear(work_dir, 2, kind)
    checkpointer = Checkpointer(work_dir, _state(), keep_last=2, keep_every=0)
    checkpointer.restore_newest()
    with caplog.at_level(logging.WARNING):
        checkpointer.save(4)
    assert saved_steps(work_dir) == [3, 4] and 'state-00000002 is damaged' in caplog.text
    _tear(work_dir, 3, kind)
    checkpointer = Checkpointer(work_dir, _state(), keep_last=3, keep_every=2)
    checkpointer.restore_newest()
    checkpointer.save(5)
    assert saved_steps(work_dir) == [4, 5]


def test_what_kills_left_is_removed_with_the_next_checkpoint(work_dir):
    folder = os.path.join(work_dir, 'checkpoints')
    os.makedirs(os.path.join(folder, 'state-00000007_temp'))
    os.makedirs(os.path.join(folder, 'checkpoint.0a1b2c3d.writing', 'state-00000008_temp'))
    for name in ('state-00000004.data-00000-of-00001', 'best.0a1b2c3d.writing', 'notes.txt'):
        open(os.path.join(folder, name), 'w').write('x')
    Checkpointer(work_dir, _state(), keep_last=1, keep_every=0).save(5)
    assert sorted(os.listdir(folder)) == ['notes.txt', 'state-00000005.data-00000-of-00001', 'state-00000005.index']


@pytest.mark.parametrize('content', [b'', b'\xff', b'two', b'-2', b'2.5'])
def test_a_damaged_name_of_the_best_is_one_sentence(work_dir, content):
    path = os.path.join(work_dir, 'checkpoints', 'best')
    open(path, 'wb').write(content)
    with pytest.raises(InputError, match='checkpoints/best is damaged: .* one of 1, 2, 3, or remove it'):
        _restored(work_dir)
    open(path, 'wb').write(b' 2\n')
    assert best_step(work_dir) == 2
    open(path, 'wb').write(b'9')
    assert best_step(work_dir) is None


def test_all_torn_is_one_sentence(work_dir):
    for step in (1, 2, 3):
        _tear(work_dir, step)
    with pytest.raises(InputError, match='none of the 3 checkpoint'):
        _restored(work_dir)


def test_a_checkpoint_of_another_model_is_no_damage(work_dir):
    with pytest.raises(InputError, match='belongs to another model'):
        Checkpointer(work_dir, _state(size=10), keep_last=3, keep_every=0).restore_newest()
    more = {**_state(), 'another': tf.Variable(0.0)}
    with pytest.raises(InputError, match='belongs to another model'):
        Checkpointer(work_dir, more, keep_last=3, keep_every=0).restore_newest()
    fewer = {'weights': tf.Variable(tf.zeros([1000]))}
    with pytest.raises(InputError, match='belongs to another model'):
        Checkpointer(work_dir, fewer, keep_last=3, keep_every=0).restore_newest()


def test_only_old_checkpoints_are_removed(tmp_path):
    checkpointer = Checkpointer(str(tmp_path), _state(), keep_last=2, keep_every=10)
    for step in (5, 10, 15, 20, 25, 30, 35):
        checkpointer.save(step)
    assert saved_steps(str(tmp_path)) == [10, 20, 30, 35]
    assert len(list((tmp_path / 'checkpoints').iterdir())) == 8


def test_the_best_is_kept_until_another_is_best(tmp_path):
    checkpointer = Checkpointer(str(tmp_path), _state(), keep_last=1, keep_every=0)
    assert best_step(str(tmp_path)) is None
    checkpointer.save_as_best(5)
    checkpointer.save(10)
    checkpointer.save(15)
    assert (best_step(str(tmp_path)), saved_steps(str(tmp_path))) == (5, [5, 15])
    checkpointer.save_as_best(20)
    assert (best_step(str(tmp_path)), saved_steps(str(tmp_path))) == (20, [20])


def test_saving_by_the_clock_and_only_once(tmp_path):
    patient = Checkpointer(str(tmp_path), _state(), keep_last=9, keep_every=0, old_after_seconds=1e6)
    assert not patient.is_old()
    eager = Checkpointer(str(tmp_path), _state(), keep_last=9, keep_every=0, old_after_seconds=0.0)
    assert eager.is_old()
    eager.save_if_new(2)
    written = os.stat(f'{checkpoint_path(str(tmp_path), 2)}.index').st_mtime_ns
    eager.save_if_new(2)
    assert os.stat(f'{checkpoint_path(str(tmp_path), 2)}.index').st_mtime_ns == written


def test_a_folder_that_cannot_be_made_is_one_sentence(tmp_path):
    (tmp_path / 'checkpoints').write_text('a file in the way')
    with pytest.raises(InputError, match='step 7 could not be written .* no earlier checkpoint'):
        Checkpointer(str(tmp_path), _state(), keep_last=1, keep_every=0).save(7)
