"""Export to TensorFlow.js: the committed model is the generator it says it is, and nothing that differs is kept."""

import hashlib
import json
import re
import subprocess
import sys
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


def test_the_committed_model_makes_its_reference_clips():
    graph = read_graph(MODEL)
    sheet = np.asarray(Image.open(MODEL / 'reference.png')).astype(int)
    first, second = (sample_latents(seed, 1) for seed in (0, 1))
    ends = tf.one_hot([0, graph.num_classes - 1], graph.num_classes)
    for row, latent, classes in (
        (0, first, ends[1:]),
        (1, interpolate(first, second, tf.constant([0.5])), tf.reduce_mean(ends, 0, keepdims=True)),
    ):
        frames = np.concatenate(to_uint8(graph.function(latent, classes).numpy())[0], axis=1)
        frames = frames if frames.shape[-1] == 3 else frames[..., 0]
        size = len(frames)
        difference = np.abs(sheet[row * size : (row + 1) * size] - frames)
        assert difference.max() <= 2 and difference.mean() < 0.1  # kernels of 16 bits
    assert sheet.std() > 10


def test_the_committed_model_is_small_and_says_what_it_is():
    about = json.loads((MODEL / 'metadata.json').read_text())
    assert about['classes'] and about['context_frames'] == 0
    files = [path for path in MODEL.iterdir() if path.suffix == '.bin']
    assert files
    assert sum(path.stat().st_size for path in MODEL.iterdir()) < 5e6


def test_the_runtime_is_what_was_published():
    folder = ROOT / 'export' / 'tfjs' / 'vendor'
    row = re.compile(r'^\| (\S+) \| \S+ \| `(\w{64})` \|$', re.MULTILINE)
    noted = dict(row.findall((folder / 'NOTICE.md').read_text()))
    found = {path.name: hashlib.sha256(path.read_bytes()).hexdigest() for path in folder.iterdir()}
    del found['NOTICE.md'], found['LICENSE-mediabunny.txt']
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


@pytest.fixture(scope='module')
def exported_folder(tmp_path_factory):
    """What the export writes, in files of at most 100,000 bytes."""
    folder = tmp_path_factory.mktemp('tfjs')
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(tfjs_graph, '_SHARD_BYTES', 100_000)
        tfjs.write('float16', exported.source(), str(folder))
    return folder


def test_an_export_is_whole(exported_folder):
    about = json.loads((exported_folder / 'metadata.json').read_text())
    assert about == {**exported.source().about, 'precision': 'float16'}
    with Image.open(exported_folder / 'reference.png') as sheet:
        assert sheet.size == (3 * 16, 2 * 16)


@pytest.mark.parametrize('precision', tfjs.TOLERANCES)
def test_what_is_written_makes_the_clips_of_the_live_generator(tmp_path, traced, precision):
    tfjs_graph.write_graph(traced, precision, str(tmp_path))
    inputs, clips = exported.source().probe
    difference = np.abs(read_graph(tmp_path).generate(inputs['latent'], inputs['label']) - clips)
    assert difference.max() < tfjs.TOLERANCES[precision][0] and difference.mean() < tfjs.TOLERANCES[precision][1]
    assert difference.max() > {'float32': -1, 'float16': 1e-5, 'uint8': 1e-3}[precision]  # it was stored in fewer bits


@pytest.fixture(scope='module')
def traced():
    return tfjs._traced(exported.source().frozen)


def test_the_files_follow_the_format(exported_folder):
    model = json.loads((exported_folder / 'model.json').read_text())
    (group,) = model['weightsManifest']
    assert len(group['paths']) > 1
    sizes = [(exported_folder / path).stat().st_size for path in group['paths']]
    assert sum(sizes) == sum(map(stored_bytes, group['weights']))
    nodes = {node['name']: node for node in model['modelTopology']['node']}
    assert [weight['name'] for weight in group['weights']] == [
        name for name, node in nodes.items() if node['op'] == 'Const'
    ]
    for node in nodes.values():
        assert not any(name.startswith('^') for name in node.get('input', []))
        if node['op'] == 'Const':
            assert node['attr']['value']['tensor'].keys() <= {'dtype', 'tensorShape'}
    halves = [weight for weight in group['weights'] if 'quantization' in weight]
    assert halves and all(len(weight['shape']) > 1 for weight in halves)
    ends = {**model['signature']['inputs'], **model['signature']['outputs']}
    shapes = {name: [int(dim['size']) for dim in end['tensorShape']['dim']] for name, end in ends.items()}
    assert shapes == {'latent': [-1, 120], 'classes': [-1, 3], 'clip': [-1, 3, 16, 16, 3]}


def stored_bytes(weight):
    stored = weight.get('quantization', weight)['dtype']
    return int(np.prod(weight['shape'])) * np.dtype(stored).itemsize


def test_equal_numbers_are_stored_too():
    entry, stored = tfjs_graph._stored('kernel', np.full([32, 32], -2, np.float32), 'uint8')
    decoded = stored * np.float32(entry['quantization']['scale']) + np.float32(entry['quantization']['min'])
    np.testing.assert_array_equal(decoded, -2)


def test_an_op_that_browsers_do_not_run_is_refused(tmp_path):
    spec = tf.TensorSpec([None, 4], tf.float32, 'latent')
    function = tf.function(lambda latent: {'clip': tf.math.erfinv(latent)}).get_concrete_function(spec)
    with pytest.raises(ValueError, match='TensorFlow.js does not run Erfinv'):
        tfjs_graph.write_graph(function, 'float32', str(tmp_path))


def test_a_generator_that_continues_clips_is_refused(tmp_path):
    with pytest.raises(InputError, match='continues clips of 2 frames'):
        tfjs.write('float16', SimpleNamespace(generator=SimpleNamespace(context_frames=2)), str(tmp_path))


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


def test_a_model_that_differs_is_refused(tmp_path, monkeypatch):
    source = exported.source()

    class Different(TfjsGraph):
        def generate(self, latent, label):
            return source.probe.clips + 0.01

    monkeypatch.setattr(tfjs, 'read_graph', lambda folder: Different(None, 3))
    with pytest.raises(RuntimeError, match='the float32 model differs from the live generator by 0.01'):
        tfjs._check('float32', source, str(tmp_path))


@pytest.mark.parametrize(
    ('arguments', 'message'),
    [
        (['--model=nowhere'], 'has no model.json; give what bin/export'),
        (['--port=70000'], 'give another --port'),
        (['--work_dir=nowhere'], 'nowhere'),
    ],
)
def test_serving_what_cannot_be_served_is_refused(arguments, message):
    command = [sys.executable, ROOT / 'export' / 'tfjs' / 'serve', *arguments]
    done = subprocess.run(command, capture_output=True, text=True)
    assert done.returncode == 2
    assert message in done.stderr and len(done.stderr.splitlines()) == 1
