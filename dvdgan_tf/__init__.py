"""DVD-GAN in TensorFlow 2: adversarial video generation on complex data sets (arXiv 1907.06571v2).

    import dvdgan_tf

    model = dvdgan_tf.open('runs/quickstart')
    clips = model.sample(8, label='circling disk', truncation=0.7)
    between = model.interpolate(2, label=0, to='circling square')
    scores = model.score('offline_256')['scores']

What is opened is a run folder, or an export: a SavedModel, a TFLite file, a model for browsers. Clips are arrays
[N, T, H, W, C], uint8 from 0 to 255. TensorFlow is imported when a model is opened, not before.
"""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

from dvdgan_tf.errors import InputError

if TYPE_CHECKING:
    from dvdgan_tf.api.model import Model
    from dvdgan_tf.api.opening import open

# TensorFlow uses oneDNN by itself only on CPUs with VNNI; on older ones convolutions are 2.5 times slower without it.
os.environ.setdefault('TF_ENABLE_ONEDNN_OPTS', '1')

__version__ = '0.1.0'
__all__ = ['open', 'Model', 'InputError']


def __getattr__(name: str) -> object:
    """What needs TensorFlow, imported when it is asked for."""
    if name == 'open':
        from dvdgan_tf.api.opening import open as found
    elif name == 'Model':
        from dvdgan_tf.api.model import Model as found
    else:
        raise AttributeError(f'module {__name__!r} has no attribute {name!r}')
    globals()[name] = found
    return found


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__})
