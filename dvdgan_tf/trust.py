"""The flag --trust, and how every program that is given a run folder opens it by that."""

from __future__ import annotations

from absl import flags

from dvdgan_tf import saved_run

_TRUST = flags.DEFINE_bool(
    'trust', False, 'The run folder may name anything, which runs code of whoever wrote it (docs/security.md).'
)


def open_run(work_dir: str, checkpoint: str) -> saved_run.Run:
    """Opens a run folder as data, or as code where the user said that it is trusted.

    Raises:
        InputError: as `saved_run.open_run`.
    """
    return saved_run.open_run(work_dir, checkpoint, _TRUST.value)
