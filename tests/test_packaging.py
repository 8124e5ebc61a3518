"""What an installation without a checkout has: every module, the presets, the page; and the command dvdgan."""

import os
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

    monkeypatch.delitem(sys.modules, 'dvdgan_tf.prepare.decoding', raising=False)
    monkeypatch.delattr('dvdgan_tf.prepare.decoding', raising=False)
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
