"""Pleural effusion of a supine patient: fluid by volume in the dependent pleural space.

The lung gives way to fluid from the back and the base upwards; along the chest wall the surface
rises, so an axial section shows a crescent. The lung next to it is collapsed (passive atelectasis).
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage
from scipy.special import ndtr

from alignment.noise import Noise
from modalities.imaging.atlas import LOBE_LABELS
from modalities.imaging.fit import Box, Grid
from modalities.imaging.placement import SIDE_LOBES
from ontology.evidence import Parameter

F32 = NDArray[np.float32]
MEDIAN_ML = Parameter(
    450.0, "mL", "malignant effusions at staging CT",
    "no distribution found; from small (below 300 mL) to large (above 1 L)", "assumption",
)  # fmt: skip
_SPREAD = 0.6
_RANGE_ML = (100.0, 1500.0)
_VISIT_SPREAD = 0.08
LARGEST_SHARE = 0.55
"""Of the side's lung; a larger one is drawn at this share, and the record has both volumes."""
_WHOLE_SHARE = 0.99
"""From here on an effusion is drawn whole: voxels, and a lesion's pixels in it, take the rest."""
_WALL_RISE_MM, _WALL_MM = 32.0, 9.0
_BASE_SLOPE = 0.16
_SURFACE_MM = 1.6
_SEAM_PX, _SEAM_HU = 2, -75.0
"""How far beyond the label's border, and below what HU, a voxel is still lung's edge."""
_FLUID_HU, _COLLAPSED_HU = 9.0, {True: 78.0, False: 42.0}
"""Simple fluid; collapsed lung, which takes up contrast (assumptions)."""
_COLLAPSE_MM = (5.0, 22.0)


@dataclass(frozen=True, eq=False)
class Poured:
    """Box of the side; hu, share (fluid), mask within it; ml: volume of the mask; asked_ml: that
    of the effusion, of which the side may have no room for all."""

    box: Box
    hu: F32
    share: F32
    mask: NDArray[np.bool_]
    ml: float
    asked_ml: float


def describe(ml: float, asked_ml: float) -> str:
    """An effusion in words: what is drawn of it."""
    whole = ml >= _WHOLE_SHARE * asked_ml
    return f"free fluid, {ml:.0f} mL" if whole else f"free fluid, {ml:.0f} of {asked_ml:.0f} mL"


def volume_ml(seed: int, patient: int, finding_id: str, day: int) -> float:
    """Volume of one effusion: keyed for life, a few per cent from visit to visit."""
    noise = Noise(seed, f"imaging.effusion.{finding_id}")
    own = math.exp(_SPREAD * float(noise.generator(patient).standard_normal()))
    visit = math.exp(_VISIT_SPREAD * float(noise.generator(patient, day, 1).standard_normal()))
    low, high = _RANGE_ML
    return float(np.clip(MEDIAN_ML.value * own * visit, low, high))


def pour(
    ml: float,
    side: str,
    hu: F32,
    labels: NDArray[np.uint8],
    grid: Grid,
    noise: Noise,
    patient: int,
    *,
    contrast: bool,
) -> Poured | None:
    """The fluid in its surroundings; None where the scan shows no lung on that side.

    hu, labels: (slices, rows, columns) of the whole scan.
    """
    lung = np.isin(labels, [LOBE_LABELS[lobe] for lobe in SIDE_LOBES[side]])
    if not lung.any():
        return None
    pad = np.array([1, 6, 6])
    found = ndimage.find_objects(lung.astype(np.uint8))[0]
    z, y, x = (
        slice(max(b.start - int(p), 0), min(b.stop + int(p), n))
        for b, p, n in zip(found, pad, lung.shape, strict=True)
    )
    box = (z, y, x)
    inside, under = lung[box], hu[box]
    wall = ndimage.distance_transform_edt(inside, sampling=grid.spacing)
    level = grid.axis(1)[y][None, :, None] - _BASE_SLOPE * grid.axis(0)[z][:, None, None]
    level = level + _WALL_RISE_MM * np.exp(-wall / _WALL_MM)
    waves = noise.generator(patient, 0, 2).standard_normal((8, 8, 8))
    zoomed = ndimage.zoom(waves, np.array(inside.shape) / 8, order=1)
    level = ndimage.gaussian_filter(level + 1.5 * zoomed, (0.6, 1.5, 1.5))
    voxel_ml = float(grid.spacing.prod()) / 1000
    count = min(round(ml / voxel_ml), int(LARGEST_SHARE * inside.sum()))
    values = level[inside]
    surface = float(np.partition(values, len(values) - count)[len(values) - count])
    mask = inside & (level >= surface)
    # The seam: what is half lung at the chest wall is fluid too.
    rim = ndimage.binary_dilation(inside, np.ones((1, 3, 3)), iterations=_SEAM_PX) & ~inside
    seam = rim & (under < _SEAM_HU) & (level >= surface - 15)
    share = ndtr((level - surface) / _SURFACE_MM) * np.where(inside | seam, 1.0, 0.0)
    band = float(np.clip(0.02 * ml, *_COLLAPSE_MM)) * (1 + 0.35 * zoomed)
    collapsed = np.where(inside | seam, ndtr((level - surface + band) / (0.35 * band.clip(2))), 0.0)
    vessels = np.maximum(under, _COLLAPSED_HU[contrast])
    drawn = under * (1 - collapsed) + vessels * collapsed
    drawn = drawn * (1 - share) + _FLUID_HU * share
    return Poured(box, drawn.astype(np.float32), share.astype(np.float32), mask,
                  float(mask.sum()) * voxel_ml, ml)  # fmt: skip
