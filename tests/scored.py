"""What the tests of evaluation score: a tiny generator, clips that it could have made, a stand-in for I3D."""

import numpy as np
import tensorflow as tf

from dvdgan_tf.data.stream import ClipSource, evaluation_pass
from dvdgan_tf.errors import InputError
from dvdgan_tf.evaluation.clips import Draw
from dvdgan_tf.evaluation.evaluate import Options, Places, evaluate
from dvdgan_tf.evaluation.extraction import Extractor
from dvdgan_tf.evaluation.jobs import Model
from dvdgan_tf.metrics.networks.features import FeatureNetwork, offline_network

FRAMES, SIZE = 12, 16


class TinyGenerator(tf.Module):
    """Clips whose brightness and speed follow the latent; context frames are faded out."""

    def __init__(self, context_frames=0, dtype=tf.float32, broken_after=None, scale=1.0):
        super().__init__()
        self.num_frames, self.resolution, self.video_channels = FRAMES - context_frames, SIZE, 3
        self.num_classes, self.latent_size, self.context_frames = 3, 8, context_frames
        self.gain = tf.Variable(0.5)
        self._dtype, self.calls, self._broken_after, self._scale = dtype, tf.Variable(0), broken_after, scale

    def __call__(self, latent, label, context=None, training=False):
        self.calls.assign_add(1)
        time = tf.reshape(tf.range(self.num_frames, dtype=tf.float32), [1, -1, 1, 1, 1])
        place = tf.reshape(tf.range(SIZE, dtype=tf.float32), [1, 1, -1, 1, 1])
        wave = tf.sin(place * 0.7 + time * latent[:, 0, None, None, None, None]) * self.gain
        shade = latent[:, 1:4] * 0.2 + tf.cast(label, tf.float32)[:, None] * 0.1
        clips = tf.tanh(wave + shade[:, None, None, None, :]) + tf.zeros([1, 1, 1, SIZE, 1])
        if context is not None:
            clips = 0.1 * clips + 0.9 * context[:, -1:]
        if self._broken_after is not None:
            clips = tf.where(self.calls > self._broken_after, np.nan, clips)
        return tf.cast(self._scale * clips, self._dtype)


def drawn(seed, first, count, sigma=1.0):
    return Draw(seed, 0, sigma).samples(np.arange(first, first + count), 3, 8)


class TinyClips(ClipSource):
    """Real clips: the tiny generator's at another gain, one for each number."""

    num_frames, resolution, video_channels, stride, seed = FRAMES, SIZE, 3, 1, 0

    def __init__(self, num_clips=96, splits=('train',), index='tiny'):
        self.num_clips, self.opened, self._splits, self._index = num_clips, [], splits, index
        self._passes = []
        generator = TinyGenerator()
        generator.gain.assign(0.8)
        self.clips = generator(*drawn(77, 0, num_clips)).numpy()

    @property
    def passes(self):
        return len(self._passes)

    def identity(self):
        return {'index': self._index}

    def of_split(self, split, stride=None):
        if split not in self._splits:
            raise InputError(f'there is no split {split}.')
        self.opened.append((split, stride))
        return self

    def evaluation(self, batch_size, window='center', crop='center', numbers=None):
        self._passes.append(window)
        clips = tf.constant(self.clips)
        return evaluation_pass(
            lambda number: (clips[number % self.num_clips], tf.cast(number % 3, tf.int32)),
            self.num_clips,
            batch_size,
            numbers,
        )


def small_network(name, published=False):
    """Stands for I3D: a fixed projection of pooled clips to avgpool, logits and softmax."""
    matrix = np.random.RandomState(0).standard_normal((3, 10)).astype(np.float32)

    def features(clips):
        frames = tf.reduce_mean(clips, [2, 3])
        steps = tf.range(1.0, frames.shape[1] + 1)[None, :, None]
        avgpool = tf.tanh(tf.reduce_mean(frames * steps, 1) @ matrix)
        return {'avgpool': avgpool, 'logits': 3 * avgpool[:, :6], 'softmax': tf.nn.softmax(5 * avgpool[:, :6])}

    identity = {'network': 'small', 'weights': 'are random', 'weights_sha256': '0', 'published_weights': published}
    return FeatureNetwork(name, features, {'avgpool': 10, 'logits': 6, 'softmax': 6}, identity)


def scored(place, names, generator=None, source=None, networks=None, **more):
    """Results of `evaluate` with small defaults.

    `more` may have fields of Options, and batch_size, strategy, quantize, standing, step, statistics, reuse and log.
    """
    source = source or TinyClips()
    extractor = Extractor(
        networks or {'offline': offline_network()},
        more.pop('batch_size', 8),
        more.pop('strategy', None),
        more.pop('quantize', False),
    )
    model = Model(generator or TinyGenerator(), {'step': more.pop('step', 3)}, source, more.pop('standing', None))
    places = Places(str(place), str(more.pop('statistics', place)))
    reuse, log = more.pop('reuse', True), more.pop('log', lambda line: None)
    return evaluate(names, model, extractor, places, Options(**more), reuse, log)


def values(results):
    return {(r['protocol'], r['truncation'], name): s['value'] for r in results for name, s in r['scores'].items()}
