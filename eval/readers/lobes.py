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
PLEURA = "3120008"
LOBES = {
    ("45653009", RIGHT): "RUL",
    ("72481006", RIGHT): "RML",
    ("90572001", RIGHT): "RLL",
    ("45653009", LEFT): "LUL",
    ("90572001", LEFT): "LLL",
}
AERATED_HU = -500.0
"""Half way between lung and soft tissue, on the side of lung."""
COLLAPSE_MM = 30.0
"""Lung this near to an effusion gives way to it: collapsed, it is as dense as soft tissue."""
LEAST_SHARE = 0.1
"""Of a lobe must be free of lesions and effusion, or it says nothing about the mask."""
SMALLEST_ML = 50.0
"""Air within the body in smaller pieces is bowel gas."""


@dataclass(frozen=True, slots=True)
class LobeReading:
    """One lobe: ``aerated``, the share of it that the CT shows as lung where no lesion is and no
    effusion near, None where next to nothing of it is so; ``left_mm`` of its centroid from the
    body's middle; ``height_mm`` along the slices."""

    name: str
    aerated: float | None
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
    airless = np.zeros(volume.hu.shape, dtype=bool)
    for segment in lesions:
        mask = tumours[segment.tracking_id]
        airless |= _near(mask, volume) if segment.region[0] == PLEURA else mask
    depth = np.zeros(volume.hu.shape, dtype=np.uint8)
    for _, _, mask in named:
        depth += mask
    lungs = _lungs(volume)
    heights = volume.heights[:, None, None]
    return LobesReading(
        lobes=tuple(
            LobeReading(
                name,
                _aerated(volume.hu, mask, airless),
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


def _aerated(
    hu: NDArray[np.float32], mask: NDArray[np.bool_], airless: NDArray[np.bool_]
) -> float | None:
    """Share of a lobe that is lung, where it can be."""
    seen = hu[mask & ~airless]
    if seen.size < LEAST_SHARE * mask.sum() or not seen.size:
        return None
    return float((seen < AERATED_HU).mean())


def _near(fluid: NDArray[np.bool_], volume: Volume) -> NDArray[np.bool_]:
    """An effusion and what is within ``COLLAPSE_MM`` of it."""
    spacing = (volume.slice_mm, *volume.spacing)
    box = tuple(
        slice(max(0, found.start - reach), found.stop + reach)
        for found, reach in zip(
            ndimage.find_objects(fluid.astype(np.uint8))[0],
            (int(np.ceil(COLLAPSE_MM / mm)) for mm in spacing),
            strict=True,
        )
    )
    near = np.zeros_like(fluid)
    away = ndimage.distance_transform_edt(~fluid[box], sampling=spacing)
    near[box] = away <= COLLAPSE_MM
    return near


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
