"""Lesions found and measured in re-read pixels, by readers that know nothing of the renderer.

The detector's limits were chosen on seeds 100 and 101; what is reported is seed 500.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from ct import modes, reread
from ct.volumes import Scan
from eval.readers import nodules
from eval.readers.ct import body_midline_x, pixel_long_axis
from eval.readers.lobes import read_lobes

SEED = 500
SMALLEST_MM, LARGEST_MM = 10.0, 80.0
LESIONS = 3
_HIT = 0.5


@dataclass(frozen=True)
class Lesion:
    """One drawn lesion: latent and re-read long axis (mm), pixel (mm), found, side, lobe right.

    limited: where the pixels run on into what is as dense, the reading stops at the mask.
    """

    latent_mm: float
    pixels_mm: float | None
    limited: bool
    pixel_mm: float
    found: bool
    side: bool
    lobe: bool
    solid: bool


@dataclass(frozen=True)
class Result:
    """One study. undrawn: lesions of the plan that the renderer said it could not draw."""

    lesions: tuple[Lesion, ...]
    false_marks: int
    undrawn: int


@dataclass(frozen=True)
class Job:
    """Which study: ``lesions`` False for one that shows none."""

    mode: str
    seed: int
    patient: int
    lesions: bool


def sizes_of(seed: int, patient: int) -> tuple[float, ...]:
    """Long axes in mm: even on the logarithmic scale from 10 to 80."""
    share = np.random.default_rng((seed, patient)).random(LESIONS)
    return tuple(np.round(SMALLEST_MM * (LARGEST_MM / SMALLEST_MM) ** share, 1))


def study(job: Job) -> Result:
    """Render one study, write it, read it back, look for lesions and measure them."""
    sizes = sizes_of(job.seed, job.patient) if job.lesions else ()
    plan = modes.plan_of(job.seed, job.patient, [float(s) for s in sizes])
    ((_, drawn),) = modes.volumes_of(job.mode, [plan], pixel_mm=None)
    back = reread.through_files(plan, drawn)
    marks = nodules.find(back.volume.hu, back.spacing)
    masks = {s.tracking_id: back.volume.mask(s) for s in back.segments}
    every = np.zeros(back.volume.hu.shape, dtype=bool)
    for mask in masks.values():
        every |= mask
    middle = body_midline_x(back.volume)
    lobes = read_lobes(back.volume, back.lobes, back.segments, middle).lesions
    found = []
    for item in drawn.drawn:
        segment = next(s for s in back.segments if s.tracking_id == item.finding.finding_id)
        mask = masks[item.finding.finding_id]
        measured = pixel_long_axis(back.volume, segment)
        left = segment.centroid[0] > middle
        found.append(
            Lesion(
                latent_mm=item.finding.latent_long_mm or 0.0,
                pixels_mm=measured.long_axis_mm if measured else None,
                limited=bool(measured and measured.limited),
                pixel_mm=float(back.spacing[1]),
                found=any(_share(m, mask) > _HIT for m in marks),
                side=left == (item.finding.side == "left"),
                lobe=lobes[item.finding.finding_id] == item.finding.lobe,
                solid=item.description.startswith("solid"),
            )
        )
    false = sum(_share(m, every) <= _HIT for m in marks)
    return Result(tuple(found), false, len(plan.findings) - len(found))


def _share(mark: nodules.Candidate, mask: NDArray[np.bool_]) -> float:
    """Share of a mark that lies in a mask."""
    return float((mask[mark.box] & mark.mask).sum() / mark.mask.sum())


def measured(mode: str, with_lesions: int, clean: int, seed: int = SEED) -> list[Result]:
    """Studies with lesions, then studies of other patients without."""
    jobs = [Job(mode, seed, patient, True) for patient in range(with_lesions)]
    jobs += [Job(mode, seed, 1000 + patient, False) for patient in range(clean)]
    return list(reread.on_two_cores(study, jobs))


def in_real(scan: Scan) -> tuple[int, int, int]:
    """Of a real CT: its lesions, how many of them the detector marks, and marks elsewhere."""
    marks = nodules.find(scan.hu, scan.spacing)
    found = sum(any(_share(m, lesion) > _HIT for m in marks) for lesion in scan.lesions)
    return len(scan.lesions), found, sum(_share(m, scan.lesion) <= _HIT for m in marks)
