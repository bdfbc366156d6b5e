"""Shapes of real lung lesions, from readers' contours, scaled to exact diameters.

A shape is a signed distance in the lesion's own units, on a grid whose first axis is z and whose
planes are axial. Size is as RECIST 1.1 has it (Eisenhauer et al. 2009,
doi:10.1016/j.ejca.2008.10.026): the long axis is the largest diameter on any axial plane, the
short axis the extent perpendicular to it on that plane.
"""

from __future__ import annotations

import dataclasses
import functools
import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage
from scipy.spatial import ConvexHull, QhullError
from skimage.draw import polygon2mask
from skimage.measure import find_contours

from alignment.noise import Noise
from modalities.imaging import contours
from modalities.imaging.contours import Ratings
from modalities.imaging.shape_pool import POOL
from ontology.errors import ConsilienceError

F64 = NDArray[np.float64]
PLANES, SIDE = 33, 72
_FILL = 0.62
"""Share of the grid's width that the lesion may take."""
_HEIGHT_RANGE = (0.6, 1.4)
"""Height over in-plane extent: beyond, the outlines cut a lesion short or run along a vessel."""
_SMOOTH = (1.0, 1.2, 1.2)
_TOLERANCE = 0.0005
"""Of short over long axis."""
_OPENING = 0.055
"""Radius, in extents, of the disk that must fit: thinner spurs are no part of a diameter."""
_RATIO_RANGE = (0.15, 6.0)
_ALIKE = 24


@dataclass(frozen=True, eq=False)
class Shape:
    """A real lesion's form.

    distance: (PLANES, SIDE, SIDE) float32, positive inside. step: (3,) size of a grid step, in
    units in which the in-plane extent is 1. hulls: per plane with tissue, its height in units and
    the convex hull of its outline, (n, 2) as (y, x) in units from the grid's centre.
    """

    annotation: int
    distance: NDArray[np.float32]
    step: F64
    hulls: tuple[tuple[float, F64], ...]


@dataclass(frozen=True, eq=False)
class Sized:
    """A shape with the transformation that gives it its size.

    stretch: (2, 2), units to mm in the plane, (y, x), symmetric positive. height: units to mm in
    z. centre: (3,) point in units, the middle of the long axis, that lies at the lesion's place.
    long_mm, short_mm: as reached. reach_mm: (3,) half extents of a box that holds the lesion.
    """

    shape: Shape
    stretch: F64
    height: float
    centre: F64
    long_mm: float
    short_mm: float
    reach_mm: F64

    def scaled(self, factor: float) -> Sized:
        """The same form, larger by a factor in every direction."""
        return dataclasses.replace(
            self,
            stretch=self.stretch * factor,
            height=self.height * factor,
            long_mm=self.long_mm * factor,
            short_mm=self.short_mm * factor,
            reach_mm=self.reach_mm * factor,
        )

    def inside(self, offsets_mm: NDArray[np.float32]) -> NDArray[np.float32]:
        """Signed distance in units at (3, ...) offsets from the place, mm; positive inside."""
        back = np.linalg.inv(self.stretch)
        z = offsets_mm[0] / self.height + self.centre[0]
        y = back[0, 0] * offsets_mm[1] + back[0, 1] * offsets_mm[2] + self.centre[1]
        x = back[1, 0] * offsets_mm[1] + back[1, 1] * offsets_mm[2] + self.centre[2]
        middle = (np.array(self.shape.distance.shape) - 1) / 2
        at = np.stack(
            [v / s + m for v, s, m in zip((z, y, x), self.shape.step, middle, strict=True)]
        )
        return np.asarray(
            ndimage.map_coordinates(self.shape.distance, at, order=1, mode="nearest"),
            dtype=np.float32,
        )


def choose(seed: int, patient: int, finding_id: str, ratings: Ratings | None = None) -> Shape:
    """The form of one lesion, keyed, the same at every visit and whatever becomes of it.

    With ``ratings`` one of the ``_ALIKE`` forms that are nearest to them in lobulation and
    spiculation.
    """
    generator = Noise(seed, f"imaging.lesion.{finding_id}").generator(patient)
    pool = POOL if ratings is None else _alike(ratings.lobulation, ratings.spiculation)
    annotation = pool[int(generator.integers(len(pool)))]
    return build(annotation, round(float(generator.uniform(0, 2 * math.pi)), 6))


@functools.lru_cache(maxsize=25)
def _alike(lobulation: int, spiculation: int) -> tuple[int, ...]:
    def apart(annotation: int) -> tuple[int, int]:
        own = contours.all_ratings()[annotation]
        return abs(own.lobulation - lobulation) + abs(own.spiculation - spiculation), annotation

    return tuple(sorted(POOL, key=apart)[:_ALIKE])


@functools.lru_cache(maxsize=64)
def build(annotation: int, angle: float = 0.0) -> Shape:
    """Shape of one annotation, turned about z by ``angle`` radians.

    Raises ConsilienceError if its outlines do not make one body.
    """
    outlines = contours.contours_of(annotation)
    heights = sorted({c.z_mm for c in outlines})
    if len(heights) < 3:
        raise ConsilienceError("too few outlines for a shape", where=annotation, got=len(heights))
    mm = outlines[0].spacing_mm
    turn = np.array([[math.cos(angle), -math.sin(angle)], [math.sin(angle), math.cos(angle)]])
    planes = {
        z: [c.points[:, ::-1] * mm @ turn.T for c in outlines if c.z_mm == z] for z in heights
    }
    points = np.concatenate([p for plane in planes.values() for p in plane])
    middle = (points.min(axis=0) + points.max(axis=0)) / 2
    extent = float(np.ptp(points, axis=0).max())
    cell = extent / _FILL / SIDE
    flat = [_plane_distance(planes[z], middle, cell) for z in heights]
    distance, span = _stack(np.array(heights), np.stack(flat))
    distance = ndimage.gaussian_filter(distance, _SMOOTH)
    parts, count = ndimage.label(distance > 0)
    if count == 0:
        raise ConsilienceError("the outlines enclose nothing", where=annotation)
    largest = 1 + int(np.argmax(np.bincount(parts.ravel())[1:]))
    distance[(parts != 0) & (parts != largest)] = -cell
    height = float(np.clip((heights[-1] - heights[0]) / extent, *_HEIGHT_RANGE))
    step = np.array([height / (heights[-1] - heights[0]) * span / (PLANES - 1),
                     cell / extent, cell / extent])  # fmt: skip
    hulls = _hulls(distance, step)
    return Shape(annotation, (distance / extent).astype(np.float32), step, hulls)


def _plane_distance(polygons: list[F64], middle: F64, cell: float) -> F64:
    """(SIDE, SIDE) signed distance in mm to the union of outlines (y, x) in mm."""
    fine = 2
    mask = np.zeros((SIDE * fine, SIDE * fine), dtype=bool)
    for polygon in polygons:
        at = ((polygon - middle) / cell + (SIDE - 1) / 2) * fine + (fine - 1) / 2
        mask |= polygon2mask(mask.shape, at)  # type: ignore[no-untyped-call]
    inside = ndimage.distance_transform_edt(mask)
    signed = inside - ndimage.distance_transform_edt(~mask)
    # Opening: spurs and tails thinner than the disk go.
    radius = _OPENING * _FILL * SIDE * fine
    kept = signed > radius
    if kept.any():
        signed = radius - ndimage.distance_transform_edt(~kept)
        deep = ndimage.distance_transform_edt(kept) + radius
        signed = np.where(kept, deep, signed)
    start = fine // 2
    return np.asarray(signed[start::fine, start::fine] * cell / fine)


def _stack(heights: F64, flat: F64) -> tuple[F64, float]:
    """Planes evenly spaced in z, with a rounded cap at each end, and their span in mm."""
    gap = float(np.median(np.diff(heights)))
    caps = []
    for plane in (flat[0], flat[-1]):
        # Outside by as much as the end plane is inside: it closes half a gap farther.
        caps.append(np.minimum(plane, 0) - 0.6 * max(float(plane.max()), gap / 2))
    z = np.concatenate([[heights[0] - gap], heights, [heights[-1] + gap]])
    values = np.concatenate([[caps[0]], flat, [caps[1]]])
    pad = 0.08 * (z[-1] - z[0])
    grid = np.linspace(z[0] - pad, z[-1] + pad, PLANES)
    index = np.clip(np.searchsorted(z, grid) - 1, 0, len(z) - 2)
    share = np.clip((grid - z[index]) / (z[index + 1] - z[index]), 0, 1)[:, None, None]
    return values[index] * (1 - share) + values[index + 1] * share, float(grid[-1] - grid[0])


def _hulls(distance: F64, step: F64) -> tuple[tuple[float, F64], ...]:
    found = []
    for index, plane in enumerate(distance):
        outlines = find_contours(plane, 0.0)  # type: ignore[no-untyped-call]
        if not outlines:
            continue
        points = (np.concatenate(outlines) - (SIDE - 1) / 2) * step[1:]
        try:
            hull = points[ConvexHull(points).vertices]
        except QhullError:
            continue
        found.append(((index - (PLANES - 1) / 2) * float(step[0]), hull))
    return tuple(found)


def diameters(hull: F64) -> tuple[float, float, F64, F64]:
    """Long axis, perpendicular extent, unit direction and middle of the long axis of a hull."""
    apart = hull[:, None] - hull[None]
    squared = (apart**2).sum(axis=-1)
    i, j = np.unravel_index(int(squared.argmax()), squared.shape)
    long = math.sqrt(float(squared[i, j]))
    along = (hull[j] - hull[i]) / long
    across = hull @ np.array([-along[1], along[0]])
    return long, float(np.ptp(across)), along, (hull[i] + hull[j]) / 2


def resize(shape: Shape, long_mm: float, short_mm: float) -> Sized:
    """Scale a shape so that its diameters are these: long axis exact, short by bisection.

    The plane is stretched along and across the shape's own long axis. Where the form cannot take
    a short axis so near its long one, the short axis falls short; ``Sized.short_mm`` tells.
    """
    own = max((diameters(hull) for _, hull in shape.hulls), key=lambda d: d[0])
    along, side = own[2], np.array([-own[2][1], own[2][0]])

    def stretched(ratio: float) -> tuple[F64, float, float, float, F64]:
        stretch = np.outer(along, along) + ratio * np.outer(side, side)
        measured = [(*diameters(hull @ stretch.T), z) for z, hull in shape.hulls]
        long, short, _, middle, z = max(measured, key=lambda m: m[0])
        return stretch, long, short, z, middle

    wanted = min(short_mm / long_mm, 1.0)
    low, high = _RATIO_RANGE
    best = stretched(1.0)
    for _ in range(24):
        ratio = math.sqrt(low * high)
        trial = stretched(ratio)
        share = trial[2] / trial[1]
        if abs(share - wanted) < abs(best[2] / best[1] - wanted):
            best = trial
        if abs(share - wanted) < _TOLERANCE:
            break
        low, high = (ratio, high) if share < wanted else (low, ratio)
    stretch, long, short, z, middle = best
    factor = long_mm / long
    stretch, middle, short = stretch * factor, middle * factor, short * factor
    height = math.sqrt(long_mm * short)
    centre = np.array([z, *(np.linalg.inv(stretch) @ middle)])
    points = np.concatenate([hull @ stretch.T for _, hull in shape.hulls]) - middle
    tall = max(abs(h - z) for h, _ in shape.hulls) + float(shape.step[0])
    reach = np.array([tall * height, *np.abs(points).max(axis=0)])
    return Sized(shape, stretch, height, centre, long_mm, short, reach)
