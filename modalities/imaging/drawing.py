"""One visit's lesions, drawn into its volume; what does not fit is left out and said so."""

from __future__ import annotations

from dataclasses import dataclass, field
from functools import cached_property

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage

from alignment.noise import Noise
from alignment.plan import EncounterPlan, Finding
from modalities.imaging import effusion, fit, lesions, organs, sites
from modalities.imaging.atlas import LOBE_LABELS, LUNG_LABELS
from modalities.imaging.fit import Box, Grid
from modalities.imaging.placement import SIDE_LOBES, Place, drawable
from modalities.imaging.shapes import Sized
from modalities.imaging.warp import Pose

F32 = NDArray[np.float32]
Labels = NDArray[np.uint8]
SMALLEST_MM = 3.0
OUTSIDE_SHARE = 0.002
"""Of a lesion that may lie outside the skin."""
IN_LOBE, IN_LUNG = 0.4, 0.6
"""Least share of a lung lesion within its own lobe, and within that lung: a large one crosses a
fissure or grows into the chest wall, but it is no lesion of a lobe that holds little of it."""


@dataclass(frozen=True, eq=False)
class Drawn:
    """One lesion in the voxels: ``mask`` (slices, rows, columns) bool within ``box``.

    description: in words. volume_ml: of the mask, for an effusion.
    """

    finding: Finding
    mask: NDArray[np.bool_]
    box: Box
    description: str = ""
    volume_ml: float | None = None


@dataclass(eq=False)
class Scene:
    """What is being drawn: hu and share (slices, rows, columns) float32, changed in place.

    labels: uint8, same shape, of the atlas.
    """

    hu: F32
    share: F32
    grid: Grid
    labels: Labels
    drawn: list[Drawn] = field(default_factory=list)
    missing: dict[str, str] = field(default_factory=dict)

    @cached_property
    def taken(self) -> NDArray[np.bool_]:
        """Voxels of lesions that are drawn already."""
        return np.zeros(self.grid.shape, dtype=bool)


def draw(plan: EncounterPlan, pose: Pose, scene: Scene, places: dict[str, Place | str]) -> None:
    """Draw every finding of the plan that CT shows into the scene."""
    findings = drawable(plan)
    fluid = [f for f in findings if f.site == "pleura"]
    poured = {f.finding_id: _pour(plan, f, scene) for f in fluid}
    for finding in findings:
        if finding.site == "pleura" or finding.finding_id not in places:
            continue
        place = places[finding.finding_id]
        reason = place if isinstance(place, str) else _draw(plan, finding, place, pose, scene)
        if reason is not None:
            scene.missing[finding.finding_id] = reason
    for finding in fluid:
        mine = poured[finding.finding_id]
        if isinstance(mine, str):
            scene.missing[finding.finding_id] = mine
            continue
        # Lesions lie in the fluid, not the other way round.
        mask = mine.mask & ~scene.taken[mine.box]
        ml = float(mask.sum()) * float(scene.grid.spacing.prod()) / 1000
        about = effusion.describe(ml, mine.asked_ml)
        scene.drawn.append(Drawn(finding, mask, mine.box, about, ml))


def _pour(plan: EncounterPlan, finding: Finding, scene: Scene) -> effusion.Poured | str:
    if finding.side not in SIDE_LOBES:
        return "an effusion without a side"
    ml = effusion.volume_ml(plan.seed, plan.patient_index, finding.finding_id, plan.day)
    noise = Noise(plan.seed, f"imaging.effusion.{finding.finding_id}")
    poured = effusion.pour(ml, finding.side, scene.hu, scene.labels, scene.grid, noise,
                           plan.patient_index, contrast=plan.protocol.contrast)  # fmt: skip
    if poured is None:
        return "no lung on that side within the scan"
    scene.hu[poured.box] = poured.hu
    scene.share[poured.box] = np.maximum(scene.share[poured.box], poured.share)
    return poured


def _draw(
    plan: EncounterPlan, finding: Finding, place: Place, pose: Pose, scene: Scene
) -> str | None:
    """Draw one lesion and note it; or leave all as it is and say why."""
    grid = scene.grid
    kind = finding.site
    long, short = finding.latent_long_mm or 0.0, finding.latent_short_mm or 0.0
    if finding.site == "bone":
        bone = sites.bone_of(plan.seed, plan.patient_index, finding.finding_id)
        kind, long, short = bone.kind, bone.long_mm, 0.8 * bone.long_mm
    if long < SMALLEST_MM:
        return f"smaller than {SMALLEST_MM:g} mm"
    centre = pose.from_reference(place.centre_mm)
    # The widest section lies on a slice, so that no diameter is lost between slices.
    slices = round((centre[0] - grid.origin[0]) / grid.spacing[0])
    centre[0] = grid.origin[0] + slices * grid.spacing[0]
    sized, centre, miss = fit.fitted(place.shape, long, short or long, centre, grid)
    box = fit.box_of(centre, sized.reach_mm, grid)
    if box is None:
        return "larger than the field of view leaves room for at its place"
    mask = sized.inside(fit.offsets_of(box, centre, grid)) > 0
    labels = scene.labels[box]
    reason = _unfit(finding, mask, miss, labels, scene.hu[box])
    if reason is not None:
        return reason
    if finding.site == "bone":
        mask = _largest(mask & np.isin(labels, organs.BONES))
    if (scene.taken[box] & ndimage.binary_dilation(mask, iterations=1)).any():
        return "grown into another lesion"
    scene.taken[box] |= mask
    about = _paint(plan, kind, place, (sized, centre, box), mask, scene)
    scene.drawn.append(Drawn(finding, mask, box, about))
    return None


def _unfit(
    finding: Finding, mask: NDArray[np.bool_], miss: float, labels: Labels, hu: F32
) -> str | None:
    """Why a lesion cannot be drawn at its place and size, or None."""
    if not mask.any():
        return "smaller than a pixel, or no such organ at its place"
    if miss > fit.HALF_PX and finding.site != "bone":
        return "the grid cannot show its size within half a pixel"
    found = labels[mask]
    if float((found == 0).mean()) > OUTSIDE_SHARE:
        return "larger than the body leaves room for at its place"
    if finding.site == "lung":
        lobes = SIDE_LOBES.get(finding.side or "", tuple(LOBE_LABELS))
        lung = float(np.isin(found, [LOBE_LABELS[lobe] for lobe in lobes]).mean())
        lobe = lung if finding.lobe is None else float((found == LOBE_LABELS[finding.lobe]).mean())
        most = max(float((found == LOBE_LABELS[name]).mean()) for name in lobes)
        if lobe < most:
            return f"does not fit its place: more of it ({most:.0%}) would lie in another lobe"
        if lobe < IN_LOBE or lung < IN_LUNG:
            share, where = (lobe, finding.lobe) if lobe < IN_LOBE else (lung, "the lung")
            return f"does not fit its place: {share:.0%} of it would lie in {where}"
        return None
    kind = "lytic" if finding.site == "bone" else finding.site
    wrong = organs.outside(finding.site, finding.side, mask, labels, hu)
    if wrong > organs.KINDS[kind].limit:
        where = finding.site.replace("_", " ")
        return f"does not fit its place: {wrong:.0%} of it would lie outside the {where}"
    return None


def _largest(mask: NDArray[np.bool_]) -> NDArray[np.bool_]:
    parts, _ = ndimage.label(mask)
    sizes = np.bincount(parts.ravel())
    sizes[0] = 0
    return np.asarray(parts == int(sizes.argmax()))


def _paint(
    plan: EncounterPlan,
    kind: str,
    place: Place,
    where: tuple[Sized, NDArray[np.float64], Box],
    mask: NDArray[np.bool_],
    scene: Scene,
) -> str:
    """Change hu and share of the scene; return the lesion in words."""
    sized, centre, box = where
    grid, look = scene.grid, place.look
    wide = fit.widened(box, lesions.REACH_MM if kind == "lung" else 4.0, grid)
    inner = tuple(
        slice(b.start - w.start, b.stop - w.start) for b, w in zip(box, wide, strict=True)
    )
    there = np.zeros(tuple(w.stop - w.start for w in wide), dtype=bool)
    there[inner] = mask
    under, labels = scene.hu[wide], scene.labels[wide]
    if kind == "lung":
        lung, bone = np.isin(labels, LUNG_LABELS), np.isin(labels, organs.BONES)
        painted = lesions.paint(
            look, sized, (centre, grid, wide), under, there, lung, bone, plan.day
        )
        about = look.describe()
    else:
        painted = organs.paint(
            kind, look, sized, (centre, grid, wide), (under, there, labels),
            contrast=plan.protocol.contrast, step=plan.day,
        )  # fmt: skip
        about = kind.replace("_", " ")
        if kind in ("lytic", "sclerotic"):
            about += _size(mask, sized, float(grid.spacing[1]))
    scene.hu[wide] = painted.hu
    scene.share[wide] = np.maximum(scene.share[wide], painted.share)
    return about


def _size(mask: NDArray[np.bool_], sized: Sized, pixel_mm: float) -> str:
    """The size of a lesion that no plan has, in words: what its bone leaves of it."""
    drawn = fit.pixel_axes(mask)[0] * pixel_mm
    whole = drawn > sized.long_mm - pixel_mm
    return f", {sized.long_mm:.0f} mm" if whole else f", {drawn:.0f} of {sized.long_mm:.0f} mm"
