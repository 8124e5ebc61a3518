"""TFLite files of the tiny generators, and the runner that needs nothing else."""

import io
import os
import shutil
import sys
from pathlib import Path

import exported
import numpy as np
import pytest
import tensorflow as tf
from PIL import Image

from dvdgan_tf import native_stderr
from dvdgan_tf.errors import InputError
from dvdgan_tf.exporters import tflite
from dvdgan_tf.sampling import generate
from dvdgan_tf.sampling.video import to_uint8

sys.path.insert(0, str(Path(__file__).resolve().parent.parent / 'export' / 'tflite'))
import run  # noqa: E402

sys.path.pop(0)


@pytest.fixture(scope='module')
def folder(tmp_path_factory):
    """All precisions; each is compared with the live generator as it is written."""
    place = str(tmp_path_factory.mktemp('tflite'))
    tflite.write(tflite.PRECISIONS, exported.source(), place)
    return place


def test_each_precision_makes_the_clips_it_can(folder):
    inputs, clips = exported.source().probe
    files = [f'generator_{precision}.tflite' for precision in tflite.PRECISIONS]
    assert sorted(os.listdir(folder)) == sorted([*files, 'labels.txt', 'metadata.json'])
    with open(f'{folder}/labels.txt') as file:
        assert file.read().splitlines() == list(exported.CLASSES)
    apart = {}
    for precision in tflite.PRECISIONS:
        model = tflite.Interpreter(tflite.path_of(folder, precision))
        made = [model({name: value[[row]] for name, value in inputs.items()})[0] for row in range(3)]
        apart[precision] = np.abs(np.stack(made) - clips[:3]).mean()
    assert apart['float32'] < 1e-5 < apart['float16'] < 0.01
    assert 1e-5 < apart['dynamic'] < 0.1 and 1e-3 < apart['int8'] < 0.05


def without_xnnpack(path, inputs):
    resolver = tf.lite.experimental.OpResolverType.BUILTIN_WITHOUT_DEFAULT_DELEGATES
    interpreter = tf.lite.Interpreter(path, experimental_op_resolver_type=resolver)
    interpreter.allocate_tensors()
    return interpreter.get_signature_runner()(**inputs)['video']


def test_the_clips_are_the_same_without_xnnpack(folder):
    inputs, clips = exported.source().probe
    made = without_xnnpack(tflite.path_of(folder, 'float32'), {name: value[:1] for name, value in inputs.items()})
    np.testing.assert_allclose(made, clips[:1], atol=1e-4)


def test_a_generator_that_continues_clips_converts_too(tmp_path):
    tflite.write(('float32',), exported.source(2), str(tmp_path))
    assert sorted(os.listdir(tmp_path)) == ['generator_float32.tflite', 'metadata.json']
    path = tflite.path_of(str(tmp_path), 'float32')
    inputs, clips = exported.source(2).probe
    row = {name: value[:1] for name, value in inputs.items()}
    for made in (tflite.Interpreter(path)(row), without_xnnpack(path, row)):
        np.testing.assert_allclose(made, clips[:1], atol=1e-4)


def test_converting_is_silent_unless_more_is_asked_for_or_it_fails(tmp_path, monkeypatch, capfd):
    convert = tf.lite.TFLiteConverter.convert

    def loud(converter):
        os.write(2, b'a line of the converter\n')
        return convert(converter)

    monkeypatch.setattr(tf.lite.TFLiteConverter, 'convert', loud)
    monkeypatch.setenv('TF_CPP_MIN_LOG_LEVEL', '3')
    tflite.write(['float32'], exported.source(), str(tmp_path))
    assert capfd.readouterr() == ('', '')
    monkeypatch.setenv('TF_CPP_MIN_LOG_LEVEL', '0')
    tflite.write(['float32'], exported.source(), str(tmp_path))
    assert 'a line of the converter' in capfd.readouterr().err
    monkeypatch.setenv('TF_CPP_MIN_LOG_LEVEL', '3')
    with pytest.raises(RuntimeError), native_stderr.held():
        os.write(2, b'why it failed\n')
        raise RuntimeError
    assert 'why it failed' in capfd.readouterr().err


def test_an_export_that_differs_is_not_kept(tmp_path):
    source = exported.source()
    other = source._replace(probe=source.probe._replace(clips=-source.probe.clips))
    with pytest.raises(RuntimeError, match='the float32 model differs'):
        tflite.write(('float32',), other, str(tmp_path))


def test_one_precision_needs_no_training_data(tmp_path):
    bare = exported.source()._replace(examples=None)
    tflite.write(('dynamic',), bare, str(tmp_path))
    assert 'generator_dynamic.tflite' in os.listdir(tmp_path)
    with pytest.raises(InputError, match='which are not at hand'):
        tflite.write(('int8',), bare, str(tmp_path))


def test_as_many_threads_are_measured_as_there_are_processors(folder, monkeypatch):
    monkeypatch.setattr(tflite, 'processors', lambda: 3)
    rows = tflite.measure(('float32',), exported.source(), folder)
    assert [row.name for row in rows] == ['TFLite float32, 1 thread', 'TFLite float32, 2 threads']


def pixels_of(path):
    film = Image.open(io.BytesIO(path.read_bytes()))
    frames = []
    for index in range(film.n_frames):
        film.seek(index)
        frames.append(np.asarray(film.convert('RGB'), int))
    return film, np.stack(frames)


@pytest.mark.parametrize('label', ['2', 'wave'])
def test_the_runner_writes_the_clip_that_sampling_gives_the_seed(folder, tmp_path, label):
    path = tflite.path_of(folder, 'float32')
    run.main([path, f'--label={label}', '--seed=-4', '--truncation=0.5', f'--output={tmp_path}/clip.png'])
    film, frames = pixels_of(tmp_path / 'clip.png')
    assert (film.n_frames, film.size, film.info['duration']) == (3, (16, 16), 125.0)
    expected = to_uint8(generate.sample_clips(exported.source().generator, np.int32([2]), -4, 0.5)[0])
    assert np.abs(frames - expected).max() <= 1


def test_the_runner_continues_frames(tmp_path):
    tflite.write(('float32',), exported.source(2), str(tmp_path))
    context = np.random.default_rng(0).integers(0, 256, (2, 16, 16, 3), np.uint8)
    np.save(tmp_path / 'frames.npy', context)
    path, film = tflite.path_of(str(tmp_path), 'float32'), f'{tmp_path}/clip.png'
    run.main([path, f'--context={tmp_path}/frames.npy', '--seed=3', f'--output={film}'])
    pixels = (context[np.newaxis] / 127.5 - 1.0).astype(np.float32)
    expected = to_uint8(generate.continue_clips(exported.source(2).generator, pixels, 3)[0])
    assert np.abs(pixels_of(tmp_path / 'clip.png')[1] - expected).max() <= 1


def refusal(capsys, path, *words):
    """What the runner says; it writes nothing."""
    output = f'--output={os.path.dirname(path)}/clip.png'
    with pytest.raises(SystemExit) as left:
        run.main([path, output, *words])
    assert left.value.code == 2 and not os.path.exists(f'{os.path.dirname(path)}/clip.png')
    said = capsys.readouterr().err.splitlines()[-1]
    assert said.endswith('.')
    return said


def test_the_runner_refuses_with_a_sentence(folder, tmp_path, capsys):
    path = tflite.path_of(folder, 'float32')
    for words, reason in (
        (['--label=3'], "no class '3'; give 0 to 2 or one of bend, jump, wave"),
        (['--truncation=nan'], 'give a number from 0 to 1'),
        ([f'--seed={2**63}'], 'give a signed integer of 64 bits'),
        (['--fps=0'], 'give 0.1 to 1000'),
        (['--fps=nan'], 'give 0.1 to 1000'),
        (['--threads=0'], 'give at least 1'),
        ([f'--output={tmp_path}/none/clip.png'], 'none/clip.png'),
        ([f'--output={tmp_path}'], 'Is a directory'),
    ):
        assert reason in refusal(capsys, path, *words)
    assert 'none.tflite' in refusal(capsys, f'{tmp_path}/none.tflite')
    moved = tmp_path / 'generator.tflite'
    shutil.copy(path, moved)
    assert 'the model refuses label 3' in refusal(capsys, str(moved), '--label=3')
    assert "no class 'wave'; give its number" in refusal(capsys, str(moved), '--label=wave')


def test_the_runner_runs_no_code_of_a_file(tmp_path, capsys):
    tflite.write(('float32',), exported.source(2), str(tmp_path))
    np.save(tmp_path / 'frames.npy', np.array([{}]), allow_pickle=True)
    np.savez(tmp_path / 'frames.npz', np.zeros(1))
    path = tflite.path_of(str(tmp_path), 'float32')
    assert 'allow_pickle=' in refusal(capsys, path, f'--context={tmp_path}/frames.npy')
    assert 'holds several arrays' in refusal(capsys, path, f'--context={tmp_path}/frames.npz')
    assert 'give it frames with --context' in refusal(capsys, path)
