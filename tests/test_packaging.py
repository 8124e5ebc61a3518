"""What an installation without a checkout has: every module, the presets, the page; and the command dvdgan."""

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from dvdgan_tf import command, config, shipped
from dvdgan_tf.errors import InputError

ROOT = Path(__file__).resolve().parent.parent


@pytest.fixture(scope='module')
def library(tmp_path_factory):
    """The folder that a wheel would unpack to."""
    place = tmp_path_factory.mktemp('library')
    build = [sys.executable, 'setup.py', '--quiet', 'build_py', '--no-compile', f'--build-lib={place}']
    subprocess.run(build, cwd=ROOT, check=True)
    return place


def run_installed(library, folder, *words):
    """Runs dvdgan as the script that pip makes for it, where no checkout is."""
    script = folder / 'dvdgan'
    script.write_text('from dvdgan_tf.command import dvdgan\ndvdgan()\n')
    environment = {**os.environ, 'PYTHONPATH': str(library)}
    command_line = [sys.executable, script, *words]
    return subprocess.run(command_line, cwd=folder, env=environment, capture_output=True, text=True)


def below(folder, *suffixes):
    """Paths of the files below a folder, without what Python leaves behind."""
    return {
        path.relative_to(folder).as_posix()
        for path in folder.rglob('*')
        if path.is_file() and '__pycache__' not in path.parts and (not suffixes or path.suffix in suffixes)
    }


def test_every_room_is_packaged(library):
    package = library / 'dvdgan_tf'
    assert {path for path in below(package) if not path.startswith('_shipped/')} == below(ROOT / 'dvdgan_tf')
    assert below(package / '_shipped' / 'gin') == below(ROOT / 'gin', '.gin')
    assert below(package / '_shipped' / 'export') == below(ROOT / 'export')
    assert [path.name for path in library.iterdir()] == ['dvdgan_tf']


def test_an_installation_finds_its_presets_and_a_file_that_is_here_wins(library, tmp_path):
    program = """
from dvdgan_tf import config, shipped
assert not shipped.IS_CHECKOUT
config.parse(['gin/quickstart.gin'])
print(config.text())
"""
    (tmp_path / 'gin').mkdir()
    base = (ROOT / 'gin' / 'base.gin').read_text().replace("PRECISION = 'float32'", "PRECISION = 'of here'")
    (tmp_path / 'gin' / 'base.gin').write_text(base)
    shown = subprocess.run(
        [sys.executable, '-c', program],
        cwd=tmp_path,
        env={**os.environ, 'PYTHONPATH': str(library)},
        capture_output=True,
        text=True,
    )
    assert shown.returncode == 0, shown.stderr
    assert 'TRAIN_STEPS = 800' in shown.stdout
    assert "PRECISION = 'of here'" in shown.stdout


def test_help_lists_the_subcommands_the_presets_and_the_page(library, tmp_path):
    shown = run_installed(library, tmp_path, '--help')
    assert shown.returncode == 0 and not shown.stderr
    for name in ('train', 'sample', 'evaluate', 'prepare', 'inspect', 'export', 'benchmark'):
        (line,) = [line for line in shown.stdout.splitlines() if line.startswith(f'  {name} ')]
        assert line.endswith('.') and len(line) > 30
    page = shown.stdout.split()[-1]
    assert Path(page).is_file() and Path(page).is_relative_to(library)
    presets = shown.stdout.split('are in ')[1].splitlines()[0].rstrip('.')
    assert (Path(presets) / 'gin' / 'quickstart.gin').is_file()


def test_a_subcommand_that_does_not_exist_is_one_sentence(library, tmp_path):
    shown = run_installed(library, tmp_path, 'trian', '--gin_file=gin/quickstart.gin')
    assert shown.returncode == 2 and not shown.stdout
    assert shown.stderr == "error: there is no subcommand 'trian' (the nearest is train); dvdgan --help lists all.\n"


def test_a_program_names_itself_as_it_was_called(library, tmp_path):
    shown = run_installed(library, tmp_path, 'inspect', '--help')
    assert '  dvdgan inspect --data=records/' in shown.stdout and 'bin/' not in shown.stdout
    assert '--num_frames' in shown.stdout
    shown = run_installed(library, tmp_path, 'inspect', f'--data={tmp_path}')
    assert shown.returncode == 2 and shown.stderr.count('\n') == 1 and 'dvdgan prepare' in shown.stderr


def test_bin_has_the_programs_of_the_package():
    assert sorted(path.name for path in (ROOT / 'bin').iterdir()) == command.PROGRAMS


def test_a_preset_that_nobody_has_is_one_sentence_with_the_nearest():
    with pytest.raises(InputError, match="no gin file 'gin/quikstart.gin'.*nearest is 'gin/quickstart.gin'"):
        config.parse(['gin/quikstart.gin'])


def test_without_pyav_decoding_is_one_sentence(monkeypatch, tmp_path):
    from dvdgan_tf.prepare import preparation, video_file
    from dvdgan_tf.prepare.listing import Listing, Rules, SourceClip

    for name in ('pyav', 'scaling'):
        monkeypatch.delitem(sys.modules, f'dvdgan_tf.prepare.decoders.{name}', raising=False)
        monkeypatch.delattr(f'dvdgan_tf.prepare.decoders.{name}', raising=False)
    monkeypatch.setitem(sys.modules, 'av', None)
    sentence = r'videos are read by PyAV, and .*: pip install "dvdgan_tf\[video\]"\.$'
    with pytest.raises(InputError, match=sentence):
        video_file.first_frames('film.mp4', 16, 2, 1, 3)
    listing = Listing((SourceClip('a', 'a.mp4'),), ('all',))
    with pytest.raises(InputError, match=sentence):
        preparation.prepare(listing, Rules(), str(tmp_path / 'out'), source={'name': 'folder', 'input': 'x'})
    assert not (tmp_path / 'out').exists()


def test_a_converter_that_is_missing_is_named_with_the_way_to_get_it(monkeypatch, tmp_path):
    assert shipped.how_to_install('onnx', '.onnx', Path('r.txt')) == 'make onnx installs it there'
    monkeypatch.setattr(shipped, 'IS_CHECKOUT', False)
    monkeypatch.chdir(tmp_path)
    assert shipped.environment('.onnx') == str(tmp_path / '.onnx')
    assert 'uv pip install --python .onnx -r r.txt' in shipped.how_to_install('onnx', '.onnx', Path('r.txt'))


@pytest.fixture
def tools(tmp_path):
    """A folder for the PATH that holds the shell, make and Pythons that only say what they are asked for."""
    folder = tmp_path / 'tools'
    folder.mkdir()
    for tool in ('sh', 'make', 'echo'):
        (folder / tool).symlink_to(shutil.which(tool))
    return folder


def pretend(folder, name, suitable):
    """A Python that takes the question whether it will do by its answer, and says what else it is asked."""
    (folder / name).write_text(f'#!/bin/sh\nif [ "$1" = -c ]; then exit {int(not suitable)}; fi\necho {name} "$@"\n')
    (folder / name).chmod(0o755)


def make(tools, *words, script=('make', 'test')):
    environment = {'PATH': str(tools), 'PYENV_ROOT': '/nowhere'}
    return subprocess.run([*script, *words], cwd=ROOT, env=environment, capture_output=True, text=True)


def test_the_best_python_makes_the_environment(tools):
    chosen = []
    for name in ('python3', 'python3.13', 'python3.12', 'python3.9', 'python3.11'):
        pretend(tools, name, True)
        chosen.append(make(tools, 'place', script=['.ci/venv']).stdout.splitlines()[-1])
    expected = ('python3', 'python3.13', 'python3.12', 'python3.9', 'python3.11')
    assert chosen == [f'{name} -m venv place' for name in expected]
    pretend(tools, 'python3.11', False)
    assert 'python3.9 -m venv place' in make(tools, 'place', script=['.ci/venv']).stdout
    assert 'python3.13 -m venv place' in make(tools, 'place', 'python3.13', script=['.ci/venv']).stdout


def test_without_a_python_uv_is_asked_and_then_its_command_said(tools, tmp_path):
    pretend(tools, 'python3', False)
    shown = make(tools, f'VENV={tmp_path}/venv')
    assert shown.returncode != 0 and not (tmp_path / 'venv').exists()
    assert f'uv venv --seed --python 3.11 {tmp_path}/venv' in shown.stderr
    pretend(tools, 'uv', True)
    shown = make(tools, 'place', script=['.ci/venv'])
    assert shown.returncode == 0 and 'uv venv --quiet --seed --python 3.11 place' in shown.stdout


def test_a_python_that_was_asked_for_and_will_not_do_is_one_sentence(tools, tmp_path):
    pretend(tools, 'python3.8', False)
    pretend(tools, 'python3.11', True)
    shown = make(tools, f'VENV={tmp_path}/venv', 'PYTHON=python3.8')
    assert shown.returncode != 0
    assert shown.stderr.startswith('none of these is here, a Python 3.9 to 3.13 and with venv: python3.8.')
