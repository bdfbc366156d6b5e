"""The atlas patient's own lung nodule, which no label marks: found from readers' contours, removed.

Four readers outlined one nodule of about 30 mm in the left lower lobe (LIDC-IDRI-0001). It is
replaced by real lung of the same CT from a neighbouring place, feathered at the border.
"""

from __future__ import annotations

import itertools

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage
from skimage.draw import polygon2mask

from modalities.imaging import contours
from ontology.errors import ConsilienceError

ATLAS_SCAN = "LIDC-IDRI-0001"
_MARGIN_MM = 6.0
"""Spicules and the halo reach beyond what the readers drew."""
_FEATHER_MM = 2.5


def voxels(shape: tuple[int, ...], bottom_mm: float, spacing_mm: float) -> NDArray[np.bool_]:
    """(z, y, x): inside any reader's outline of the nodule; ``bottom_mm``: z of slice 0."""
    mask = np.zeros(shape, dtype=bool)
    for annotation in contours.annotations_of_scan(ATLAS_SCAN):
        for outline in contours.contours_of(annotation):
            index = round((outline.z_mm - bottom_mm) / spacing_mm)
            mask[index] |= polygon2mask(shape[1:], outline.points[:, ::-1])  # type: ignore[no-untyped-call]
    if not mask.any():
        raise ConsilienceError("the nodule of the atlas has no contours", where=ATLAS_SCAN)
    return mask


def remove(
    ct: NDArray[np.int16],
    labels: NDArray[np.uint8],
    lesion: NDArray[np.bool_],
    spacing: NDArray[np.float64],
    lung_labels: tuple[int, ...],
) -> tuple[NDArray[np.int16], NDArray[np.uint8]]:
    """CT and labels with the nodule replaced by lung; arrays are (z, y, x), HU and label."""
    places = np.argwhere(lesion)
    reach = np.ceil(30.0 / spacing).astype(int)
    low = np.maximum(places.min(axis=0) - reach, 0)
    high = np.minimum(places.max(axis=0) + reach + 1, ct.shape)
    box = tuple(slice(a, b) for a, b in zip(low, high, strict=True))
    distance = ndimage.distance_transform_edt(~lesion[box], sampling=spacing)

    # The chest wall stays: only what is lung, or nodule, may be replaced.
    lung = np.isin(labels[box], lung_labels) | (distance <= 0)
    lung |= (labels[box] == 0) & (distance < _MARGIN_MM) & (ct[box] < -200)
    hole = lung & (distance < _MARGIN_MM)
    inside = ndimage.distance_transform_edt(hole, sampling=spacing)
    weight = np.clip(inside / _FEATHER_MM, 0.0, 1.0)

    donor = _donor(ct, labels, hole, low, spacing, lung_labels)
    patched = ct.copy()
    patched[box] = np.rint(weight * donor + (1 - weight) * ct[box]).astype(np.int16)

    relabelled = labels.copy()
    known = np.isin(labels[box], lung_labels)
    _, nearest = ndimage.distance_transform_edt(~known, sampling=spacing, return_indices=True)
    relabelled[box] = np.where(hole & ~known, labels[box][tuple(nearest)], labels[box])
    return patched, relabelled


def _donor(
    ct: NDArray[np.int16],
    labels: NDArray[np.uint8],
    hole: NDArray[np.bool_],
    low: NDArray[np.int64],
    spacing: NDArray[np.float64],
    lung_labels: tuple[int, ...],
) -> NDArray[np.int16]:
    """HU for the box, taken from where the same lung is nearest in density to the hole's rim."""
    rim = ndimage.binary_dilation(hole, iterations=3) & ~hole
    rim_at, hole_at = np.argwhere(rim) + low, np.argwhere(hole) + low
    rim_at = rim_at[np.isin(labels[tuple(rim_at.T)], lung_labels)]
    wanted = float(np.median(ct[tuple(rim_at.T)]))
    best: tuple[float, tuple[int, ...]] | None = None
    for step in itertools.product((-36, -24, -12, 0, 12, 24), (-72, -48, -24), (-48, -24, 0, 24)):
        shift = np.array([round(step[0] / spacing[0]), *(np.rint(step[1:] / spacing[1:]))], int)
        source = hole_at[::7] + shift
        if (source < 0).any() or (source >= ct.shape).any():
            continue
        index = tuple(source.T)
        if not np.isin(labels[index], lung_labels).all():
            continue
        density = ct[index].astype(float)
        # Large vessels cut off at the rim would show; so would lung of another density.
        cost = abs(float(np.median(density)) - wanted) + 400 * float((density > -500).mean())
        if best is None or cost < best[0]:
            best = (cost, tuple(int(s) for s in shift))
    if best is None:
        raise ConsilienceError("no lung near the atlas's nodule can replace it", where=ATLAS_SCAN)
    box = tuple(
        np.clip(np.arange(a, a + n) + s, 0, limit - 1)
        for a, n, s, limit in zip(low, hole.shape, best[1], ct.shape, strict=True)
    )
    return np.asarray(ct[np.ix_(*box)])
