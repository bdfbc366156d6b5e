"""Whether two chest CTs are of one skeleton: the chest wall's bones, laid over each other."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import scipy.fft
from numpy.typing import NDArray
from scipy import ndimage
from skimage.morphology import convex_hull_image

from eval.readers import lungs

F32 = NDArray[np.float32]
BONE_HU = 180.0
_STEP_MM = 4.0
_SOFT_MM = 3.0
_SHIFT_CELLS = 5
STRETCHES = (0.955, 0.97, 0.985, 1.0, 1.015, 1.03, 1.045)
SAME = 0.87
"""Overlap above which two scans are of one patient; chosen on other patients than reported."""


@dataclass(frozen=True, eq=False)
class Skeleton:
    """Share of bone in cells of 4 mm, slightly blurred, from the lowest slice with lung up."""

    share: F32


def skeleton(hu: F32, spacing: NDArray[np.float64]) -> Skeleton:
    """The bones of a CT outside the convex hull of the lungs, where no contrast-filled vessel is.

    hu: (slices, rows, columns); spacing: mm a voxel. Raises ``ValueError`` where no lung is found.
    """
    air = lungs.aerated(hu, spacing)
    slices = np.flatnonzero(air.any(axis=(1, 2)))
    if len(slices) == 0:
        raise ValueError("no lung in the CT")
    bone = np.asarray(hu > BONE_HU)
    for z in slices:
        bone[z] &= ~convex_hull_image(air[z])  # type: ignore[no-untyped-call]
    inside = bone[slices[0] : slices[-1] + 1].astype(np.float32)
    smooth = ndimage.gaussian_filter(inside, (0, *(_SOFT_MM / spacing[1:])))
    return Skeleton(ndimage.zoom(smooth, spacing / _STEP_MM, order=1).astype(np.float32))


def overlap(a: Skeleton, b: Skeleton) -> float:
    """Correlation of two skeletons, -1 to 1, at their best shift and stretch along z.

    Shifts go up to 20 mm; the stretch, for a deeper or shallower breath, up to 5 %.
    """
    best = -1.0
    for stretch in STRETCHES:
        moved = ndimage.zoom(b.share, (stretch, 1, 1), order=1)
        shape = np.maximum(a.share.shape, moved.shape)
        best = max(best, _best_shift(_centred(a.share, shape), _centred(moved, shape)))
    return best


def _best_shift(one: F32, two: F32) -> float:
    shape = tuple(scipy.fft.next_fast_len(n) for n in one.shape)
    product = scipy.fft.irfftn(
        scipy.fft.rfftn(one, shape) * np.conj(scipy.fft.rfftn(two, shape)), shape
    )
    reach = np.arange(-_SHIFT_CELLS, _SHIFT_CELLS + 1)
    near = product[np.ix_(reach, reach, reach)]
    return float(near.max() / np.sqrt((one**2).sum() * (two**2).sum()))


def _centred(share: F32, shape: NDArray[np.int64]) -> F32:
    """Padded about its middle to a common shape, less its mean."""
    extra = [
        (int(n - s) // 2, int(n - s) - int(n - s) // 2)
        for n, s in zip(shape, share.shape, strict=True)
    ]
    padded = np.pad(share, extra)
    return np.asarray(padded - padded.mean(), np.float32)
