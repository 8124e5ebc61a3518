"""Configuration: what gin files turn into, and what is said of those that are wrong."""

import functools
import sys
import types

import pytest

from dvdgan_tf import config
from dvdgan_tf.errors import InputError


class Network:
    def __init__(self, resolution, width=8, norm=None):
        self.resolution = resolution
        self.width = width
        self.norm = norm


class Clips:
    def __init__(self, resolution, seed=0):
        if resolution < 4:
            raise InputError(f'resolution is {resolution}; choose 4 or more.')
        self.resolution = resolution
        self.seed = seed


class Unused:
    def __init__(self, size=1):
        self.size = size


class Norm:
    pass


def train(*, work_dir, data, network, steps=5, rates=(1.0, 2.0), norms=(), log=print):
    return data, network, steps


BASE = """
from __gin__ import dynamic_registration
from house import parts
RESOLUTION = %gin.REQUIRED
STEPS = 7
DATA_DIR = None
parts.train.network = @parts.Network
parts.train.steps = %STEPS
parts.Network.resolution = %RESOLUTION
"""
EXPERIMENT = """
from __gin__ import dynamic_registration
from house import parts
include '{base}'
RESOLUTION = 32
parts.train.data = @parts.Clips()
parts.Clips.resolution = %RESOLUTION
"""


@pytest.fixture
def experiment(tmp_path, monkeypatch):
    """An experiment file over a base file, binding this module's classes under the name house.parts."""
    package, parts = types.ModuleType('house'), types.ModuleType('house.parts')
    for item in (Network, Clips, Unused, Norm, train):
        setattr(parts, item.__name__, item)
    package.parts = parts
    monkeypatch.setitem(sys.modules, 'house', package)
    monkeypatch.setitem(sys.modules, 'house.parts', parts)
    (tmp_path / 'base.gin').write_text(BASE)
    file = tmp_path / 'experiment.gin'
    file.write_text(EXPERIMENT.format(base=tmp_path / 'base.gin'))
    return file


def sentence(experiment, *params, extra=''):
    """The one sentence said about a configuration that is wrong."""
    experiment.write_text(experiment.read_text() + extra)
    with pytest.raises(InputError) as raised:
        config.parse([str(experiment)], params)
        config.bindings(train)
    assert '\n' not in str(raised.value)
    return str(raised.value)


def test_references_become_factories_objects_and_values(experiment):
    config.parse([str(experiment)])
    arguments = config.bindings(train)
    assert arguments.keys() == {'data', 'network', 'steps', 'rates', 'norms'}
    assert isinstance(arguments['data'], Clips)
    assert arguments['data'].resolution == 32
    assert isinstance(arguments['network'], functools.partial)
    assert arguments['network']().resolution == 32
    assert arguments['network']() is not arguments['network']()
    assert arguments['steps'] == 7
    assert train(work_dir='', **arguments)[2] == 7


def test_factories_are_free_of_gin(experiment):
    config.parse([str(experiment)], ['parts.train.norms = [@parts.Norm, @parts.Norm()]'])
    arguments = config.bindings(train)
    assert arguments['network'].func is Network
    assert arguments['norms'][0] is Norm
    assert type(arguments['norms'][1]) is Norm
    arguments_of_network = arguments['network'].keywords
    config.parse([str(experiment)], ['RESOLUTION = 64'])
    assert arguments_of_network['resolution'] == 32


def test_single_bindings_override_files_in_order(experiment):
    config.parse([str(experiment)], ['RESOLUTION = 64', 'parts.Network.width = 3', 'parts.Network.width = 4'])
    network = config.bindings(train)['network']()
    assert (network.resolution, network.width) == (64, 4)


def test_scoped_references_read_their_scope_over_the_common_bindings(experiment):
    params = ['parts.train.network = @wide/parts.Network', 'wide/parts.Network.width = 99', 'parts.Network.norm = "n"']
    config.parse([str(experiment)], params)
    network = config.bindings(train)['network']()
    assert (network.resolution, network.width, network.norm) == (32, 99, 'n')


def test_what_a_single_binding_turns_off_takes_along_what_the_files_bind_on_it(experiment):
    nested = f'parts.Clips.seed = @parts.Unused()\nparts.Unused.size = {["long"] * 40}\n'
    experiment.write_text(experiment.read_text() + nested)
    config.parse([str(experiment)])
    assert config.bindings(train)['data'].seed.size == ['long'] * 40
    config.parse([str(experiment)], ['parts.train.data = None'])
    arguments = config.bindings(train)
    assert arguments['data'] is None and arguments['network']().resolution == 32
    assert not any(word in config.text() for word in ('Clips', 'Unused', 'long'))
    config.parse([str(experiment)], ['parts.train.data = @parts.Unused()'])
    assert len(config.bindings(train)['data'].size) == 40 and 'Clips' not in config.text()


def test_only_the_parameters_asked_for_are_built(experiment):
    config.parse([str(experiment)], ['parts.Clips.resolution = 1'])
    assert config.bindings(train, only=['network']).keys() == {'network'}
    with pytest.raises(InputError, match='resolution is 1; choose 4'):
        config.bindings(train)


def test_the_text_holds_the_defaults_and_parses_to_itself(experiment, tmp_path):
    config.parse([str(experiment)])
    text = config.text()
    for line in ('parts.Network.width = 8', 'parts.Clips.seed = 0', 'parts.train.rates = (1.0, 2.0)', 'STEPS = 7'):
        assert line in text.splitlines()
    (tmp_path / 'again.gin').write_text(text)
    config.parse([str(tmp_path / 'again.gin')])
    assert config.text() == text


def test_a_saved_configuration_loads_and_builds_the_same(experiment, tmp_path):
    config.parse([str(experiment)], ['parts.Network.width = 3'])
    config.save(str(tmp_path / 'run'))
    text = config.text()
    config.parse([str(experiment)])
    config.load(str(tmp_path / 'run'), trusted=True)
    assert config.text() == text
    assert config.bindings(train)['network']().width == 3
    assert [path.name for path in (tmp_path / 'run').iterdir()] == [config.FILE_NAME]


def test_difference_names_what_changed_and_nothing_else(experiment, tmp_path):
    config.parse([str(experiment)])
    config.save(str(tmp_path))
    assert config.difference(str(tmp_path)) == {}
    config.parse([str(experiment)], ['STEPS = 9', 'parts.Clips.seed = 3', 'parts.train.norms = [@parts.Norm]'])
    assert config.difference(str(tmp_path)) == {
        'STEPS': ('7', '9'),
        'parts.Clips.seed': ('0', '3'),
        'parts.train.norms': ('()', '[@parts.Norm]'),
    }


def test_a_parameter_younger_than_the_work_directory_differs_only_when_it_is_set(experiment, tmp_path):
    config.parse([str(experiment)])
    config.save(str(tmp_path))
    saved = (tmp_path / config.FILE_NAME).read_text()
    (tmp_path / config.FILE_NAME).write_text(saved.replace('parts.Network.width = 8\n', ''))
    assert config.difference(str(tmp_path)) == {}
    config.parse([str(experiment)], ['parts.Network.width = 9'])
    assert config.difference(str(tmp_path)) == {'parts.Network.width': ('8', '9')}


def test_files_are_found_from_any_directory(monkeypatch, tmp_path):
    monkeypatch.chdir(tmp_path)
    config.parse(['gin/quickstart.gin'])
    assert 'RESOLUTION' in config.text()


def test_a_fallback_is_for_a_required_macro_without_a_value(experiment):
    for params, resolution in (['RESOLUTION = %gin.REQUIRED'], 8), ([], 32):
        config.parse([experiment], params, fallbacks={'RESOLUTION': 8, 'STEPS': 1})
        assert f'RESOLUTION = {resolution}\n' in config.text() and 'STEPS = 7' in config.text()


@pytest.mark.parametrize(
    'param, said',
    [
        ('STEPZ = 9', 'macro STEPZ'),
        ('parts.Clips.resolution = %RESOLUTON', 'macro RESOLUTON'),
        ('parts.train.stepz = 1', "parameter named 'stepz'"),
        ('parts.Netwerk.width = 1', 'parts.Netwerk'),
        ('part.train.steps = 1', "'part'"),
        ('parts.train.data = @parts.Clip()', 'parts.Clip'),
        ('DATA_DIR = clips', 'quotes'),
        ('parts.train.rates = (1', 'quotes'),
        ('a b', "'a b'"),
        ('parts.Unused.size = 3', 'parts.Unused.size has no effect'),
        ('RESOLUTION = %gin.REQUIRED', 'RESOLUTION must be given'),
        ('import house.nothing', 'house'),
    ],
)
def test_a_wrong_binding_is_one_sentence(experiment, param, said):
    assert said in sentence(experiment, param)


@pytest.mark.parametrize(
    'extra, said',
    [
        ('RESOLUTON = 3\n', 'macro RESOLUTON'),
        ('parts.train.stepz = 1\n', 'line 8'),
        ('a b\n', "'a b'"),
        ('include "nowhere.gin"\n', 'nowhere.gin'),
        ('parts.Unused.size = 3\n', 'parts.Unused.size has no effect'),
        ('parts.train.data = @parts.Network()\nparts.Network.resolution = 8\nBORED = 1\n', 'BORED'),
    ],
)
def test_a_wrong_file_is_one_sentence(experiment, extra, said):
    assert said in sentence(experiment, extra=extra)


def test_missing_things_are_one_sentence(experiment, tmp_path):
    with pytest.raises(InputError, match="no gin file 'nowhere.gin'"):
        config.parse(['nowhere.gin'])
    with pytest.raises(InputError, match='holds no config.gin'):
        config.load(str(tmp_path))
    experiment.write_text(experiment.read_text().replace('parts.train.data', '#'))
    experiment.write_text(experiment.read_text().replace('parts.Clips.resolution', '#'))
    assert 'give train no data' in sentence(experiment)
    config.parse([str(experiment)])
    with pytest.raises(InputError, match='bind nothing of test_missing'):
        config.bindings(test_missing_things_are_one_sentence)


def test_a_damaged_saved_configuration_is_one_sentence(experiment, tmp_path):
    for damaged, said in ((b'parts.train.steps =\n', 'is damaged'), (b'', 'is empty'), (b'A = "\xff"\n', 'is damaged')):
        (tmp_path / config.FILE_NAME).write_bytes(damaged)
        for use in (config.load, config.difference):
            with pytest.raises(InputError, match=said) as raised:
                use(str(tmp_path))
            assert '\n' not in str(raised.value)
