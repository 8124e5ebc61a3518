"""The house rules: who imports whom, what lives where, gin files without dead lines, a README that works."""

import ast
import functools
import re
import shlex
import stat
import subprocess
import sys
from pathlib import Path

import pytest
import tensorflow as tf

import dvdgan_tf
from dvdgan_tf import config
from dvdgan_tf.training import loop

ROOT = Path(__file__).resolve().parent.parent
PACKAGE = ROOT / 'dvdgan_tf'
PROGRAMS = sorted(path for path in (ROOT / 'bin').iterdir() if path.is_file())
MODULES = sorted(PACKAGE.rglob('*.py'))
SCRIPTS = sorted(path for name in ('studies', 'export') for path in (ROOT / name).rglob('*.py'))
GIN_FILES = sorted((ROOT / 'gin').rglob('*.gin'))
EXPERIMENTS = [path for path in GIN_FILES if path.name != 'base.gin']
README = (ROOT / 'README.md').read_text()

# Room -> the rooms it may import, besides itself, errors and files. bin and export may import everything.
ARROWS = {
    'files': set(),
    '__init__': {'api'},  # when a model is opened
    'errors': set(),
    'progress': set(),
    'command': {'native_stderr', 'programs', 'shipped', 'versions'},
    'native_stderr': set(),
    'config': {'configurable', 'shipped', 'upgrade'},
    'configurable': set(),
    'shipped': set(),
    'upgrade': set(),
    'versions': set(),
    'losses': set(),
    'layers': set(),
    'models': {'layers'},
    'data': set(),
    'prepare': {'data'},
    'metrics': set(),
    'evaluation': {'metrics', 'data.stream', 'distribute.strategy'},
    'sampling': {'data.scales'},
    'work_dir': {'data.scales', 'data.stream', 'sampling'},
    'distribute': set(),
    # The networks and the data arrive as arguments; of models only what is not a network is imported.
    'training': {
        *('losses', 'layers', 'models.discriminator_inputs', 'models.networks', 'models.standing', 'models.variables'),
        *('sampling', 'distribute', 'data.stream', 'work_dir'),
        *('metrics.recognition', 'metrics.networks.recognizer'),  # how diverse and how lively clips are
    },
    'planning': {'models.variables', 'training', 'distribute'},
    'report': {'sampling'},
    'serving': {'data.scales', 'sampling'},
    'exporters': {'data.scales', 'native_stderr', 'shipped', 'layers', 'models.variables', 'sampling', 'serving'},
    'ownership': {'config', 'work_dir'},
    'saved_run': {'config', 'data.stream', 'models.variables', 'training', 'work_dir'},
    'model_folder': {'config', 'saved_run', 'work_dir'},
    'trust': {'saved_run'},
    'api': {'config', 'data', 'evaluation', 'exporters', 'sampling', 'saved_run'},
    'benchmarks': {
        *('layers', 'losses', 'models', 'data', 'prepare', 'training', 'distribute', 'planning', 'metrics'),
        *('evaluation', 'sampling', 'config', 'saved_run'),
    },
}
# What one file alone may import, and only where it is used.
GUESTS = ('gin', 'tensorflow_hub', 'tensorflow_io')
# What TensorFlow's part of the package does without.
OUTSIDE = {'numpy', 'PIL', 'av', 'matplotlib', 'scipy', 'absl', 'tensorflow_gan', *GUESTS}


def relative(path):
    return path.relative_to(ROOT).as_posix()


@functools.lru_cache(None)
def nodes_of(path):
    return tuple(ast.walk(ast.parse(path.read_text())))


@functools.lru_cache(None)
def imports_of(path):
    """Dotted names of everything that a file imports, at its top or inside a function."""
    names = []
    for node in nodes_of(path):
        if isinstance(node, ast.Import):
            names += [name.name for name in node.names]
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, f'{relative(path)} has a relative import'
            names += [f'{node.module}.{name.name}' for name in node.names]
    return names


def guests_of(path):
    return {name.split('.')[0] for name in imports_of(path)}


def room_of(path):
    return path.relative_to(PACKAGE).with_suffix('').parts[0]


@pytest.mark.parametrize('path', MODULES, ids=relative)
def test_imports_follow_the_arrows(path):
    room = room_of(path)
    if room == 'programs':  # like bin and export, they may import everything
        return
    allowed = ARROWS[room] | {room, 'errors', 'files', 'progress', '__version__'}
    for name in imports_of(path):
        if name.startswith('dvdgan_tf.'):
            inner = name[len('dvdgan_tf.') :]
            assert any(f'{inner}.'.startswith(f'{place}.') for place in allowed), f'{room} imports {name}'


def test_layers_losses_and_models_know_only_tensorflow():
    for path in MODULES:
        if room_of(path) in ('layers', 'losses', 'models'):
            assert not guests_of(path) & OUTSIDE, relative(path)


@pytest.mark.parametrize('guest', GUESTS)
def test_a_guest_has_one_host(guest):
    hosts = [relative(path) for path in [*MODULES, *PROGRAMS, *SCRIPTS] if guest in guests_of(path)]
    assert len(hosts) <= 1, hosts
    if guest == 'gin':
        assert hosts == ['dvdgan_tf/config.py']


def test_flags_are_defined_by_programs_only():
    for path in MODULES:
        if room_of(path) in ('programs', 'command', 'trust'):
            continue
        assert not any(name.startswith('absl.flags') for name in imports_of(path)), relative(path)


def test_one_file_names_the_strategies():
    naming = set()
    for path in [*MODULES, *PROGRAMS]:
        names = {getattr(node, 'attr', getattr(node, 'id', '')) for node in nodes_of(path)}
        if any(re.fullmatch(r'[A-Z]\w+Strategy', name) for name in names):
            naming.add(relative(path))
    assert naming == {'dvdgan_tf/distribute/strategy.py'}


def test_keras_is_tf_keras():
    for path in [*MODULES, *PROGRAMS, *SCRIPTS]:
        assert not re.search(r'\btf\.keras\b', path.read_text()), relative(path)
        assert 'keras' not in guests_of(path), relative(path)
        assert not any(name.startswith('tensorflow.keras') for name in imports_of(path)), relative(path)


def test_one_file_puts_others_in_place():
    for path in [*MODULES, *PROGRAMS]:
        if relative(path) != 'dvdgan_tf/files.py':
            assert not re.search(r'\bos\.(replace|rename)\(|gfile\.rename\(', path.read_text()), relative(path)


def test_no_assert_outside_tests():
    for path in [*MODULES, *PROGRAMS, *SCRIPTS]:
        asserts = [node.lineno for node in nodes_of(path) if isinstance(node, ast.Assert)]
        assert not asserts, f'{relative(path)} has an assert in line {asserts}'


def test_no_file_is_too_long_and_none_is_a_drawer():
    for path in [*MODULES, *PROGRAMS, *SCRIPTS, *(ROOT / 'tests').glob('*.py')]:
        assert len(path.read_text().splitlines()) <= 350, relative(path)
        assert not re.fullmatch(r'utils|common|helpers|misc|base(_.*)?', path.stem), relative(path)


def test_no_function_has_many_parameters():
    for path in MODULES:
        for node in nodes_of(path):
            if isinstance(node, ast.FunctionDef):
                given = [*node.args.posonlyargs, *node.args.args, *node.args.kwonlyargs]
                count = sum(each.arg not in ('self', 'cls') for each in given)
                root = (relative(path), node.name) == ('dvdgan_tf/training/loop.py', 'train')
                assert count <= (16 if root else 10), f'{relative(path)}: {node.name} has {count} parameters'


def test_no_path_of_a_machine():
    places = re.compile(r'(?<![\w.:/])/(?:' + 'home|root|work|Users|mnt' + r')/\w')
    for path in tracked_files():
        try:
            text = path.read_text()
        except UnicodeDecodeError:
            continue
        assert not places.search(text), f'{relative(path)}: {places.search(text)[0]}'


def tracked_files():
    listed = subprocess.run(['git', 'ls-files', '-z'], cwd=ROOT, capture_output=True, text=True)
    names = [name for name in listed.stdout.split('\0') if name]
    if listed.returncode or not names:
        pytest.skip('not a git checkout')
    return [ROOT / name for name in names if (ROOT / name).is_file()]


def test_the_changelog_knows_this_version():
    assert f'## {dvdgan_tf.__version__}' in (ROOT / 'CHANGELOG.md').read_text()


# Gin files.


def parse(path, *params):
    """Parses an experiment; one that reads records gets a directory that need not exist."""
    config.parse([str(path)], params, fallbacks={'DATA_DIR': 'records'})


@pytest.mark.parametrize('path', EXPERIMENTS, ids=relative)
def test_a_gin_file_has_a_header_and_no_dead_binding_and_is_data_once_saved(path, tmp_path):
    parse(path)
    assert config.dead_bindings(loop.train) == []
    config.save(str(tmp_path))
    config.load(str(tmp_path))
    header = re.match(r'(#.*\n)+', path.read_text())[0]
    for field in ('Command:', 'Hardware:', 'Expected:', 'Measured:'):
        assert field in header, f'{relative(path)} does not state {field}'
    assert f'--gin_file={relative(path)}' in header


def test_a_dead_binding_would_be_found():
    dead = ('from dvdgan_tf.data import pipeline', 'pipeline.RecordClips.stride = 3')
    parse(ROOT / 'gin' / 'quickstart.gin', *dead)
    assert 'pipeline.RecordClips.stride' in config.dead_bindings(loop.train)


@functools.lru_cache(None)
def build(networks):
    """Makes the step that is configured now, once for each text of what makes the networks."""
    assert networks
    return config.bindings(loop.train, only=['gan_step'])['gan_step']()


@pytest.mark.parametrize('path', EXPERIMENTS, ids=relative)
def test_a_gin_file_builds_when_shrunk(path):
    size = [] if 'attention' in path.name else ['RESOLUTION = 16']
    parse(path, 'CHANNEL_MULTIPLIER = 1', 'GLOBAL_BATCH = 2', 'NUM_FRAMES = 10', *size)
    made = build('\n'.join(re.findall(r'^(?:models|[A-Z_]+)\b.*', config.text(), re.MULTILINE)))
    for network in (made.generator, made.ema_generator, made.spatial, made.temporal):
        assert network.count_params() > 0
    inputs = config.bindings(loop.train, only=['gan_step'])['gan_step'].keywords['discriminator_inputs']
    assert 1 <= inputs.spatial_frames <= made.generator.num_frames
    size = made.generator.resolution
    clip = tf.zeros([1, made.generator.context_frames + made.generator.num_frames, size, size, 1])
    assert inputs.phi(clip, tf.zeros([1, 2])).shape[2] >= 4


def test_an_experiment_includes_the_base_and_an_ablation_one_experiment():
    for path in GIN_FILES:
        included = re.findall(r"^include '(.*)'$", path.read_text(), re.MULTILINE)
        if path.name == 'base.gin':
            assert included == []
        elif path.parent.name == 'ablations':
            assert len(included) == 1 and included[0] != 'gin/base.gin', relative(path)
            assert ROOT / included[0] in EXPERIMENTS, relative(path)
        else:
            assert included == ['gin/base.gin'], relative(path)


def test_gin_is_no_package():
    assert not list((ROOT / 'gin').rglob('__init__.py'))


def test_base_declares_the_ten_macros():
    declared = re.findall(r'^([A-Z_]+) =', (ROOT / 'gin' / 'base.gin').read_text(), re.MULTILINE)
    assert sorted(declared) == sorted(
        [
            *('RESOLUTION', 'NUM_FRAMES', 'NUM_CLASSES', 'CHANNEL_MULTIPLIER', 'GLOBAL_BATCH'),
            *('TRAIN_STEPS', 'DATA_DIR', 'SEED', 'STRATEGY', 'PRECISION'),
        ]
    )


# README.


def commands_of(text):
    """The command lines of a text's shell blocks, continuation lines joined."""
    for block in re.findall(r'```(?:bash|sh)\n(.*?)```', text, re.DOTALL):
        for line in block.replace('\\\n', ' ').splitlines():
            words = shlex.split(line, comments=True)
            if words:
                yield words


TEXTS = [README, *(path.read_text() for path in [ROOT / 'CONTRIBUTING.md', *sorted((ROOT / 'docs').rglob('*.md'))])]
COMMANDS = [words for text in TEXTS for words in commands_of(text)]
OWN_COMMANDS = [words for words in COMMANDS if words[0].startswith('bin/') or words[0] in ('make', 'pip')]


@pytest.fixture(scope='module')
def helps():
    """What each program says to --help, all asked at once."""
    asked = {
        path.name: subprocess.Popen([sys.executable, path, '--help'], stdout=subprocess.PIPE, stderr=subprocess.STDOUT)
        for path in PROGRAMS
    }
    return {name: process.communicate()[0].decode() for name, process in asked.items()}


@pytest.mark.parametrize('path', PROGRAMS, ids=relative)
def test_a_program_is_executable_and_shown_in_the_readme(path):
    assert path.stat().st_mode & stat.S_IXUSR
    assert path.read_text().startswith('#!/usr/bin/env python3\n"""')
    assert path.name in README


@pytest.mark.parametrize('words', OWN_COMMANDS, ids=' '.join)
def test_a_documented_command_exists(words, helps):
    if words[0] == 'make':
        assert re.search(rf'^{words[1]}:', (ROOT / 'Makefile').read_text(), re.MULTILINE)
    elif words[0].startswith('bin/'):
        for word in words[1:]:
            flag, _, value = word.partition('=')
            assert re.search(rf'^ +({flag}|--\[no\]{flag[2:]}):', helps[words[0][4:]], re.MULTILINE), flag
            assert flag != '--gin_file' or (ROOT / value).is_file(), value
    else:
        extras = re.findall(r'[a-z]+', ''.join(re.findall(r'\.\[(.*)\]', ' '.join(words))))
        assert all(f"'{extra}':" in (ROOT / 'setup.py').read_text() for extra in extras)


def test_links_lead_somewhere():
    for path in tracked_files():
        if path.suffix == '.md':
            for target in re.findall(r'\]\((?!https?:|#)([^)#]+)', path.read_text()):
                assert (path.parent / target).exists(), f'{relative(path)} links to {target}'


def test_the_dry_run_of_the_readme_runs_from_anywhere(tmp_path):
    program, *words = next(words for words in COMMANDS if '--dry_run' in words)
    shrunk = ('CHANNEL_MULTIPLIER = 1', 'RESOLUTION = 16', 'NUM_FRAMES = 8', 'GLOBAL_BATCH = 1')
    command = [sys.executable, ROOT / program, *words, *(f'--gin_param={binding}' for binding in shrunk)]
    shown = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True)
    assert shown.returncode == 0, shown.stderr
    assert 'models.Networks.generator = @models.Generator' in shown.stdout
    assert not list(tmp_path.iterdir())
