"""The paper's networks, and what the discriminators see."""

from dvdgan_tf.models.discriminator_inputs import DiscriminatorInputs
from dvdgan_tf.models.discriminators import SpatialDiscriminator, TemporalDiscriminator
from dvdgan_tf.models.generator import Generator, Groups
from dvdgan_tf.models.networks import Networks

__all__ = ['DiscriminatorInputs', 'Generator', 'Groups', 'Networks', 'SpatialDiscriminator', 'TemporalDiscriminator']
