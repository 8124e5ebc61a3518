"""The three networks of a GAN, each as what makes it."""

from __future__ import annotations

import dataclasses
from typing import Callable

import tf_keras as keras


@dataclasses.dataclass(frozen=True)
class Networks:
    """What makes the networks; they own variables, so they are made inside `strategy.scope()`.

    Attributes:
        generator: makes G.
        spatial_discriminator: makes D_S.
        temporal_discriminator: makes D_T.
    """

    generator: Callable[[], keras.Model]
    spatial_discriminator: Callable[[], keras.Model]
    temporal_discriminator: Callable[[], keras.Model]
