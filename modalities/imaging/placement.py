"""Where each lesion lies in its patient's reference anatomy, the same over all visits.

A place depends on the body, on the planned lobe, on the size at first appearance and on lesions
that appeared before: never on what happens later, so twins with other futures share it.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage

from alignment.noise import Noise
from alignment.plan import EncounterPlan, Finding
from modalities.imaging import shapes
from modalities.imaging.atlas import LOBE_LABELS

_SPARE_MM = 3.0
"""Lung that is left between a lesion and the border of its lobe, where there is room."""
_APART_MM = 8.0
SIDE_LOBES = {"right": ("RUL", "RML", "RLL"), "left": ("LUL", "LLL")}


@dataclass(frozen=True, eq=False)
class Place:
    """centre_mm: (3,) middle of the long axis in reference anatomy, mm (z, y, x)."""

    centre_mm: NDArray[np.float64]
    shape: shapes.Shape


@dataclass(frozen=True, eq=False)
class Lungs:
    """Label map of the reference anatomy: (z, y, x), voxel 0 at origin; mm."""

    labels: NDArray[np.uint8]
    origin: NDArray[np.float64]
    spacing: NDArray[np.float64]


def first_appearances(plans: Sequence[EncounterPlan]) -> tuple[Finding, ...]:
    """Lung lesions to be drawn, each as at its first visit, in order of appearance and id."""
    seen: dict[str, Finding] = {}
    for plan in sorted(plans, key=lambda p: p.day):
        for finding in sorted(plan.lesions("ct"), key=lambda f: f.finding_id):
            if finding.site == "lung":
                seen.setdefault(finding.finding_id, finding)
    return tuple(seen.values())


def place_all(plans: Sequence[EncounterPlan], lungs: Lungs) -> dict[str, Place | str]:
    """A place for every lesion that is ever drawn, or the reason why there is none."""
    placed: dict[str, Place | str] = {}
    taken: list[tuple[NDArray[np.float64], float]] = []
    seed, patient = plans[0].seed, plans[0].patient_index
    for finding in first_appearances(plans):
        found = _room(finding, lungs, taken)
        if found is None:
            where = finding.lobe or finding.side or "lung"
            placed[finding.finding_id] = f"no free place in {where}"
            continue
        room, corner = found
        radius = (finding.latent_long_mm or 0.0) / 2
        need = min(radius + _SPARE_MM, 0.92 * float(room.max()))
        candidates = np.argwhere(room >= need)
        noise = Noise(seed, f"imaging.place.{finding.finding_id}")
        pick = candidates[int(float(noise.uniform(patient, 1)[0]) * len(candidates))]
        centre = lungs.origin + (corner + pick) * lungs.spacing
        taken.append((centre, radius))
        shape = shapes.choose(seed, patient, finding.finding_id)
        placed[finding.finding_id] = Place(centre, shape)
    return placed


def _room(
    finding: Finding, lungs: Lungs, taken: list[tuple[NDArray[np.float64], float]]
) -> tuple[NDArray[np.float64], NDArray[np.int64]] | None:
    """Distance in mm to the border of the lobe, 0 outside and too near to other lesions.

    With the first voxel of the box that it fills; None where there is no room.
    """
    every = tuple(LOBE_LABELS)
    lobes = (finding.lobe,) if finding.lobe else SIDE_LOBES.get(finding.side or "", every)
    inside = np.isin(lungs.labels, [LOBE_LABELS[lobe] for lobe in lobes if lobe in LOBE_LABELS])
    if not inside.any():
        return None
    box = ndimage.find_objects(inside.astype(np.uint8))[0]
    padded = np.pad(inside[box], 1)
    distance = ndimage.distance_transform_edt(padded, sampling=lungs.spacing)
    room = np.asarray(distance[1:-1, 1:-1, 1:-1])
    corner = np.array([b.start for b in box])
    radius = (finding.latent_long_mm or 0.0) / 2
    first = lungs.origin + corner * lungs.spacing
    for centre, other in taken:
        axes = [
            (first[a] + lungs.spacing[a] * np.arange(n) - centre[a]) ** 2
            for a, n in enumerate(room.shape)
        ]
        apart = np.sqrt(axes[0][:, None, None] + axes[1][:, None] + axes[2])
        room[apart < radius + other + _APART_MM] = 0.0
    return (room, corner) if room.max() > _SPARE_MM else None
