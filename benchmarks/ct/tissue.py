"""HU of tissues and the noise in them, found by density and place in any CT.

Which voxel is what follows from HU smoothed over 3 mm; mean and SD are of the HU as they are, one
pixel inside the border of each region. No labels are used, so real and rendered are treated alike.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage
from skimage.morphology import convex_hull_image

from ct.volumes import Scan
from eval.readers import lungs

Bools = NDArray[np.bool_]
F32 = NDArray[np.float32]
TISSUES = ("lung", "fat", "muscle", "mediastinum and spine", "bone")
_RANGES = {
    "fat": (-130.0, -60.0),
    "muscle": (20.0, 90.0),
    "mediastinum and spine": (0.0, 500.0),
    "bone": (180.0, 1500.0),
}
_SMOOTH_MM = 3.0
_VESSEL_RADIUS_MM = 8.0
ROI = 20
"""Pixels a side of the regions of the noise spectrum: 30 mm."""
_EVEN_HU = 30.0


def regions(scan: Scan) -> dict[str, Bools]:
    """Voxels of each tissue on slices with at least 40 cm2 of lung."""
    air = lungs.aerated(scan.hu, scan.spacing)
    area = air.sum(axis=(1, 2)) * float(scan.spacing[1:].prod()) / 100
    slices = area > 40
    inside = np.zeros(scan.hu.shape, dtype=bool)
    for z in np.flatnonzero(slices):
        inside[z] = convex_hull_image(air[z])
    spread = (0, *(_SMOOTH_MM / scan.spacing[1:]))
    smooth = ndimage.gaussian_filter(scan.hu, spread)
    bony = ndimage.gaussian_filter(scan.hu, (0, 1, 1))
    chosen = {
        # What lies outside the lungs' convex hull is chest wall; inside are mediastinum and spine.
        name: _between(bony if name == "bone" else smooth, _RANGES[name])
        & (inside if name == "mediastinum and spine" else ~inside)
        for name in _RANGES
    }
    heart = chosen["mediastinum and spine"] & ~scan.lung
    chosen["mediastinum and spine"] = np.stack([_thick(p, scan.spacing) for p in heart])
    chosen["lung"] = _shrunk(air, 2)
    lesion = ndimage.binary_dilation(scan.lesion, iterations=3) if scan.lesions else scan.lesion
    return {name: _shrunk(chosen[name], 1) & slices[:, None, None] & ~lesion for name in TISSUES}


def _between(values: F32, limits: tuple[float, float]) -> Bools:
    return np.asarray((values > limits[0]) & (values < limits[1]))


def _shrunk(mask: Bools, pixels: int) -> Bools:
    return np.asarray(ndimage.binary_erosion(mask, np.ones((1, 3, 3)), iterations=pixels))


def _thick(plane: Bools, spacing: NDArray[np.float64]) -> Bools:
    core = ndimage.distance_transform_edt(plane, sampling=spacing[1:]) > _VESSEL_RADIUS_MM
    if not core.any():
        return np.asarray(core)
    back = ndimage.distance_transform_edt(~core, sampling=spacing[1:]) < _VESSEL_RADIUS_MM
    return np.asarray(back & plane)


def moments(scans: list[Scan]) -> dict[str, tuple[float, float, int]]:
    """Mean and SD in HU and number of voxels of each tissue, all scans together."""
    values: dict[str, list[F32]] = {name: [] for name in TISSUES}
    for scan in scans:
        for name, mask in regions(scan).items():
            values[name].append(scan.hu[mask])
    joined = {name: np.concatenate(v).astype(np.float64) for name, v in values.items()}
    return {n: (float(v.mean()), float(v.std()), len(v)) for n, v in joined.items() if len(v)}


def soft(scans: list[Scan], most: int = 200_000) -> F32:
    """HU of the body outside the lungs on slices with lung, -200 to 500, evenly thinned."""
    values = []
    for scan in scans:
        air = lungs.aerated(scan.hu, scan.spacing)
        slices = air.any(axis=(1, 2))
        seen = scan.hu[slices]
        values.append(seen[(seen > -200) & (seen < 500) & ~scan.lung[slices]])
    joined = np.concatenate(values)
    return joined[:: max(1, len(joined) // most)]


@dataclass(frozen=True, eq=False)
class Spectrum:
    """power: HU2 mm2 at ``frequency``, 1/mm, averaged over rings; n regions."""

    frequency: NDArray[np.float64]
    power: NDArray[np.float64]
    n: int

    @property
    def mean_frequency(self) -> float:
        """Frequency weighted by the power at it, 1/mm; the area of each ring counts."""
        weight = self.power * self.frequency
        return float((weight * self.frequency).sum() / weight.sum())

    @property
    def noise(self) -> float:
        """SD in HU: root of the power over the plane of frequencies."""
        step = float(self.frequency[1] - self.frequency[0])
        return float(np.sqrt((2 * np.pi * self.frequency * self.power).sum() * step))


def spectrum(images: NDArray[np.floating], pixel_mm: float) -> Spectrum:
    """Noise power of (n, side, side) regions, each less its own plane of best fit."""
    side = images.shape[1]
    rows, columns = np.mgrid[:side, :side] - (side - 1) / 2
    basis = np.stack([np.ones(side * side), rows.ravel(), columns.ravel()], axis=1)
    flat = images.reshape(len(images), -1).astype(np.float64)
    flat -= (basis @ np.linalg.lstsq(basis, flat.T, rcond=None)[0]).T
    power = np.abs(np.fft.fft2(flat.reshape(images.shape))) ** 2 * (pixel_mm / side) ** 2
    axis = np.fft.fftfreq(side, pixel_mm)
    radius = np.hypot(axis[:, None], axis[None])
    step = 1 / (side * pixel_mm)
    ring = np.rint(radius / step).astype(int)
    rings = np.arange(1, side // 2 + 1)
    mean = power.mean(axis=0)
    return Spectrum(rings * step, np.array([mean[ring == r].mean() for r in rings]), len(images))


def even_regions(scan: Scan, most: int = 60) -> F32:
    """(n, ROI, ROI) squares of even soft tissue: heart, liver, muscle; none overlap."""
    smooth = ndimage.gaussian_filter(scan.hu, (0, 2, 2))
    soft = _between(smooth, (0.0, 400.0))
    fits = ndimage.minimum_filter(soft.astype(np.uint8), size=(1, ROI, ROI)) > 0
    uneven = ndimage.maximum_filter(smooth, (1, ROI, ROI)) - ndimage.minimum_filter(
        smooth, (1, ROI, ROI)
    )
    cost = np.where(fits, uneven, np.inf)
    half, found = ROI // 2, []
    taken = ndimage.binary_dilation(scan.lesion, iterations=half) if scan.lesions else scan.lesion
    cost[taken] = np.inf
    for place in np.argsort(cost, axis=None):
        z, y, x = (int(v) for v in np.unravel_index(place, cost.shape))
        if cost[z, y, x] > _EVEN_HU or len(found) == most:
            break
        window = (z, slice(y - half, y + half), slice(x - half, x + half))
        if not np.isfinite(cost[window]).any() or scan.hu[window].shape != (ROI, ROI):
            continue
        if np.isnan(cost[z, y, x]):
            continue
        found.append(scan.hu[window])
        cost[z, max(y - ROI, 0) : y + ROI, max(x - ROI, 0) : x + ROI] = np.nan
    return np.array(found, np.float32).reshape(-1, ROI, ROI)
