"""The picture of a result that is already written as JSON; matplotlib is needed for nothing else."""

from __future__ import annotations

import io
from typing import Any

from dvdgan_tf import files
from dvdgan_tf.errors import InputError


def empty(prefix: str, width: float, height: float) -> Any:
    """A matplotlib Figure of width x height inches that no display is needed for.

    Raises:
        InputError: matplotlib is not installed; the sentence says that prefix.json is written.
    """
    try:
        from matplotlib.backends.backend_agg import FigureCanvasAgg
        from matplotlib.figure import Figure
    except ImportError as error:
        raise InputError(f'{prefix}.json is written, its picture needs matplotlib; pip install matplotlib.') from error
    figure = Figure(figsize=(width, height))
    FigureCanvasAgg(figure)
    return figure


def write(figure: Any, prefix: str, dots_per_inch: int = 120) -> str:
    """Writes prefix.png, and returns its path.

    Raises:
        InputError: there is no room, or no permission, to write.
    """
    figure.tight_layout()
    content = io.BytesIO()
    figure.savefig(content, format='png', dpi=dots_per_inch)
    files.write_atomically(f'{prefix}.png', content.getvalue())
    return f'{prefix}.png'
