"""Ways to render a plan, each a function that is called like ``volume.render``: one line a mode."""

from __future__ import annotations

import dataclasses
import datetime as dt
from collections.abc import Callable, Iterator, Sequence

import numpy as np
from scipy import ndimage

from alignment.noise import Noise
from alignment.plan import EncounterPlan, Finding, Network, Protocol, Subject
from ct.volumes import PIXEL_MM, SLICE_MM, Scan
from modalities import imaging
from modalities.imaging import placement, volume, warp
from modalities.imaging.atlas import LUNG_LABELS
from modalities.imaging.diffusion import sampler
from modalities.imaging.diffusion.sampler import Key, Sampling
from modalities.imaging.diffusion.tissue import Regions
from modalities.imaging.drawing import Drawn
from modalities.imaging.fit import Grid
from modalities.imaging.placement import SIDE_LOBES, Place
from modalities.imaging.volume import Volume
from modalities.imaging.warp import Anatomy

Places = dict[str, Place | str]
Renderer = Callable[[EncounterPlan, Anatomy, Grid, Places], Volume]
MATRIX = 256
LOBES = {lobe: side for side, lobes in SIDE_LOBES.items() for lobe in lobes}
_SHORT_SHARE = (0.6, 0.85)
_SMOOTH_PX = 0.8


def warped(plan: EncounterPlan, anatomy: Anatomy, grid: Grid, places: Places) -> Volume:
    """t0 = 0: the deformed real HU as they are, without lesions and without noise."""
    hu = volume.sample(anatomy, warp.pose_of(plan), grid, anatomy.atlas.ct, 1)
    labels = volume.label_map(plan, anatomy, grid)
    none = np.zeros(grid.shape, np.float32)
    return Volume(grid, np.rint(hu).astype(np.int16), labels, none, (), {})


def by(network: Network, contrast: bool = True) -> Renderer:
    """The product's renderer with the network over the whole body, around lesions, or without."""

    def render(plan: EncounterPlan, anatomy: Anatomy, grid: Grid, places: Places) -> Volume:
        protocol = dataclasses.replace(plan.protocol, network=network, contrast=contrast)
        return volume.render(dataclasses.replace(plan, protocol=protocol), anatomy, grid, places)

    return render


def tissue_map_only(plan: EncounterPlan, anatomy: Anatomy, grid: Grid, places: Places) -> Volume:
    """From noise alone, told only the tissue map of the first stage without contrast.

    The map is the deformed real CT thresholded, so that outlines, bones and larger vessels are the
    atlas's; smoothed before, so that its noise is not.
    """
    drawn = by("none", contrast=False)(plan, anatomy, grid, places)
    regions = Regions(drawn.labels > 0, np.isin(drawn.labels, LUNG_LABELS), drawn.lesion)
    key = Key(plan.seed, plan.patient_index, plan.day)
    smooth = ndimage.gaussian_filter(drawn.hu.astype(np.float32), (0, _SMOOTH_PX, _SMOOTH_PX))
    hu = sampler.denoise(smooth, regions, float(grid.spacing[1]), key, Sampling(1.0, 8, False))
    return dataclasses.replace(drawn, hu=np.rint(hu).astype(np.int16))


MODES: dict[str, Renderer] = {
    "first stage": by("none"),
    "t0 = 0": warped,
    "diffusion": by("whole"),
    "diffusion without contrast": by("whole", contrast=False),
    "tissue map only": tissue_map_only,
}
PRODUCT = ("first stage", "diffusion")
"""Looked for and measured in re-read files; with contrast, which the detector needs."""


def plan_of(
    seed: int, patient: int, sizes: Sequence[float], day: int = 0, matrix: int = MATRIX
) -> EncounterPlan:
    """A plan of one patient with solid lung lesions of these long axes in mm, in keyed lobes."""
    body = Noise(seed, "benchmark.body").generator(patient)
    male = bool(body.random() < 0.5)
    height = float(body.normal(176 if male else 163, 6))
    weight = float(np.clip(body.normal(26, 3.5), 19, 34)) * (height / 100) ** 2
    draw = Noise(seed, "benchmark.lesions").generator(patient)
    findings = []
    for number, long_mm in enumerate(sizes):
        lobe = sorted(LOBES)[int(draw.integers(len(LOBES)))]
        short = round(float(draw.uniform(*_SHORT_SHARE)) * long_mm, 1)
        findings.append(
            Finding(
                f"L{number + 1}", "lung_lesion", True, "lung", lobe=lobe, side=LOBES[lobe],
                latent_long_mm=long_mm, latent_short_mm=short, rendered=("ct",),
            )
        )  # fmt: skip
    return EncounterPlan(
        seed=seed, model="benchmark", patient_id=f"P{patient:07d}", day=day,
        date=dt.date(2020, 1, 1) + dt.timedelta(days=day),
        subject=Subject("male" if male else "female", 66, round(height, 1), round(weight, 1),
                        "former", 30.0),
        protocol=Protocol(matrix=matrix), histology="adenocarcinoma", stage="IV", line=0,
        regimen=None, prior_day=None, prior_date=None, overall_response=None,
        findings=tuple(findings),
    )  # fmt: skip


def volumes_of(
    mode: str, plans: Sequence[EncounterPlan], pixel_mm: float | None = PIXEL_MM
) -> Iterator[tuple[EncounterPlan, Volume]]:
    """All visits of one patient; ``pixel_mm`` None: the product's own pixel size."""
    anatomy = warp.anatomy_of(plans[0])
    grid = volume.grid_of(anatomy, plans[0].protocol.matrix, plans[0].protocol.slice_mm)
    if pixel_mm is not None:
        grid = _regridded(grid, pixel_mm)
    places: Places = {}
    if any(placement.drawable(plan) for plan in plans):
        places = placement.place_all(plans, imaging._map(anatomy, grid))
    for plan in plans:
        yield plan, MODES[mode](plan, anatomy, grid, places)


def _regridded(grid: Grid, pixel_mm: float) -> Grid:
    """The same middle and heights with other pixels, as many of them."""
    half = (np.array(grid.shape[1:]) - 1) / 2
    middle = grid.origin[1:] + half * grid.spacing[1:]
    corner = np.round(middle - half * pixel_mm, 1)
    return Grid(
        grid.shape,
        np.array([grid.origin[0], *corner]),
        np.array([SLICE_MM, pixel_mm, pixel_mm]),
    )


def scan_of(plan: EncounterPlan, drawn: Volume) -> Scan:
    """A rendered volume as the real ones are: HU, spacing, lesion masks."""
    name = f"{plan.seed}/{plan.patient_id}/{plan.day}"
    masks = tuple(_whole(lesion, drawn.grid) for lesion in drawn.drawn)
    return Scan(name, drawn.hu.astype(np.float32), drawn.grid.spacing, masks)


def _whole(lesion: Drawn, grid: Grid) -> np.ndarray[tuple[int, ...], np.dtype[np.bool_]]:
    mask = np.zeros(grid.shape, dtype=bool)
    mask[lesion.box] = lesion.mask
    return mask


def scans(mode: str, seed: int, patients: int, sizes: Sequence[float]) -> Iterator[Scan]:
    """One scan a patient, each with lesions of ``sizes``, turned by one place a patient."""
    for patient in range(patients):
        turn = patient % max(len(sizes), 1)
        plan = plan_of(seed, patient, (*sizes[turn:], *sizes[:turn]))
        for made, drawn in volumes_of(mode, [plan]):
            yield scan_of(made, drawn)
