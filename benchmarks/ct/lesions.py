"""Lesions in numbers: how sharp the border, how spiculated, how lobulated, how even inside.

The border is traced on the widest slice, half way between the lesion's own HU and the lung's, in
and near the mask given, alike for readers' masks and drawn ones.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage

from ct.volumes import Scan
from eval.readers.geometry import outlines, slice_long_axis

F64 = NDArray[np.float64]
_STEP_MM, _REACH_MM = 0.25, 6.0
_ANGLES = 128
LOBES, SPICULES = (3, 6), (7, 20)
"""Harmonics of the radius: two is an ellipse, three to six are lobes, what is finer is spiculed."""
_INSIDE_HU, _LUNG_HU = -200.0, -600.0
_RING_MM = (3.0, 6.0)


@dataclass(frozen=True)
class Description:
    """One lesion.

    long_mm: axial long axis. edge_mm: median distance from three quarters to one quarter of the
    step from lesion to lung. gradient: median steepest fall, HU/mm. lobulation, spiculation:
    root-mean-square of the radius's harmonics over its mean. texture: SD in HU, 3 mm inside.
    halo: median HU 3 to 6 mm outside, above the lung's. strands: share of that ring that is denser
    than -600 HU.
    """

    long_mm: float
    edge_mm: float
    gradient: float
    lobulation: float
    spiculation: float
    texture: float
    halo: float
    strands: float


def describe(scan: Scan, mask: NDArray[np.bool_]) -> Description | None:
    """The lesion under a mask; None where none of its border faces lung."""
    z = int(np.argmax(mask.sum(axis=(1, 2))))
    plane, marked = scan.hu[z].astype(np.float64), mask[z]
    pixel = float(scan.spacing[1])
    edges = edge_profiles(plane, marked, pixel)
    if len(edges) == 0:
        return None
    widths, slopes = edge_widths(edges)
    core = ndimage.binary_erosion(marked, iterations=max(1, round(3.0 / pixel)))
    core = core if core.sum() > 12 else ndimage.binary_erosion(marked)
    outside = ndimage.distance_transform_edt(~marked, sampling=pixel)
    ring = (outside > _RING_MM[0]) & (outside < _RING_MM[1]) & scan.lung[z] & ~scan.lesion[z]
    far = (outside > 10) & (outside < 25) & scan.lung[z]
    radii = radius_by_angle(plane, marked)
    texture = float(_detrended(plane, core).std()) if core.sum() > 6 else float("nan")
    lung = float(np.median(plane[far])) if far.any() else -850.0
    return Description(
        long_mm=slice_long_axis(marked, (pixel, pixel)),
        edge_mm=float(np.median(widths)),
        gradient=float(np.median(slopes)),
        lobulation=harmonics(radii, LOBES),
        spiculation=harmonics(radii, SPICULES),
        texture=texture,
        halo=float(np.median(plane[ring])) - lung if ring.any() else float("nan"),
        strands=float((plane[ring] > _LUNG_HU).mean()) if ring.any() else float("nan"),
    )


def _detrended(plane: F64, where: NDArray[np.bool_]) -> F64:
    """Values inside a mask less their plane of best fit."""
    at = np.argwhere(where).astype(np.float64)
    basis = np.column_stack([np.ones(len(at)), at])
    values = plane[where]
    return np.asarray(values - basis @ np.linalg.lstsq(basis, values, rcond=None)[0])


def edge_profiles(plane: F64, marked: NDArray[np.bool_], pixel_mm: float) -> F64:
    """(n, points) HU along normals of the mask's border, from 6 mm inside to 6 mm outside.

    Only where the border parts dense tissue from aerated lung.
    """
    inside = ndimage.distance_transform_edt(marked, sampling=pixel_mm)
    signed = ndimage.gaussian_filter(
        ndimage.distance_transform_edt(~marked, sampling=pixel_mm) - inside, 1.0
    )
    border = marked & ~ndimage.binary_erosion(marked)
    normal = np.stack(np.gradient(signed))[:, border]
    normal /= np.maximum(np.hypot(*normal), 1e-9)
    steps = np.arange(-_REACH_MM, _REACH_MM + _STEP_MM / 2, _STEP_MM) / pixel_mm
    places = np.argwhere(border).T[:, :, None] + normal[:, :, None] * steps
    rays = ndimage.map_coordinates(plane, places, order=1, mode="nearest")
    third = len(steps) // 4
    depth = float(inside.max())
    # A small lesion has no 6 mm to go inwards: what counts is its middle.
    first = int(max(0.0, (_REACH_MM - depth) / _STEP_MM))
    dense = rays[:, first : first + third].max(axis=1) > _INSIDE_HU
    return np.asarray(rays[dense & (np.median(rays[:, -third:], axis=1) < _LUNG_HU)])


def edge_widths(rays: F64) -> tuple[F64, F64]:
    """Distance in mm from 75 to 25 % of each step, and its steepest fall in HU/mm."""
    half = rays.shape[1] // 2
    widths, slopes = [], []
    for ray in rays:
        high, low = float(ray[:half].max()), float(np.median(ray[-half // 2 :]))
        share = (ray - low) / (high - low)
        top = int(np.argmax(ray[:half]))
        falls = [_crossing(share, level, top) for level in (0.75, 0.25)]
        widths.append((falls[1] - falls[0]) * _STEP_MM)
        slopes.append(float(-np.diff(ray[top:]).min()) / _STEP_MM)
    return np.array(widths), np.array(slopes)


def _crossing(share: F64, level: float, start: int) -> float:
    below = start + int(np.argmax(share[start:] < level))
    before, after = share[below - 1], share[below]
    return below - 1 + float((before - level) / (before - after))


def radius_by_angle(plane: F64, marked: NDArray[np.bool_]) -> F64:
    """(128,) distance in pixels from the middle to the outline, the farthest at each angle."""
    near = ndimage.binary_dilation(marked, iterations=3)
    inside = float(np.median(plane[marked]))
    around = near & ~ndimage.binary_dilation(marked)
    lung = plane[around & (plane < _LUNG_HU)]
    outside = float(np.median(lung)) if lung.size else -850.0
    kept = np.where(near, np.minimum(plane, inside), outside)
    # Where no lung is beyond the border, the mask ends the lesion.
    kept[~ndimage.binary_dilation(marked, iterations=2) & (plane > -400)] = outside
    found = outlines(np.pad(kept, 1, constant_values=outside), (inside + outside) / 2)
    outline = max(found, key=len) - 1
    middle = np.array(ndimage.center_of_mass(marked))
    away = outline - middle
    angle = np.arctan2(away[:, 0], away[:, 1])
    radius = np.hypot(*away.T)
    bins = np.floor((angle + np.pi) / (2 * np.pi) * _ANGLES).astype(int) % _ANGLES
    farthest = np.full(_ANGLES, np.nan)
    for number in range(_ANGLES):
        if (bins == number).any():
            farthest[number] = radius[bins == number].max()
    known = np.flatnonzero(~np.isnan(farthest))
    return np.asarray(np.interp(np.arange(_ANGLES), known, farthest[known], period=_ANGLES))


def harmonics(radii: F64, which: tuple[int, int]) -> float:
    """Root-mean-square of some harmonics of the radius, over its mean."""
    amplitude = np.abs(np.fft.rfft(radii)) / len(radii)
    low, high = which
    return float(np.sqrt(2 * (amplitude[low : high + 1] ** 2).sum()) / amplitude[0])
