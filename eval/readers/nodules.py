"""Finds lung lesions in a chest CT without being told where: a classical detector.

Method. The search runs where the lungs are, with their vessels and dents filled in. Dense tissue
there is opened in the plane with discs of growing radius, which cuts off thin vessels first and
then the necks by which larger lesions hang on the chest wall. Each piece that is left is judged by
what is round it (lung on all sides), by its length along z (vessels run on) and by its density:
vessels filled with contrast are denser than tumour. One fixed operating point; its limits were
chosen on one set of rendered studies and then left alone. A second search, in lungs with their wide
dents filled, is for thick tumours that hang broadly on chest wall or mediastinum.

Limits: solid lesions only; CT with contrast only: without it heart and vessels pass for tumour.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage

from eval.readers import lungs

Bools = NDArray[np.bool_]
F32 = NDArray[np.float32]
_DENSE_HU = -300.0
_DENTS_MM = {12.0: (2.2, 4.5, 8.0, 13.0), 30.0: (8.0, 12.0)}
"""Radius of the closing of the lungs, and of the openings of what is dense in it."""
_SMALLEST_ML, _LARGEST_ML = 0.15, 300.0
AIR_SHARE, AIR_SHARE_SMALLEST = 0.87, 0.95
"""Of the ring two pixels wide around a piece, what must be aerated; small vessels branch."""
CAP_SHARE = 0.42
"""Of its middle, seen from above and from below, what must be aerated on the next slices."""
MASS_ML, MASS_MM, MASS_AIR_SHARE = 8.0, 15.0, 0.90
"""A piece this large and high, with lung round it, may touch diaphragm or mediastinum below or
above; the dome of the diaphragm is on one slice or two."""
_MASS_SMOOTH_MM = 3.0
ATTACHED_ML, ATTACHED_MM, ATTACHED_WIDTH_MM, ATTACHED_HU = 4.0, 15.0, 90.0, 95.0
"""A thick piece in a wide dent of the lungs: volume, height; diameter and 90th centile at most.
Beside a heart filled with contrast nothing healthy is like it on three slices."""
SMALL_ML = 1.0
HU_RANGE, HU_RANGE_SMALL = (5.0, 98.0), (5.0, 80.0)
"""Median inside, away from the border; smaller pieces are more often vessels."""
BRIGHT_RANGE, BRIGHT_RANGE_SMALL = (25.0, 118.0), (15.0, 100.0)
"""90th centile; contrast-filled vessels reach 150 HU and more, thin vessels stay below."""
HEIGHT_SHARE = 3.5
"""Length along z over the diameter in the plane: above, it is a vessel."""
FILL, FILL_SMALLEST, SMALLEST_ML = 0.18, 0.47, 0.3
"""Volume over that of its box (square of the larger diameter by height): below, it branches; what
is smaller than 0.3 ml is on one or two slices, and must be round there."""


@dataclass(frozen=True, eq=False)
class Candidate:
    """A piece of dense tissue in the lungs: ``mask`` within ``box`` (slices, rows, columns).

    centre: voxel coordinates of its middle. ring, cap: aerated shares around, and above and below
    (the smaller). hu, bright: median and 90th centile. height_mm, width_mm; radius_mm: of the
    opening that left it.
    """

    box: tuple[slice, slice, slice]
    mask: Bools
    centre: tuple[float, float, float]
    ring: float
    cap: float
    hu: float
    bright: float
    height_mm: float
    width_mm: float
    volume_ml: float
    radius_mm: float
    dent_mm: float

    @property
    def accepted(self) -> bool:
        """Whether it passes the fixed operating point."""
        box_ml = self.width_mm**2 * self.height_mm / 1000
        mass = (
            self.volume_ml >= MASS_ML and self.height_mm >= MASS_MM and self.ring >= MASS_AIR_SHARE
        )
        if self.dent_mm == max(_DENTS_MM):
            return (
                self.volume_ml >= ATTACHED_ML
                and self.height_mm >= ATTACHED_MM
                and self.width_mm <= ATTACHED_WIDTH_MM
                and self.bright <= ATTACHED_HU
            )
        small = self.volume_ml < SMALL_ML
        hu = HU_RANGE_SMALL if small else HU_RANGE
        bright = BRIGHT_RANGE_SMALL if small else BRIGHT_RANGE
        smallest = self.volume_ml < SMALLEST_ML
        fill = FILL_SMALLEST if smallest else FILL
        return (
            self.ring >= (AIR_SHARE_SMALLEST if smallest else AIR_SHARE)
            and (self.cap >= CAP_SHARE or mass)
            and hu[0] <= self.hu <= hu[1]
            and bright[0] <= self.bright <= bright[1]
            and self.height_mm <= HEIGHT_SHARE * self.width_mm
            and self.volume_ml >= fill * box_ml
        )


def find(hu: F32, spacing: NDArray[np.float64]) -> list[Candidate]:
    """Lesions of a CT (slices, rows, columns; mm a voxel), each once, the largest first."""
    passed = sorted((c for c in candidates(hu, spacing) if c.accepted), key=lambda c: -c.volume_ml)
    kept: list[Candidate] = []
    taken = np.zeros(hu.shape, dtype=bool)
    for candidate in passed:
        if not (taken[candidate.box] & candidate.mask).any():
            kept.append(candidate)
        taken[candidate.box] |= candidate.mask
    return kept


def candidates(hu: F32, spacing: NDArray[np.float64]) -> Iterator[Candidate]:
    """Every piece that is left by any of the openings."""
    air = lungs.aerated(hu, spacing)
    if not air.any():
        return
    box = ndimage.find_objects(air.astype(np.uint8))[0]
    image, corner = hu[box], tuple(b.start for b in box)
    soft = ndimage.gaussian_filter(image, (0, *(_MASS_SMOOTH_MM / spacing[1:])))
    for dent, openings in _DENTS_MM.items():
        dense = lungs.closed(air[box], spacing, dent) & (image > _DENSE_HU)
        if dent > min(_DENTS_MM):
            # Heart and great vessels are left out by their contrast, fat by its density.
            dense &= (soft > HU_RANGE[0]) & (soft < BRIGHT_RANGE[1])
        depth = np.stack([ndimage.distance_transform_edt(p, sampling=spacing[1:]) for p in dense])
        for radius in openings:
            opened = np.stack(
                [_grown(d > radius, radius * 1.3, spacing) & p
                 for d, p in zip(depth, dense, strict=True)]
            )  # fmt: skip
            parts, _ = ndimage.label(opened)
            for number, at in enumerate(ndimage.find_objects(parts), start=1):
                piece = parts[at] == number
                volume = float(piece.sum() * spacing.prod()) / 1000
                if _SMALLEST_ML <= volume <= _LARGEST_ML:
                    yield _judged(
                        image, parts == number, at, corner, spacing, (radius, volume, dent)
                    )


def _grown(core: Bools, reach: float, spacing: NDArray[np.float64]) -> Bools:
    if not core.any():
        return core
    return np.asarray(ndimage.distance_transform_edt(~core, sampling=spacing[1:]) < reach)


def _judged(
    image: F32,
    whole: Bools,
    at: tuple[slice, slice, slice],
    corner: tuple[int, ...],
    spacing: NDArray[np.float64],
    sizes: tuple[float, float, float],
) -> Candidate:
    wide = tuple(
        slice(max(0, s.start - pad), s.stop + pad) for s, pad in zip(at, (1, 3, 3), strict=True)
    )
    piece, around = whole[wide], image[wide]
    aerated = around < lungs.AERATED_HU
    plus = np.ones((1, 3, 3), dtype=bool)
    ring = ndimage.binary_dilation(piece, plus, iterations=2) & ~ndimage.binary_dilation(
        piece, plus
    )
    core = ndimage.binary_erosion(piece, plus)
    core = core if core.any() else piece
    extent = [n * float(s) for n, s in zip(whole[at].shape, spacing, strict=True)]
    box = tuple(slice(s.start + c, s.stop + c) for s, c in zip(at, corner, strict=True))
    centre = np.array(ndimage.center_of_mass(whole[at])) + [s.start for s in box]
    return Candidate(
        box=(box[0], box[1], box[2]),
        mask=whole[at],
        centre=(float(centre[0]), float(centre[1]), float(centre[2])),
        ring=float(aerated[ring].mean()) if ring.any() else 0.0,
        cap=min(_cap(image, whole, at, step) for step in (-1, 1)),
        hu=float(np.median(around[core])),
        bright=float(np.percentile(around[piece], 90)),
        height_mm=extent[0],
        width_mm=max(extent[1:]),
        volume_ml=sizes[1],
        radius_mm=sizes[0],
        dent_mm=sizes[2],
    )


def _cap(image: F32, whole: Bools, at: tuple[slice, slice, slice], step: int) -> float:
    """Aerated share of the last slice's footprint, one and two slices on (the larger)."""
    last = at[0].start if step < 0 else at[0].stop - 1
    footprint = whole[last]
    shares = [
        float((image[z][footprint] < lungs.AERATED_HU).mean())
        for z in (last + step, last + 2 * step)
        if 0 <= z < len(image)
    ]
    return max(shares, default=0.0)
