"""The root of bin/evaluate on a tiny generator: sharing, resuming, replicas, refusals and what a result says."""

import contextlib
import json

import numpy as np
import pytest
import tensorflow as tf
from scored import FRAMES, TinyClips, TinyGenerator, drawn, scored, small_network, values

from dvdgan_tf.distribute.strategy import make_strategy
from dvdgan_tf.errors import InputError
from dvdgan_tf.evaluation import passes, protocols
from dvdgan_tf.evaluation.clips import Draw, RealClips, Share
from dvdgan_tf.evaluation.during_training import ProtocolScores
from dvdgan_tf.metrics.networks.features import offline_network


def test_a_result_carries_its_protocol_and_is_appended(tmp_path):
    (result,) = scored(tmp_path, ['offline_48'])
    lines = [json.loads(line) for line in (tmp_path / 'evaluation.jsonl').read_text().splitlines()]
    assert lines == [json.loads(json.dumps(result))]
    assert set(result['scores']) == {'frechet', 'kernel', 'precision', 'recall'}
    frechet = result['scores']['frechet']
    assert frechet['value'] > 1.3 * frechet['floor']['value'] > 0 and frechet['floor']['clips'] == [48, 48]
    assert 0 < frechet['spread'] < frechet['value']
    for name in ('network', 'feature', 'split', 'window', 'crop', 'real_clips', 'fake_clips', 'frames', 'sampling'):
        assert result[name], name
    assert result['model'] == {'step': 3} and result['data'] == {'index': 'tiny'} and result['truncation'] == 1.0
    assert (result['stride'], result['ddof'], result['standing_statistics']) == (1, 1, None)
    assert not list(tmp_path.glob('partial-*'))


def test_a_generator_of_the_real_distribution_scores_at_the_floor(tmp_path):
    good, bad = TinyGenerator(), TinyGenerator()
    good.gain.assign(0.8)
    score = [scored(tmp_path / name, ['offline_48'], model)[0] for name, model in (('good', good), ('bad', bad))]
    frechet = [result['scores']['frechet'] for result in score]
    assert frechet[0]['value'] < 1.5 * frechet[0]['floor']['value'] < frechet[1]['value']
    assert score[0]['scores']['precision']['value'] > score[1]['scores']['precision']['value'] - 0.05


def test_protocols_share_one_pass_over_generated_and_one_over_real_clips(tmp_path):
    networks = {'offline': offline_network(), 'i3d-400': small_network('i3d-400')}
    names = ['offline_32', 'fvd_64_12f', 'fvd_32_12f']
    generator, source = TinyGenerator(), TinyClips()
    together = scored(tmp_path / 'together', names, generator, source, networks)
    assert generator.calls == 64 // 8 and source.passes == 1
    apart = [scored(tmp_path / name, [name], networks=networks)[0] for name in names]
    for (key, got), expected in zip(values(together).items(), values(apart).values()):
        assert got == pytest.approx(expected, rel=1e-6, abs=1e-9), key


def test_real_statistics_are_computed_once_and_another_key_is_not_taken(tmp_path):
    source, kept = TinyClips(), tmp_path / 'kept'
    first = scored(tmp_path / 'a', ['offline_48'], source=source, statistics=kept)
    passed, files = source.passes, sorted(kept.iterdir())
    second = scored(tmp_path / 'b', ['offline_48'], source=source, statistics=kept)
    assert source.passes == passed and values(first) == values(second)
    other = TinyClips(index='other')
    scored(tmp_path / 'c', ['offline_48'], source=other, statistics=kept)
    assert other.passes and len(list(kept.iterdir())) == 2 * len(files)
    (kept / files[0].name).write_bytes((kept / files[1].name).read_bytes())
    with pytest.raises(InputError, match='another protocol'):
        scored(tmp_path / 'd', ['offline_48'], source=source, statistics=kept)


def test_a_killed_evaluation_goes_on_without_repeating_batches(tmp_path, monkeypatch):
    monkeypatch.setattr(passes, 'SAVE_EVERY_SECONDS', 0.0)
    expected = scored(tmp_path / 'whole', ['offline_48'])
    generator, lines = TinyGenerator(), []

    def kill_at(line):
        lines.append(line)
        if 'repeat 1: clip 40/48' in line:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        scored(tmp_path / 'killed', ['offline_48'], generator, log=kill_at)
    assert generator.calls == 5
    resumed = scored(tmp_path / 'killed', ['offline_48'], generator, log=lines.append)
    assert generator.calls == 6 and any('going on after 40 clips' in line for line in lines)
    for name, got in values(resumed).items():
        assert got == pytest.approx(values(expected)[name], rel=1e-9)


def test_what_is_known_of_one_step_leaves_the_unfinished_sums_of_another(tmp_path, monkeypatch):
    """As in `--checkpoints=all`, given again after a kill: earlier steps are asked for first."""
    monkeypatch.setattr(passes, 'SAVE_EVERY_SECONDS', 0.0)

    def kill_at(line):
        if 'repeat 1: clip 40/48' in line:
            raise KeyboardInterrupt

    generator = TinyGenerator()
    scored(tmp_path, ['offline_48'], generator, step=1)
    with pytest.raises(KeyboardInterrupt):
        scored(tmp_path, ['offline_48'], generator, step=2, log=kill_at)
    seen = int(generator.calls)
    for step in (1, 2):
        scored(tmp_path, ['offline_48'], generator, step=step)
    assert generator.calls == seen + 1 and not list(tmp_path.glob('partial-*'))


def test_what_was_scored_is_not_scored_again_unless_asked_for(tmp_path):
    generator = TinyGenerator()
    first = scored(tmp_path, ['offline_48'], generator)
    calls = int(generator.calls)
    assert scored(tmp_path, ['offline_48'], generator) == json.loads(json.dumps(first))
    assert generator.calls == calls
    scored(tmp_path, ['offline_48'], generator, step=4)
    assert generator.calls == 2 * calls
    scored(tmp_path, ['offline_48'], generator, reuse=False)
    assert generator.calls == 3 * calls and len((tmp_path / 'evaluation.jsonl').read_text().splitlines()) == 3


def test_one_and_four_replicas_give_the_same_scores(tmp_path):
    # Every test of a process uses four replicas: TensorFlow's collectives remember the size of their first group.
    strategy = make_strategy('mirrored')
    with strategy.scope():
        generator = TinyGenerator()
    one = scored(tmp_path / 'one', ['offline_30'])
    four = scored(tmp_path / 'four', ['offline_30'], generator, strategy=strategy)
    for name, got in values(four).items():
        assert got == pytest.approx(values(one)[name], rel=1e-4), name
    training = ProtocolScores(['offline_30'], batch_size=6)
    rounded = training(generator, TinyClips(), 3, str(tmp_path / 'rounded'), strategy)
    assert rounded['offline_30/frechet'] == pytest.approx(values(one)['offline_30', 1.0, 'frechet'], rel=1e-4)


def test_batch_size_and_bfloat16_change_little(tmp_path):
    expected = values(scored(tmp_path / 'a', ['offline_32']))
    for name, got in values(scored(tmp_path / 'b', ['offline_32'], batch_size=5)).items():
        assert got == pytest.approx(expected[name], rel=1e-5, abs=1e-9)
    half = values(scored(tmp_path / 'c', ['offline_32'], TinyGenerator(dtype=tf.bfloat16)))
    frechet = 'offline_32', 1.0, 'frechet'
    assert half[frechet] == pytest.approx(expected[frechet], rel=0.05)


def test_a_truncation_curve_runs_every_sigma_with_and_without_standing_statistics(tmp_path):
    entered = []

    class Standing:
        clips = 64

        @contextlib.contextmanager
        def at(self, sigma):
            entered.append(sigma)
            yield

    networks, source = {'i3d-600': small_network('i3d-600')}, TinyClips()
    source.stride = 2
    more = {'networks': networks, 'num_samples': 24, 'standing': Standing(), 'source': source}
    results = scored(tmp_path, ['k600_truncation'], **more)
    sigmas = protocols.find('k600_truncation').truncations
    assert [(r['truncation'], r['standing_statistics']) for r in results] == [
        (sigma, stand) for sigma in sigmas for stand in (None, 64)
    ]
    assert entered == list(sigmas)
    by_sigma = {r['truncation']: r['scores']['inception']['value'] for r in results}
    assert by_sigma[0.05] != by_sigma[1.0]


def test_repeats_give_a_mean_and_a_spread_and_other_seeds_share_no_set(tmp_path):
    source = TinyClips()
    source.stride = 2
    more = {'networks': {'i3d-600': small_network('i3d-600')}, 'num_samples': 24, 'source': source}
    (result,) = scored(tmp_path, ['k600_fid_is'], repeats=3, **more)
    inception = result['scores']['inception']
    assert (result['repeats'], inception['spread_kind']) == (3, 'std over repeats') and inception['spread'] > 0
    assert 'repeats 3 instead of 1' in ' '.join(result['warnings'])
    sets = [Draw(seed, repeat).samples(np.arange(4), 3, 8)[0].numpy() for seed in (0, 1) for repeat in range(3)]
    assert len({each.tobytes() for each in sets}) == 6


def test_prediction_is_measured_against_the_truth_and_the_repeated_last_frame(tmp_path):
    generator, source = TinyGenerator(context_frames=4), TinyClips(30, splits=('train', 'test'))
    (mean,) = scored(tmp_path / 'a', ['prediction'], generator, source)
    best = []
    for size in (8, 5):
        best += scored(tmp_path / str(size), ['prediction'], generator, source, best_of=3, batch_size=size)
    for name in ('psnr', 'ssim'):
        score = mean['scores'][name]
        assert best[0]['scores'][name]['value'] > score['value'] and score['last_frame_repeated'] > 0
        assert best[0]['scores'][name]['value'] == pytest.approx(best[1]['scores'][name]['value'], rel=1e-5)
        assert len(score['by_frame']) == len(score['last_frame_repeated_by_frame']) == FRAMES - 4
        assert np.mean(score['by_frame']) == pytest.approx(score['value'])
    assert best[0]['best_of'] == 3 and mean['fake_clips'] == 30
    assert mean['scores']['psnr']['by_frame'][0] != mean['scores']['psnr']['by_frame'][-1]


def test_models_that_continue_clips_are_compared_whole(tmp_path):
    (result,) = scored(tmp_path, ['offline_30'], TinyGenerator(context_frames=4), TinyClips(40))
    assert (result['frames'], result['context_frames'], result['fake_clips']) == (FRAMES, 4, 30)
    assert any('60 windows of the 40 clips' in note for note in result['warnings'])


def test_the_first_of_the_real_clips_are_a_fair_choice_and_their_end_is_their_beginning():
    source = TinyClips(40)
    places = np.array([[0, 1, 2, 3], [4, 41, 80, -1]])
    batches = [clips.numpy() for clips in RealClips(source, 'first', 'center', seed=1).clips(places)]
    order = np.random.RandomState(1).permutation(40)
    np.testing.assert_array_equal(batches[0], source.clips[order[:4]])
    np.testing.assert_array_equal(batches[1][:3], source.clips[order[[4, 1, 0]]])
    assert not batches[1][3].any()


def test_processes_share_every_batch():
    parts = [Share(6, host, 3).numbers(20, 1) for host in range(3)]
    np.testing.assert_array_equal(np.concatenate(parts, 1).ravel(), [*range(6, 20), -1, -1, -1, -1])


def test_samples_depend_on_their_number_alone():
    whole, part = drawn(5, 0, 10, 0.5), drawn(5, 6, 4, 0.5)
    np.testing.assert_array_equal(whole[0][6:], part[0])
    np.testing.assert_array_equal(whole[1][6:], part[1])
    latents, labels = drawn(0, 0, 3000, 0.5)
    assert float(tf.math.reduce_std(latents)) == pytest.approx(0.5, rel=0.02)
    assert np.bincount(labels).min() > 900


@pytest.mark.parametrize(
    'names, more, sentence',
    [
        (['fvd'], {}, 'no protocol'),
        ([], {}, 'no protocol was given'),
        (['fvd_97_12f'], {'networks': {'i3d-400': small_network('i3d-400')}}, '97 real clips'),
        (['fvd_32_16f'], {'networks': {'i3d-400': small_network('i3d-400')}}, '16 frames'),
        (['fvd_32_12f_every2'], {'networks': {'i3d-400': small_network('i3d-400')}}, '24 frames'),
        (['fvd_32_12f'], {}, 'give its weights'),
        (['prediction'], {}, 'takes no context'),
        (['prediction'], {'generator': TinyGenerator(4)}, 'its real clips from test: there is no split'),
        (['fvd_k600_fp'], {'networks': {'i3d-400': small_network('i3d-400')}}, 'frames'),
        (['k600_fid_is'], {'networks': {'i3d-600': small_network('i3d-600')}}, 'stride 2 .* trained at stride 1'),
        (['offline_32'], {'num_samples': 1}, 'at least 2'),
        (['offline_32'], {'generator': TinyGenerator(broken_after=0)}, 'NaN'),
        (['offline_32'], {'generator': TinyGenerator(scale=3.0)}, r'generated clips lie in \[-1.7.* \[-1, 1\]'),
        (['offline_32'], {'batch_size': 0}, 'batch'),
    ],
)
def test_what_cannot_be_evaluated_is_one_sentence(tmp_path, names, more, sentence):
    with pytest.raises(InputError, match=sentence):
        scored(tmp_path, names, **more)
