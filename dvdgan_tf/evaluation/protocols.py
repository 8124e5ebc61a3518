"""Named recipes: everything that changes a number, fixed under a name, with its source in the literature."""

from __future__ import annotations

import dataclasses
import re
from collections.abc import Sequence
from dataclasses import dataclass, field

from dvdgan_tf.errors import InputError

PaperRow = tuple[int, int, str, str]  # frames, resolution, score, split


@dataclass(frozen=True)
class Protocol:
    """One way to compute scores.

    Attributes:
        name: what the result is called.
        source: where the recipe comes from.
        network: the feature network, one of `features.NETWORKS`; None for scores on pixels.
        scores: any of frechet, inception, kernel, precision_recall; or psnr, ssim, lpips on pixels.
        feature: of the network, for all but the Inception score.
        split: of the real clips.
        window: which frames of a real video: first, center or random.
        crop: which square of the frames of a real video: center, or random as in training.
        real_clips: real clips used; None for every clip of the split once.
        again: whether further windows of the same clips are taken where the split has too few.
        fake_clips: generated clips; None for as many as there are real ones.
        samples_per_context: for prediction, clips generated for every real one.
        context_frames: first frames that a model must take from the real clip; None where either kind of model will do.
        frames: of a whole clip, context included; None for whatever the model makes.
        every: every so many-th frame of a clip is shown to the network.
        prefix: whether a model of more frames is scored too, on its first `frames`.
        resolution: that the source of the recipe has; another is named in the result. None for any.
        stride: between frames in the source video; None for whatever the model was trained with.
        repeats: times the fake set is generated anew, with another seed.
        truncations: sigmas of a truncation curve; empty for one run at the sigma asked for.
        epsilon: inside the logarithms of the Inception score.
        paper: the paper's numbers by (frames, resolution, score, split).
        changes: what was asked for instead of the recipe's own, in words.
        recipe_clips: generated clips of the recipe, where `fake_clips` is what was asked for instead.
    """

    name: str
    source: str
    network: str | None
    scores: tuple[str, ...]
    feature: str = ''
    split: str = 'train'
    window: str = 'random'
    crop: str = 'random'
    real_clips: int | None = None
    again: bool = False
    fake_clips: int | None = None
    samples_per_context: int = 1
    context_frames: int | None = None
    frames: int | None = None
    stride: int | None = None
    every: int = 1
    prefix: bool = False
    resolution: int | None = None
    repeats: int = 1
    truncations: tuple[float, ...] = ()
    epsilon: float = 0.0
    paper: dict[PaperRow, float] = field(default_factory=dict)
    changes: tuple[str, ...] = ()
    recipe_clips: int | None = None

    @property
    def needs_real(self) -> bool:
        """Whether real clips enter the scores."""
        return self.scores != ('inception',)


_TABLE_1 = {
    (12, 64): (0.85, 53.81, 7.13, 187.23),
    (12, 128): (1.16, 77.45, 13.04, 246.18),
    (12, 256): (2.05, 62.78, 10.17, 162.44),
    (48, 64): (13.75, 104.09, 47.86, 264.12),
    (48, 128): (28.44, 81.41, 45.79, 188.32),
}


def _table_1(column: int) -> dict[PaperRow, float]:
    names = ('frechet', 'inception')
    return {(*size, name, 'train'): row[column + i] for size, row in _TABLE_1.items() for i, name in enumerate(names)}


_K600 = Protocol(
    name='k600_fid_is',
    source='DVD-GAN (arXiv 1907.06571v2), Table 1, no truncation; footnote 3 for the features',
    network='i3d-600',
    scores=('frechet', 'inception'),
    feature='avgpool',
    fake_clips=50_000,
    stride=2,
    context_frames=0,
    paper=_table_1(0),
)
_BAIR = Protocol(
    name='fvd_bair_256x1',
    source='DVD-GAN Table 3, FVD of Unterthiner et al. 2018 (arXiv 1812.01717)',
    network='i3d-400',
    scores=('frechet', 'kernel'),
    feature='logits',
    split='test',
    window='first',
    crop='center',
    real_clips=256,
    context_frames=1,
    frames=16,
    stride=1,
    resolution=64,
    paper={(16, 64, 'frechet', 'test'): 109.8},
)
_UCF = Protocol(
    name='ucf101_is_tgan',
    source='DVD-GAN Table 2 and footnote 5; code of pfnet-research/tgan; Saito et al. 2017',
    network='c3d-tgan',
    scores=('inception',),
    fake_clips=9_984,
    frames=16,
    context_frames=0,
    resolution=128,
    repeats=4,
    epsilon=1e-7,
    paper={(16, 128, 'inception', 'train'): 32.97},
)
_TABLE_4 = Protocol(
    name='fvd_k600_fp',
    source='DVD-GAN Table 4, FVD of Unterthiner et al. 2018',
    network='i3d-400',
    scores=('frechet', 'kernel'),
    feature='logits',
    split='test',
    context_frames=5,
    frames=16,
    stride=1,
    resolution=64,
    repeats=4,
    paper={(16, 64, 'frechet', 'train'): 68.66, (16, 64, 'frechet', 'test'): 69.15},
)
_TABLE = (
    _K600,
    dataclasses.replace(
        _K600,
        name='k600_truncation',
        source='DVD-GAN Table 1, with truncation; sigma swept as section 4.1.1 says',
        truncations=(0.05, 0.1, 0.2, 0.3, 0.4, 0.5, 0.6, 0.7, 0.8, 0.9, 1.0),
        paper=_table_1(2),
    ),
    _TABLE_4,
    dataclasses.replace(
        _TABLE_4,
        name='fvd_k600_synthesis',
        source='DVD-GAN Table 4, last row: a synthesis model of 16 frames; FVD of Unterthiner et al. 2018',
        context_frames=0,
        paper={(16, 64, 'frechet', 'train'): 32.3, (16, 64, 'frechet', 'test'): 31.1},
    ),
    _BAIR,
    dataclasses.replace(_BAIR, name='fvd_bair_256x100', samples_per_context=100),
    _UCF,
    dataclasses.replace(
        _UCF,
        name='ucf101_is_tgan2',
        source='code of pfnet-research/tgan2; Saito et al. 2020',
        network='c3d-tgan2',
        fake_clips=2_048,
        repeats=10,
        epsilon=1e-20,
        paper={},
    ),
    Protocol(
        name='prediction',
        source='PSNR, SSIM (Wang et al. 2004), LPIPS (Zhang et al. 2018) of the generated frames',
        network=None,
        scores=('psnr', 'ssim', 'lpips'),
        split='test',
        window='first',
        crop='center',
    ),
)
_FVD = re.compile(r'fvd_(\d+)_(\d+)f(?:_every(\d+))?')
_OFFLINE = re.compile(r'offline_(\d+)')

NAMES = (
    *(protocol.name for protocol in _TABLE),
    *('fvd_<clips>_<frames>f', 'fvd_<clips>_<frames>f_every<n>', 'offline_<clips>'),
)


def find(name: str) -> Protocol:
    """The protocol of that name; fvd_2048_16f, fvd_2048_16f_every4 and offline_256 carry their numbers in the name.

    Raises:
        InputError: there is none.
    """
    for protocol in _TABLE:
        if protocol.name == name:
            return protocol
    fvd, offline = _FVD.fullmatch(name), _OFFLINE.fullmatch(name)
    if fvd and int(fvd[1]) > 1 and int(fvd[3] or 1) > 0:
        return Protocol(
            name=name,
            source='FVD (Unterthiner et al. 2018) as used today: n real and n generated clips',
            network='i3d-400',
            scores=('frechet', 'kernel', 'precision_recall'),
            feature='logits',
            real_clips=int(fvd[1]),
            fake_clips=int(fvd[1]),
            frames=int(fvd[2]),
            every=int(fvd[3] or 1),
            prefix=True,
        )
    if offline and int(offline[1]) > 1:
        return Protocol(
            name=name,
            source='this package: features of an untrained network, not FVD',
            network='offline',
            scores=('frechet', 'kernel', 'precision_recall'),
            feature='offline',
            real_clips=int(offline[1]),
            again=True,
            fake_clips=int(offline[1]),
        )
    raise InputError(f'there is no protocol {name!r}; choose one of {", ".join(NAMES)}.')


def choose(names: Sequence[str], **instead: str | int | None) -> list[Protocol]:
    """The protocols of these names, with a split, repeats or fake_clips instead of their own, which they tell.

    Raises:
        InputError: there is no name, or no such protocol.
    """
    if not names:
        raise InputError(f'no protocol was given; choose from {", ".join(NAMES)}.')
    found = []
    for protocol in map(find, dict.fromkeys(names)):
        wanted = {name: value for name, value in instead.items() if value not in (None, getattr(protocol, name))}
        said = tuple(_said(name, value, getattr(protocol, name)) for name, value in wanted.items())
        found.append(dataclasses.replace(protocol, **wanted, changes=said, recipe_clips=protocol.fake_clips))
    return found


def _said(name: str, value: str | int, own: str | int | None) -> str:
    what = 'generated clips' if name == 'fake_clips' else name
    return f'{what} {value} instead of {"one for each real clip" if own is None else own}'
