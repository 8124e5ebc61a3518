"""The paper's networks."""

from dvdgan_tf.models.discriminators import SpatialDiscriminator, TemporalDiscriminator
from dvdgan_tf.models.generator import Generator

__all__ = ['Generator', 'SpatialDiscriminator', 'TemporalDiscriminator']
