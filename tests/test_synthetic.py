"""Clips of moving shapes: in range, repeatable, and different between classes."""

import numpy as np
import pytest
import tensorflow as tf

from dvdgan_tf.data.synthetic import MOTIONS, SHAPES, SyntheticClips
from dvdgan_tf.errors import InputError


def take(source, clips, first_example=0):
    clip, label = next(iter(source.training(first_example, clips, clips)))
    return clip.numpy(), label.numpy()


def mask(clip):
    """Where the shape is, from the corner's colour, which is background whenever the shape stays off the corner."""
    difference = np.abs(clip - np.median(clip, axis=(1, 2), keepdims=True)).max(-1)
    return difference > 0.5 * difference.max()


@pytest.mark.parametrize('resolution', [16, 24, 64])
@pytest.mark.parametrize('channels', [1, 3])
def test_clips_have_the_promised_shape_and_range(resolution, channels):
    source = SyntheticClips(resolution, 5, channels)
    dataset = source.training(0, 8, 4)
    assert dataset.element_spec[0].shape == (4, 5, resolution, resolution, channels)
    clip, label = take(source, 8)
    assert clip.dtype == np.float32 and label.dtype == np.int32
    assert clip.min() >= -1 and clip.max() <= 1 and np.isfinite(clip).all()
    assert clip.max() - clip.min() > 1


def test_example_number_decides_everything():
    source = SyntheticClips(16, 4, seed=3)
    clips, labels = take(source, 12)
    late_clips, late_labels = take(source, 4, first_example=8)
    np.testing.assert_array_equal(late_clips, clips[8:])
    np.testing.assert_array_equal(late_labels, labels[8:])
    other, _ = take(SyntheticClips(16, 4, seed=4), 12)
    assert np.abs(other - clips).max() > 0.1


def test_every_class_appears_about_equally_often():
    source = SyntheticClips(16, 1)
    assert source.num_classes == len(source.class_names) == len(SHAPES) * len(MOTIONS)
    _, labels = take(source, 900)
    counts = np.bincount(labels, minlength=source.num_classes)
    assert counts.min() > 65 and counts.max() < 140  # 100 expected, standard deviation 9.4


def test_class_names_tell_motion_and_shape():
    source = SyntheticClips(64, 24, 1)
    clips, labels = take(source, 60)
    grid = np.arange(64) + 0.5
    filled = {shape: [] for shape in SHAPES}
    for clip, label in zip(clips, labels):
        motion, shape = source.class_names[label].split(' ')
        masks = mask(clip)
        area = masks.sum((1, 2))
        y = (masks.sum(2) * grid).sum(1) / area
        x = (masks.sum(1) * grid).sum(1) / area
        assert (np.ptp(x) > 2) == (motion != 'up-and-down')
        assert (np.ptp(y) > 2) == (motion != 'sideways')
        rows, columns = np.where(masks[0])
        box = (np.ptp(rows) + 1) * (np.ptp(columns) + 1)
        filled[shape].append(area[0] / box)
    assert np.mean(filled['square']) > 0.95
    assert 0.7 < np.mean(filled['disk']) < 0.85  # pi / 4
    assert np.mean(filled['triangle']) < 0.6


def test_edges_are_antialiased_so_that_slow_motion_is_seen():
    clip, _ = take(SyntheticClips(16, 8, 1), 16)
    values = [len(np.unique(example)) for example in clip]
    assert min(values) > 20
    moved = np.abs(np.diff(clip, axis=1)).max((2, 3, 4))
    assert moved.min() > 0


def test_evaluation_is_finite_and_apart_from_training():
    source = SyntheticClips(16, 2)
    valid = [mask.numpy() for _, _, mask in source.evaluation(1000)]
    assert [len(part) for part in valid] == [1000, 1000] and np.concatenate(valid).sum() == 1024
    clip, label, _ = next(iter(source.evaluation(8)))
    assert not np.array_equal(take(source, 8)[0], clip.numpy())
    assert tf.reduce_all(label < source.num_classes)


@pytest.mark.parametrize(
    'arguments, word', [((8, 4), '16 or more'), ((16, 0), '1 or more'), ((16, 4, 2), '1 or 3 channels')]
)
def test_bad_arguments_are_refused_in_one_sentence(arguments, word):
    with pytest.raises(InputError, match=word):
        SyntheticClips(*arguments)


def test_unknown_window_is_refused():
    with pytest.raises(InputError, match='no window'):
        SyntheticClips(16, 4).evaluation(4, 'middle')
