"""A shape on the voxels of a scan: its size to within half a pixel, its box, its offsets."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage

from modalities.imaging import shapes

F32 = NDArray[np.float32]
Box = tuple[slice, slice, slice]
_GOOD_PX = 0.4
_NUDGES = (0.0, *(s * n / 8 for n in range(1, 8) for s in (-1, 1)))
"""Changes of size in pixels that are tried, the smallest first."""
_ENOUGH_PX = 0.45
HALF_PX = 0.5
_SHIFTS = ((0.0, 0.0), *((y, x) for y in (-0.25, 0.25) for x in (-0.25, 0.25)), (0.5, 0.0),
           (0.0, 0.5), (0.5, 0.5))  # fmt: skip
"""Changes of place in pixels (y, x) that are tried where no change of size is near enough."""


@dataclass(frozen=True, eq=False)
class Grid:
    """Voxels of a scan: shape (slices, rows, columns); origin and spacing in mm, (z, y, x)."""

    shape: tuple[int, int, int]
    origin: NDArray[np.float64]
    spacing: NDArray[np.float64]

    def axis(self, number: int) -> NDArray[np.float64]:
        """Coordinates of the voxel centres along one axis, mm."""
        return np.asarray(
            self.origin[number] + self.spacing[number] * np.arange(self.shape[number])
        )


def fitted(
    shape: shapes.Shape, long: float, short: float, centre: NDArray[np.float64], grid: Grid
) -> tuple[shapes.Sized, NDArray[np.float64], float]:
    """The shape at its size and its centre, and by how many pixels its pixels' long axis misses.

    The long axis of pixels is the largest distance between pixel centres of one slice plus one
    pixel. Where the grid makes that miss ``long`` by more than ``_GOOD_PX``, the size gives way by
    a part of the pixel, and then the place too.
    """
    pixel = float(grid.spacing[1])
    exact = best = shapes.resize(shape, long, short)
    nearest, place = math.inf, centre
    for shift in _SHIFTS:
        if nearest < _ENOUGH_PX:
            break
        there = centre + pixel * np.array([0.0, *shift])
        for part in _NUDGES:
            sized = exact.scaled(max(1 + part * pixel / long, 0.5))
            off = _miss(sized, there, grid, long)
            if off is None:
                break
            if abs(off) < nearest:
                nearest, best, place = abs(off), sized, there
            if nearest < _GOOD_PX:
                break
    return best, place, nearest


def _miss(
    sized: shapes.Sized, centre: NDArray[np.float64], grid: Grid, long: float
) -> float | None:
    """Pixels by which the mask's long axis exceeds ``long``; None where the grid ends before."""
    box = box_of(centre, sized.reach_mm, grid)
    if box is None:
        return None
    mask = sized.inside(offsets_of(box, centre, grid)) > 0
    return max(pixel_diameter(plane) for plane in mask) - long / float(grid.spacing[1])


def pixel_diameter(plane: NDArray[np.bool_]) -> float:
    """Largest distance between centres of set pixels, plus one pixel; pixels; 0 if none."""
    edge = plane & ~ndimage.binary_erosion(plane)
    points = np.argwhere(edge).astype(float)
    if len(points) == 0:
        return 0.0
    apart = points[:, None] - points[None]
    return math.sqrt(float((apart**2).sum(axis=-1).max())) + 1.0


def pixel_axes(mask: NDArray[np.bool_]) -> tuple[float, float]:
    """Long axis of a mask and the extent across it on the same slice, pixels.

    Between pixel centres, plus one pixel; the long axis is the largest of any slice.
    """
    plane = max(mask, key=pixel_diameter)
    points = np.argwhere(plane & ~ndimage.binary_erosion(plane)).astype(float)
    apart = ((points[:, None] - points[None]) ** 2).sum(axis=-1)
    first, second = np.unravel_index(int(apart.argmax()), apart.shape)
    long = math.sqrt(float(apart.max()))
    if long == 0:
        return 1.0, 1.0
    along = (points[second] - points[first]) / long
    return long + 1.0, float(np.ptp(points @ np.array([-along[1], along[0]]))) + 1.0


def box_of(centre: NDArray[np.float64], reach: NDArray[np.float64], grid: Grid) -> Box | None:
    """Voxels within reach with two to spare; None if the grid ends before."""
    pad = np.array([1.0, 2.0, 2.0])
    at = (centre - grid.origin) / grid.spacing
    low = np.floor(at - reach / grid.spacing - pad).astype(int)
    high = np.ceil(at + reach / grid.spacing + pad).astype(int) + 1
    if (low < 0).any() or (high > np.array(grid.shape)).any():
        return None
    return (slice(low[0], high[0]), slice(low[1], high[1]), slice(low[2], high[2]))


def widened(box: Box, reach_mm: float, grid: Grid) -> Box:
    """The box with a margin on every side, as far as the grid goes."""
    pad = np.ceil(reach_mm / grid.spacing).astype(int)
    z, y, x = (
        slice(max(b.start - int(p), 0), min(b.stop + int(p), n))
        for b, p, n in zip(box, pad, grid.shape, strict=True)
    )
    return z, y, x


def offsets_of(
    box: Box, centre: NDArray[np.float64], grid: Grid, sub: tuple[int, int] = (1, 1)
) -> F32:
    """(3, slices, rows, columns) mm from the centre to voxel centres.

    ``sub``: into how many parts each voxel is cut along z, and along y and x.
    """
    axes = []
    for number, parts in enumerate((sub[0], sub[1], sub[1])):
        places = grid.axis(number)[box[number]] - centre[number]
        part = ((np.arange(parts) + 0.5) / parts - 0.5) * grid.spacing[number]
        axes.append((places[:, None] + part).ravel().astype(np.float32))
    return np.stack(np.meshgrid(*axes, indexing="ij"))
