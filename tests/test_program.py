"""The device's programs: what a folder says, and export/xla/run.py, which runs them with numpy and jaxlib alone."""

import hashlib
import importlib.util
import json
import shutil
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
import tensorflow as tf
import tf_keras as keras
import tiny

from dvdgan_tf.benchmarks import program
from dvdgan_tf.benchmarks.preset import Preset
from dvdgan_tf.models import DiscriminatorInputs

RUN = Path(__file__).resolve().parent.parent / 'export' / 'xla' / 'run.py'
needs_jaxlib = pytest.mark.skipif(
    importlib.util.find_spec('jaxlib') is None, reason='jaxlib is not installed: pip install "dvdgan_tf[xla]"'
)


def _module():
    spec = importlib.util.spec_from_file_location('xla_run', RUN)
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


run = _module()


@pytest.fixture(scope='module')
def made():
    """The steps that were made."""
    return []


@pytest.fixture(scope='module')
def folder(tmp_path_factory, made):
    """A program folder of the smallest networks."""

    def make(global_batch=2):
        keras.utils.set_random_seed(0)
        made.append(tiny.gan_step(global_batch=global_batch, discriminator_inputs=DiscriminatorInputs(2)))
        return made[-1]

    output = tmp_path_factory.mktemp('program')
    lines = list(program.report(Preset('tiny', make, None, 'float32'), str(output)))
    assert len(lines) == 3 and lines[-1].endswith(f'export/xla/run.py {output}')
    return output


@pytest.fixture
def copied(folder, tmp_path):
    return shutil.copytree(folder, tmp_path / 'copied')


def _manifest(folder):
    return json.loads((folder / 'manifest.json').read_text())


def test_the_manifest_names_every_input_and_what_it_may_be_filled_with(folder, made):
    manifest = _manifest(folder)
    assert manifest['version'] == program.VERSION == run.VERSION
    training, sampler = (manifest['programs'][name] for name in ('training_step', 'sampler'))
    names = [each['name'] for each in training['inputs']]
    assert names[:4] == ['clip_0', 'label_0', 'clip_1', 'label_1']
    step = made[-1]
    trained = [v for network in (step.generator, step.spatial, step.temporal) for v in network.trainable_variables]
    state = [v for optimizer in (step.generator_optimizer, step.discriminator_optimizer) for v in optimizer.variables]
    assert {v.name.split(':')[0] for v in (*trained, *state)} <= set(names)
    assert {each['dtype'] for each in training['inputs']} == {'float32', 'int32', 'int64'}
    kinds = {each['name']: each['values'] for each in training['inputs']}
    assert kinds['clip_0'] == 'normal' and kinds['label_0'] == kinds['iteration'] == 'zeros'
    assert all((kind == 'positive') == name.startswith('v/') for name, kind in kinds.items())
    assert [each['name'] for each in training['results']] == sorted(each['name'] for each in training['results'])
    assert [each['shape'] for each in sampler['inputs'][:2]] == [[2, 120], [2]]
    assert sampler['results'] == [{'name': 'video', 'shape': [2, 2, 16, 16, 3], 'dtype': 'float32'}]
    assert sampler['flops'] == 2 * 2 * (120 + tiny.CLASSES) * 2 * 16 * 16 * 3
    for described in (training, sampler):
        content = (folder / described['file']).read_bytes()
        assert b'site-packages' not in content
        assert described['sha256'] == hashlib.sha256(content).hexdigest()


def test_inputs_are_made_of_their_kind():
    shape = [1000]
    wanted = [
        {'shape': shape, 'dtype': dtype, 'values': values}
        for dtype, values in (('int32', 'zeros'), ('float32', 'positive'), ('float32', 'normal'))
    ]
    zeros, positive, normal = run.make_inputs(wanted)
    assert zeros.dtype == np.int32 and not zeros.any()
    assert positive.dtype == np.float32 and 0.5 <= positive.min() <= positive.max() <= 1.5
    assert abs(normal.mean()) < 0.02 and 0.09 < normal.std() < 0.11


def _refused(capsys, *words):
    with pytest.raises(SystemExit) as ended:
        run.main([str(word) for word in words])
    assert ended.value.code == 2
    return capsys.readouterr().err.splitlines()[-1]


def test_a_folder_of_another_version_is_one_sentence(copied, capsys):
    (copied / 'manifest.json').write_text(json.dumps({**_manifest(copied), 'version': 7}))
    said = _refused(capsys, copied)
    assert said.endswith('write it with the bin/benchmark that this run.py came with.')
    assert 'a program folder of version 7 and this run.py reads version 1' in said


@pytest.mark.parametrize('content', ['', '{"version"', '[]'])
def test_a_damaged_manifest_is_one_sentence(copied, capsys, content):
    (copied / 'manifest.json').write_text(content)
    assert 'write' in _refused(capsys, copied)


def test_no_folder_is_one_sentence(tmp_path, capsys):
    assert 'holds no manifest.json; bin/benchmark --what=program' in _refused(capsys, tmp_path / 'nothing')


@pytest.mark.parametrize(
    'word, sentence', [('--program=trainer', 'the folder has training_step and sampler'), ('--times=0', 'at least 1')]
)
def test_a_flag_that_cannot_be_used_is_one_sentence(folder, capsys, word, sentence):
    assert sentence in _refused(capsys, folder, word)


def test_without_jaxlib_it_says_what_to_install(folder, capsys, monkeypatch):
    monkeypatch.setitem(sys.modules, 'jaxlib', None)
    said = _refused(capsys, folder)
    assert 'there is no jaxlib' in said and "pip install 'jaxlib" in said


class _Refusing:
    name = 'tpu: old'

    def compiled(self, serialized):
        raise RuntimeError('INTERNAL: no bf16 here.\nmore')


def test_a_device_without_the_precision_is_one_sentence(folder):
    manifest = {**_manifest(folder), 'precision': 'mixed_bfloat16'}
    sentence = r'^tpu: old does not take sampler in mixed_bfloat16 \(INTERNAL: no bf16 here\); choose another'
    with pytest.raises(ValueError, match=sentence):
        run.compile_program(_Refusing(), manifest, str(folder), 'sampler')


def test_a_program_that_was_changed_is_refused(copied):
    (copied / 'sampler.hlo.pb').write_bytes(b'other')
    with pytest.raises(ValueError, match='sampler.hlo.pb is not what its manifest describes'):
        run.compile_program(_Refusing(), _manifest(copied), str(copied), 'sampler')


@needs_jaxlib
def test_it_runs_both_on_the_cpu_of_jaxlib(folder):
    done = subprocess.run([sys.executable, RUN, folder, '--times=2'], capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    said = done.stdout.splitlines()
    assert said[0] == 'cpu: cpu, float32, tiny'
    assert [line.split(':')[0] for line in said if 'compiled' in line] == ['training_step', 'sampler']
    assert sum('median of 2' in line and 'GFLOP/s' in line for line in said) == 2
    assert sum('temp' in line and 'MB' in line for line in said) == 2
    assert sum(line.endswith('results, all finite') for line in said) == 2


_SAMPLE = """
import sys, numpy as np
sys.path.insert(0, sys.argv[1])
import run
manifest = run.read_manifest(sys.argv[2])
device = run.Device()
inputs = np.load(sys.argv[3])
executable = run.compile_program(device, manifest, sys.argv[2], 'sampler')
results, _ = run.run(device, executable, [inputs[name] for name in inputs.files], 1)
np.save(sys.argv[4], results[0])
"""


@needs_jaxlib
def test_the_sampler_gives_what_tensorflow_gives(folder, made, tmp_path):
    generator = made[-1].ema_generator
    latent, label = np.random.RandomState(0).normal(size=[2, 120]).astype('float32'), np.array([3, 5], np.int32)
    values = {variable.name.split(':')[0]: variable.numpy() for variable in generator.variables}
    wanted = [each['name'] for each in _manifest(folder)['programs']['sampler']['inputs'][2:]]
    given, found = str(tmp_path / 'inputs.npz'), str(tmp_path / 'video.npy')
    np.savez(given, *[latent, label, *(values[name] for name in wanted)])
    command = [sys.executable, '-c', _SAMPLE, str(RUN.parent), str(folder), given, found]
    done = subprocess.run(command, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    expected = generator(tf.constant(latent), tf.constant(label)).numpy()
    np.testing.assert_allclose(np.load(found), expected, rtol=0, atol=1e-5)
