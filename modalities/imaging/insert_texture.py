"""The network's texture for an inserted lesion, at the size of pixel that the network learnt.

A CT of finer or coarser voxels is resampled around the lesion; only what the network changes
comes back, so the fine grain of what was drawn stays.
"""

from __future__ import annotations

from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage
from skimage.transform import resize, resize_local_mean

from modalities.imaging.diffusion import sampler, tissue
from modalities.imaging.diffusion.sampler import Key
from modalities.imaging.diffusion.tissue import Regions

F32 = NDArray[np.float32]
_PIXEL_MM = (0.9, 1.9)
_SLICE_MM = (2.5, 5.0)
"""Voxels that the network was trained on (``diffusion/scans.py``, ``MODEL_CARD.md``)."""
_WORK_MM = 1.5
_SOLID = 0.98
_CAVITY_HU = -930.0
_MEAN_MM = 3.0
"""Over about so far the lesion keeps the density that was drawn (assumption)."""


def learnt_shape(shape: tuple[int, ...], spacing: NDArray[np.float64]) -> tuple[int, int, int]:
    """Size of the same block in voxels that the network has learnt; slices are never added."""
    slices, rows, columns = shape
    slice_mm, pixel = float(spacing[0]), float(spacing[1])
    if slice_mm < _SLICE_MM[0]:
        slices = max(1, int(slices * slice_mm / _SLICE_MM[0]))
    if not _PIXEL_MM[0] <= pixel <= _PIXEL_MM[1]:
        rows, columns = (max(1, round(n * pixel / _WORK_MM)) for n in (rows, columns))
    return slices, rows, columns


def notes(shape: tuple[int, ...], spacing: NDArray[np.float64]) -> list[str]:
    """What a reader must know of the network's part: work at another size, thicker slices."""
    made = []
    worked = learnt_shape(shape, spacing)
    if worked != tuple(shape):
        size = spacing * np.array(shape) / np.array(worked)
        made.append("network at voxels of " + " x ".join(f"{mm:.1f}" for mm in size) + " mm")
    if spacing[0] > _SLICE_MM[1]:
        made.append(f"network on slices of {spacing[0]:g} mm, thicker than it was trained on")
    return made


def textured(
    hu: F32,
    regions: Regions,
    inside: NDArray[np.bool_],
    spacing: NDArray[np.float64],
    key: Key,
    weights: Path,
) -> F32:
    """HU (slices, rows, columns) with the network's texture inside; elsewhere unchanged.

    spacing: (z, y, x) mm. Borders, spicules and the lesion's density over some mm stay as drawn;
    ground glass changes by its share of tissue, or the network would make it grainy. The air of a
    cavity, drawn without noise, changes in full.
    """
    shape = learnt_shape(hu.shape, spacing)
    size = spacing * np.array(hu.shape) / np.array(shape)
    coarse, share = _averaged(hu, shape), _averaged(regions.lesion, shape)
    seen = Regions(
        _averaged(regions.body, shape) > 0.5, _averaged(regions.lung, shape) > 0.5, share
    )
    near = _averaged(inside, shape) > 0
    change = sampler.denoise(coarse, seen, float(size[1]), key, inside=near, weights=weights)
    change -= coarse
    hollow = (inside & (hu < _CAVITY_HU)).astype(np.float32)
    made_of = np.maximum(share, _averaged(hollow, shape))
    calm = made_of * tissue.calm(share)
    change = calm * (change - _around(change, calm, size))
    if shape != hu.shape:
        change = resize(  # type: ignore[no-untyped-call]
            change, hu.shape, order=1, mode="edge", anti_aliasing=False
        )
    solid = inside & (regions.lesion > _SOLID)
    if solid.any():
        change -= change[solid].mean() * regions.lesion
    return np.where(inside, hu + change, hu).astype(np.float32)


def _averaged(data: NDArray[np.generic], shape: tuple[int, int, int]) -> F32:
    values = data.astype(np.float32)
    if shape == data.shape:
        return values
    resized = resize_local_mean(values, shape)  # type: ignore[no-untyped-call]
    return np.asarray(resized, dtype=np.float32)


def _around(change: F32, weights: F32, spacing: NDArray[np.float64]) -> F32:
    """Weighted mean of the change around each voxel."""
    sigma = _MEAN_MM / spacing
    weight = ndimage.gaussian_filter(weights, sigma)
    around = ndimage.gaussian_filter(weights * change, sigma)
    return np.where(weight > 1e-3, around / np.maximum(weight, 1e-3), 0).astype(np.float32)
