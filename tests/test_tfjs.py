"""Export to TensorFlow.js: the committed model is the generator it says it is, and nothing that differs is kept."""

import hashlib
import json
import re
import subprocess
from pathlib import Path
from types import SimpleNamespace

import exported
import numpy as np
import pytest
import tensorflow as tf
from PIL import Image

from dvdgan_tf.errors import InputError
from dvdgan_tf.exporters import tfjs, tfjs_graph, tfjs_node
from dvdgan_tf.exporters.tfjs_graph import TfjsGraph, read_graph
from dvdgan_tf.sampling.latents import interpolate, sample_latents
from dvdgan_tf.sampling.video import to_uint8

ROOT = Path(__file__).resolve().parent.parent
MODEL = ROOT / 'export' / 'tfjs' / 'model'
CONVERTER = ROOT / '.converter'


def make_program(folder, script):
    """An environment whose python is a shell script."""
    python = folder / 'bin' / 'python'
    python.parent.mkdir(parents=True)
    python.write_text(f'#!/bin/sh\n{script}\n')
    python.chmod(0o755)
    return str(folder)


def test_the_committed_model_makes_its_reference_clips():
    graph = read_graph(MODEL)
    sheet = np.asarray(Image.open(MODEL / 'reference.png')).astype(int)
    first, second = (sample_latents(seed, 1) for seed in (0, 1))
    ends = tf.one_hot([0, graph.num_classes - 1], graph.num_classes)
    for row, latent, classes in (
        (0, first, ends[:1]),
        (1, interpolate(first, second, tf.constant([0.5])), tf.reduce_mean(ends, 0, keepdims=True)),
    ):
        frames = np.concatenate(to_uint8(graph.function(latent, classes).numpy())[0], axis=1)
        size = len(frames)
        difference = np.abs(sheet[row * size : (row + 1) * size] - frames)
        assert difference.max() <= 2 and difference.mean() < 0.1  # kernels of 16 bits
    assert sheet.std() > 10


def test_the_committed_model_is_small_and_says_what_it_is():
    about = json.loads((MODEL / 'metadata.json').read_text())
    assert len(about['classes']) == 4 and (about['resolution'], about['num_frames']) == (32, 12)
    files = [path for path in MODEL.iterdir() if path.suffix == '.bin']
    assert len(files) <= 2
    assert sum(path.stat().st_size for path in MODEL.iterdir()) < 5e6


def test_the_runtime_is_what_was_published():
    folder = ROOT / 'export' / 'tfjs' / 'vendor'
    row = re.compile(r'^\| (\S+) \| @tensorflow/\S+ \| `(\w{64})` \|$', re.MULTILINE)
    noted = dict(row.findall((folder / 'NOTICE.md').read_text()))
    found = {path.name: hashlib.sha256(path.read_bytes()).hexdigest() for path in folder.iterdir()}
    del found['NOTICE.md']
    assert found == noted


def test_weights_of_every_precision_are_decoded(tmp_path):
    values = {'plain': np.float32([1.5, -2]), 'half': np.float16([[0.5]]), 'byte': np.uint8([0, 255])}
    values['size'] = np.int32([7])
    quantization = {'half': {'dtype': 'float16'}, 'byte': {'dtype': 'uint8', 'min': -1.0, 'scale': 0.01}}
    weights = [
        {
            'name': name,
            'shape': list(value.shape),
            'dtype': 'int32' if name == 'size' else 'float32',
            **({'quantization': quantization[name]} if name in quantization else {}),
        }
        for name, value in values.items()
    ]
    content = b''.join(value.tobytes() for value in values.values())
    (tmp_path / 'a').write_bytes(content[:5])  # a weight may begin in one file and end in the next
    (tmp_path / 'b').write_bytes(content[5:])
    read = tfjs_graph.read_weights(str(tmp_path), [{'paths': ['a', 'b'], 'weights': weights}])
    np.testing.assert_array_equal(read['plain'], [1.5, -2])
    np.testing.assert_array_equal(read['half'], [[0.5]])
    np.testing.assert_allclose(read['byte'], [-1, 1.55], rtol=1e-6)
    np.testing.assert_array_equal(read['size'], [7])
    assert read['size'].dtype == np.int32


@pytest.mark.skipif(not CONVERTER.exists(), reason='the converter is not installed: make converter')
@pytest.mark.parametrize('precision', tfjs.TOLERANCES)
def test_what_is_converted_makes_the_clips_of_the_live_generator(tmp_path, precision):
    source = exported.source()
    tfjs.write(precision, str(CONVERTER), source, str(tmp_path))
    assert json.loads((tmp_path / 'metadata.json').read_text())['precision'] == precision
    graph = read_graph(tmp_path)
    clips = graph.generate(source.probe.inputs['latent'], source.probe.inputs['label'])
    assert np.abs(clips - source.probe.clips).mean() < tfjs.TOLERANCES[precision][1]


def test_without_the_converter_the_command_that_brings_it_is_named(tmp_path):
    with pytest.raises(InputError, match='make converter installs it'):
        tfjs.write('float16', str(tmp_path / 'nothing'), exported.source(), str(tmp_path))


def test_a_generator_that_continues_clips_is_refused(tmp_path):
    with pytest.raises(InputError, match='continues clips of 2 frames'):
        tfjs.write('float16', '', SimpleNamespace(generator=SimpleNamespace(context_frames=2)), str(tmp_path))


def test_a_generator_before_training_is_refused(tmp_path):
    untrained = SimpleNamespace(generator=SimpleNamespace(context_frames=0), about={'step': 0})
    with pytest.raises(InputError, match='biases that are all zero; train first'):
        tfjs.write('float16', '', untrained, str(tmp_path))


def test_node_is_that_of_the_path_or_of_playwright(tmp_path, monkeypatch):
    node = tmp_path / 'playwright' / 'driver' / 'node'
    node.parent.mkdir(parents=True)
    node.write_text('#!/bin/sh\n')
    node.chmod(0o755)
    monkeypatch.setenv('PATH', str(tmp_path))
    brought = SimpleNamespace(origin=str(tmp_path / 'playwright' / '__init__.py'))
    monkeypatch.setattr(tfjs_node.importlib.util, 'find_spec', lambda name: brought)
    assert tfjs_node.find_node() == str(node)
    monkeypatch.setenv('PATH', str(node.parent))
    monkeypatch.setattr(tfjs_node.importlib.util, 'find_spec', lambda name: None)
    assert tfjs_node.find_node() == str(node)
    monkeypatch.setenv('PATH', str(tmp_path))
    with pytest.raises(InputError, match='there is no Node'):
        tfjs_node.find_node()


def test_what_the_converter_says_when_it_fails_is_shown(tmp_path):
    converter = make_program(tmp_path / 'converter', 'echo "no such op" >&2; exit 1')
    with pytest.raises(RuntimeError, match='no such op'):
        tfjs.write('float16', converter, exported.source(), str(tmp_path))


def test_a_model_that_differs_is_refused(tmp_path, monkeypatch):
    converter = make_program(tmp_path / 'converter', 'for folder; do :; done; touch "$folder/model.json"')
    source = exported.source()

    class Different(TfjsGraph):
        def generate(self, latent, label):
            return source.probe.clips + 0.01

    monkeypatch.setattr(tfjs, 'read_graph', lambda folder: Different(None, 3))
    with pytest.raises(RuntimeError, match='the float32 model differs from the live generator by 0.01'):
        tfjs.write('float32', converter, source, str(tmp_path))


@pytest.mark.parametrize(
    ('arguments', 'message'),
    [(['--model=nowhere'], 'has no model.json; give what bin/export'), (['--port=70000'], 'give another --port')],
)
def test_serving_what_cannot_be_served_is_refused(arguments, message):
    done = subprocess.run([ROOT / 'export' / 'tfjs' / 'serve', *arguments], capture_output=True, text=True)
    assert done.returncode == 2
    assert message in done.stderr and len(done.stderr.splitlines()) == 1
