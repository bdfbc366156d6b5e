"""Thin strands at the border of a lesion: spicules, and tags that run to the pleura.

A strand is a bent line that starts inside the border and tapers outwards, wider at its root like
the horns of a real spiculated tumour. Strands are no part of the mask or of any diameter.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage
from scipy.special import ndtr

from modalities.imaging.looks import Look
from modalities.imaging.shapes import Sized

F32 = NDArray[np.float32]
F64 = NDArray[np.float64]
_POINTS = 20
_RIBBON = 0.45
"""Strands are ribbons, about twice as high as wide: a thick slice would lose a thread."""
_EDGE_MM = 0.5
LONGEST_MM = 22.0
TAG_REACH_MM = 10.0
"""Farther from the pleura there is no tag."""


@dataclass(frozen=True, eq=False)
class Strand:
    """points: (n, 3) mm from the lesion's centre. radius, density: (n,) mm and share of tissue."""

    points: F64
    radius: F64
    density: F64


def spicules(look: Look, sized: Sized) -> list[Strand]:
    """Strands all around, their number by rating; directions stay the lesion's for life."""
    draw = look.detail("spicules")
    count = look.spicules
    # Evenly over the circle with jitter; mostly near the axial plane, where the form is widest.
    turn = 2 * np.pi * (np.arange(count) + draw.uniform(-0.45, 0.45, count)) / max(count, 1)
    tilt = draw.normal(0, 0.35, count).clip(-0.9, 0.9)
    rating = look.ratings.spiculation
    scale = float(np.clip(np.sqrt(sized.long_mm / 30.0), 0.45, 1.6))
    length = draw.gamma(5.0, (3.0 + 2.0 * rating) / 5.0, count).clip(3.0, LONGEST_MM) * scale
    radius = draw.uniform(0.75, 1.35, count) * np.sqrt(scale)
    # Out of ground glass no dense horn grows.
    firm = 1.0 if look.core_share >= 1 else 0.5
    density = firm * draw.uniform(0.45, 0.95, count)
    bend = draw.normal(0, 0.12, (count, 3))
    made = []
    for n in range(count):
        flat = np.cos(tilt[n])
        way = np.array([np.sin(tilt[n]), flat * np.sin(turn[n]), flat * np.cos(turn[n])])
        root = _border(sized, way)
        if root is None:
            continue
        long = min(float(length[n]), LONGEST_MM)
        t = np.linspace(0, 1, _POINTS)
        inner = root - way * 1.5
        points = inner + np.outer(t * (long + 1.5), way) + np.outer(t * t * long, bend[n])
        flare = 1.1 * (2 * firm - 1) * scale * np.exp(-t * (long + 1.5) / 2.2)
        made.append(Strand(points, radius[n] * (1 - t) ** 0.6 + flare,
                           density[n] * (1 - 0.55 * t)))  # fmt: skip
    return made


def _border(sized: Sized, way: F64) -> F64 | None:
    """Where a ray from the centre leaves the lesion for good, mm."""
    reach = float(np.linalg.norm(sized.reach_mm))
    steps = np.linspace(0, reach, 160)
    inside = sized.inside(np.outer(way, steps).astype(np.float32)) > 0
    if not inside.any():
        return None
    return np.asarray(way * steps[np.flatnonzero(inside)[-1]])


def tags(
    look: Look, mask: NDArray[np.bool_], lung: NDArray[np.bool_], spacing: F64, corner_mm: F64
) -> list[Strand]:
    """One or two strands to the nearest pleura, where it lies within reach of the mask.

    mask, lung: (slices, rows, columns) of one box whose voxel 0 lies at ``corner_mm`` from the
    lesion's centre.
    """
    outside = ~(lung | mask)
    if not look.tag or not outside.any():
        return []
    distance, nearest = ndimage.distance_transform_edt(~mask, sampling=spacing, return_indices=True)
    away = np.where(outside, distance, np.inf)
    closest = float(away.min())
    if not 1.5 < closest <= TAG_REACH_MM:
        return []
    draw = look.detail("tags")
    made = []
    end = np.array(np.unravel_index(int(away.argmin()), away.shape))
    for _ in range(1 + int(draw.integers(2))):
        start = nearest[(slice(None), *end)]
        a, b = corner_mm + start * spacing, corner_mm + end * spacing
        way = (b - a) / max(float(np.linalg.norm(b - a)), 1e-6)
        t = np.linspace(0, 1, _POINTS)[:, None]
        points = a - way * 1.5 + t * (b - a + way * 3.0)
        middle = 1 - np.abs(2 * t[:, 0] - 1)
        made.append(Strand(points, 1.5 - 0.8 * middle, 0.85 - 0.25 * middle))
        # A second one ends elsewhere on the pleura, some millimetres on.
        far = np.linalg.norm((np.indices(away.shape).reshape(3, -1).T - end) * spacing, axis=1)
        others = np.where(far.reshape(away.shape) < 5.0, np.inf, away)
        if not others.min() < closest + 2.5:
            break
        end = np.array(np.unravel_index(int(others.argmin()), others.shape))
    return made


def density(strands: list[Strand], axes: tuple[F32, F32, F32]) -> F32:
    """Share of tissue at the points of a grid with these axes (mm from the lesion's centre)."""
    share = np.zeros(tuple(len(a) for a in axes), np.float32)
    for strand in strands:
        margin = float(strand.radius.max()) + 3 * _EDGE_MM
        pad = margin * np.array([1 / _RIBBON, 1.0, 1.0])
        low, high = strand.points.min(axis=0) - pad, strand.points.max(axis=0) + pad
        cut = tuple(
            slice(int(np.searchsorted(a, lo)), int(np.searchsorted(a, hi)))
            for a, lo, hi in zip(axes, low, high, strict=True)
        )
        if any(c.start >= c.stop for c in cut):
            continue
        z, y, x = np.meshgrid(*(a[c] for a, c in zip(axes, cut, strict=True)), indexing="ij")
        best = np.zeros(z.shape, np.float32)
        for at, radius, dense in zip(strand.points, strand.radius, strand.density, strict=True):
            apart = np.sqrt((_RIBBON * (z - at[0])) ** 2 + (y - at[1]) ** 2 + (x - at[2]) ** 2)
            best = np.maximum(best, (dense * ndtr((radius - apart) / _EDGE_MM)).astype(np.float32))
        share[cut] = np.maximum(share[cut], best)
    return share
