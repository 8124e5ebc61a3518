"""The distance logged during training, of a generator that continues clips."""

import numpy as np
import tensorflow as tf

from dvdgan_tf.training.quality import CEILING, Quality


class _Repeats:
    """Continues a clip of one frame by that frame twice; knows no class but 0."""

    context_frames = 1

    def __call__(self, latent, label, context, training):
        return tf.gather(tf.repeat(context, 2, axis=1), label, axis=0)


class _Distance:
    floor = 0.5

    def score(self, clips):
        self.clip = next(iter(clips)).numpy()
        return 2.0


def test_predicted_clips_begin_with_their_context_and_have_no_class():
    clip = np.arange(2 * 3 * 4, dtype=np.float32).reshape([2, 3, 2, 2, 1])
    real = tf.data.Dataset.from_tensors((clip, np.array([3, 1], np.int32))).repeat()
    distance = _Distance()
    quality = Quality(lambda batches: distance, _Repeats(), real, 0, None)
    values = quality.measure(0)
    assert values[CEILING] == 2.0
    assert distance.clip.shape == clip.shape
    np.testing.assert_array_equal(distance.clip[:, 0], clip[:, 0])
    np.testing.assert_array_equal(distance.clip[:, 1:], np.repeat(clip[:1, :1], 2, axis=0).repeat(2, axis=1))
