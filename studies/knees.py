"""Where do spectra of forecasts differ from the truth's? python studies/knees.py WORK_DIR [FORECASTS]

The discriminators see rain on the scale of `pipeline.Field.knee`, scores see it in mm/h. Printed are, for several knees
and for mm/h, the distance of spectra over held-out forecasts of four members, and the difference in dB at some waves
over the crop; then the rates that shares of all pixels do not pass.
"""

from __future__ import annotations

import copy
import os
import sys
from collections.abc import Iterator

sys.path.insert(0, os.path.dirname(os.path.dirname(os.path.abspath(__file__))))

import numpy as np  # noqa: E402

from dvdgan_tf import saved_run  # noqa: E402
from dvdgan_tf.evaluation import clips as evaluation_clips  # noqa: E402
from dvdgan_tf.metrics.verification import spectrum, spectrum_distance  # noqa: E402

_MEMBERS = 4
_KNEES = (0.2, 1.0, 2.0, 5.0, np.inf)  # mm/h
_WAVES = (1, 2, 4, 8, 12, 16, 20, 24, 28, 32)
_SHARES = (0.5, 0.9, 0.99, 0.999, 0.9999)


def forecasts(run: saved_run.Run, number: int) -> Iterator[tuple[np.ndarray, np.ndarray, float]]:
    """Members [S, T, H, W] and truth [T, H, W] in mm/h, 0 where it is not known, and the weight of each window."""
    source, generator = copy.copy(run.data.of_split('test')), run.generator
    source.seed = 0
    numbers, draw = np.arange(number), evaluation_clips.Draw(0)
    windows = zip(numbers, source.evaluation(1, 'random', 'random', numbers), source.weights(numbers))
    for index, (clip, _, _), weight in windows:
        context, truth = np.split(clip[0].numpy(), [generator.context_frames])
        wanted = index * _MEMBERS + np.arange(_MEMBERS)
        latents, labels = draw.samples(wanted, generator.num_classes, generator.latent_size)
        made = generator(latents, labels, np.repeat(context[None], _MEMBERS, 0), training=False)
        known = source.scale.known(truth)[..., 0]
        numbers_made = source.scale.to_numbers(made).numpy()[..., 0]
        yield numbers_made * known, np.nan_to_num(source.scale.measured(truth)[..., 0]), float(weight)


def main(work_dir: str, number: str = '32') -> None:
    """Prints one line a knee, one a share."""
    members, truths, weights = map(np.stack, zip(*forecasts(saved_run.open_run(work_dir), int(number))))
    weights = weights / weights.sum()
    for knee in _KNEES:
        seen = [rates if np.isinf(knee) else np.log1p(rates / knee) for rates in (members, truths)]
        found = np.einsum('n,nstk->tk', weights / _MEMBERS, spectrum(seen[0]))
        wanted = np.einsum('n,ntk->tk', weights, spectrum(seen[1]))
        apart = 10 * np.log10(found / wanted).mean(0)
        name = 'mm/h' if np.isinf(knee) else f'knee {knee:g}'
        waves = ' '.join(f'{apart[wave - 1]:+.1f}' for wave in _WAVES)
        sys.stdout.write(f'{name}: distance {spectrum_distance(found, wanted).mean():.2f} dB; {waves}\n')
    for share in _SHARES:
        made, came = np.quantile(members, share), np.quantile(truths, share)
        sys.stdout.write(f'{share:.2%} of pixels: forecast up to {made:.1f} mm/h, true up to {came:.1f}\n')


if __name__ == '__main__':
    main(*sys.argv[1:])
