"""What is not waited for: TensorFlow is imported when it is needed, not before."""

import re
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parent.parent


def imported(*command):
    """The modules that a process imports, and what it writes to stdout."""
    done = subprocess.run(
        [sys.executable, '-X', 'importtime', *command], cwd=ROOT, capture_output=True, text=True, check=False
    )
    return set(re.findall(r'^import time:.*\| +(\S+)$', done.stderr, re.MULTILINE)), done


@pytest.mark.parametrize('program', ['train', 'prepare', 'inspect', 'benchmark'])
def test_help_does_not_wait_for_tensorflow(program):
    modules, done = imported(f'bin/{program}', '--help')
    assert 'absl.flags' in modules and '--helpfull' in done.stdout
    assert modules.isdisjoint({'tensorflow', 'tf_keras', 'numpy', 'gin'})


@pytest.mark.parametrize('flag, sentence', [('--wrok_dir=runs', "'wrok_dir'"), ('--gin_file=x.gin', '--work_dir')])
def test_nor_does_a_misspelled_or_a_missing_flag(flag, sentence):
    modules, done = imported('bin/train', flag)
    assert done.returncode and sentence in done.stdout + done.stderr
    assert 'tensorflow' not in modules
