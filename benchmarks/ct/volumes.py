"""The real CTs on one grid, averaged in the same way: 1.5 mm pixels, 5 mm slices.

``atlas`` and ``lung1`` may be trained on; ``lung2`` is for tests only.
"""

from __future__ import annotations

import functools
from dataclasses import dataclass

import nrrd
import numpy as np
from numpy.typing import NDArray
from scipy import ndimage

from eval.readers import lungs
from modalities import assets
from modalities.imaging import atlas, nodule

PIXEL_MM, SLICE_MM = 1.5, 5.0
SPACING = np.array([SLICE_MM, PIXEL_MM, PIXEL_MM])
_BLUR_MM = 0.56
"""Prefilter in the plane, as of the atlas (``atlas._BLUR_PX``): near the pixel's own average."""
TRAINING = ("atlas", "lung1")
HELD_OUT = "lung2"
NAMES = (*TRAINING, HELD_OUT)


@dataclass(frozen=True, eq=False)
class Scan:
    """A CT: hu (slices up, rows to the back, columns to the left) float32; spacing mm (z, y, x).

    lesions: masks of the same shape. lung: what is aerated, with vessels filled in.
    """

    name: str
    hu: NDArray[np.float32]
    spacing: NDArray[np.float64]
    lesions: tuple[NDArray[np.bool_], ...]

    @functools.cached_property
    def lung(self) -> NDArray[np.bool_]:
        """What is aerated within the body, with vessels filled in."""
        return lungs.closed(lungs.aerated(self.hu, self.spacing), self.spacing)

    @functools.cached_property
    def lesion(self) -> NDArray[np.bool_]:
        """All lesions in one mask."""
        found = np.zeros(self.hu.shape, dtype=bool)
        for mask in self.lesions:
            found |= mask
        return found


@functools.lru_cache(maxsize=1)
def _raw_atlas() -> Scan:
    hu, spacing, bottom = atlas.oriented(assets.locate(assets.ATLAS_CT))
    lesion = nodule.voxels(hu.shape, bottom, float(spacing[0]))
    return Scan("atlas", hu, spacing, (lesion,))


def raw(name: str) -> Scan:
    """One real CT as stored. Raises ConsilienceError, with the remedy, if it is not at hand."""
    if name == "atlas":
        return _raw_atlas()
    hu, head = nrrd.read(str(assets.real_ct(f"{name}_image.nrrd")))
    mask, _ = nrrd.read(str(assets.real_ct(f"{name}_label.nrrd")))
    # Stored (to the left, to the back, up), so only the order of the axes changes.
    spacing = np.abs(np.diag(head["space directions"]))[::-1].astype(np.float64)
    return Scan(name, hu.transpose(2, 1, 0).astype(np.float32), spacing,
                (mask.transpose(2, 1, 0) > 0,))  # fmt: skip


@functools.lru_cache(maxsize=3)
def load(name: str) -> Scan:
    """One real CT on the common grid, cut to its own field of view."""
    scan = raw(name)
    hu = _resampled(scan.hu, scan.spacing)
    lesions = tuple(
        _resampled(mask.astype(np.float32), scan.spacing) > 0.5 for mask in scan.lesions
    )
    return Scan(name, hu, SPACING, lesions)


def _resampled(values: NDArray[np.float32], spacing: NDArray[np.float64]) -> NDArray[np.float32]:
    """Whole slices averaged to 5 mm, a Gaussian prefilter in the plane, linear sampling."""
    thick = round(SLICE_MM / float(spacing[0]))
    assert abs(thick * spacing[0] - SLICE_MM) < 0.01, f"slices of {spacing[0]} mm"
    count = len(values) // thick
    merged = values[: count * thick].reshape(count, thick, *values.shape[1:]).mean(axis=1)
    sizes = [
        int((n - 1) * s / PIXEL_MM) for n, s in zip(values.shape[1:], spacing[1:], strict=True)
    ]
    axes = [(np.arange(n) + 0.5) * PIXEL_MM / s for n, s in zip(sizes, spacing[1:], strict=True)]
    at = np.stack(np.meshgrid(*axes, indexing="ij"))
    out = np.empty((count, *sizes), np.float32)
    for index, plane in enumerate(merged):
        smooth = ndimage.gaussian_filter(plane.astype(np.float32), _BLUR_MM / spacing[1:])
        out[index] = ndimage.map_coordinates(smooth, at, order=1, mode="nearest")
    return out
