"""The noise that TensorFlow draws from a seed, in NumPy: a seed is the same clip as with bin/sample and when served.

Philox4x32-10 (Salmon et al. 2011, "Parallel random numbers: as easy as 1, 2, 3") and Box-Muller, as
tf.random.stateless_normal(shape, [seed, 0], alg='philox') does it; sums and roots may differ in the last bit.
"""

from __future__ import annotations

import numpy as np

_MULTIPLIERS = np.uint64(0xD2511F53), np.uint64(0xCD9E8D57)
_WEYL = 0x9E3779B9, 0xBB67AE85
_ROUNDS = 10
_LOW, _SHIFT = np.uint64(0xFFFFFFFF), np.uint64(32)
_SEED_KEY = 0x3EC8F720, 0x02461E29  # TensorFlow's, by which it makes key and counter of a seed
_TINY = np.float32(1e-7)


def normal(seed: int, count: int) -> np.ndarray:
    """Standard normal noise, float32 [count].

    Args:
        seed: any signed 64-bit integer.
        count: how many numbers.

    Raises:
        ValueError: the seed has more than 64 bits.
    """
    if not -(1 << 63) <= seed < 1 << 63:
        raise ValueError(f'the seed is {seed}; give a signed integer of 64 bits')
    bits = seed & ((1 << 64) - 1)
    mixed = _philox(np.array([[bits & 0xFFFFFFFF, bits >> 32, 0, 0]], np.uint64), _SEED_KEY)[0]
    counters = np.zeros((-(-count // 4), 4), np.uint64)
    counters[:, 0], counters[:, 2:] = np.arange(len(counters)), mixed[2:]
    return _box_muller(_philox(counters, (int(mixed[0]), int(mixed[1]))).reshape(-1, 2))[:count]


def _philox(counters: np.ndarray, key: tuple[int, int]) -> np.ndarray:
    """Counters `[N, 4]` to as many random words of 32 bits."""
    a, b, c, d = counters.T
    for round_number in range(_ROUNDS):
        keys = [np.uint64((part + round_number * step) & 0xFFFFFFFF) for part, step in zip(key, _WEYL)]
        first, second = a * _MULTIPLIERS[0], c * _MULTIPLIERS[1]
        a, b, c, d = (second >> _SHIFT) ^ b ^ keys[0], second & _LOW, (first >> _SHIFT) ^ d ^ keys[1], first & _LOW
    return np.stack([a, b, c, d], 1).astype(np.uint32)


def _box_muller(words: np.ndarray) -> np.ndarray:
    """Pairs of words `[N, 2]` to normal noise `[2 N]`; a word's low 23 bits make a number in [0, 1)."""
    mantissas = (words & np.uint32(0x7FFFFF)) | np.uint32(127 << 23)
    uniform = mantissas.view(np.float32) - np.float32(1)
    radius = np.sqrt(np.float32(-2) * np.log(np.maximum(uniform[:, 0], _TINY)))
    angle = np.float32(2 * np.pi) * uniform[:, 1]
    return np.stack([np.sin(angle) * radius, np.cos(angle) * radius], 1).ravel()
