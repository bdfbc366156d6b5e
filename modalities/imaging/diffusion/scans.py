"""Training scans and the patches cut from them."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage

from modalities.imaging.diffusion import tissue
from modalities.imaging.diffusion.tissue import Conditions, Regions

F32 = NDArray[np.float32]
_SUB = 2
"""Sub-pixels a side that are averaged into a pixel."""
_PIXEL_MM = (0.9, 1.9)
_TURN_DEG = 12.0
_SHEAR = 0.08
_LESION_SHARE, _LUNG_SHARE = 0.15, 0.65


@dataclass(frozen=True, eq=False)
class Scan:
    """One real CT for training: hu (slices, rows, columns) float32, spacing mm (z, y, x).

    ``weight``: how often patches are cut from it, beside other scans.
    """

    name: str
    hu: F32
    spacing: NDArray[np.float64]
    regions: Regions
    weight: float = 1.0

    def of(self, first: int, end: int) -> Scan:
        """Slices ``first`` up to ``end``."""
        r = self.regions
        at = slice(first, end)
        return Scan(
            f"{self.name}, slices {first} to {end - 1}", self.hu[at], self.spacing,
            Regions(r.body[at], r.lung[at], r.lesion[at]),
            self.weight,
        )  # fmt: skip

    def marked(self, region: str, index: int | slice) -> NDArray[np.bool_]:
        """Voxels of ``body``, ``lung`` or ``lesion`` in a slice, or in several."""
        chosen = getattr(self.regions, region)[index]
        return np.asarray(chosen > 0.5 if region == "lesion" else chosen, dtype=bool)

    @cached_property
    def totals(self) -> dict[str, NDArray[np.int64]]:
        """Voxels of each region up to and with each slice; counted once, for volumes are large."""
        return {
            region: np.cumsum(self.marked(region, slice(None)).sum(axis=(1, 2)))
            for region in ("body", "lung", "lesion")
        }


@dataclass(frozen=True, eq=False)
class Patch:
    """One slice patch: hu (1, size, size) float32 and its conditions."""

    hu: F32
    pixel_mm: float
    conditions: Conditions


def cut(scan: Scan, size: int, generator: np.random.Generator) -> Patch:
    """A random patch: place, thickness, turn, scale and shear drawn from ``generator``."""
    at = _place(scan, generator)
    pixel = float(np.exp(generator.uniform(*np.log(_PIXEL_MM))))
    thick = 1 if scan.spacing[0] > 4 else int(generator.integers(1, 3))
    thick = min(thick, len(scan.hu))
    turn = np.deg2rad(generator.uniform(-_TURN_DEG, _TURN_DEG))
    shear = generator.uniform(-_SHEAR, _SHEAR, 2)
    flip = -1.0 if generator.random() < 0.5 else 1.0
    matrix = np.array([[np.cos(turn), -np.sin(turn)], [np.sin(turn), np.cos(turn)]])
    matrix = matrix @ np.array([[1.0, shear[0]], [shear[1], 1.0]]) @ np.diag([1.0, flip])
    first = min(at[0], scan.hu.shape[0] - thick)
    steps = (np.arange(size * _SUB) + 0.5) / _SUB - size / 2
    grid = np.stack(np.meshgrid(steps, steps, indexing="ij")).reshape(2, -1) * pixel
    points = (matrix @ grid) / scan.spacing[1:, None] + at[1:, None]

    def seen(data: NDArray[np.generic], order: int, outside: float) -> F32:
        planes = [
            ndimage.map_coordinates(
                data[first + k], points, output=np.float32, order=order, cval=outside
            )
            for k in range(thick)
        ]
        fine = np.mean(planes, axis=0).reshape(size, _SUB, size, _SUB)
        return np.asarray(fine.mean(axis=(1, 3)), dtype=np.float32)[None]

    hu = seen(scan.hu, 1, -1000.0)
    r = scan.regions
    regions = Regions(
        seen(r.body, 0, 0.0) > 0.5, seen(r.lung, 0, 0.0) > 0.5, seen(r.lesion, 1, 0.0)
    )
    return Patch(hu, pixel, tissue.conditions(hu, regions))


def _place(scan: Scan, generator: np.random.Generator) -> NDArray[np.int64]:
    """A voxel: of a lesion, of a lung, or anywhere in the body."""
    kind = generator.random()
    region = "body"
    if kind < _LESION_SHARE and scan.totals["lesion"][-1]:
        region = "lesion"
    elif kind < _LESION_SHARE + _LUNG_SHARE and scan.totals["lung"][-1]:
        region = "lung"
    totals = scan.totals[region]
    index = int(np.searchsorted(totals, generator.integers(totals[-1]), "right"))
    places = np.flatnonzero(scan.marked(region, index))
    flat = int(places[generator.integers(len(places))])
    row, column = divmod(flat, scan.hu.shape[2])
    jitter = generator.integers(-15, 16, 2)
    return np.array([index, row + jitter[0], column + jitter[1]])
