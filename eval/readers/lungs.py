"""Finds the lungs in a chest CT by density and place, for any scanner and field of view."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage

Bools = NDArray[np.bool_]
AERATED_HU = -500.0
"""Between aerated lung (about -850 HU) and soft tissue (about +40 HU), nearer to lung."""
_SMALLEST_CM2 = 1.5
_SMALLEST_ML = 250.0
_VESSEL_MM = 4.5


def aerated(hu: NDArray[np.floating], spacing: NDArray[np.float64]) -> Bools:
    """(slices, rows, columns): air within the body, in bodies of air of a quarter litre and more.

    ``spacing``: (slice, row, column) mm. On each slice what touches the image's border is outside
    air; the windpipe goes with its slices unless it joins a lung.
    """
    air = np.asarray(hu < AERATED_HU)
    pixels = 100 * _SMALLEST_CM2 / float(spacing[1] * spacing[2])
    kept = np.zeros_like(air)
    for index, plane in enumerate(air):
        parts, count = ndimage.label(plane)
        if not count:
            continue
        sizes = np.bincount(parts.ravel())
        border = np.concatenate([parts[0], parts[-1], parts[:, 0], parts[:, -1]])
        sizes[np.unique(border)] = 0
        sizes[0] = 0
        kept[index] = (sizes >= pixels)[parts]
    parts, count = ndimage.label(kept)
    millilitres = np.bincount(parts.ravel()) * float(spacing.prod()) / 1000
    millilitres[0] = 0
    return np.asarray((millilitres >= _SMALLEST_ML)[parts])


def closed(lung: Bools, spacing: NDArray[np.float64], radius_mm: float = _VESSEL_MM) -> Bools:
    """The lungs with their vessels, and dents up to twice ``radius_mm`` wide, filled in-plane."""
    pad = int(np.ceil(radius_mm / float(spacing[1]))) + 1
    filled = np.zeros_like(lung)
    for index, plane in enumerate(lung):
        if not plane.any():
            continue
        near = _within(np.pad(plane, pad), radius_mm, spacing)
        core = ndimage.distance_transform_edt(near, sampling=spacing[1:]) > radius_mm
        filled[index] = ndimage.binary_fill_holes(core[pad:-pad, pad:-pad] | plane)
    return filled


def _within(plane: Bools, reach: float, spacing: NDArray[np.float64]) -> Bools:
    return np.asarray(ndimage.distance_transform_edt(~plane, sampling=spacing[1:]) <= reach)
