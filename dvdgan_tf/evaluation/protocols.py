"""Named recipes: everything that changes a number, fixed under a name, with its source in the literature."""

from __future__ import annotations

import dataclasses
import re
from dataclasses import dataclass, field

from dvdgan_tf.errors import InputError


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
        real_clips: real clips used; None for every clip of the split once.
        fake_clips: generated clips; None for as many as there are real ones.
        samples_per_context: for prediction, clips generated for every real one.
        context_frames: first frames that a model must take from the real clip; None where either kind of model will do.
        frames: of a whole clip, context included; None for whatever the model makes.
        stride: between frames in the source video; None for whatever the model was trained with.
        repeats: times the fake set is generated anew, with another seed.
        truncations: sigmas of a truncation curve; empty for one run at the sigma asked for.
        epsilon: inside the logarithms of the Inception score.
        paper: the paper's numbers by (frames, resolution, score).
    """

    name: str
    source: str
    network: str | None
    scores: tuple[str, ...]
    feature: str = ''
    split: str = 'train'
    window: str = 'random'
    real_clips: int | None = None
    fake_clips: int | None = None
    samples_per_context: int = 1
    context_frames: int | None = None
    frames: int | None = None
    stride: int | None = None
    repeats: int = 1
    truncations: tuple[float, ...] = ()
    epsilon: float = 0.0
    paper: dict[tuple[int, int, str], float] = field(default_factory=dict)

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


def _table_1(column: int) -> dict[tuple[int, int, str], float]:
    names = ('frechet', 'inception')
    return {(*size, name): row[column + i] for size, row in _TABLE_1.items() for i, name in enumerate(names)}


_K600 = Protocol(
    name='k600_fid_is',
    source='DVD-GAN (arXiv 1907.06571v2), Table 1, no truncation; footnote 3 for the features',
    network='i3d-600',
    scores=('frechet', 'inception'),
    feature='avgpool',
    fake_clips=50_000,
    stride=2,
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
    real_clips=256,
    context_frames=1,
    frames=16,
    stride=1,
    paper={(16, 64, 'frechet'): 109.8},
)
_UCF = Protocol(
    name='ucf101_is_tgan',
    source='DVD-GAN Table 2 and footnote 5; code of pfnet-research/tgan; Saito et al. 2017',
    network='c3d-tgan',
    scores=('inception',),
    fake_clips=9_984,
    frames=16,
    repeats=4,
    epsilon=1e-7,
    paper={(16, 128, 'inception'): 32.97},
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
    Protocol(
        name='fvd_k600_fp',
        source='DVD-GAN Table 4, FVD of Unterthiner et al. 2018',
        network='i3d-400',
        scores=('frechet', 'kernel'),
        feature='logits',
        split='test',
        context_frames=5,
        frames=16,
        stride=1,
        repeats=4,
        paper={(16, 64, 'frechet'): 69.15},
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
    ),
)
_FVD = re.compile(r'fvd_(\d+)_(\d+)f')
_OFFLINE = re.compile(r'offline_(\d+)')

NAMES = (*(protocol.name for protocol in _TABLE), 'fvd_<clips>_<frames>f', 'offline_<clips>')


def find(name: str) -> Protocol:
    """The protocol of that name; fvd_2048_16f and offline_256 carry their numbers in the name.

    Raises:
        InputError: there is none.
    """
    for protocol in _TABLE:
        if protocol.name == name:
            return protocol
    fvd, offline = _FVD.fullmatch(name), _OFFLINE.fullmatch(name)
    if fvd and int(fvd[1]) > 1:
        clips, frames = int(fvd[1]), int(fvd[2])
        return Protocol(
            name=name,
            source='FVD (Unterthiner et al. 2018) as used today: n real and n generated clips',
            network='i3d-400',
            scores=('frechet', 'kernel', 'precision_recall'),
            feature='logits',
            real_clips=clips,
            fake_clips=clips,
            frames=frames,
        )
    if offline and int(offline[1]) > 1:
        clips = int(offline[1])
        return Protocol(
            name=name,
            source='this package: features of an untrained network, not FVD',
            network='offline',
            scores=('frechet', 'kernel', 'precision_recall'),
            feature='offline',
            real_clips=clips,
            fake_clips=clips,
        )
    raise InputError(f'there is no protocol {name!r}; choose one of {", ".join(NAMES)}')
