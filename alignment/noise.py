"""Keyed noise: one number for each (seed, variable, patient, step, slot), whatever else is drawn.

A counter-based generator (Philox4x64-10, Salmon et al. 2011, doi:10.1145/2063384.2063405) makes
the number a pure function of its address. The key hashes (seed, variable); the counter is
``(patient // 4, step, slot, 0)`` and each block of four words serves four patients, so a range of
patients at one step is a single call and patient 7 never changes because patient 6 did.
"""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from functools import cached_property

import numpy as np
from numpy.typing import NDArray
from scipy.special import ndtri

LANES = 4
_STEP_ZERO = 1 << 32
"""Steps may be negative (days before index); the counter word is unsigned."""


@dataclass(frozen=True)
class Noise:
    """The noise of one variable under one seed."""

    seed: int
    variable: str

    @cached_property
    def key(self) -> tuple[int, int]:
        """Two 64-bit words of Philox key."""
        hashed = hashlib.sha256(f"{self.seed}\x1f{self.variable}".encode()).digest()
        return int.from_bytes(hashed[:8], "big"), int.from_bytes(hashed[8:16], "big")

    @property
    def key_hex(self) -> str:
        """The key as 32 hexadecimal digits."""
        return f"{self.key[0]:016x}{self.key[1]:016x}"

    def raw(self, start: int, n: int, step: int = 0, slot: int = 0) -> NDArray[np.uint64]:
        """(n,) uint64: the words of patients ``start .. start + n - 1``."""
        skip = start % LANES
        counter = start // LANES + ((step + _STEP_ZERO) << 64) + (slot << 128)
        # numpy advances the counter before the first block, hence the block before ours.
        generator = np.random.Philox(
            counter=(counter - 1) % (1 << 256), key=self.key[0] + (self.key[1] << 64)
        )
        return generator.random_raw(skip + n)[skip:]

    def uniform(self, start: int, n: int, step: int = 0, slot: int = 0) -> NDArray[np.float64]:
        """(n,) float64 strictly inside (0, 1)."""
        return to_uniform(self.raw(start, n, step, slot))

    def normal(self, start: int, n: int, step: int = 0, slot: int = 0) -> NDArray[np.float64]:
        """(n,) standard normal, by inversion, so that it is monotone in the uniform."""
        return np.asarray(ndtri(self.uniform(start, n, step, slot)))

    def generator(self, patient: int, step: int = 0, slot: int = 0) -> np.random.Generator:
        """A numpy Generator of its own for one patient and step, where many draws are needed."""
        address = f"{self.key_hex}\x1f{patient}\x1f{step}\x1f{slot}"
        hashed = hashlib.sha256(address.encode()).digest()
        return np.random.Generator(np.random.Philox(key=int.from_bytes(hashed[:16], "big")))


def to_uniform(words: NDArray[np.uint64]) -> NDArray[np.float64]:
    """Map words to the centres of 2^52 equal cells of (0, 1): 53 bits, so that none rounds to 1."""
    return ((words >> np.uint64(12)).astype(np.float64) + 0.5) * 2.0**-52
