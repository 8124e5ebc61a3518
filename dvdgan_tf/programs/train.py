"""Trains a DVD-GAN, or goes on with a run: bin/train --gin_file=gin/quickstart.gin --work_dir=runs/quickstart

Exit status: 0 done; 2 the sentence on stderr says what to mend; 75 another worker was lost; 130 stopped by Ctrl-C and
143 by SIGTERM, both after saving. Give the same command again to go on. One process at a time trains in a work
directory.
"""

from __future__ import annotations

import contextlib
import re
import sys

from absl import flags

from dvdgan_tf import command

_GIN_FILE = flags.DEFINE_multi_string('gin_file', None, 'Configuration; later files override earlier ones.')
_GIN_PARAM = flags.DEFINE_multi_string('gin_param', [], 'One binding, like "TRAIN_STEPS = 1000"; may be repeated.')
_WORK_DIR = flags.DEFINE_string('work_dir', None, 'Where the run lives; one that is there is continued.')
_DRY_RUN = flags.DEFINE_bool('dry_run', False, 'Print the configuration and what a step costs, and exit.')
_PROBE_STEPS = flags.DEFINE_integer('probe_steps', 0, 'With --dry_run: measure the time of so many steps.', 0)
_LOCAL_WORKERS = flags.DEFINE_integer('local_workers', None, 'Train with so many processes on this machine, to try it.')
_ACCEPT_OTHER_DATA = flags.DEFINE_bool(
    'accept_other_data', False, 'Go on with data that are not those that the run began with.'
)
flags.mark_flags_as_required(['gin_file', 'work_dir'])


def main(_: list) -> int:
    with command.importing():  # TensorFlow takes seconds, for which --help and a misspelled flag need not wait
        from dvdgan_tf import config, ownership
        from dvdgan_tf.data import remote
        from dvdgan_tf.distribute import cluster, strategy
        from dvdgan_tf.distribute.local_workers import run_workers
        from dvdgan_tf.planning import plan
        from dvdgan_tf.training import interrupts, loop
        from dvdgan_tf.work_dir import data_facts, work_lock
    config.parse(_GIN_FILE.value, _GIN_PARAM.value)
    remote.register(_WORK_DIR.value)
    if _DRY_RUN.value:
        print(config.text())
        arguments = config.bindings(loop.train, only=plan.ARGUMENTS)
        print(plan.plan(**arguments, probe_steps=_PROBE_STEPS.value))
        return 0
    if _LOCAL_WORKERS.value is not None:
        shared = [word for word in sys.argv[1:] if not word.lstrip('-').startswith('local_workers')]
        shared.append('--gin_param=STRATEGY = "multi_worker"')
        return run_workers([*command.own_command, *shared], _LOCAL_WORKERS.value)
    with interrupts.ended_at_once(), cluster.naming_lost_peers(), contextlib.ExitStack() as until_the_end:
        writes = strategy.join(**config.bindings(loop.train, only=('strategy', 'peer_timeout_seconds')))
        if writes:
            until_the_end.enter_context(work_lock.held(_WORK_DIR.value))
            until_the_end.enter_context(ownership.claimed(_WORK_DIR.value))
        arguments = config.bindings(loop.train)
        data_facts.check(_WORK_DIR.value, arguments['data'], _ACCEPT_OTHER_DATA.value)
        outcome = loop.train(work_dir=_WORK_DIR.value, **arguments)
    if outcome.stopped_by:
        return 128 + outcome.stopped_by
    if writes:
        say_how_it_ended(outcome.step)
    return 0


def say_how_it_ended(step: int) -> None:
    """Scores and pictures; what to try next for someone who sees it."""
    from dvdgan_tf import config
    from dvdgan_tf.work_dir import ending

    print(ending.summary(_WORK_DIR.value, step))
    if sys.stdout.isatty():
        frames = re.search(r'^models\.Generator\.context_frames = (\S+)', config.text(), re.MULTILINE)
        predicts = frames is not None and frames[1] != '0'
        print(command.as_called(ending.next_commands(_WORK_DIR.value, predicts)))
