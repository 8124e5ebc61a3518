"""ONNX files of the tiny generators, in the environment that make onnx brings."""

import json
import os
import subprocess
from pathlib import Path

import exported
import numpy as np
import pytest
from PIL import Image

from dvdgan_tf.errors import InputError
from dvdgan_tf.exporters import onnx_model
from dvdgan_tf.sampling import generate
from dvdgan_tf.sampling.video import to_uint8

ROOT = Path(__file__).resolve().parent.parent
ENVIRONMENT = ROOT / '.onnx'
RUNNER = ROOT / 'export' / 'onnx' / 'run.py'


@pytest.mark.skipif(not ENVIRONMENT.exists(), reason='tf2onnx and ONNX Runtime are not installed: make onnx')
@pytest.mark.parametrize('context_frames', [0, 2])
def test_onnx_runtime_makes_the_clips_of_the_live_generator(tmp_path, context_frames):
    source = exported.source(context_frames)
    onnx_model.write(str(ENVIRONMENT), source, str(tmp_path))
    assert sorted(os.listdir(tmp_path)) == ['generator.onnx', *['labels.txt'][context_frames:], 'metadata.json']
    assert json.loads((tmp_path / 'metadata.json').read_text())['sha256'] == source.frozen.sha256()
    (row,) = onnx_model.measure(str(ENVIRONMENT), source, str(tmp_path))
    assert row.largest < 0.01 and row.milliseconds > 0
    if not context_frames:
        check_the_runner(tmp_path)


def check_the_runner(folder):
    """A seed is the clip of sampling, and what cannot be used is one sentence."""
    runner = [ENVIRONMENT / 'bin' / 'python', RUNNER, folder / 'generator.onnx', f'--output={folder}/clip.png']
    subprocess.run([*runner, '--label=wave', '--seed=4', '--truncation=0.5'], check=True)
    film = np.asarray(Image.open(folder / 'clip.png').convert('RGB'), int)
    expected = to_uint8(generate.sample_clips(exported.source().generator, np.int32([2]), 4, 0.5)[0])
    assert np.abs(film - expected[0]).max() <= 1
    (folder / 'labels.txt').unlink()
    (folder / 'damaged').write_bytes(b'damaged')
    for words, reason in (
        (['--label=3'], 'the model refuses these inputs'),
        (['--label=wave'], 'give its number'),
        (['--fps=0'], 'give 0.1 to 1000'),
        ([f'--inputs={folder}/none.npz'], 'none.npz'),
        ([f'--inputs={folder}/damaged'], 'allow_pickle='),
    ):
        refused = subprocess.run([*runner, *words], capture_output=True, text=True)
        assert refused.returncode == 2 and reason in refused.stderr.splitlines()[-1], refused.stderr


def environment(place, script):
    """One whose python is a shell script."""
    python = place / 'bin' / 'python'
    python.parent.mkdir(parents=True)
    python.write_text(f'#!/bin/sh\n{script}\n')
    python.chmod(0o755)
    return str(place)


def test_what_is_missing_or_fails_is_said(tmp_path):
    with pytest.raises(InputError, match='make onnx installs it there'):
        onnx_model.write(str(tmp_path / 'nothing'), exported.source(), str(tmp_path))
    failing = environment(tmp_path / 'failing', 'echo "no such op" >&2; exit 1')
    with pytest.raises(RuntimeError, match='convert.py failed:\nno such op'):
        onnx_model.write(failing, exported.source(), str(tmp_path))


def test_a_model_that_differs_is_refused(tmp_path, monkeypatch):
    clips = exported.source().probe.clips + 0.01
    monkeypatch.setattr(onnx_model, 'answers', lambda *given: (clips, np.ones(len(clips))))
    with pytest.raises(RuntimeError, match='the ONNX model differs from the live generator by 0.01'):
        onnx_model.check('', exported.source(), str(tmp_path))
