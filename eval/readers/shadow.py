"""How much of a lesion's shadow a radiograph shows: 1 if all of it, 0 if it is not there.

The CT is projected as it is and with lung in the lesion's place; the difference is the shadow that
the lesion must cast. In a window around it the radiograph is taken for some gain times the
projection without the lesion, some share of the shadow, and a plane for what lies beyond the scan.
Least squares give both, and their ratio is the answer. The rays are those of the header's source
about the middle of the scan; without a source all are parallel.

Measured on both views of 12 bodies, lesions of 18 to 45 mm in all lobes: 0.83 to 1.06, and -0.56
to 0.07 for the radiograph of the same body without the lesion.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage

from eval.readers.ct import LUNG_HU, Volume
from eval.readers.dx import Radiograph

F64 = NDArray[np.float64]
STEP_MM = 3.0
"""Between pixels, at the body's middle; what is finer is smoothed away."""
MARGIN_MM = 15.0
"""How far the window reaches beyond the shadow."""
EDGE_SHARE = 0.1
"""Of its densest, from which a shadow is one."""
AROUND_MM = 10.0
"""How far around a lesion the lung is that would be in its place."""
LEAST_MM = 6.0
"""Of water: a thinner shadow is not told from what the rays' geometry leaves open."""
BODY_SHARE = 0.002
"""A plane with less body than this is air and noise."""
LEAST_PX = 25
DETECTOR = {"PA": -1, "AP": 1, "LL": 1, "RL": -1}
"""By view, whether the detector is at the back or left (1), or in front or at the right."""


def shadow(radiograph: Radiograph, volume: Volume, mask: NDArray[np.bool_]) -> float | None:
    """Share of the shadow of ``mask`` (slices, rows, columns) that is in the radiograph.

    None for other than upright views, for a lesion without lung around it, and where its shadow is
    too thin or outside the image.
    """
    across, down = radiograph.directions
    if across not in ("L", "R", "A", "P") or down not in ("F", "H"):
        return None
    excess = _excess(volume, mask)
    if excess is None:
        return None
    beam = _Beam(radiograph, volume)
    down_mm, across_mm = beam.grid()
    cast = beam.project(excess, down_mm, across_mm)
    if cast.max(initial=0.0) < LEAST_MM:
        return None
    rows, columns = (_reach(cast, axis) for axis in (1, 0))
    down_mm, across_mm = down_mm[rows], across_mm[columns]
    if down_mm.size * across_mm.size < LEAST_PX:
        return None
    cast = beam.project(excess, down_mm, across_mm)
    whole = beam.project(np.clip(1 + volume.hu / 1000, 0, None), down_mm, across_mm)
    return _share(beam.seen(down_mm, across_mm), whole - cast, cast)


def _excess(volume: Volume, mask: NDArray[np.bool_]) -> NDArray[np.float32] | None:
    """Water that a lesion has more than the lung around it, 0 elsewhere; None without lung."""
    spacing = (volume.slice_mm, *volume.spacing)
    steps = [int(np.ceil(AROUND_MM / mm)) for mm in spacing]
    found = ndimage.find_objects(mask.astype(np.uint8))[0]
    box = tuple(slice(max(0, f.start - n), f.stop + n) for f, n in zip(found, steps, strict=True))
    away = ndimage.distance_transform_edt(~mask[box], sampling=spacing)
    lung = (away > 0) & (away <= AROUND_MM) & (volume.hu[box] < LUNG_HU)
    if not lung.any():
        return None
    excess = np.zeros_like(volume.hu)
    over = (volume.hu[box] - np.median(volume.hu[box][lung])) / 1000
    excess[box] = np.where(mask[box], np.clip(over, 0, None), 0)
    return excess


def _reach(cast: F64, axis: int) -> slice:
    """Rows or columns of a shadow, with a margin."""
    found = np.flatnonzero((cast > EDGE_SHARE * cast.max()).any(axis=axis))
    margin = round(MARGIN_MM / STEP_MM)
    return slice(max(0, int(found[0]) - margin), int(found[-1]) + margin + 1)


def _share(seen: F64, without: F64, cast: F64) -> float | None:
    """The radiograph as gain times (projection without the lesion + share of its shadow)."""
    y, x = np.mgrid[: seen.shape[0], : seen.shape[1]]
    parts = np.stack([p.ravel() for p in (without, cast, np.ones(seen.shape), y, x)], axis=1)
    gain, part = np.linalg.lstsq(parts, seen.ravel(), rcond=None)[0][:2]
    return float(part / gain) if gain > 0 else None


@dataclass(frozen=True)
class _Beam:
    """Rays from the radiograph's source through the CT; positions in mm from the image's middle,
    at the magnification of the body's middle."""

    radiograph: Radiograph
    volume: Volume

    def grid(self) -> tuple[F64, F64]:
        """Positions of rows and columns over the whole image."""
        shape = self.radiograph.density.shape
        halves = [
            int((n - 1) * mm / self.radiograph.magnification / STEP_MM / 2)
            for n, mm in zip(shape, self.radiograph.spacing, strict=True)
        ]
        down, across = (STEP_MM * np.arange(-half, half + 1.0) for half in halves)
        return down, across

    def seen(self, down: F64, across: F64) -> F64:
        """The radiograph at these positions."""
        shot = self.radiograph
        pixels = [mm / shot.magnification for mm in shot.spacing]
        smooth = ndimage.gaussian_filter(shot.density, [STEP_MM / 2 / mm for mm in pixels])
        at = [
            mm / pixel + (n - 1) / 2
            for mm, pixel, n in zip((down, across), pixels, smooth.shape, strict=True)
        ]
        grid = np.meshgrid(*at, indexing="ij")
        return _smooth(ndimage.map_coordinates(smooth, grid, order=1, mode="nearest"))

    def project(self, data: NDArray[np.float32], down: F64, across: F64) -> F64:
        """Sum of data (slices, rows, columns) along the rays, times mm."""
        planes, (step, tall, wide) = self._planes(data)
        total = np.zeros((len(down), len(across)))
        for index in np.flatnonzero(planes.any(axis=(1, 2))):
            scale = self._scale(int(index), step)
            at = [
                mm / scale / size + (n - 1) / 2
                for mm, size, n in zip((down, across), (tall, wide), planes.shape[1:], strict=True)
            ]
            grid = np.meshgrid(*at, indexing="ij")
            total += ndimage.map_coordinates(planes[index], grid, order=1, mode="constant")
        return _smooth(total * step)

    def _planes(self, data: NDArray[Any]) -> tuple[NDArray[Any], tuple[float, float, float]]:
        """(depth, rows, columns) turned as the radiograph is, and their spacing in mm."""
        across, down = self.radiograph.directions
        lateral = across in ("A", "P")
        planes = np.moveaxis(data, 2 if lateral else 1, 0)
        # Rows of the CT run to the back and columns to the left where the cosines are 1.
        own = self.volume.orientation[4 if lateral else 0]
        planes = planes[:, :: -1 if down == "F" else 1]
        planes = planes[:, :, :: 1 if (own > 0) == (across in ("P", "L")) else -1]
        row, column = self.volume.spacing
        step, wide = (column, row) if lateral else (row, column)
        return planes, (step, self.volume.slice_mm, wide)

    def _scale(self, index: int, step: float) -> float:
        """Magnification of a plane as a share of that of the body's middle."""
        source, side = self.radiograph.source_mm, DETECTOR.get(self.radiograph.view)
        if source is None or side is None:
            return 1.0
        lateral = self.radiograph.directions[0] in ("A", "P")
        own = self.volume.orientation[0 if lateral else 4]
        middle = source / self.radiograph.magnification
        nearer = (index - self._middle) * step * side * (1 if own > 0 else -1)
        return middle / (middle + nearer)

    @cached_property
    def _middle(self) -> float:
        """Index of the plane half way through the body."""
        planes, _ = self._planes(self.volume.hu > LUNG_HU)
        body = np.flatnonzero(planes.mean(axis=(1, 2)) > BODY_SHARE)
        return float(body[0] + body[-1]) / 2 if len(body) else (len(planes) - 1) / 2


def _smooth(image: F64) -> F64:
    return np.asarray(ndimage.gaussian_filter(image, 1.0))
