"""A run that was killed ends as one that was not: the real networks, with moving statistics and spectral vectors."""

import os
import subprocess
import sys

import numpy as np
import pytest
import tensorflow as tf

from dvdgan_tf.work_dir.checkpoint import checkpoint_path, saved_steps

_CHECKOUT = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))
_SHRUNK = {
    'NUM_FRAMES': 2,
    'CHANNEL_MULTIPLIER': 2,
    'GLOBAL_BATCH': 4,
    'models.DiscriminatorInputs.spatial_frames': 1,
    'step.GanStep.discriminator_updates': 1,
    'ema.MovingAverage.decay': 0.9,
    'ema.MovingAverage.start_step': 2,
    'loop.train.deterministic': True,
    'loop.train.evaluation': None,
    'loop.train.summary_every': 1,
    'schedule.Checkpoints.every': 2,
    'schedule.Previews.clips': 1,
}


@pytest.fixture
def train():
    """Starts bin/train; what still runs at the end is killed."""
    started = []

    def start(work_dir, steps):
        bindings = [f'--gin_param={name} = {value}' for name, value in {**_SHRUNK, 'TRAIN_STEPS': steps}.items()]
        command = [sys.executable, os.path.join(_CHECKOUT, 'bin', 'train'), '--gin_file=gin/quickstart.gin', *bindings]
        command.append(f'--work_dir={work_dir}')
        errors_shown = {**os.environ, 'TF_CPP_MIN_LOG_LEVEL': '1'}
        options = {'env': errors_shown, 'stdout': subprocess.PIPE, 'stderr': subprocess.STDOUT}
        started.append(subprocess.Popen(command, cwd='/', text=True, **options))
        return started[-1]

    yield start
    for process in started:
        process.kill()


def test_killed_and_resumed_equals_uninterrupted_to_the_bit(train, tmp_path):
    killed, whole = str(tmp_path / 'killed'), str(tmp_path / 'whole')
    run = train(killed, 1_000_000)
    for line in run.stdout:
        if 'step 3/' in line:
            run.kill()
            break
    run.communicate()
    assert run.returncode == -9
    saved = saved_steps(killed)[-1]
    steps = saved + 3
    resumed, uninterrupted = train(killed, steps), train(whole, steps)
    said, _ = resumed.communicate()
    assert resumed.returncode == 0 and f'from step {saved} to step {steps}' in said
    said, _ = uninterrupted.communicate()
    assert uninterrupted.returncode == 0 and f'from step 0 to step {steps}' in said
    assert 'remapper' not in said  # grappler's, which fails on the graph of a step

    expected, got = (tf.train.load_checkpoint(checkpoint_path(work_dir, steps)) for work_dir in (whole, killed))
    names = expected.get_variable_to_shape_map()
    assert names == got.get_variable_to_shape_map()
    parts = 'generator/', 'ema_generator/', 'spatial/', 'temporal/', 'generator_optimizer/', 'discriminator_optimizer/'
    for part in (*parts, 'u/.ATTRIBUTES', 'moving_mean', 'step/'):
        assert any(part in name for name in names), part
    for name in set(names) - {'_CHECKPOINTABLE_OBJECT_GRAPH'}:
        np.testing.assert_array_equal(expected.get_tensor(name), got.get_tensor(name), err_msg=name)
