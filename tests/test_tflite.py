"""TFLite files of the tiny generators, and the runner that needs nothing else."""

import io
import os
import sys
from pathlib import Path

import exported
import numpy as np
import pytest
from PIL import Image

from dvdgan_tf.exporters import tflite

sys.path.insert(0, str(Path(__file__).resolve().parent.parent / 'export' / 'tflite'))
import run  # noqa: E402

sys.path.pop(0)


@pytest.fixture(scope='module')
def folder(tmp_path_factory):
    """All precisions; each is compared with the live generator as it is written."""
    place = str(tmp_path_factory.mktemp('tflite'))
    tflite.write(exported.source(), place)
    return place


def test_each_precision_makes_the_clips_it_can(folder):
    inputs, clips = exported.source().probe
    files = [f'generator_{precision}.tflite' for precision in tflite.PRECISIONS]
    assert sorted(os.listdir(folder)) == sorted([*files, 'metadata.json'])
    apart = {}
    for precision in tflite.PRECISIONS:
        model = tflite.Interpreter(tflite.path_of(folder, precision))
        made = [model({name: value[[row]] for name, value in inputs.items()})[0] for row in range(3)]
        apart[precision] = np.abs(np.stack(made) - clips[:3]).mean()
    assert apart['float32'] < 1e-5 < apart['float16'] < 0.01
    assert 1e-5 < apart['dynamic'] < 0.1 and 1e-3 < apart['int8'] < 0.05


def test_a_generator_that_continues_clips_converts_too(tmp_path, monkeypatch):
    monkeypatch.setattr(tflite, 'PRECISIONS', ('float32',))
    tflite.write(exported.source(2), str(tmp_path))
    inputs, clips = exported.source(2).probe
    made = tflite.Interpreter(tflite.path_of(str(tmp_path), 'float32'))({n: v[:1] for n, v in inputs.items()})
    np.testing.assert_allclose(made, clips[:1], atol=1e-4)


def test_an_export_that_differs_is_not_kept(tmp_path, monkeypatch):
    monkeypatch.setattr(tflite, 'PRECISIONS', ('float32',))
    source = exported.source()
    other = source._replace(probe=source.probe._replace(clips=-source.probe.clips))
    with pytest.raises(RuntimeError, match='the float32 model differs'):
        tflite.write(other, str(tmp_path))


def test_the_runner_writes_a_film(folder, tmp_path):
    run.main([tflite.path_of(folder, 'float32'), '--label=2', '--seed=4', f'--output={tmp_path}/clip.png'])
    film = Image.open(io.BytesIO((tmp_path / 'clip.png').read_bytes()))
    assert (film.n_frames, film.size, film.info['duration']) == (3, (16, 16), 125.0)
    latent = np.random.default_rng(4).standard_normal((1, 120), dtype=np.float32)
    clip = exported.source().frozen.generate(latent, np.int32([2]))[0]
    for frame, expected in enumerate(np.rint((clip + 1.0) * 127.5)):
        film.seek(frame)
        assert np.abs(np.asarray(film.convert('RGB'), int) - expected).max() <= 1


def refusal(capsys, path, *words):
    """What the runner says; it writes nothing."""
    with pytest.raises(SystemExit) as left:
        run.main([path, *words, f'--output={os.path.dirname(path)}/clip.png'])
    assert left.value.code == 2 and not os.path.exists(f'{os.path.dirname(path)}/clip.png')
    return capsys.readouterr().err


def test_the_runner_refuses_with_a_sentence(folder, tmp_path, capsys):
    path = tflite.path_of(folder, 'float32')
    assert 'the model refuses label 3' in refusal(capsys, path, '--label=3')
    assert 'give a number from 0 to 1' in refusal(capsys, path, '--truncation=2')
    assert 'non-negative' in refusal(capsys, path, '--seed=-1')
    assert 'none.tflite' in refusal(capsys, f'{tmp_path}/none.tflite')
