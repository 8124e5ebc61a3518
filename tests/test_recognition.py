"""The protocol `recognition`: it tells good samples from bad ones of every kind, and says what is missing."""

import types

import numpy as np
import pytest
import tensorflow as tf
from test_pipeline import numbered, write

from dvdgan_tf.data.pipeline import RecordClips
from dvdgan_tf.data.synthetic import MOTIONS, SHAPES, SyntheticClips
from dvdgan_tf.errors import InputError
from dvdgan_tf.evaluation import during_training, labelled_clips
from dvdgan_tf.evaluation.labelled_clips import LabelledClips
from dvdgan_tf.evaluation.recognition import SCORES, Recognition
from dvdgan_tf.metrics import recognition as formulas
from dvdgan_tf.metrics.networks.recognizer import Recognizer, looked_at

SAMPLES, STEPS = 126, 200
_ALL = SyntheticClips(16, 8, seed=3, black_background=True)


class Motions(SyntheticClips):
    """The built-in shapes on black; a class is how they move, whatever the shape."""

    def __init__(self):
        super().__init__(16, 8, seed=3)
        self.class_names = MOTIONS
        self.num_classes = len(MOTIONS)

    def _example(self, purpose: int, number: tf.Tensor) -> tuple:
        clip, shape = _ALL._example(purpose, number)
        return clip, shape // len(SHAPES)


class Generator:
    """Shows clips of a set, whatever the latent."""

    context_frames, latent_size, num_frames, resolution, video_channels = 0, 4, 8, 16, 3

    def __init__(self, clips, labels, num_classes):
        order = [np.flatnonzero(labels == label) for label in range(num_classes)]
        self._clips = tf.constant(np.stack([clips[rows[: min(map(len, order))]] for rows in order]))
        self.num_classes = num_classes

    def __call__(self, latent, label, training=False):
        turn = tf.cast(tf.abs(latent[:, 0]) * 1e4, tf.int32) % self._clips.shape[1]
        return tf.gather_nd(self._clips, tf.stack([label, turn], 1))


@pytest.fixture(scope='module')
def judged(tmp_path_factory):
    """The protocol after it has learned, its data, and its results on real clips."""
    data = Motions()
    protocol = Recognition(num_samples=SAMPLES, training_clips=600, training_steps=STEPS)
    folder = str(tmp_path_factory.mktemp('recognition'))
    clips, labels = (np.concatenate(part) for part in zip(*data.training(5000, 90, 90).take(4)))
    generator = Generator(clips, labels, 3)
    return protocol, data, folder, protocol.evaluate(generator, data, {'step': 1}, folder), (clips, labels)


def _scores(judged, change):
    """Values of the scores after a change of the samples."""
    protocol, _, _, _, (clips, labels) = judged
    samples = LabelledClips(looked_at(tf.constant(clips[:SAMPLES])).numpy(), labels[:SAMPLES])
    return {name: score['value'] for name, score in protocol._judge.scores(change(samples)).items()}


def test_real_clips_are_as_good_as_held_out_ones(judged):
    scores = judged[3]['scores']
    assert tuple(scores) == SCORES
    assert scores['recognised']['floor']['value'] > 0.7
    assert scores['recognised']['value'] > scores['recognised']['floor']['value'] - 0.1
    assert scores['frechet']['value'] < 2 * scores['frechet']['floor']['value']
    for name in ('diversity', 'motion'):
        assert 0.85 < scores[name]['value'] < 1.15 and 0.85 < scores[name]['floor']['value'] < 1.15
    assert scores['outliers']['value'] < 0.15
    assert 0.04 < scores['outliers']['floor']['value'] < 0.07
    assert set(judged[3]['classes']) == set(judged[1].class_names)


def test_shuffled_labels_are_not_recognised(judged):
    def shuffle(samples):
        return LabelledClips(samples.clips, np.random.RandomState(0).permutation(samples.labels))

    assert _scores(judged, shuffle)['recognised'] < 0.5


def test_frozen_clips_do_not_move(judged):
    def freeze(samples):
        return LabelledClips(np.repeat(samples.clips[:, :1], 8, 1), samples.labels)

    found = _scores(judged, freeze)
    assert found['motion'] == 0.0
    assert found['frechet'] > 10 * judged[3]['scores']['frechet']['floor']['value']


def test_one_clip_a_class_has_no_diversity(judged):
    def memorise(samples):
        rows = [np.flatnonzero(samples.labels == label)[0] for label in samples.labels]
        return LabelledClips(samples.clips[rows], samples.labels)

    found = _scores(judged, memorise)
    assert found['diversity'] == 0.0
    assert found['frechet'] > 5 * judged[3]['scores']['frechet']['floor']['value']


def test_noise_is_an_outlier(judged):
    def noise(samples):
        random = np.random.RandomState(0)
        return LabelledClips(random.randint(0, 256, samples.clips.shape).astype(np.uint8), samples.labels)

    found = _scores(judged, noise)
    assert found['outliers'] > 0.95 and found['recognised'] < 0.5


def test_training_repeats_itself_and_is_kept(judged):
    protocol, data, folder, result, (clips, labels) = judged
    training = protocol._judge.training
    again = Recognizer(training.clips.shape[1:], 3, 0)
    again.train(training.clips, training.labels, STEPS)
    for ours, theirs in zip(again.variables, protocol._judge._recognizer.variables):
        np.testing.assert_allclose(ours, theirs, rtol=1e-4, atol=1e-5)
    other, lines = Recognition(num_samples=SAMPLES, training_clips=600, training_steps=STEPS), []
    repeated = other.evaluate(Generator(clips, labels, 3), data, {'step': 1}, folder, log=lines.append)
    assert repeated['scores'] == result['scores']
    assert not any('learns' in line for line in lines)


def test_training_gets_scalars_and_the_best_step(judged, tmp_path):
    protocol, data, _, result, (clips, labels) = judged
    scoring = during_training.ProtocolScores(['recognition', 'offline_2'])
    assert scoring.best_by == 'recognition/frechet'
    scoring._recognition = protocol
    scoring.check(data)
    good, bad = Generator(clips, labels, 3), Generator(np.zeros_like(clips), labels, 3)
    scalars = scoring(good, data, 10, str(tmp_path))
    assert scalars['recognition/frechet'] == result['scores']['frechet']['value']
    assert {f'recognition/{name}{end}' for name in SCORES for end in ('', '_floor')} < set(scalars)
    assert 'offline_2/frechet' in scalars
    scoring(bad, data, 20, str(tmp_path))
    assert scoring.is_best(str(tmp_path), 10) and not scoring.is_best(str(tmp_path), 20)


def test_formulas_are_those_of_plain_loops():
    random = np.random.RandomState(0)
    clips, labels = random.randint(0, 256, [7, 3, 2, 2, 1]).astype(np.uint8), np.array([0, 0, 0, 1, 1, 1, 2])
    values = clips.astype(float)
    pairs = {0: [(0, 1), (0, 2), (1, 2)], 1: [(3, 4), (3, 5), (4, 5)]}
    each = [np.sqrt(np.mean([np.mean((values[a] - values[b]) ** 2) for a, b in pairs[label]])) for label in pairs]
    assert formulas.diversity(clips, labels) == pytest.approx(np.mean(each))
    assert formulas.motion(clips) == pytest.approx(np.mean(np.abs(values[:, 1:] - values[:, :-1])))
    features, training = random.randn(5, 4), random.randn(9, 4)
    distances, places = formulas.nearest(features, training)
    every = np.linalg.norm(features[:, None] - training, axis=2)
    np.testing.assert_allclose(distances, every.min(1))
    np.testing.assert_array_equal(places, every.argmin(1))
    assert formulas.share_of_outliers(np.array([1.0, 3.0]), np.linspace(0, 2, 101)) == 0.5


def test_large_clips_are_pooled_and_the_levels_are_those_of_video():
    clip = np.full([1, 2, 64, 64, 1], -1.0, np.float32)
    clip[:, :, ::2] = 1.0
    seen = looked_at(tf.constant(clip))
    assert seen.shape == (1, 2, 32, 32, 1) and seen.dtype == tf.uint8
    assert set(np.unique(seen)) == {128}
    assert set(np.unique(looked_at(tf.constant([[[[[-1.0]]], [[[1.0]]]]])))) == {0, 255}


def _data(**changes):
    facts = {'num_classes': 2, 'class_names': ('a', 'b'), 'num_clips': 9, 'split': 'train'}
    source = types.SimpleNamespace(**{**facts, 'clips_per_class': lambda: np.array([9, 8]), **changes})
    source.of_split = lambda split: source
    return source


@pytest.mark.parametrize(
    ('changes', 'message'),
    [
        ({'num_classes': 1, 'class_names': ('all',)}, r'two or more classes and the data have 1 \(all\): '),
        ({'clips_per_class': lambda: np.array([9, 7])}, "needs 8 different clips of every class and 'b' has 7 in"),
    ],
)
def test_data_that_cannot_serve_are_one_sentence(changes, message):
    with pytest.raises(InputError, match=message):
        labelled_clips.open_splits(_data(**changes))


@pytest.fixture(scope='module')
def records(tmp_path_factory):
    return write(tmp_path_factory.mktemp('records') / 'numbered', numbered())


def test_a_missing_split_is_one_sentence_before_training(records):
    with pytest.raises(InputError, match='held-out ones of test: .* has no split test'):
        Recognition().check(RecordClips(records, 16, 4))


def test_real_clips_are_drawn_evenly_from_records(records):
    found = labelled_clips.real(RecordClips(records, 16, 4), 18, looked_at)
    np.testing.assert_array_equal(np.bincount(found.labels), [6, 6, 6])
    np.testing.assert_array_equal(RecordClips(records, 16, 4).clips_per_class(), [3 * 63, 2 * 63, 2 * 63])


@pytest.mark.parametrize('options', [{'num_samples': 0}, {'num_samples': 9, 'training_clips': 8}])
def test_numbers_that_make_no_sense_are_one_sentence(options):
    with pytest.raises(InputError, match='recognition was given .* give at least 1 of each'):
        Recognition(**options)


def test_a_model_that_continues_clips_is_one_sentence():
    with pytest.raises(InputError, match='this model continues clips; use prediction'):
        Recognition().evaluate(types.SimpleNamespace(context_frames=2), _data(), {}, 'nowhere')
