"""Reads chest radiographs, and on which side of them the heart is."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage

from eval.readers.dicom import FAULTS, open_dicom, unreadable

F64 = NDArray[np.float64]
GRID_MM = 4.0
HEART_ROWS = (0.30, 0.65)
"""Rows in which the heart's shadow is looked for, as a share of the image's height."""
HEART_REACH_MM = 110.0
"""How far from the body's middle lung must begin, or the row is not counted."""
HEART_LEVEL = 0.4
"""Where the shadow ends: this share of the way from lung to the densest of the middle."""
BODY_LEVEL = 0.15
"""Share of the middle's density from which a column belongs to the body."""
LEAST_ROWS = 6


@dataclass(frozen=True)
class Radiograph:
    """One radiograph.

    ``density``: (rows, columns), higher where less radiation came through; ``directions``: of
    columns and rows, as ``("L", "F")``; ``spacing``: (row, column) mm at the detector;
    ``magnification``: of the body's middle; ``source_mm``: from source to detector, None where the
    header does not say.
    """

    view: str
    directions: tuple[str, str]
    density: F64
    spacing: tuple[float, float]
    magnification: float
    source_mm: float | None = None


def read_dx(path: Path) -> Radiograph:
    """One DX or CR image; raises ``ConsilienceError`` where unreadable."""
    ds = open_dicom(path)
    try:
        bright = 1.0 if str(ds.PhotometricInterpretation) == "MONOCHROME2" else -1.0
        across, down = (str(d) for d in ds.PatientOrientation)
        spacing = ds.get("ImagerPixelSpacing") or ds.PixelSpacing
        return Radiograph(
            view=str(ds.get("ViewPosition", "")),
            directions=(across, down),
            density=bright * np.asarray(ds.pixel_array, dtype=np.float64),
            spacing=(float(spacing[0]), float(spacing[1])),
            magnification=float(ds.get("EstimatedRadiographicMagnificationFactor") or 1.0),
            source_mm=float(ds.get("DistanceSourceToDetector") or 0) or None,
        )
    except FAULTS as error:
        raise unreadable(path, error) from error


def heart_left_mm(radiograph: Radiograph) -> float | None:
    """How much further the middle shadow reaches to the patient's left than to the right, mm.

    Row by row, from the body's middle outwards to where lung begins; the median over rows, so that
    a tumour or the dome of the liver in a few of them does not matter. None for other than frontal
    views, and where too few rows have lung at both sides.
    """
    across, _ = radiograph.directions
    if across not in ("L", "R"):
        return None
    pixel = radiograph.spacing[1] / radiograph.magnification
    smooth = ndimage.gaussian_filter(radiograph.density, 3.0 / pixel)
    rows, columns = smooth.shape
    step = max(1, round(GRID_MM / pixel))
    band = smooth[round(HEART_ROWS[0] * rows) : round(HEART_ROWS[1] * rows) : step]
    band = band if across == "L" else band[:, ::-1]
    inner = band[:, columns // 3 : columns - columns // 3]
    body = [np.flatnonzero(row > BODY_LEVEL * np.median(inner)) for row in band]
    centres = [(found[0] + found[-1]) / 2 for found in body if len(found)]
    if not centres:
        return None
    middle, reach = round(float(np.median(centres))), round(HEART_REACH_MM / pixel)
    right = band[:, max(0, middle - reach) : middle][:, ::-1]
    left = band[:, middle + 1 : middle + reach + 1]
    lung = max(float(np.quantile(side, 0.05)) for side in (right, left))
    level = lung + HEART_LEVEL * (float(np.median(inner.max(axis=1))) - lung)
    ends = [(side < level).argmax(axis=1) for side in (right, left)]
    both = (right < level).any(axis=1) & (left < level).any(axis=1)
    if int(both.sum()) < LEAST_ROWS:
        return None
    return float(np.median((ends[1] - ends[0])[both])) * pixel
