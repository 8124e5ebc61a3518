"""studies/shape_paths.py: motions read off centres of mass."""

from __future__ import annotations

import sys
from pathlib import Path

import numpy as np

from dvdgan_tf.data.synthetic import SHAPES, SyntheticClips
from dvdgan_tf.evaluation import labelled_clips

sys.path.insert(0, str(Path(__file__).resolve().parent.parent / 'studies'))
import shape_paths  # noqa: E402


def _real() -> labelled_clips.LabelledClips:
    clips = SyntheticClips(32, 16, black_background=True).of_split('test')
    return labelled_clips.real(clips, 36, lambda clip: clip, held_out=True)


def test_real_shapes_move_as_their_class_says() -> None:
    real = _real()
    np.testing.assert_array_equal(shape_paths.motions(real.clips), real.labels // len(SHAPES))


def test_turned_clips_swing_the_other_way() -> None:
    real = _real()
    turned = shape_paths.motions(real.clips.transpose(0, 1, 3, 2, 4))
    np.testing.assert_array_equal(turned, np.array([1, 0, 2])[real.labels // len(SHAPES)])
