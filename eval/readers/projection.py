"""Projects a CT as a radiograph's own header says that it was taken, and compares the two.

The CT is cut into planes across the beam, each is magnified by its distance from the header's
source about the middle of the body, and their sum is the image (:class:`Beam`); without a source
all rays are parallel. Its values are water-equivalent mm. Radiograph and projection are brought to
a grid in mm at the middle of the body, and the middle of the radiograph is sought in the projection
by normalised cross-correlation (:func:`match`).
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage
from skimage.feature import match_template

from eval.readers.ct import LUNG_HU, Volume
from eval.readers.dx import Radiograph

F64 = NDArray[np.float64]
STEP_MM = 3.0
"""Between pixels, at the body's middle; what is finer is smoothed away."""
BODY_SHARE = 0.002
"""A plane with less body than this is air and noise."""
BORDER = 0.2
"""Share of the radiograph left out at each side, so that the rest fits into the projection."""
DETECTOR = {"PA": -1, "AP": 1, "LL": 1, "RL": -1}
"""By view, whether the detector is at the back or left (1), or in front or at the right."""


@dataclass(frozen=True, slots=True)
class Match:
    """Correlation with the projection of the CT as oriented, and with its mirror image."""

    correlation: float
    mirrored: float


def upright(radiograph: Radiograph) -> bool:
    """Whether its columns and rows run along the patient's axes, head or feet first."""
    across, down = radiograph.directions
    return across in ("L", "R", "A", "P") and down in ("F", "H")


def water(volume: Volume) -> NDArray[np.float32]:
    """Attenuation as a share of that of water, (slices, rows, columns)."""
    return np.clip(1 + volume.hu / 1000, 0, None)


def match(radiograph: Radiograph, volume: Volume) -> Match | None:
    """How well the radiograph is the projection of this CT; None for other than upright views."""
    if not upright(radiograph):
        return None
    beam = Beam(radiograph, volume)
    down, across = beam.grid()
    cast = beam.project(water(volume), down, across)
    seen = beam.seen(down, across)
    rows, columns = (round(BORDER * n) for n in seen.shape)
    middle = seen[rows : -rows or None, columns : -columns or None]
    correlation: Any = match_template
    return Match(
        float(correlation(cast, middle).max()), float(correlation(cast, middle[:, ::-1]).max())
    )


@dataclass(frozen=True)
class Beam:
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
