"""Square patches of axial slices: whole lung, and lesions with what surrounds them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage

from ct.volumes import Scan

SIDE = 64
"""Pixels of 1.5 mm: 96 mm, about a lobe on a slice."""
_LUNG_SHARE = 0.35
_JITTER_PX = 4


@dataclass(frozen=True, eq=False)
class Patches:
    """hu: (n, side, side) float32. block: (n,) the slice that each comes from, of all scans."""

    hu: NDArray[np.float32]
    block: NDArray[np.int64]

    def take(self, count: int, rng: np.random.Generator) -> Patches:
        """``count`` of them at random without repetition."""
        picked = np.sort(rng.choice(len(self.hu), count, replace=False))
        return Patches(self.hu[picked], self.block[picked])


def lung(scans: Sequence[Scan], count: int, seed: int, side: int = SIDE) -> Patches:
    """About ``count`` patches that are a third lung or more, as many of each scan and slice."""
    rng = np.random.default_rng(seed)
    found, blocks, base = [], [], 0
    for scan in scans:
        slices = [z for z in range(len(scan.hu)) if (scan.lung[z].mean() > 0.04)]
        each = count / len(scans) / len(slices)
        for number, z in enumerate(slices):
            wanted = int(each * (number + 1)) - int(each * number)
            for _ in range(wanted):
                found.append(_one(scan, z, rng, side))
                blocks.append(base + z)
        base += len(scan.hu)
    return Patches(np.stack(found), np.array(blocks))


def _one(scan: Scan, z: int, rng: np.random.Generator, side: int) -> NDArray[np.float32]:
    places = np.argwhere(scan.lung[z])
    best, most = (0, 0), -1.0
    for _ in range(12):
        at = places[rng.integers(len(places))]
        corner = _corner(at, side, scan.hu.shape[1:])
        window = (slice(corner[0], corner[0] + side), slice(corner[1], corner[1] + side))
        share = float(scan.lung[z][window].mean())
        if share > most:
            best, most = corner, share
        if share >= _LUNG_SHARE:
            break
    return scan.hu[z, best[0] : best[0] + side, best[1] : best[1] + side]


def _corner(at: NDArray[np.int64], side: int, shape: tuple[int, ...]) -> tuple[int, int]:
    row, column = (int(np.clip(a - side // 2, 0, n - side)) for a, n in zip(at, shape, strict=True))
    return row, column


def lesion(scans: Sequence[Scan], per_slice: int, seed: int, side: int = SIDE) -> Patches:
    """Patches about every lesion on every slice that shows it, moved by up to 4 pixels."""
    rng = np.random.default_rng(seed)
    found, blocks, base = [], [], 0
    for scan in scans:
        for mask in scan.lesions:
            for z in np.flatnonzero(mask.any(axis=(1, 2))):
                centre = np.array(ndimage.center_of_mass(mask[z])).round().astype(int)
                for _ in range(per_slice):
                    at = centre + rng.integers(-_JITTER_PX, _JITTER_PX + 1, 2)
                    row, column = _corner(at, side, scan.hu.shape[1:])
                    found.append(scan.hu[z, row : row + side, column : column + side])
                    blocks.append(base + z)
        base += len(scan.hu)
    return Patches(np.stack(found), np.array(blocks))
