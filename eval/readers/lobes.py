"""Reads a segmentation of the lung lobes against the CT that it segments."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage

from eval.readers.ct import Volume
from eval.readers.seg import Segment

# SNOMED CT codes of PS3.16, CID 7155 with laterality as modifier (CID 244).
RIGHT, LEFT = "24028007", "7771000"
LOBES = {
    ("45653009", RIGHT): "RUL",
    ("72481006", RIGHT): "RML",
    ("90572001", RIGHT): "RLL",
    ("45653009", LEFT): "LUL",
    ("90572001", LEFT): "LLL",
}
AERATED_HU = -500.0
"""Half way between lung and soft tissue, on the side of lung."""
SMALLEST_ML = 50.0
"""Air within the body in smaller pieces is bowel gas."""


@dataclass(frozen=True, slots=True)
class LobeReading:
    """One lobe: ``aerated``, the share of it that the CT shows as lung where no lesion is;
    ``left_mm`` of its centroid from the body's middle; ``height_mm`` along the slices."""

    name: str
    aerated: float
    left_mm: float
    height_mm: float


@dataclass(frozen=True, slots=True)
class LobesReading:
    """``shared``: voxels in two lobes; ``covered``: share of the CT's lungs that is in a lobe;
    ``lesions``: by tracking id, the lobe that holds most of the lesion's mask ("" for none)."""

    lobes: tuple[LobeReading, ...]
    unknown: tuple[str, ...]
    shared: int
    covered: float
    lesions: dict[str, str]


def read_lobes(
    volume: Volume, segments: Sequence[Segment], lesions: Sequence[Segment], middle: float
) -> LobesReading:
    """``segments``: of the lobes; ``middle``: x of the body's middle, mm.

    Raises ``ValueError`` where a frame lies on no slice of the CT.
    """
    named = [(LOBES.get(s.region), s, volume.mask(s)) for s in segments]
    tumours = {s.tracking_id: volume.mask(s) for s in lesions}
    tumour = np.zeros(volume.hu.shape, dtype=bool)
    for mask in tumours.values():
        tumour |= mask
    depth = np.zeros(volume.hu.shape, dtype=np.uint8)
    for _, _, mask in named:
        depth += mask
    lungs = _lungs(volume)
    heights = volume.heights[:, None, None]
    return LobesReading(
        lobes=tuple(
            LobeReading(
                name,
                _aerated(volume.hu[mask & ~tumour]),
                segment.centroid[0] - middle,
                float((heights * mask).sum() / mask.sum()),
            )
            for name, segment, mask in named
            if name is not None
        ),
        unknown=tuple(" ".join(s.region) for name, s, _ in named if name is None),
        shared=int((depth > 1).sum()),
        covered=float((depth[lungs] > 0).mean()) if lungs.any() else 0.0,
        lesions={key: _home(mask, named) for key, mask in tumours.items()},
    )


def _aerated(hu: NDArray[np.float32]) -> float:
    """Share of these voxels that is lung; a lobe that is all lesion says nothing, so 1."""
    return float((hu < AERATED_HU).mean()) if hu.size else 1.0


def _home(
    tumour: NDArray[np.bool_], named: Sequence[tuple[str | None, Segment, NDArray[np.bool_]]]
) -> str:
    """The lobe that holds the most of a lesion, "" where none holds any."""
    counts = {name: int((mask & tumour).sum()) for name, _, mask in named if name is not None}
    best = max(counts, key=lambda name: counts[name], default="")
    return best if counts.get(best) else ""


def _lungs(volume: Volume) -> NDArray[np.bool_]:
    """Air inside the body in large pieces: not the air around it, which reaches the border."""
    air = volume.hu < AERATED_HU
    labels, count = ndimage.label(air)
    if not count:
        return np.asarray(air)
    outside = np.unique(
        np.concatenate([labels[:, side].ravel() for side in (0, -1)]
                       + [labels[:, :, side].ravel() for side in (0, -1)])
    )  # fmt: skip
    sizes = np.bincount(labels.ravel())
    voxel_ml = volume.slice_mm * volume.spacing[0] * volume.spacing[1] / 1000
    kept = sizes * voxel_ml >= SMALLEST_ML
    kept[0] = False
    kept[outside] = False
    return np.asarray(kept[labels])
