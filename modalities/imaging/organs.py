"""Lesions outside the lungs: nodes, liver, adrenal and bone; what they look like and what fits."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage
from scipy.special import ndtr

from modalities.imaging.atlas import BODY, LUNG_LABELS
from modalities.imaging.fit import Box, Grid, offsets_of
from modalities.imaging.lesions import Painted, averaged, depth_of, field
from modalities.imaging.looks import Look
from modalities.imaging.shapes import Sized

F32 = NDArray[np.float32]
Mask = NDArray[np.bool_]
LIVER, ADRENALS = 5, {"right": 8, "left": 9}
VERTEBRAE = tuple(range(31, 43))
"""L1 up to T2."""
RIBS = tuple(range(92, 116))
BONES = (*range(25, 51), *range(69, 79), 91, *RIBS, 116)
_KEPT_HU = 150.0
"""Denser than any node: a vessel with contrast, which an enlarged node encases."""
_AIRWAY_HU = -800.0
"""Less dense outside the lungs: the lumen of an airway, not a voxel that is half lung."""
_SUB = (3, 2)


@dataclass(frozen=True, slots=True)
class Kind:
    """How a lesion of one site looks.

    contrast, plain: mean HU with and without contrast. edge_mm: SD of the border. patch: SD of
    patches. limit: greatest share of the mask that may lie outside the site. All assumptions.
    """

    contrast: float
    plain: float
    edge_mm: float
    patch: float
    limit: float


KINDS = {
    "mediastinal_node": Kind(75.0, 45.0, 1.1, 8.0, 0.40),
    "liver": Kind(38.0, 32.0, 1.6, 7.0, 0.15),
    "adrenal": Kind(58.0, 35.0, 1.1, 8.0, 0.40),
    "lytic": Kind(60.0, 45.0, 0.9, 12.0, 0.60),
    "sclerotic": Kind(750.0, 750.0, 1.4, 90.0, 0.60),
}
_NECROTIC_FROM_MM = 25.0
_NECROTIC_HU = 28.0


def paint(
    kind: str,
    look: Look,
    sized: Sized,
    place: tuple[NDArray[np.float64], Grid, Box],
    canvas: tuple[F32, Mask, NDArray[np.uint8]],
    *,
    contrast: bool,
    step: int,
) -> Painted:
    """A lesion of one kind in its surroundings; ``canvas``: HU, mask and labels of the box."""
    centre, grid, box = place
    under, mask, labels = canvas
    points = offsets_of(box, centre, grid, _SUB)
    axes = (points[0, :, 0, 0], points[1, 0, :, 0], points[2, 0, 0, :])
    depth = depth_of(sized, points, axes)
    made = KINDS[kind]
    edge = min(made.edge_mm, 0.16 * sized.long_mm)
    ragged = np.float32(min(0.4, 0.03 * sized.long_mm)) * field(look, "border", 3.0, points, sized)
    share = averaged(ndtr((depth + ragged) / edge).astype(np.float32), _SUB)
    body = np.full(share.shape, made.contrast if contrast else made.plain, np.float32)
    body += np.float32(made.patch) * field(
        look, "tissue", 5.0, offsets_of(box, centre, grid), sized
    )
    if kind == "mediastinal_node" and look.cavity and sized.short_mm >= _NECROTIC_FROM_MM:
        core = averaged(ndtr((depth - 0.22 * sized.short_mm) / 2.0).astype(np.float32), _SUB)
        body = body * (1 - core) + np.float32(_NECROTIC_HU) * core
    grain = look.detail("grain", step).standard_normal(share.shape, dtype=np.float32)
    grain = ndimage.gaussian_filter(grain, (0, 0.5, 0.5))
    body += grain * np.float32(10.0 / max(float(grain.std()), 1e-6))
    if kind in ("lytic", "sclerotic"):
        share = share * ndimage.gaussian_filter(mask.astype(np.float32), (0, 0.6, 0.6))
    if kind == "sclerotic":
        body = np.maximum(body, under)
    if kind == "mediastinal_node":
        share = share * (1 - _spared(under, labels))
    blended = under * (1 - share) + body * share
    return Painted(blended.astype(np.float32), share.astype(np.float32))


def _spared(under: F32, labels: NDArray[np.uint8]) -> F32:
    """Share of vessels with contrast and of airways, which stay open within a nodal mass."""
    vessel = (under > _KEPT_HU) | ((under < _AIRWAY_HU) & ~np.isin(labels, LUNG_LABELS))
    return np.asarray(ndimage.gaussian_filter(vessel.astype(np.float32), (0, 0.6, 0.6)))


def outside(site: str, side: str | None, mask: Mask, labels: NDArray[np.uint8], hu: F32) -> float:
    """Share of a mask that lies where a lesion of this site cannot be."""
    if site == "liver":
        wrong = labels != LIVER
    elif site == "bone":
        wrong = ~np.isin(labels, BONES)
    else:
        wrong = forbidden(labels, hu)
        if site == "adrenal":
            wrong |= np.isin(labels, LUNG_LABELS)
    return float(wrong[mask].mean()) if mask.any() else 1.0


def forbidden(labels: NDArray[np.uint8], hu: F32) -> Mask:
    """Where neither a node nor an adrenal lesion may be: organs, bone, great vessels, airways."""
    free = np.isin(labels, (BODY, *LUNG_LABELS, *ADRENALS.values()))
    vessel = (labels == BODY) & (hu > _KEPT_HU)
    airway = (labels == BODY) & (hu < _AIRWAY_HU)
    return np.asarray(~free | vessel | airway)
