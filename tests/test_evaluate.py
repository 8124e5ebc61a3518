"""The root of bin/evaluate on a tiny generator: sharing, resuming, replicas, refusals and what a result says."""

import contextlib
import json

import numpy as np
import pytest
import tensorflow as tf

from dvdgan_tf.distribute.strategy import make_strategy
from dvdgan_tf.errors import InputError
from dvdgan_tf.evaluation import protocols
from dvdgan_tf.evaluation.evaluate import evaluate
from dvdgan_tf.evaluation.streaming import RealClips, sample_inputs
from dvdgan_tf.metrics.networks.features import FeatureNetwork, offline_network

FRAMES, SIZE = 12, 16


class TinyGenerator(tf.Module):
    """Clips whose brightness and speed follow the latent; context frames are faded out."""

    def __init__(self, context_frames=0, dtype=tf.float32, broken_after=None):
        super().__init__()
        self.num_frames, self.resolution, self.video_channels = FRAMES - context_frames, SIZE, 3
        self.num_classes, self.latent_size, self.context_frames = 3, 8, context_frames
        self.gain = tf.Variable(0.5)
        self._dtype, self.calls, self._broken_after = dtype, tf.Variable(0), broken_after

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
        return tf.cast(clips, self._dtype)


class TinyClips:
    """Real clips: the tiny generator's at another gain, one for each number."""

    num_frames, resolution, video_channels, stride = FRAMES, SIZE, 3, 1

    def __init__(self, num_clips=96):
        self.num_clips, self.passes, self.strides = num_clips, 0, []
        generator = TinyGenerator()
        generator.gain.assign(0.8)
        self.clips = generator(*sample_inputs(77, 0, num_clips, 1.0, 3, 8)).numpy()

    def of_split(self, split, stride):
        if split != 'train':
            raise InputError(f'there is no split {split}')
        self.strides.append(stride)
        return self

    def evaluation(self, batch_size, window):
        self.passes += 1
        padded = -(-self.num_clips // batch_size) * batch_size
        clips = np.zeros((padded, *self.clips.shape[1:]), np.float32)
        clips[: self.num_clips] = self.clips
        valid = np.arange(padded) < self.num_clips
        return tf.data.Dataset.from_tensor_slices((clips, np.zeros(padded, np.int32), valid)).batch(batch_size)


def small_network(name):
    """Stands for I3D: a fixed projection of pooled clips to avgpool, logits and softmax."""
    matrix = np.random.RandomState(0).standard_normal((3 * FRAMES, 10)).astype(np.float32)

    def features(clips):
        pooled = tf.reshape(tf.reduce_mean(clips, [2, 3]), [-1, 3 * FRAMES])
        avgpool = tf.tanh(pooled @ matrix)
        return {'avgpool': avgpool, 'logits': 3 * avgpool[:, :6], 'softmax': tf.nn.softmax(5 * avgpool[:, :6])}

    identity = {'network': 'small', 'weights': 'are random', 'weights_sha256': '0', 'published_weights': False}
    return FeatureNetwork(name, features, {'avgpool': 10, 'logits': 6, 'softmax': 6}, identity)


def run(tmp_path, names, generator=None, source=None, networks=None, **more):
    source = source or TinyClips()
    found = networks or {'offline': offline_network()}
    arguments = {
        'names': names,
        'generator': generator or TinyGenerator(),
        'open_real': lambda split, stride: source,
        'networks': found,
        'output_dir': str(tmp_path),
        'model': {'step': 3},
        'data': {'index': 'tiny'},
        'log': lambda line: None,
    }
    return evaluate(**{**arguments, **more})


def values(results):
    return {(r['protocol'], r['truncation'], name): s['value'] for r in results for name, s in r['scores'].items()}


def test_a_result_carries_its_protocol_and_is_appended(tmp_path):
    (result,) = run(tmp_path, ['offline_64'])
    lines = [json.loads(line) for line in (tmp_path / 'evaluation.jsonl').read_text().splitlines()]
    assert lines == [json.loads(json.dumps(result))]
    assert set(result['scores']) == {'frechet', 'kernel', 'precision', 'recall'}
    frechet = result['scores']['frechet']
    assert frechet['value'] > 1.3 * frechet['floor']['value'] > 0 and frechet['floor']['clips'] == [32, 32]
    assert 0 < frechet['spread'] < frechet['value']
    for name in ('network', 'feature', 'split', 'window', 'real_clips', 'fake_clips', 'frames', 'stride', 'sampling'):
        assert result[name], name
    assert result['model'] == {'step': 3} and result['data'] == {'index': 'tiny'} and result['truncation'] == 1.0
    assert any('no full rank' in note for note in result['warnings'])
    assert not list(tmp_path.glob('partial-*'))


def test_a_generator_of_the_real_distribution_scores_at_the_floor(tmp_path):
    good, bad = TinyGenerator(), TinyGenerator()
    good.gain.assign(0.8)
    score = [run(tmp_path / name, ['offline_64'], model)[0] for name, model in (('good', good), ('bad', bad))]
    frechet = [result['scores']['frechet'] for result in score]
    assert frechet[0]['value'] < 1.5 * frechet[0]['floor']['value'] < frechet[1]['value']
    assert score[0]['scores']['precision']['value'] > score[1]['scores']['precision']['value'] - 0.05


def test_protocols_share_one_pass_over_generated_clips(tmp_path):
    networks = {'offline': offline_network(), 'i3d-400': small_network('i3d-400'), 'i3d-600': small_network('i3d-600')}
    names = ['offline_32', 'fvd_64_12f', 'k600_fid_is']
    generator = TinyGenerator()
    together = run(tmp_path / 'together', names, generator, networks=networks, num_samples=64)
    assert generator.calls == 64 // 8
    apart = [run(tmp_path / name, [name], networks=networks, num_samples=64)[0] for name in names]
    for (key, got), expected in zip(values(together).items(), values(apart).values()):
        assert got == pytest.approx(expected, rel=1e-6), key


def test_real_statistics_are_computed_once_and_another_key_is_not_taken(tmp_path):
    source, kept = TinyClips(), tmp_path / 'kept'
    first = run(tmp_path / 'a', ['offline_64'], source=source, statistics_dir=str(kept))
    passes, files = source.passes, sorted(kept.iterdir())
    second = run(tmp_path / 'b', ['offline_64'], source=source, statistics_dir=str(kept))
    assert source.passes == passes and values(first) == values(second)
    run(tmp_path / 'c', ['offline_64'], source=source, statistics_dir=str(kept), data={'index': 'other'})
    assert source.passes > passes and len(list(kept.iterdir())) == 2 * len(files)
    files[0].rename(max(kept.iterdir(), key=lambda path: path not in files))
    (kept / files[0].name).write_bytes((kept / files[1].name).read_bytes())
    with pytest.raises(InputError, match='another protocol'):
        run(tmp_path / 'd', ['offline_64'], source=source, statistics_dir=str(kept))


def test_a_killed_evaluation_goes_on_without_repeating_batches(tmp_path, monkeypatch):
    monkeypatch.setattr('dvdgan_tf.evaluation.collecting._SAVE_EVERY_SECONDS', 0.0)
    expected = run(tmp_path / 'whole', ['offline_64'])
    generator, lines = TinyGenerator(), []

    def kill_at(line):
        lines.append(line)
        if 'repeat 1: 40 of 64' in line:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        run(tmp_path / 'killed', ['offline_64'], generator, log=kill_at)
    assert generator.calls == 5
    resumed = run(tmp_path / 'killed', ['offline_64'], generator, log=lines.append)
    assert 8 <= generator.calls <= 9 and any('going on after' in line for line in lines)
    for name, got in values(resumed).items():
        assert got == pytest.approx(values(expected)[name], rel=1e-9)


def test_one_and_four_replicas_give_the_same_scores(tmp_path):
    # Every test of a process uses four replicas: TensorFlow's collectives remember the size of their first group.
    strategy = make_strategy('mirrored')
    with strategy.scope():
        generator = TinyGenerator()
    one = run(tmp_path / 'one', ['offline_32'])
    four = run(tmp_path / 'four', ['offline_32'], generator, strategy=strategy)
    for name, got in values(four).items():
        assert got == pytest.approx(values(one)[name], rel=1e-4), name


def test_batch_size_and_bfloat16_change_little(tmp_path):
    expected = values(run(tmp_path / 'a', ['offline_32']))['offline_32', 1.0, 'frechet']
    other = values(run(tmp_path / 'b', ['offline_32'], batch_size=5))['offline_32', 1.0, 'frechet']
    assert other == pytest.approx(expected, rel=1e-5)
    half = values(run(tmp_path / 'c', ['offline_32'], TinyGenerator(dtype=tf.bfloat16)))['offline_32', 1.0, 'frechet']
    assert half == pytest.approx(expected, rel=0.05)


def test_a_truncation_curve_runs_every_sigma_with_and_without_standing_statistics(tmp_path):
    entered = []

    @contextlib.contextmanager
    def standing(sigma):
        entered.append(sigma)
        yield

    networks = {'i3d-600': small_network('i3d-600')}
    results = run(tmp_path, ['k600_truncation'], networks=networks, num_samples=24, standing=standing)
    sigmas = protocols.find('k600_truncation').truncations
    assert [(r['truncation'], r['standing_statistics']) for r in results] == [
        (sigma, stand) for sigma in sigmas for stand in (False, True)
    ]
    assert entered == list(sigmas)
    by_sigma = {r['truncation']: r['scores']['inception']['value'] for r in results}
    assert by_sigma[0.05] != by_sigma[1.0]


def test_repeats_give_a_mean_and_a_spread(tmp_path):
    more = {'networks': {'i3d-600': small_network('i3d-600')}, 'num_samples': 24}
    (result,) = run(tmp_path, ['k600_fid_is'], repeats=3, **more)
    scores = []
    for seed in range(3):
        (one,) = run(tmp_path, ['k600_fid_is'], seed=seed, **more)
        scores.append(one['scores']['inception']['value'])
    inception = result['scores']['inception']
    assert (result['repeats'], inception['spread_kind']) == (3, 'std over repeats')
    assert inception['value'] == pytest.approx(np.mean(scores), rel=1e-6)
    assert inception['spread'] == pytest.approx(np.std(scores), rel=1e-4)


def test_prediction_is_measured_against_the_truth_and_the_repeated_last_frame(tmp_path):
    generator = TinyGenerator(context_frames=4)
    (mean,) = run(tmp_path / 'a', ['prediction'], generator)
    (best,) = run(tmp_path / 'b', ['prediction'], generator, best_of=3)
    for name in ('psnr', 'ssim'):
        assert best['scores'][name]['value'] > mean['scores'][name]['value']
        assert mean['scores'][name]['last_frame_repeated'] > 0
    assert best['best_of'] == 3 and mean['real_clips'] == 96


def test_models_that_continue_clips_are_compared_whole(tmp_path):
    source = TinyClips(40)
    (result,) = run(tmp_path, ['offline_30'], TinyGenerator(context_frames=4), source=source)
    assert (result['frames'], result['context_frames'], result['fake_clips']) == (FRAMES, 4, 30)


def test_chosen_real_clips_are_spread_over_the_source_and_batches_are_whole():
    source = TinyClips(40)
    batches = list(RealClips(source, 'first', 11, seed=1).batches(4))
    rows = np.concatenate([clips[valid].numpy() for clips, _, valid in batches])
    places = [int(np.flatnonzero((source.clips == row).all((1, 2, 3, 4)))[0]) for row in rows]
    assert len(batches) == 3 and len(set(places)) == 11 and max(places) > 20
    assert all(len(clips) == 4 for clips, _, _ in batches)


def test_samples_depend_on_their_number_alone():
    whole = sample_inputs(5, 0, 10, 0.5, 3, 8)
    part = sample_inputs(5, 6, 4, 0.5, 3, 8)
    np.testing.assert_array_equal(whole[0][6:], part[0])
    np.testing.assert_array_equal(whole[1][6:], part[1])
    latents, labels = sample_inputs(0, 0, 3000, 0.5, 3, 8)
    assert float(tf.math.reduce_std(latents)) == pytest.approx(0.5, rel=0.02)
    assert np.bincount(labels).min() > 900


@pytest.mark.parametrize(
    'names, more, sentence',
    [
        (['fvd'], {}, 'no protocol'),
        ([], {}, 'no protocol was given'),
        (['offline_97'], {}, '97 real clips'),
        (['fvd_32_16f'], {'networks': {'i3d-400': small_network('i3d-400')}}, '16 frames'),
        (['fvd_32_12f'], {}, 'give its weights'),
        (['prediction'], {}, 'takes no context'),
        (['fvd_k600_fp'], {'networks': {'i3d-400': small_network('i3d-400')}}, 'frames'),
        (['offline_32'], {'num_samples': 1}, 'at least 2'),
        (['offline_32'], {'generator': TinyGenerator(broken_after=0)}, 'NaN'),
        (['offline_32'], {'batch_size': 0}, 'batch'),
    ],
)
def test_what_cannot_be_evaluated_is_one_sentence(tmp_path, names, more, sentence):
    with pytest.raises(InputError, match=sentence):
        run(tmp_path, names, **more)
