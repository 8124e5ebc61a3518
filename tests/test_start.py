"""What is not waited for: TensorFlow is imported when it is needed, and nothing is traced twice."""

import dataclasses
import gc
import re
import subprocess
import sys
from pathlib import Path

import pytest
import tensorflow as tf
import tiny

from dvdgan_tf import command
from dvdgan_tf.models import DiscriminatorInputs
from dvdgan_tf.models.variables import make_variables

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


def test_what_is_imported_is_never_looked_through_for_garbage():
    frozen = gc.get_freeze_count()
    with command.importing():
        assert not gc.isenabled()
    assert gc.isenabled() and gc.get_freeze_count() > frozen
    gc.unfreeze()


class _Counted(tiny.Discriminator):
    """Counts how often it is traced."""

    traced = 0

    def call(self, clip, label, training=False):
        type(self).traced += 1
        return super().call(clip, label, training)


def test_variables_are_made_by_tracing_once(monkeypatch):
    monkeypatch.setattr(_Counted, 'traced', 0)
    network = _Counted()
    make_variables(network, tf.TensorSpec([1, *tiny.CLIP]), tf.TensorSpec([1], tf.int32))
    assert len(network.variables) == 2 and _Counted.traced == 1


def test_the_updates_of_the_discriminators_are_traced_once(monkeypatch):
    networks = dataclasses.replace(tiny.NETWORKS, spatial_discriminator=_Counted)
    step = tiny.gan_step(networks=networks, discriminator_inputs=DiscriminatorInputs(2), discriminator_updates=3)
    monkeypatch.setattr(_Counted, 'traced', 0)
    batch = tf.TensorSpec([2, *tiny.CLIP]), tf.TensorSpec([2], tf.int32)
    tf.function(step, autograph=False).get_concrete_function([batch] * 3)
    assert _Counted.traced == 2  # for the discriminators and for the generator
