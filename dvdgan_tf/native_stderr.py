"""What TensorFlow's compiled code writes to stderr whatever the log level, held back."""

from __future__ import annotations

import contextlib
import os
import sys
import tempfile
from collections.abc import Iterator

_LEVEL = 'TF_CPP_MIN_LOG_LEVEL'


def quieten() -> bool:
    """Asks for the project's lines alone, unless TF_CPP_MIN_LOG_LEVEL says otherwise; returns whether it does not."""
    return os.environ.setdefault(_LEVEL, '3') == '3'


@contextlib.contextmanager
def held() -> Iterator[None]:
    """Keeps what the block writes to stderr, and shows it where the block fails, or TF_CPP_MIN_LOG_LEVEL is not 3."""
    if os.environ.get(_LEVEL) != '3':
        yield
        return
    sys.stderr.flush()
    kept = os.dup(2)
    with tempfile.TemporaryFile() as file:
        os.dup2(file.fileno(), 2)
        try:
            yield
        except BaseException:
            file.seek(0)
            os.write(kept, file.read())
            raise
        finally:
            os.dup2(kept, 2)
            os.close(kept)
