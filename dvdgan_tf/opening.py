"""How every program that is given a run folder opens it, with the flag that goes with that."""

from __future__ import annotations

from absl import flags

from dvdgan_tf import trained

_TRUST = flags.DEFINE_bool(
    'trust', False, 'The run folder may name anything, which runs code of whoever wrote it (docs/security.md).'
)


def open_run(work_dir: str, checkpoint: str) -> trained.Trained:
    """Opens a run folder as data, or as code where the user said that it is trusted.

    Raises:
        InputError: as `trained.open_trained`.
    """
    return trained.open_trained(work_dir, checkpoint, _TRUST.value)
