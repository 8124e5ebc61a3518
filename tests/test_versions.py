"""What this does not run on is said before it is imported, and TensorFlow's own chatter is left out."""

import os
import subprocess
import sys
from importlib import metadata
from pathlib import Path

import pytest

from dvdgan_tf import versions
from dvdgan_tf.errors import InputError

ROOT = Path(__file__).resolve().parent.parent


@pytest.fixture
def installed(monkeypatch):
    """Makes packages look installed in these versions and no others."""

    def pretend(**found):
        def version(name):
            if name.replace('-', '_') not in found:
                raise metadata.PackageNotFoundError(name)
            return found[name.replace('-', '_')]

        monkeypatch.setattr(metadata, 'version', version)

    return pretend


@pytest.mark.parametrize('tensorflow, keras', [('2.15.1', '2.15.1'), ('2.21.0', '2.21.0'), ('2.18.1', '2.18.0')])
def test_what_belongs_together_is_taken(installed, tensorflow, keras):
    installed(tensorflow=tensorflow, tf_keras=keras)
    assert versions.check((3, 9, 0)) is None
    installed(tensorflow_cpu=tensorflow, tf_keras=keras)
    assert versions.check((3, 13, 1)) is None


@pytest.mark.parametrize(
    'python, packages, said',
    [
        ((3, 8, 18), {}, 'this needs Python 3.9 to 3.13, and here is 3.8.18;'),
        ((3, 14, 0), {}, 'this needs Python 3.9 to 3.13, and here is 3.14.0;'),
        ((3, 11, 7), {'tensorflow': '2.14.1'}, 'tf-keras is not installed for .*; an environment made by make install'),
        ((3, 11, 7), {'tensorflow': '2.14.1', 'tf_keras': '2.14.1'}, 'TensorFlow 2.15 to 2.21, and here is 2.14.1;'),
        ((3, 12, 1), {'tensorflow': '2.22.0', 'tf_keras': '2.22.0'}, 'TensorFlow 2.15 to 2.21, and here is 2.22.0;'),
        ((3, 12, 1), {}, 'tensorflow is not installed for'),
        (
            (3, 12, 1),
            {'tensorflow': '2.21.0', 'tf_keras': '2.20.1'},
            r'tf-keras 2.20.1 does not go with TensorFlow 2.21.0: pip install "tf-keras==2.21.\*"\.$',
        ),
    ],
)
def test_what_does_not_go_is_one_sentence(installed, python, packages, said):
    installed(**packages)
    with pytest.raises(InputError, match=said) as raised:
        versions.check(python)
    assert '\n' not in str(raised.value)


PROGRAM = """
import sys
sys.argv = ['bin/train', '--gin_file=gin/quickstart.gin', '--work_dir=run']
from dvdgan_tf import command, versions
versions.check = lambda: None
command.run_program('train')
"""


def start(tmp_path, tensorflow, **environment):
    """Runs a program on a TensorFlow that is only these lines."""
    (tmp_path / 'tensorflow.py').write_text(tensorflow)
    environment = {**os.environ, 'PYTHONPATH': f'{tmp_path}{os.pathsep}{ROOT}', **environment}
    command = [sys.executable, '-c', PROGRAM]
    return subprocess.run(command, cwd=tmp_path, env=environment, capture_output=True, text=True)


NOISE = "import os\nos.write(2, b'Unable to register cuDNN factory\\n')\n"


def test_what_tensorflow_writes_while_it_is_imported_is_held_back(tmp_path, monkeypatch):
    monkeypatch.delenv('TF_CPP_MIN_LOG_LEVEL', raising=False)
    loud = start(tmp_path, f"{NOISE}print(os.environ['TF_CPP_MIN_LOG_LEVEL'])")
    assert loud.stdout == '3\n' and 'cuDNN' not in loud.stderr and 'tensorflow' in loud.stderr  # it lacks what is used
    failed = start(tmp_path, f"{NOISE}raise ImportError('a library is missing')")
    assert 'cuDNN' in failed.stderr and 'a library is missing' in failed.stderr
    wanted = start(tmp_path, f"{NOISE}print(os.environ['TF_CPP_MIN_LOG_LEVEL'])", TF_CPP_MIN_LOG_LEVEL='0')
    assert wanted.stdout == '0\n' and 'cuDNN' in wanted.stderr
    assert 'cuDNN' not in start(tmp_path, NOISE, TF_CPP_MIN_LOG_LEVEL='3').stderr


def test_a_wrong_environment_is_said_by_the_programs(tmp_path):
    program = PROGRAM.replace('lambda: None', 'lambda check=versions.check: check((3, 8, 18))')
    shown = subprocess.run([sys.executable, '-c', program], cwd=ROOT, capture_output=True, text=True)
    assert shown.returncode == 2
    assert shown.stderr.startswith('error: this needs Python 3.9 to 3.13') and shown.stderr.count('\n') == 1
