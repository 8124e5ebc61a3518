"""What `dvdgan_tf.open` refuses: paths that are no models, damaged ones, and those that would run code."""

import json
import os
import shutil

import pytest
import tensorflow as tf

import dvdgan_tf
from dvdgan_tf import config
from dvdgan_tf.api import graphs

PAGE = 'export/tfjs/model'
ABOUT = {
    'resolution': 16,
    'num_frames': 2,
    'video_channels': 3,
    'context_frames': 0,
    'latent_size': 120,
    'classes': ['a', 'b'],
    'step': 5,
}


@pytest.fixture
def page(tmp_path):
    """A copy of the model of the web page."""
    return shutil.copytree(PAGE, tmp_path / 'model')


def assert_refused(path, sentence, **options):
    with pytest.raises(dvdgan_tf.InputError, match=sentence) as raised:
        dvdgan_tf.open(path, **options)
    assert '\n' not in str(raised.value) and str(raised.value).endswith('.')


def test_what_is_no_model_is_refused_with_what_would_be(tmp_path):
    assert_refused(tmp_path, 'holds no model; give a run folder')
    assert_refused(tmp_path / 'absent', 'does not exist; give a run folder')
    assert_refused(7, 'path is 7; give a run folder')
    (tmp_path / 'file').write_text('text')
    assert_refused(tmp_path / 'file', 'holds no model')


def test_the_page_of_the_checkout_opens_and_has_no_checkpoints(page):
    model = dvdgan_tf.open(page)
    assert (model.num_frames, model.resolution, model.context_frames, len(model.class_names)) == (12, 32, 0, 10)
    assert_refused(page, 'is an export, which has no checkpoints', checkpoint=3)


def test_damaged_exports_are_one_sentence(page):
    about = (page / 'metadata.json').read_text()
    (page / 'metadata.json').write_text(about.replace('"latent_size"', '"other"'))
    assert_refused(page, r"cannot read .*metadata.json \('latent_size'\)")
    (page / 'metadata.json').write_text(about[:50])
    assert_refused(page, 'cannot read .*metadata.json')
    (page / 'metadata.json').write_text(about)
    for weights in page.glob('*.bin'):
        weights.write_bytes(weights.read_bytes()[:1000])
    assert_refused(page, 'or damaged .*; export again')
    (page / 'model.json').write_text('{')
    assert_refused(page, 'or damaged .*; export again')


def test_a_browser_model_with_other_ops_or_weights_elsewhere_is_refused(page):
    text = (page / 'model.json').read_text()
    (page / 'model.json').write_text(text.replace('"op":"Tanh"', '"op":"WriteFile"', 1))
    assert_refused(page, 'holds WriteFile, which exports of this package do not')
    (page / 'model.json').write_text(text.replace('"group1-shard1of1.bin"', '"../group1-shard1of1.bin"'))
    assert_refused(page, 'names weights outside of its folder')


class Writing(tf.Module):
    """A graph that writes a file when it is called, and not when it is saved or loaded."""

    def __init__(self, path):
        super().__init__()
        self.embeddings = tf.Variable(tf.zeros([2, 120]))
        self.path = path

    @tf.function(input_signature=[tf.TensorSpec([None, 120]), tf.TensorSpec([None], tf.int32)])
    def generate(self, latent, label):
        tf.io.write_file(self.path, 'ran')
        return tf.zeros([tf.shape(latent)[0], 2, 16, 16, 3])


def test_a_graph_that_writes_files_is_refused_unless_it_is_trusted(tmp_path):
    ran, folder = tmp_path / 'ran', tmp_path / 'model'
    module = tf.Module()
    module.network = Writing(str(ran))
    tf.saved_model.save(module, str(folder))
    (folder / 'assets' / 'metadata.json').write_text(json.dumps(ABOUT))
    assert_refused(folder, 'saved_model.pb holds WriteFile, .* give trust=True if you trust them')
    assert not ran.exists()
    model = dvdgan_tf.open(folder, trust=True)
    assert model.sample(2).shape == (2, 2, 16, 16, 3) and ran.exists()


def test_a_saved_model_of_somebody_else_is_no_export(tmp_path):
    tf.saved_model.save(tf.Module(), str(tmp_path))
    assert_refused(tmp_path, 'cannot read .*assets/metadata.json')
    (tmp_path / 'assets').mkdir(exist_ok=True)
    (tmp_path / 'assets' / 'metadata.json').write_text(json.dumps(ABOUT))
    assert_refused(tmp_path, 'no export of this package, or damaged')


def test_a_tflite_model_with_ops_of_its_own_is_refused(tmp_path):
    @tf.function(input_signature=[tf.TensorSpec([1, 120]), tf.TensorSpec([1], tf.int32)])
    def generate(latent, label):
        tf.io.write_file(str(tmp_path / 'ran'), 'ran')
        return {'video': tf.zeros([1, 2, 16, 16, 3]) + tf.reduce_sum(latent)}

    converter = tf.lite.TFLiteConverter.from_concrete_functions([generate.get_concrete_function()])
    converter.target_spec.supported_ops = [tf.lite.OpsSet.TFLITE_BUILTINS, tf.lite.OpsSet.SELECT_TF_OPS]
    (tmp_path / 'generator_float32.tflite').write_bytes(converter.convert())
    (tmp_path / 'metadata.json').write_text(json.dumps(ABOUT))
    assert_refused(tmp_path, 'holds FlexWriteFile')
    assert not (tmp_path / 'ran').exists()
    (tmp_path / 'generator_float32.tflite').write_bytes(b'not a model')
    assert_refused(tmp_path, 'is no TFLite model')
    (tmp_path / 'generator_int8.tflite').write_bytes(b'')
    assert_refused(tmp_path, 'several models; give one of generator_float32.tflite, generator_int8.tflite')


def test_a_run_that_would_run_code_is_refused_unless_it_is_trusted(tmp_path):
    config.parse(['gin/quickstart.gin'])
    config.save(str(tmp_path))
    path = tmp_path / config.FILE_NAME
    head, rest = path.read_text().split('\n', 1)
    path.write_text(f'{head}\nimport os\n{rest}')
    assert_refused(tmp_path, r'imports os, .*trust=True')
    assert_refused(tmp_path, 'holds no checkpoint yet', trust=True)


def test_functions_that_nothing_can_reach_are_not_looked_at(tmp_path):
    """Those that save and restore, which every SavedModel has."""
    module = tf.Module()
    module.variable = tf.Variable(tf.zeros([3]))
    module.read = tf.function(lambda: module.variable + 1.0, [])
    module.read.get_concrete_function()
    tf.saved_model.save(module, str(tmp_path))
    graphs.check_saved_model(str(tmp_path))
    assert b'SaveV2' in (tmp_path / 'saved_model.pb').read_bytes()
    assert os.listdir(tmp_path / 'variables')
