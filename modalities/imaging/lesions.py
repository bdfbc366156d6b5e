"""A lung lesion drawn into real lung: core, ground glass, border, strands, cavity, calcium.

What is drawn is a share of tissue in each voxel, computed on sub-voxels and averaged, so thick
slices blur a lesion as a scanner's do. It crosses one half where the mask ends: mask, density and
diameter agree, and the softness of the border, the spicules and the halo lie around them.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage
from scipy.special import ndtr

from modalities.imaging import strands
from modalities.imaging.fit import Box, Grid, offsets_of
from modalities.imaging.looks import CAVITY_FROM_MM, Look
from modalities.imaging.shapes import Sized

F32 = NDArray[np.float32]
Mask = NDArray[np.bool_]
REACH_MM = 24.0
"""How far beyond the mask's box anything of a lesion is drawn."""
_AIR_HU = -960.0
_CALCIUM_HU = 350.0
_SUB_MM = (1.8, 0.8)
"""Voxels are cut into parts of at most about this size, along z and in the plane."""
_PATCH_SD_HU = 8.0
_GRAIN_SD_HU = 10.0
_FIELD = 24
"""Points a side of the fields that belong to the lesion and grow with it."""


@dataclass(frozen=True, eq=False)
class Painted:
    """hu and share: (slices, rows, columns) float32 of the box; share: tissue, 0 to 1."""

    hu: F32
    share: F32


def paint(
    look: Look,
    sized: Sized,
    place: tuple[NDArray[np.float64], Grid, Box],
    under: F32,
    mask: Mask,
    lung: Mask,
    bone: Mask,
    step: int = 0,
) -> Painted:
    """The lesion in its surroundings.

    place: its centre in mm, the grid, and the box that is drawn. under: HU there. mask, lung,
    bone: (slices, rows, columns) of the box. step: the visit, for grain that is new in each.
    """
    tissue, air, calcium = _shares(look, sized, place, mask, lung)
    body = _tissue(look, sized, place, tissue, step)
    blended = under * (1 - tissue - air) + body * tissue + np.float32(_AIR_HU) * air
    blended += np.float32(_CALCIUM_HU) * calcium
    # Vessels and the chest wall run on outside the mask; bone shows through inside.
    kept = (~mask | bone) & (under > blended)
    return Painted(np.where(kept, under, blended).astype(np.float32), tissue)


def _shares(
    look: Look,
    sized: Sized,
    place: tuple[NDArray[np.float64], Grid, Box],
    mask: Mask,
    lung: Mask,
) -> tuple[F32, F32, F32]:
    """Shares of tissue, of air in a cavity and of calcium in each voxel of the box."""
    centre, grid, box = place
    sub = (max(1, round(float(grid.spacing[0]) / _SUB_MM[0])),
           max(1, round(float(grid.spacing[1]) / _SUB_MM[1])))  # fmt: skip
    points = offsets_of(box, centre, grid, sub)
    axes = (points[0, :, 0, 0], points[1, 0, :, 0], points[2, 0, 0, :])
    depth = depth_of(sized, points, axes)
    ragged = field(look, "border", 3.0, points, sized)
    wobble = np.float32(0.35 + 0.12 * (look.ratings.spiculation + look.ratings.lobulation))
    edge = np.float32(min(look.edge_mm, 0.16 * sized.long_mm))
    share = ndtr((depth + min(float(wobble), 0.03 * sized.long_mm) * ragged) / edge)
    share = _inner(look, sized, depth, points, share.astype(np.float32))
    air = np.zeros_like(share)
    if look.cavity and sized.long_mm >= CAVITY_FROM_MM:
        air = _hollow(look, sized, depth, points)
        share = share * (1 - air)
    calcium = np.zeros_like(share)
    if look.ratings.calcified:
        flecks = field(look, "calcium", 2.0, points, sized)
        calcium = share * ndtr((flecks - 1.6) / 0.2).astype(np.float32) * (depth > 2)
    first = np.array([b.start for b in box])
    corner = grid.origin + first * grid.spacing - centre
    drawn = strands.spicules(look, sized)
    drawn += strands.tags(look, mask, lung, grid.spacing, corner)
    if drawn:
        share = np.where(depth > 0, share, np.maximum(share, strands.density(drawn, axes)))
    if look.halo:
        patchy = 1 + 0.4 * field(look, "halo", 4.0, points, sized)
        glow = np.float32(0.22) * np.exp(np.minimum(depth, 0) / np.float32(2.5)) * patchy
        share = np.where(depth > 0, share, np.maximum(share, glow))
    means = (averaged(part, sub) for part in (share, air, calcium))
    tissue, hollow_share, calcified = (np.clip(part, 0, 1) for part in means)
    return tissue, hollow_share, calcified


def _inner(look: Look, sized: Sized, depth: F32, points: F32, share: F32) -> F32:
    """Ground glass with its solid core, where the lesion is not solid."""
    if look.core_share >= 1:
        return share
    uneven = field(look, "glass", 4.0, points, sized)
    glass = np.float32(look.glass) * (1 + np.float32(0.18) * uneven)
    core = np.zeros_like(share)
    if look.core_share > 0:
        deepest = float(depth.max())
        ragged = field(look, "core", 4.0, points, sized)
        rim = np.float32((1 - look.core_share) * deepest)
        core = ndtr((depth - rim + 0.06 * sized.long_mm * ragged) / max(look.edge_mm, 1.0))
    return np.asarray(share * (glass + (1 - glass) * core), dtype=np.float32)


def _hollow(look: Look, sized: Sized, depth: F32, points: F32) -> F32:
    """Share of air in a cavity: rounder than the lesion, off centre, its wall 4 mm or more."""
    draw = look.detail("cavity.place")
    axes = sized.reach_mm * draw.uniform(0.35, 0.62, 3)
    off = sized.reach_mm * draw.uniform(-0.15, 0.15, 3)
    away = sum(((points[n] - off[n]) / axes[n]) ** 2 for n in range(3)) ** 0.5
    ragged = field(look, "cavity", 5.0, points, sized)
    round_mm = (1 - away) * float(axes[1:].min()) + 1.2 * ragged
    return np.asarray(ndtr(np.minimum(round_mm, depth - 4.0) / 0.9), dtype=np.float32)


def depth_of(sized: Sized, points: F32, axes: tuple[F32, F32, F32]) -> F32:
    """Distance to the border in mm, positive inside: exact at the border, to first order near it.

    Beyond the shape's own grid the distance is that to its box or more.
    """
    level = sized.inside(points)
    slopes = [
        np.gradient(level, axis, axis=number) if len(axis) > 1 else np.zeros_like(level)
        for number, axis in enumerate(axes)
    ]
    steep = np.sqrt(sum(s * s for s in slopes))
    typical = 1.0 / float(np.sqrt(sized.long_mm * sized.short_mm))
    near = level / np.maximum(steep, 0.5 * typical)
    outer = np.maximum.reduce([np.abs(points[n]) - np.float32(sized.reach_mm[n]) for n in range(3)])
    return np.where(outer > 0, np.minimum(near, -outer), near).astype(np.float32)


def field(look: Look, name: str, width_mm: float, points: F32, sized: Sized) -> F32:
    """Smooth noise of mean 0 and SD 1 that belongs to the lesion and scales with it.

    ``width_mm``: how wide its patches are at 30 mm.
    """
    raw = look.detail(name).standard_normal((_FIELD,) * 3)
    cell = 1.2 * 30.0 / (_FIELD - 1)
    smooth = ndimage.gaussian_filter(raw, width_mm / 2.5 / cell, mode="wrap")
    smooth = (smooth / smooth.std()).astype(np.float32)
    scale = (_FIELD - 1) / (1.2 * np.maximum(sized.reach_mm * 2, 1e-3))
    at = np.stack([points[n] * np.float32(scale[n]) + (_FIELD - 1) / 2 for n in range(3)])
    return np.asarray(
        ndimage.map_coordinates(smooth, at, order=1, mode="grid-wrap"), dtype=np.float32
    )


def averaged(fine: F32, sub: tuple[int, int]) -> F32:
    """Means over the sub-voxels of each voxel."""
    z, y, x = (n // s for n, s in zip(fine.shape, (sub[0], sub[1], sub[1]), strict=True))
    blocks = fine.reshape(z, sub[0], y, sub[1], x, sub[1])
    return np.asarray(blocks.mean(axis=(1, 3, 5)), dtype=np.float32)


def _tissue(
    look: Look,
    sized: Sized,
    place: tuple[NDArray[np.float64], Grid, Box],
    share: F32,
    step: int,
) -> F32:
    """HU of the solid part: exactly its own mean over it, patches a few mm wide, fine grain."""
    centre, grid, box = place
    patches = field(look, "tissue", 5.0, offsets_of(box, centre, grid), sized)
    body = np.float32(_PATCH_SD_HU) * patches
    grain = look.detail("grain", step).standard_normal(share.shape, dtype=np.float32)
    grain = ndimage.gaussian_filter(grain, (0, 0.5, 0.5))
    body += grain * np.float32(_GRAIN_SD_HU / max(float(grain.std()), 1e-6))
    solid = share > 0.98
    if solid.any():
        body -= body[solid].mean()
    return np.asarray(body + np.float32(look.solid_hu), dtype=np.float32)
