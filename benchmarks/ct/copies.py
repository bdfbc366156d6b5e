"""Memorisation: how like is a patch to the likest patch of the training CTs.

Likeness is the normalised correlation of two patches that lie wholly in lung, less what is smoother
than 6 mm, so that vessels count and outlines do not. The search goes over every place of the
training CTs, and over three sizes, since the renderer deforms what it copies.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import scipy.fft
from numpy.typing import NDArray
from scipy import ndimage

from ct.patches import Patches
from ct.volumes import Scan

F32 = NDArray[np.float32]
SIDE = 24
"""Pixels of 1.5 mm: 36 mm."""
_SMOOTH_PX = 4.0
_LUNG_HU = -850.0
SCALES = (0.87, 1.0, 1.15)
CENTILE = 95.0
"""A patch is a copy if it is likelier than this share of held-out real patches is."""
INSIDE, INSIDE_TRAINING = 0.999, 0.9
"""Lung within a patch, and within the places that it is compared with."""
BORDER = 12


@dataclass(frozen=True, eq=False)
class Nearest:
    """Correlation of each patch with its likest training patch."""

    correlation: NDArray[np.float64]

    def copied(self, held_out: Nearest) -> float:
        """Share of patches above the centile of real patches that are not in the training CTs."""
        return float((self.correlation > np.percentile(held_out.correlation, CENTILE)).mean())


def inside(scans: Sequence[Scan], count: int, seed: int) -> Patches:
    """Patches with BORDER pixels to spare whose inner SIDE pixels are lung, without lesion."""
    rng = np.random.default_rng(seed)
    found, blocks = [], []
    for number, scan in enumerate(scans):
        share = ndimage.uniform_filter(
            (scan.lung & ~scan.lesion).astype(np.float32), (0, SIDE, SIDE)
        )
        places = np.argwhere(share >= INSIDE)
        half = SIDE // 2 + BORDER
        room = np.array(scan.hu.shape[1:]) - half
        fits = (places[:, 1:] >= half).all(axis=1) & (places[:, 1:] <= room).all(axis=1)
        chosen = rng.permutation(places[fits])[: -(-count // len(scans))]
        for z, y, x in chosen:
            found.append(_filled(scan, z)[y - half : y + half, x - half : x + half])
            blocks.append(1000 * number + z)
    return Patches(np.stack(found), np.array(blocks))


def _filled(scan: Scan, z: int) -> F32:
    """A slice with lung HU in place of all that is not lung, so that no border shows."""
    return np.asarray(np.where(scan.lung[z], scan.hu[z], _LUNG_HU), np.float32)


def texture(hu: F32) -> F32:
    """HU of lung and vessels less what is smooth, along the last two axes."""
    clipped = np.clip(hu, -1000, 100)
    spread = (0,) * (hu.ndim - 2) + (_SMOOTH_PX, _SMOOTH_PX)
    return np.asarray(clipped - ndimage.gaussian_filter(clipped, spread), np.float32)


def nearest(patches: Patches, training: Sequence[Scan]) -> Nearest:
    """The likest place in the training scans for every patch of :func:`inside`."""
    kernels = np.concatenate([_kernels(patches.hu, scale) for scale in SCALES])
    best = np.full(len(kernels), -1.0)
    for scan in training:
        for z in np.flatnonzero(scan.lung.any(axis=(1, 2))):
            best = np.maximum(best, _best_on(texture(_filled(scan, z)), scan.lung[z], kernels))
    return Nearest(best.reshape(len(SCALES), -1).max(axis=0))


def _kernels(hu: F32, scale: float) -> F32:
    """(n, SIDE, SIDE) texture of the middles at another size, zero mean and unit norm."""
    zoomed = hu if scale == 1 else ndimage.zoom(hu, (1, scale, scale), order=1)
    margin = (zoomed.shape[1] - SIDE) // 2
    inner = texture(zoomed)[:, margin : margin + SIDE, margin : margin + SIDE]
    inner = inner - inner.mean(axis=(1, 2), keepdims=True)
    return np.asarray(inner / (np.sqrt((inner**2).sum(axis=(1, 2), keepdims=True)) + 1e-6))


def _best_on(plane: F32, lung: NDArray[np.bool_], kernels: F32) -> NDArray[np.float64]:
    """Highest normalised correlation of each zero-mean, unit-norm kernel on one slice."""
    count = SIDE * SIDE
    box = ndimage.find_objects(lung.astype(np.uint8))[0]
    half = SIDE // 2
    window = (
        slice(max(box[0].start - half, 0), box[0].stop + half),
        slice(max(box[1].start - half, 0), box[1].stop + half),
    )
    cut = plane[window]
    mean = ndimage.uniform_filter(cut.astype(np.float64), SIDE, mode="constant")
    square = ndimage.uniform_filter(cut.astype(np.float64) ** 2, SIDE, mode="constant")
    norm = np.sqrt(np.maximum(square - mean**2, 1.0) * count)[half:-half, half:-half]
    share = ndimage.uniform_filter(lung.astype(np.float32), SIDE, mode="constant")
    norm[share[window][half:-half, half:-half] < INSIDE_TRAINING] = np.inf
    shape = tuple(scipy.fft.next_fast_len(n) for n in cut.shape)
    image = scipy.fft.rfft2(cut, shape)
    best = np.empty(len(kernels))
    for start in range(0, len(kernels), 64):
        found = scipy.fft.irfft2(
            image * np.conj(scipy.fft.rfft2(kernels[start : start + 64], shape)), shape
        )
        rows, columns = norm.shape
        best[start : start + 64] = (found[:, :rows, :columns] / norm).max(axis=(1, 2))
    return best
