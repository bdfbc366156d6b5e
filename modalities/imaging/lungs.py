"""The lungs of any chest CT, by thresholding: air inside the body, in two large parts."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TypeVar

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage

from ontology.errors import ConsilienceError

T = TypeVar("T", bound=np.generic)
RIGHT, LEFT = 1, 2
_AIR_HU = -400.0
_LUMEN_HU = -930.0
_LEAST_LITRES = 0.4
"""Of both lungs within the scan; an abdomen with gas has less (assumption)."""
_GAS_HU = -970.0
"""Median of enclosed air below which it is gas, as in the bowel, and no lung (assumption)."""
_MOST_AIRWAY_LITRES = 0.15
"""Emptier regions larger than this are emphysema: conducting airways, the nose and throat included,
hold about 0.15 L (anatomical dead space, 2 mL/kg; secondary, physiology textbooks)."""
_COARSE_MM = 3.0


@dataclass(frozen=True, eq=False)
class Lungs:
    """sides: (slices, rows, columns) uint8, 0, RIGHT or LEFT, vessels included.

    step: (3,) voxels of the CT per voxel of the coarse ``air`` map, in which airways are False.
    """

    sides: NDArray[np.uint8]
    air: NDArray[np.bool_]
    step: NDArray[np.int64]
    spacing: NDArray[np.float64]

    def without_airways(self) -> NDArray[np.bool_]:
        """(slices, rows, columns): lung at full size, vessels included, airways left out."""
        return _full(self.air, self.step, self.sides.shape)

    def room(self, lung: NDArray[np.bool_]) -> NDArray[np.float64]:
        """Distance in mm to the border of ``lung`` (full size), by coarse voxel; 0 in airways."""
        z, y, x = self.step
        coarse = np.pad(lung[::z, ::y, ::x], 1)
        room = ndimage.distance_transform_edt(coarse, sampling=self.spacing * self.step)
        return np.where(self.air, room[1:-1, 1:-1, 1:-1], 0.0)


def find(hu: NDArray[np.int16], spacing: NDArray[np.float64]) -> Lungs:
    """The lungs; raises ConsilienceError if the CT shows none."""
    step = np.maximum(1, np.floor(_COARSE_MM / spacing).astype(int))
    small = hu[:: step[0], :: step[1], :: step[2]].astype(np.float32)
    size = spacing * step
    small = ndimage.gaussian_filter(small, 0.6)
    inner = _enclosed(small < _AIR_HU)
    parts, count = ndimage.label(inner)
    litres = np.bincount(parts.ravel(), minlength=count + 1) * float(size.prod()) / 1e6
    litres[0] = 0.0
    kept = np.flatnonzero(litres > 0.1)
    total = float(litres[kept].sum())
    if total < _LEAST_LITRES:
        raise ConsilienceError(
            "no lungs in the CT", got=f"{total:.2f} L of enclosed air",
            wanted=f"a chest CT in HU with at least {_LEAST_LITRES:g} L of lung",
            remedy="check the body part, and that values are HU (air -1000, water 0)",
        )  # fmt: skip
    air = np.isin(parts, kept)
    middle = float(np.median(small[air]))
    if middle < _GAS_HU:
        raise ConsilienceError(
            "no lungs in the CT", got=f"{total:.2f} L of enclosed gas at {middle:.0f} HU",
            wanted="lung, -950 to -700 HU", remedy="check the body part, and that values are HU",
        )  # fmt: skip
    lumen = _airways(ndimage.gaussian_filter(small, 1.0) < _LUMEN_HU, float(size.prod()) / 1e6)
    closed = np.stack([_closed(plane) for plane in air])
    sides = _sided(closed, small)
    full = _full(sides, step, hu.shape)
    return Lungs(full, (sides > 0) & ~lumen, step.astype(np.int64), spacing)


def _full(small: NDArray[T], step: NDArray[np.int64], shape: tuple[int, ...]) -> NDArray[T]:
    """A coarse map at the CT's size."""
    full = np.repeat(np.repeat(np.repeat(small, step[0], 0), step[1], 1), step[2], 2)
    return full[: shape[0], : shape[1], : shape[2]]


def _airways(empty: NDArray[np.bool_], litres: float) -> NDArray[np.bool_]:
    """Connected parts of what is nearly empty that are not too large; ``litres``: of a voxel."""
    parts, count = ndimage.label(empty)
    sizes = np.bincount(parts.ravel(), minlength=count + 1) * litres
    small = sizes <= _MOST_AIRWAY_LITRES
    small[0] = False
    return np.asarray(small[parts])


def _enclosed(light: NDArray[np.bool_]) -> NDArray[np.bool_]:
    """Light voxels that no path within their slice joins to the image's edge."""
    kept = np.zeros_like(light)
    for index, plane in enumerate(light):
        parts, count = ndimage.label(plane)
        edge = np.unique(np.concatenate([parts[0], parts[-1], parts[:, 0], parts[:, -1]]))
        inside = np.ones(count + 1, dtype=bool)
        inside[edge] = False
        inside[0] = False
        kept[index] = inside[parts]
    return kept


def _closed(plane: NDArray[np.bool_]) -> NDArray[np.bool_]:
    """With vessels filled in."""
    padded = np.pad(plane, 6)
    closed = ndimage.binary_closing(padded, iterations=3)[6:-6, 6:-6]
    return np.asarray(ndimage.binary_fill_holes(closed))


def _sided(lung: NDArray[np.bool_], hu: NDArray[np.float32]) -> NDArray[np.uint8]:
    """Right and left of the body's middle, slice by slice; joined lungs are cut there."""
    sides = np.zeros(lung.shape, np.uint8)
    body = hu > _AIR_HU
    columns = np.arange(lung.shape[2])
    edges = [np.flatnonzero(plane.sum(axis=0) > 3) for plane in body]
    middles = [(e[0] + e[-1]) / 2 for e in edges if len(e)]
    middle = float(np.median(middles))
    for index, plane in enumerate(lung):
        parts, count = ndimage.label(plane)
        for part in range(1, count + 1):
            there = parts == part
            left = float((columns * there.any(axis=0))[there.any(axis=0)].mean()) > middle
            wide = there.any(axis=0)
            joined = wide[columns < middle - 15].any() and wide[columns > middle + 15].any()
            if joined:
                sides[index][there & (columns <= middle)[None]] = RIGHT
                sides[index][there & (columns > middle)[None]] = LEFT
            else:
                sides[index][there] = LEFT if left else RIGHT
    return sides
