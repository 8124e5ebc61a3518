"""What do moments of batches change in forecasts of rain? python studies/batch_moments.py WORK_DIR [FORECASTS]

In training the generator normalises by the moments of a batch, afterwards by averages. Printed are scores of held-out
forecasts of two members, made in batches of the training's size: with averages, and with the moments of the batch in
all normalisations, in those of the blocks, and in the last.
"""

from __future__ import annotations

import copy
import os
import sys
from collections.abc import Callable

sys.path.insert(0, os.path.dirname(os.path.dirname(os.path.abspath(__file__))))

import numpy as np  # noqa: E402
import tensorflow as tf  # noqa: E402

from dvdgan_tf import config, saved_run  # noqa: E402
from dvdgan_tf.layers import state  # noqa: E402
from dvdgan_tf.layers.moments import TimestepMoments  # noqa: E402
from dvdgan_tf.metrics.verification import Verification, mean_over_leads  # noqa: E402
from dvdgan_tf.training import loop  # noqa: E402

_MEMBERS = 2
_SHOWN = ('crps', 'bias_1', 'bias_4', 'spectrum_distance')


def of_batches(layer: TimestepMoments) -> Callable[..., tf.Tensor]:
    """In place of a layer's `call`: the moments of the batch, whatever is asked for; no average follows them."""
    call = layer.call

    def moments(frames: tf.Tensor, training: bool = False) -> tf.Tensor:
        with state.collected():
            return call(frames, training=True)

    return moments


def scores(run: saved_run.Run, number: int, batch: int) -> dict[str, float]:
    """Means over lead times of `number` forecasts."""
    source, generator, random = copy.copy(run.data.of_split('test')), run.generator, np.random.default_rng(0)
    source.seed, numbers = 0, np.arange(number)
    clips = np.stack([clip[0].numpy() for clip, _, _ in source.evaluation(1, 'random', 'random', numbers)])
    context, truth = np.split(clips, [generator.context_frames], 1)
    forecast = tf.function(lambda *given: generator(*given, training=False), autograph=False)
    members = np.empty([_MEMBERS, *truth.shape[:-1]])
    for member in members:
        for rows in random.permutation(number).reshape(-1, batch):
            latents = tf.constant(random.normal(size=[batch, generator.latent_size]), tf.float32)
            made = forecast(latents, tf.zeros([batch], tf.int32), tf.constant(context[rows]))
            member[rows] = source.scale.to_numbers(made).numpy()[..., 0]
    verification = Verification()
    for row, weight in enumerate(source.weights(numbers)):
        verification.update(members[:, row], source.scale.measured(truth[row])[..., 0], float(weight))
    found = verification.scores()
    return {name: mean_over_leads(found, name) for name in _SHOWN}


def main(work_dir: str, number: str = '64') -> None:
    """Prints one line for each choice of normalisations."""
    run = saved_run.open_run(work_dir)
    batch = config.bindings(loop.train, only=('gan_step',))['gan_step'].keywords['global_batch']
    number = int(number) // batch * batch
    blocks, last = [], []
    for layer in run.generator.submodules:
        if isinstance(layer, TimestepMoments):
            (blocks if 'block' in layer.moving_mean.name else last).append(layer)
    for name, changed in (('none', []), ('all', blocks + last), ('blocks', blocks), ('last', last)):
        calls = {layer: layer.call for layer in changed}
        for layer in changed:
            layer.call = of_batches(layer)
        found = scores(run, number, batch)
        for layer, call in calls.items():
            layer.call = call
        sys.stdout.write(f'{name}: {" ".join(f"{key} {value:.2f}" for key, value in found.items())}\n')
        sys.stdout.flush()


if __name__ == '__main__':
    main(*sys.argv[1:])
