"""Where each lesion lies in its patient's reference anatomy, the same over all visits.

A place depends on the body, on the planned site, on the size at first appearance and on lesions
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
from modalities.imaging import looks, shapes, sites
from modalities.imaging.atlas import LOBE_LABELS
from modalities.imaging.looks import Look
from modalities.imaging.sites import Map

_SPARE_MM = 3.0
"""Lung that is left between a lesion and the border of its lobe, where there is room."""
_APART_MM = 8.0
SIDE_LOBES = {"right": ("RUL", "RML", "RLL"), "left": ("LUL", "LLL")}
PLACED = ("lung", "mediastinal_node", "liver", "adrenal", "bone")
"""Sites whose lesions have a place; an effusion fills what is dependent."""
UNSIZED = ("pleura", "bone")
"""Sites whose lesions have no size in the plan: it is keyed, and recorded with the rendering."""


@dataclass(frozen=True, eq=False)
class Place:
    """centre_mm: (3,) middle of the long axis in reference anatomy, mm (z, y, x).

    shape: the lesion's form; look: how it is drawn; both for life.
    """

    centre_mm: NDArray[np.float64]
    shape: shapes.Shape
    look: Look


def first_appearances(plans: Sequence[EncounterPlan]) -> tuple[Finding, ...]:
    """Lesions to be drawn, each as at its first visit, in order of appearance and id."""
    seen: dict[str, Finding] = {}
    for plan in sorted(plans, key=lambda p: p.day):
        for finding in sorted(drawable(plan), key=lambda f: f.finding_id):
            if finding.site in PLACED:
                seen.setdefault(finding.finding_id, finding)
    return tuple(seen.values())


def drawable(plan: EncounterPlan) -> tuple[Finding, ...]:
    """Findings that the CT shows: those with a size, largest first, then those without."""
    unsized = [
        f for f in plan.findings
        if f.present and "ct" in f.rendered and f.latent_long_mm is None
        and f.site in UNSIZED
    ]  # fmt: skip
    return (*plan.lesions("ct"), *sorted(unsized, key=lambda f: f.finding_id))


def place_all(plans: Sequence[EncounterPlan], space: Map) -> dict[str, Place | str]:
    """A place for every lesion that is ever drawn, or the reason why there is none."""
    placed: dict[str, Place | str] = {}
    taken: sites.Taken = []
    seed, patient = plans[0].seed, plans[0].patient_index
    primary: str | None = None
    for finding in first_appearances(plans):
        name = finding.finding_id
        if finding.site == "lung":
            primary = primary or name
        long = finding.latent_long_mm or sites.bone_of(seed, patient, name).long_mm
        # Nodes and organs: as a ball of the lesion's mean diameter.
        radius = (long * (finding.latent_short_mm or long)) ** 0.5 / 2
        if finding.site == "lung":
            centre = _in_lung(finding, space, taken, seed, patient)
        else:
            centre = sites.place(finding, radius, space, taken, seed, patient)
        if isinstance(centre, str):
            placed[name] = centre
            continue
        taken.append((centre, long / 2))
        look = looks.choose(
            Noise(seed, f"imaging.look.{name}"), patient, long, histology=plans[0].histology,
            primary=name == primary, contrast=plans[0].protocol.contrast,
        )  # fmt: skip
        alike = look.ratings if finding.site == "lung" else None
        placed[name] = Place(centre, shapes.choose(seed, patient, name, alike), look)
    return placed


def _in_lung(
    finding: Finding, space: Map, taken: sites.Taken, seed: int, patient: int
) -> NDArray[np.float64] | str:
    found = _room(finding, space, taken)
    if found is None:
        return f"no free place in {finding.lobe or finding.side or 'lung'}"
    room, corner = found
    need = min((finding.latent_long_mm or 0.0) / 2 + _SPARE_MM, 0.92 * float(room.max()))
    candidates = np.argwhere(room >= need)
    noise = Noise(seed, f"imaging.place.{finding.finding_id}")
    pick = candidates[int(float(noise.uniform(patient, 1)[0]) * len(candidates))]
    return space.mm(corner + pick)


def _room(
    finding: Finding, lungs: Map, taken: sites.Taken
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
