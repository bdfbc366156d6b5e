"""Chest CT of one patient over time, with lesions and lobes (SEG), measurements (SR) and DX."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np

from alignment.artifact import Artifact, Rendering
from alignment.plan import EncounterPlan, Finding
from modalities.imaging import (
    codes,
    dicom,
    dx,
    fit,
    lobes,
    physics,
    placement,
    radiograph,
    seg,
    sites,
    sr,
    volume,
    warp,
)
from ontology.errors import ConsilienceError

__all__ = ["Study", "render_patient", "renderer"]

_PLACEMENT_MM = 4.0


@dataclass(frozen=True, slots=True)
class Study:
    """One visit's files, and for each lesion of its plan whether the pixels show it."""

    plan: EncounterPlan
    artifacts: tuple[Artifact, ...]
    renderings: tuple[Rendering, ...]


def renderer(plan: EncounterPlan) -> str:
    """Version of the renderer and digest of its weights: with the plan, they give the bytes."""
    return f"{dicom.SOFTWARE} {dicom.network_of(plan)}"


def render_patient(plans: Sequence[EncounterPlan]) -> Iterator[Study]:
    """Render all visits of one patient, in day order; one study a plan.

    Each study has the CT (``ct/0001.dcm`` is the highest slice), a SEG of the lobes, a SEG of the
    lesions where one is in the pixels, an SR where one was measured and, by the plan's protocol,
    the radiographs projected from the CT (``dx/0001.dcm`` PA, ``0002`` lateral). A pure
    function of the plans: same plans, same bytes. Give all visits at once, since a lesion's place
    follows from its first appearance.

    Raises ConsilienceError if the plans are of several patients, seeds or protocols, or if an
    asset is missing.
    """
    if not plans:
        return
    for what in ("patient_id", "seed", "protocol"):
        values = sorted({str(getattr(plan, what)) for plan in plans})
        if len(values) > 1:
            raise ConsilienceError(
                f"plans of several {what} rendered as one patient", got=values, wanted="one"
            )
    ordered = sorted(plans, key=lambda plan: plan.day)
    physics.fresh_noise(ordered[0].protocol)  # a dose that cannot be had is refused at once
    anatomy = warp.anatomy_of(ordered[0])
    grid = volume.grid_of(anatomy, ordered[0].protocol.matrix, ordered[0].protocol.slice_mm)
    places = placement.place_all(ordered, _map(anatomy, grid)) if _any_drawn(ordered) else {}
    for plan in ordered:
        yield _study(plan, volume.render(plan, anatomy, grid, places))


def _any_drawn(plans: Sequence[EncounterPlan]) -> bool:
    return any(placement.drawable(plan) for plan in plans)


def _map(anatomy: warp.Anatomy, grid: fit.Grid) -> sites.Map:
    """Labels and HU of the reference anatomy over the scan, 4 mm apart."""
    spacing = np.full(3, _PLACEMENT_MM)
    # Whole cells within the scan: a place near its end must not lie beyond it.
    counts = np.floor((np.array(grid.shape) - 1) * grid.spacing / spacing).astype(int) + 1
    coarse = fit.Grid((int(counts[0]), int(counts[1]), int(counts[2])), grid.origin, spacing)
    labels = volume.sample(anatomy, warp.Pose(), coarse, anatomy.atlas.labels, order=0)
    hu = volume.sample(anatomy, warp.Pose(), coarse, anatomy.atlas.ct, order=1)
    return sites.Map(labels.astype(np.uint8), hu, grid.origin, spacing)


def _study(plan: EncounterPlan, drawn: volume.Volume) -> Study:
    images = dicom.ct_series(plan, drawn)
    artifacts = [dicom.artifact(plan, "ct", int(ds.InstanceNumber), ds) for ds in images[::-1]]
    masks = seg.segmentation(plan, drawn, images)
    if masks is not None:
        artifacts.append(dicom.artifact(plan, "seg", 1, masks))
    measurements = sr.report(plan, drawn, images)
    if measurements is not None:
        artifacts.append(dicom.artifact(plan, "sr", 1, measurements))
    by_lobe = lobes.segmentation(plan, drawn.labels, images)
    artifacts.append(dicom.artifact(plan, "lobes", 1, by_lobe))
    if plan.protocol.radiographs:
        shots = radiograph.radiographs(plan, drawn)
        for ds in dx.dx_series(plan, shots, images):
            artifacts.append(dicom.artifact(plan, "dx", int(ds.InstanceNumber), ds))
    return Study(plan, tuple(artifacts), _renderings(plan, drawn))


def _renderings(plan: EncounterPlan, drawn: volume.Volume) -> tuple[Rendering, ...]:
    numbers = {d.finding.finding_id: (n, d) for n, d in enumerate(drawn.drawn, start=1)}
    rows = []
    for finding in plan.findings:
        unsized = finding.latent_long_mm is None and finding.site in placement.UNSIZED
        if not finding.present or not (unsized or (finding.latent_long_mm or 0) > 0):
            continue
        name = finding.finding_id
        if name in numbers:
            number, made = numbers[name]
            rows.append(Rendering(name, "ct", True, None, number, made.description, made.volume_ml))
        else:
            rows.append(Rendering(name, "ct", False, _why_not(finding, drawn)))
    return tuple(rows)


def _why_not(finding: Finding, drawn: volume.Volume) -> str:
    if finding.site not in codes.SHOWN:
        return "outside a chest CT"
    return drawn.missing.get(finding.finding_id, "the plan does not ask for it in CT")
