"""Classes drawn evenly, and clips divided in time into those of training and of testing."""

import collections

import numpy as np
import pytest
import tensorflow as tf
from test_pipeline import CLIPS, decode, folder, take, write  # noqa: F401  the fixture's scope is a module

from dvdgan_tf.data.ordering import EvenClasses
from dvdgan_tf.data.pipeline import RecordClips
from dvdgan_tf.errors import InputError

LABELS = np.array([2, 0, 2, 2, 5, 2, 2])


def _clips(first, count, seed=0):
    draw = tf.function(lambda number: EvenClasses(LABELS)(number, seed, 0), autograph=False)
    return [int(draw(tf.constant(number, tf.int64))) for number in range(first, first + count)]


def test_every_class_with_clips_comes_once_in_each_run_of_that_many_examples():
    clips = _clips(0, 30)
    for turn in range(10):
        assert sorted(LABELS[clips[3 * turn : 3 * turn + 3]]) == [0, 2, 5]
    orders = {tuple(LABELS[clips[3 * turn : 3 * turn + 3]]) for turn in range(10)}
    assert len(orders) > 1
    of_two = [clip for clip in clips if LABELS[clip] == 2]
    assert sorted(of_two[:5]) == sorted(of_two[5:]) == [0, 2, 3, 5, 6]
    assert of_two[:5] != of_two[5:]


def test_the_example_number_alone_decides_among_even_classes():
    assert _clips(0, 20)[7:] == _clips(7, 13)
    assert _clips(0, 20) != _clips(0, 20, seed=1)


def test_records_are_drawn_evenly_where_asked(folder):  # noqa: F811
    plain, even = (RecordClips(folder, 16, 4, even_classes=given) for given in (False, True))
    assert set(collections.Counter(take(even, 30)[1].tolist()).values()) == {10}
    assert len(set(collections.Counter(take(plain, 7)[1].tolist()).values())) > 1
    assert set(collections.Counter(take(even.of_split('train'), 30)[1].tolist()).values()) == {10}


def test_the_end_of_each_clip_is_held_out_and_never_trained_on(folder):  # noqa: F811
    train = RecordClips(folder, 16, 3, test_part=0.35)
    test = train.of_split('test')
    times = decode(take(train, 70)[0])[1]
    assert times.min() == 0 and times.max() == 5
    times = decode(take(test, 70)[0])[1]
    assert times.min() == 6 and times.max() == 9
    clips = [decode(clip)[1] for clip, _, valid in test.evaluation(CLIPS, 'first') if valid.numpy().all()]
    np.testing.assert_array_equal(clips[0], np.tile([6, 7, 8], [CLIPS, 1]))


def test_a_window_at_least_is_held_out_and_clips_without_room_for_two_are_trained_on(tmp_path):
    random = np.random.RandomState(0)
    (tmp_path / 'in').mkdir()
    from dvdgan_tf.prepare import preparation
    from dvdgan_tf.prepare.listing import Rules
    from dvdgan_tf.prepare.sources.array_files import array_files

    for name, frames in (('a', 7), ('b', 8)):
        np.savez(tmp_path / 'in' / f'{name}.npz', x=random.randint(255, size=[1, frames, 16, 16, 3]).astype('uint8'))
    listing = array_files(str(tmp_path / 'in'))
    preparation.prepare(listing, Rules('png'), str(tmp_path / 'out'), source={'name': 'npz', 'input': 'x'})
    train = RecordClips(str(tmp_path / 'out'), 16, 4, test_part=0.01)
    assert train.num_clips == 2
    assert train.of_split('test').num_clips == 1


@pytest.mark.parametrize(
    ('options', 'message'),
    [
        ({'test_part': 1.0}, 'test_part is 1.0; give a share of each clip, 0 or more and below 1'),
        ({'test_part': 0.2, 'split': 'valid'}, 'and valid is asked for: set test_part to 0'),
        ({'test_part': 0.0, 'split': 'test'}, 'has no split test'),
        ({'test_part': 0.2, 'split': 'test', 'num_frames': 6}, 'no clip of .* has room for a window of 6 frames'),
    ],
)
def test_parts_that_cannot_be_are_one_sentence(folder, options, message):  # noqa: F811
    with pytest.raises(InputError, match=message):
        RecordClips(folder, 16, **{'num_frames': 4, **options})
