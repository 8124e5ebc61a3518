"""Does D_S tell blurred frames from true ones? python studies/texture.py WORK_DIR [UPDATES [DETAILS]]

A new spatial discriminator of the run's kind learns from the split train: clips are real, and the same clips averaged
over 4x4 pixels and made as large as before bilinearly are the generated ones. Printed is the mean loss of every tenth
of the updates, 2 for one that tells nothing apart, for each of several `models.DiscriminatorInputs.detail`.
"""

from __future__ import annotations

import os
import sys
from collections.abc import Iterator

sys.path.insert(0, os.path.dirname(os.path.dirname(os.path.abspath(__file__))))

import numpy as np  # noqa: E402
import tensorflow as tf  # noqa: E402
import tf_keras as keras  # noqa: E402

from dvdgan_tf import config, losses, saved_run  # noqa: E402
from dvdgan_tf.evaluation import labelled_clips  # noqa: E402
from dvdgan_tf.models.discriminator_inputs import DiscriminatorInputs  # noqa: E402
from dvdgan_tf.training import loop  # noqa: E402

_CLIPS = 192
_BLUR = 4  # pixels
_PARTS = 10


def blurred(clips: np.ndarray) -> np.ndarray:
    """Clips [N, T, H, W, C] without what is finer than 4x4 pixels."""
    size = clips.shape[2]
    frames = tf.reshape(clips, [-1, *clips.shape[2:]])
    small = tf.nn.avg_pool2d(frames, _BLUR, _BLUR, 'VALID')
    return tf.reshape(tf.image.resize(small, [size, size], 'bilinear'), clips.shape).numpy()


def learned(gan_step: dict, clips: np.ndarray, detail: float, updates: int) -> Iterator[float]:
    """The loss of each update of a new D_S, from `gan_step`, the arguments of a training step."""
    keras.utils.set_random_seed(0)
    random = np.random.default_rng(0)
    network = gan_step['networks'].spatial_discriminator()
    optimizer = gan_step['discriminator_optimizer']()
    frames, batch = gan_step['discriminator_inputs'].spatial_frames, gan_step['global_batch']
    inputs, label = DiscriminatorInputs(frames, detail=detail), tf.zeros([batch], tf.int32)

    @tf.function(autograph=False)
    def update(real: tf.Tensor, fake: tf.Tensor, uniform: tf.Tensor) -> tf.Tensor:
        seen = [inputs.seen(clip, 0, lambda shape: uniform[:, : shape[0]])['spatial'] for clip in (real, fake)]
        with tf.GradientTape() as tape:
            logits = [network(each, label, training=True) for each in seen]
            loss = tf.reduce_mean(losses.discriminator_hinge(*logits))
        optimizer.apply_gradients(zip(tape.gradient(loss, network.trainable_variables), network.trainable_variables))
        return loss

    fakes = blurred(clips)
    network(inputs.seen(tf.constant(clips[:batch]), 0, lambda shape: tf.zeros([batch, *shape]))['spatial'], label)
    optimizer.build(network.trainable_variables)
    for _ in range(updates):
        chosen = random.integers(0, len(clips), batch)
        uniform = tf.constant(random.uniform(size=[batch, clips.shape[1]]), tf.float32)
        yield float(update(tf.constant(clips[chosen]), tf.constant(fakes[chosen]), uniform))


def main(work_dir: str, updates: str = '400', details: str = '0,1,4,8') -> None:
    """Prints one line a detail."""
    run = saved_run.open_run(work_dir)
    gan_step = config.bindings(loop.train, only=('gan_step',))['gan_step'].keywords
    clips = labelled_clips.real(run.data.of_split('train'), _CLIPS, lambda clip: clip).clips
    clips = clips[:, run.generator.context_frames :]
    for detail in map(float, details.split(',')):
        parts = np.array_split(list(learned(gan_step, clips, detail, int(updates))), _PARTS)
        sys.stdout.write(f'detail {detail:g}: {" ".join(f"{part.mean():.2f}" for part in parts)}\n')
        sys.stdout.flush()


if __name__ == '__main__':
    main(*sys.argv[1:])
