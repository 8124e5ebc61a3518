"""The real side of a score is cut as training cuts it: squares, windows, splits, sizes of the floor."""

import numpy as np
import pytest
import tensorflow as tf
from scored import FRAMES, SIZE, TinyClips, TinyGenerator, scored, small_network

from dvdgan_tf.data.stream import evaluation_pass, stateless_seed
from dvdgan_tf.data.synthetic import SyntheticClips
from dvdgan_tf.errors import InputError
from dvdgan_tf.evaluation import protocols
from dvdgan_tf.evaluation.jobs import real_ends, tenths
from dvdgan_tf.evaluation.results.scoring import floor
from dvdgan_tf.metrics.samples import Parts
from dvdgan_tf.metrics.statistics import Moments


class WideClips(TinyClips):
    """Videos four times as wide as high, dark on the left and bright on the right."""

    def evaluation(self, batch_size, window='center', crop='center', numbers=None):
        def example(number):
            place = tf.random.stateless_uniform([], stateless_seed(1, 0, number)) if crop == 'random' else 0.5
            return wide_clip(number, place), tf.zeros([], tf.int32)

        return evaluation_pass(example, self.num_clips, batch_size, numbers)


def wide_clip(number, place):
    columns = 2.0 * place - 1 + tf.linspace(-0.1, 0.1, SIZE)
    noise = tf.random.stateless_normal([FRAMES, SIZE, SIZE, 3], stateless_seed(2, 0, number))
    return tf.clip_by_value(0.8 * columns[None, None, :, None] + 0.05 * noise, -1, 1)


class PerfectGenerator(TinyGenerator):
    """Makes what training on random squares shows."""

    def __call__(self, latent, label, context=None, training=False):
        place = (1 + tf.math.erf(latent[:, 0] / 2**0.5)) / 2
        numbers = tf.cast(1e6 * tf.abs(latent[:, 1]), tf.int64)
        return tf.map_fn(lambda pair: wide_clip(*pair), (numbers, place), fn_output_signature=tf.float32)


def test_a_perfect_generator_of_random_squares_scores_at_the_floor(tmp_path, monkeypatch):
    (result,) = scored(tmp_path / 'random', ['offline_64'], PerfectGenerator(), WideClips(200))
    frechet = result['scores']['frechet']
    assert result['crop'] == 'random' and frechet['value'] < 3 * frechet['floor']['value']
    choose = protocols.choose

    def central(*arguments, **more):
        return [protocols.dataclasses.replace(each, crop='center') for each in choose(*arguments, **more)]

    monkeypatch.setattr('dvdgan_tf.evaluation.evaluate.protocols.choose', central)
    (result,) = scored(tmp_path / 'center', ['offline_64'], PerfectGenerator(), WideClips(200))
    frechet = result['scores']['frechet']
    assert result['crop'] == 'center' and frechet['value'] > 10 * frechet['floor']['value']


def test_protocols_cut_real_clips_as_training_does():
    for name in ('k600_fid_is', 'k600_truncation', 'fvd_k600_fp', 'fvd_k600_synthesis', 'fvd_64_16f', 'offline_8'):
        protocol = protocols.find(name)
        assert (protocol.window, protocol.crop) == ('random', 'random'), name
    assert protocols.find('prediction').crop == protocols.find('fvd_bair_256x1').crop == 'center'


@pytest.mark.parametrize(
    'ends, fake_count, sizes',
    [
        (real_ends(256, None, 256), 256, [256, 256]),
        (real_ends(256, 1000, 64), 64, [256, 64]),
        (real_ends(256, 300, 256), 256, [150, 150]),
        (real_ends(1000, 1000, 100), 100, [900, 100]),
        (real_ends(1000, 1000, 5000), 5000, [500, 500]),
        (tenths(3), 3, None),
    ],
)
def test_the_floor_has_the_sizes_that_are_compared_as_far_as_there_are_clips(ends, fake_count, sizes):
    parts = Parts(lambda: Moments(2), ends)
    numbers = np.arange(ends[-1])
    parts.update(numbers, np.random.default_rng(0).standard_normal((len(numbers), 2)))
    found = floor(parts, fake_count)
    assert (found and found['clips']) == sizes


class Still(TinyGenerator):
    """Makes the same clips again and again."""

    def __init__(self, clips):
        super().__init__()
        self.num_frames, self.resolution, self._clips = clips.shape[1], clips.shape[2], clips

    def __call__(self, latent, label, training=False):
        return self._clips[: label.shape[0]]


def paper_of(tmp_path, names, network, **more):
    source = TinyClips(200, splits=('train', 'test'))
    source.split = 'train'
    source.num_frames, source.resolution = 16, 64
    clips = tf.image.resize(tf.repeat(source.clips[:, :1], 16, 1).numpy().reshape(-1, 16, 16, 3), (64, 64)).numpy()
    source.clips = clips.reshape(200, 16, 64, 64, 3)
    made = Still(tf.constant(source.clips[:100]))
    (result,) = scored(tmp_path, names, made, source, {'i3d-400': network}, batch_size=50, **more)
    return result['scores']['frechet']['paper'], ' '.join(result['warnings'])


def test_the_papers_number_stands_only_beside_what_it_was_measured_with(tmp_path):
    known, random = (small_network('i3d-400', published) for published in (True, False))
    names = ['fvd_k600_synthesis']
    assert paper_of(tmp_path / 'a', names, known)[0] == 31.1
    assert paper_of(tmp_path / 'b', names, known, split='train')[0] == 32.3
    number, notes = paper_of(tmp_path / 'c', names, random)
    assert number is None and 'not recognised as the published ones' in notes
    for more in ({'truncation': 0.5}, {'ddof': 0}):
        assert paper_of(tmp_path / str(more), names, known, **more)[0] is None
    number, notes = paper_of(tmp_path / 'd', names, known, num_samples=100)
    assert 'generated clips 100 instead of one for each real clip' in notes and number is None


def test_table_4_has_both_rows_and_both_splits():
    paper = protocols.find('fvd_k600_fp').paper
    assert (paper[16, 64, 'frechet', 'train'], paper[16, 64, 'frechet', 'test']) == (68.66, 69.15)
    paper = protocols.find('fvd_k600_synthesis').paper
    assert (paper[16, 64, 'frechet', 'train'], paper[16, 64, 'frechet', 'test']) == (32.3, 31.1)


def test_prefixes_and_subsampled_frames_are_scored(tmp_path):
    networks = {'i3d-400': small_network('i3d-400')}
    results = scored(tmp_path, ['fvd_32_12f', 'fvd_32_6f', 'fvd_32_6f_every2'], networks=networks)
    assert [(each['frames'], each['every'], each['model_frames']) for each in results] == [
        (12, 1, 12),
        (6, 1, 12),
        (6, 2, 12),
    ]
    assert len({each['scores']['frechet']['value'] for each in results}) == 3


def test_moving_shapes_have_two_splits_and_no_other():
    source = SyntheticClips(16, 4)
    clips = [next(iter(each.evaluation(2)))[0].numpy() for each in (source, source.of_split('test'))]
    assert not np.array_equal(*clips)
    np.testing.assert_array_equal(next(iter(source.of_split('train').evaluation(2)))[0], clips[0])
    for split, stride, sentence in (('validate', None, 'no split'), ('test', 2, 'at stride 1 and not at 2')):
        with pytest.raises(InputError, match=sentence):
            source.of_split(split, stride)
