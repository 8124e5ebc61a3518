"""Hinge losses per example (paper 2.2).

    D: E[relu(1 - D(x))] + E[relu(1 + D(G(z)))]        G: -E[D(G(z))]

Differences from the paper: none.
"""

import tensorflow as tf


def discriminator_hinge(real_logits: tf.Tensor, fake_logits: tf.Tensor) -> tf.Tensor:
    """`[B]` logits of real and of generated clips to the loss of each pair, `[B]`."""
    return tf.nn.relu(1.0 - real_logits) + tf.nn.relu(1.0 + fake_logits)


def generator_hinge(fake_logits: tf.Tensor) -> tf.Tensor:
    """`[B]` logits of generated clips to the generator's loss of each, `[B]`."""
    return -fake_logits
