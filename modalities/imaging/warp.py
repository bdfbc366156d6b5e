"""The deformation of the atlas into one patient: smooth, invertible, with positive Jacobian.

The map goes from a point of the patient at one visit to the point of the atlas that is seen there.
It composes five maps, each with positive Jacobian for a reason that is local to it:

1. breath and position: shift, and stretch along z below the apex;
2. size: a scale for each axis;
3. a keyed random smooth map ``q + u(q)``, u a cubic B-spline whose gradient's row sums stay below
   1/2, so that the Jacobian is diagonally dominant;
4. heart: a radial map about its centre, with monotone radius;
5. fat: a radial map about the body's axis by height and angle, identity inside bones and organs
   and with smooth slope 1/f outside, so monotone along each ray.

Points are (3, ...) float32 arrays, mm, ordered (z up, y to the back, x to the left).
"""

from __future__ import annotations

import dataclasses
import functools
import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage

from alignment.noise import Noise
from alignment.plan import EncounterPlan
from modalities.imaging import atlas as atlas_module
from modalities.imaging import body as body_module
from modalities.imaging.atlas import ANGLES, Atlas

F32 = NDArray[np.float32]
KNOT_MM = 60.0
"""Spacing of the random field's control points: bodies differ in shape, not in organs."""
KNOT_SD_MM = 6.0
MAX_GRADIENT = 0.5
EASE_MM = 6.0
"""Width over which the radial slope passes from 1 to 1/f."""
_SHOULDER_MM = (-78.0, -10.0)
_SHOULDER_FADE = 0.7
FAT_RANGE = (0.35, 3.2)
_NARROWEST = 0.90
EVEN_SHARE = 0.8
"""Of what a stout body gains: how much is the same everywhere."""
_LEAST_LAYER_MM = 6.0
_SKIN_MM = 4.0
_HEART_RANGE = (-0.40, 0.40)
_KNOTS = 12
_ORIGIN = -(_KNOTS - 1) / 2 * KNOT_MM


@dataclass(frozen=True, eq=False)
class Anatomy:
    """The parameters of one patient's deformation.

    scale: (3,) mm of patient per mm of atlas. knots: (3, 12, 12, 12) mm. heart: contraction of
    the radius at the heart's centre. fat: mean thickness outside the core relative to the atlas.
    """

    atlas: Atlas
    scale: NDArray[np.float64]
    knots: F32
    heart: float
    fat: float


@dataclass(frozen=True, slots=True)
class Pose:
    """Breath and position at one visit: stretch along z, shift in mm (z, y, x)."""

    stretch: float = 1.0
    shift_mm: tuple[float, float, float] = (0.0, 0.0, 0.0)

    def to_reference(self, points: F32) -> F32:
        """From the visit to the patient's reference position."""
        shift = np.array(self.shift_mm, np.float32).reshape((3,) + (1,) * (points.ndim - 1))
        moved = points - shift
        moved[0] /= np.float32(self.stretch)
        return moved

    def from_reference(self, points: NDArray[np.float64]) -> NDArray[np.float64]:
        """Inverse of :meth:`to_reference` for one point (3,)."""
        stretched = points * np.array([self.stretch, 1.0, 1.0])
        return np.asarray(stretched + np.array(self.shift_mm))


def pose_of(plan: EncounterPlan) -> Pose:
    """The pose at one visit: breath varies by 1.5 %, position by 2 mm (assumptions)."""
    z = Noise(plan.seed, "imaging.pose").generator(plan.patient_index, plan.day)
    draw = z.standard_normal(4).clip(-2.0, 2.0)
    shift = (float(draw[1]), 2 * float(draw[2]), 2 * float(draw[3]))
    return Pose(stretch=1.0 + 0.015 * float(draw[0]), shift_mm=shift)


def random_knots(generator: np.random.Generator) -> F32:
    """Control points of the random field, (3, 12, 12, 12) float32 mm, gradient bounded."""
    knots = generator.standard_normal((3, _KNOTS, _KNOTS, _KNOTS)) * KNOT_SD_MM
    # The derivative of a cubic B-spline is a mean of neighbouring differences over the spacing.
    steepest = max(
        sum(float(np.abs(np.diff(field, axis=a)).max()) for a in range(3)) / KNOT_MM
        for field in knots
    )
    return (knots * min(1.0, MAX_GRADIENT / steepest)).astype(np.float32)


def anatomy_of(plan: EncounterPlan) -> Anatomy:
    """The deformation of the plan's patient, the same for every visit."""
    return _anatomy(plan.seed, plan.patient_index, body_module.of(plan))


@functools.lru_cache(maxsize=8)
def _anatomy(seed: int, patient: int, body: body_module.Body) -> Anatomy:
    atlas = atlas_module.load()
    knots = random_knots(Noise(seed, "imaging.shape").generator(patient))
    unit = Anatomy(atlas, np.ones(3), knots, heart=0.0, fat=1.0)
    # The scale comes first and the rest acts in atlas mm, so volume goes with its cube exactly.
    size = (body.lung_litres / volume_litres(unit, _coarse(atlas)[0])) ** (1 / 3)
    scale = _narrowed(atlas, size * np.array(body.aspect), body.girth_mm)
    return Anatomy(
        atlas,
        scale,
        knots,
        heart=_heart_contraction(unit, body.heart_litres / size**3),
        fat=_fat_factor(atlas, body.girth_mm, scale),
    )


def to_atlas(anatomy: Anatomy, pose: Pose, points: F32) -> F32:
    """Atlas mm (3, ...) seen at the patient's mm (3, ...) at one visit."""
    scale = anatomy.scale.astype(np.float32).reshape((3,) + (1,) * (points.ndim - 1))
    inner = pose.to_reference(points) / scale
    return _fat(anatomy, _heart(anatomy, _random(anatomy.knots, inner)))


def _random(knots: F32, points: F32) -> F32:
    at = (points - np.float32(_ORIGIN)) / np.float32(KNOT_MM)
    # The lungs hang below the origin, so the field is centred 150 mm down.
    at[0] += np.float32(150.0 / KNOT_MM)
    moved = [
        p + ndimage.map_coordinates(k, at, order=3, mode="nearest", prefilter=False)
        for p, k in zip(points, knots, strict=True)
    ]
    return np.stack(moved).astype(np.float32)


def _heart(anatomy: Anatomy, points: F32) -> F32:
    """``r -> r (1 - a exp(-r^2 / 2 R^2))``: monotone for -1/0.45 < a < 1."""
    centre = anatomy.atlas.heart_mm.astype(np.float32).reshape((3,) + (1,) * (points.ndim - 1))
    width = np.float32(anatomy.atlas.heart_radius_mm * 1.1)
    away = points - centre
    squared = (away * away).sum(axis=0) / (2 * width * width)
    return np.asarray(centre + away * (1 - np.float32(anatomy.heart) * np.exp(-squared)))


def _fat(anatomy: Anatomy, points: F32) -> F32:
    if anatomy.fat == 1.0:
        return points
    z, y, x = points
    radius = np.hypot(y, x)
    core = _sample_polar(anatomy.atlas, anatomy.atlas.core_mm, points)
    factor = _sample_polar(anatomy.atlas, fat_table(anatomy.atlas, anatomy.fat), points)
    # Shoulders are muscle and bone more than fat.
    fade = np.clip((z - _SHOULDER_MM[0]) / (_SHOULDER_MM[1] - _SHOULDER_MM[0]), 0, 1)
    share = 1 - _SHOULDER_FADE * fade * fade * (3 - 2 * fade)
    rim = _sample_polar(anatomy.atlas, rim_table(anatomy.atlas, anatomy.fat), points)
    inner = thin(radius, core, 1 + (factor - 1) * share, rim)
    ratio = inner / np.maximum(radius, 1e-3)
    return np.stack([z, y * ratio, x * ratio]).astype(np.float32)


def fat_table(atlas: Atlas, fat: float) -> NDArray[np.float64]:
    """Thickness factor by slice and angle, (slices, ANGLES): ``fat`` on the average.

    A thin body is thinner in proportion. A stout one gains in part in proportion, in part the same
    everywhere, so that it is rounder than the atlas and not its flanks writ large (assumption).
    """
    if fat <= 1:
        return np.full(atlas.core_mm.shape, fat)
    layer = ndimage.gaussian_filter(
        atlas.skin_mm - atlas.core_mm, (4.0, 3.0), mode=("nearest", "wrap")
    )
    layer = np.maximum(layer, _LEAST_LAYER_MM)
    even = layer.mean() / layer
    return np.asarray(1 + (fat - 1) * (1 - EVEN_SHARE + EVEN_SHARE * even))


def rim_table(atlas: Atlas, fat: float) -> NDArray[np.float64]:
    """Radius in mm, (slices, ANGLES), outside which lies skin, as thick in a stout body."""
    if fat <= 1:
        return np.full(atlas.core_mm.shape, 1e4)
    smooth = ndimage.gaussian_filter(atlas.skin_mm, (2.0, 2.0), mode=("nearest", "wrap"))
    return np.asarray(np.maximum(smooth - _SKIN_MM, atlas.core_mm + EASE_MM))


def thin(radius: F32, core: F32, fat: float | F32, rim: F32 | None = None) -> F32:
    """Atlas radius seen at the patient's radius: slope 1 in the core, 1/fat well outside, 1 beyond
    the rim (atlas radius)."""
    beyond = np.maximum(radius - core, 0)
    if rim is not None:
        beyond = np.minimum(beyond, thicken(rim, core, fat) - core)
    eased = np.where(beyond < EASE_MM, beyond * beyond / (2 * EASE_MM), beyond - EASE_MM / 2)
    return np.asarray(radius + (1 / fat - 1) * eased, dtype=np.float32)


def thicken(
    radius: NDArray[np.floating],
    core: NDArray[np.floating],
    fat: float | NDArray[np.floating],
    rim: NDArray[np.floating] | None = None,
) -> F32:
    """Inverse of :func:`thin`: patient radius at which an atlas radius is seen."""
    if rim is not None:
        spare = np.maximum(radius - rim, 0)
        return np.asarray(thicken(radius - spare, core, fat) + spare, dtype=np.float32)
    bend = np.asarray(1 / fat - 1)
    # Next to 0 the root below is 0/0, and its value of no consequence.
    bend = np.where(np.abs(bend) < 1e-6, 1e-6, bend)
    beyond = np.maximum(radius - core, 0)
    at_ease = EASE_MM + bend * EASE_MM / 2
    outside = EASE_MM + (beyond - at_ease) / (1 + bend)
    root = np.sqrt(np.maximum(1 + 2 * bend * beyond / EASE_MM, 0))
    within = (root - 1) * EASE_MM / bend
    return np.asarray(np.where(beyond < at_ease, within, outside) + np.minimum(radius, core),
                      dtype=np.float32)  # fmt: skip


def _sample_polar(atlas: Atlas, table: NDArray[np.float64], points: F32) -> F32:
    """Radius of a (slices, ANGLES) table at points, linear in height, cubic in angle."""
    z, y, x = points
    height = z / np.float32(atlas.spacing[0]) + np.float32(atlas.centre[0])
    angle = (np.arctan2(y, x) + np.float32(math.pi)) * np.float32(ANGLES / (2 * math.pi)) - 0.5
    wrapped = np.pad(table, ((0, 0), (2, 2)), mode="wrap").astype(np.float32)
    at = np.stack([height, angle.astype(np.float32) + 2])
    return np.asarray(
        ndimage.map_coordinates(wrapped, at, order=1, mode="nearest"), dtype=np.float32
    )


@functools.lru_cache(maxsize=1)
def _coarse(atlas: Atlas) -> tuple[F32, F32]:
    """Share of lung and of heart in coarse cells of the atlas, (66, 64, 64) float32 each."""
    dz, dy, dx = atlas_module.COARSE
    nz, ny, nx = (n // d for n, d in zip(atlas.labels.shape, (dz, dy, dx), strict=True))
    cut = atlas.labels[: nz * dz, : ny * dy, : nx * dx]
    blocks = cut.reshape(nz, dz, ny, dy, nx, dx)
    lung = np.isin(blocks, atlas_module.LUNG_LABELS).mean(axis=(1, 3, 5))
    heart = (blocks == atlas_module.HEART).mean(axis=(1, 3, 5))
    return lung.astype(np.float32), heart.astype(np.float32)


def volume_litres(anatomy: Anatomy, share: F32, step_mm: float = 10.0) -> float:
    """Volume in the patient of a coarse atlas mask (share of each cell), litres."""
    points = _box(anatomy, share, step_mm)
    return _litres(anatomy.atlas, to_atlas(anatomy, Pose(), points), share, step_mm)


def _box(anatomy: Anatomy, share: F32, step_mm: float) -> F32:
    """Points (3, ...) in mm of the patient, a step apart, round a coarse atlas mask."""
    cells = np.argwhere(share > 0) * np.array(atlas_module.COARSE)
    low, high = ((edge - anatomy.atlas.centre) * anatomy.atlas.spacing
                 for edge in (cells.min(axis=0), cells.max(axis=0)))  # fmt: skip
    # The random map and the heart's move no point by more than 50 mm.
    axes = [
        np.arange((a - 50) * s, (b + 50) * s, step_mm, dtype=np.float32)
        for a, b, s in zip(low, high, anatomy.scale, strict=True)
    ]
    return np.stack(np.meshgrid(*axes, indexing="ij"))


def _litres(atlas: Atlas, seen: F32, share: F32, step_mm: float) -> float:
    steps = np.array(atlas_module.COARSE, np.float32).reshape(3, 1, 1, 1)
    cell = (atlas.voxels(seen) - (steps - 1) / 2) / steps
    found = ndimage.map_coordinates(share, cell, order=1, mode="constant")
    return float(found.sum(dtype=np.float64)) * step_mm**3 / 1e6


def _heart_contraction(unit: Anatomy, litres: float) -> float:
    """Parameter of the heart map that gives a heart of ``litres``, in atlas scale (secant)."""
    share, step = _coarse(unit.atlas)[1], 8.0
    trials = np.linspace(*_HEART_RANGE, 5)
    settled = _random(unit.knots, _box(unit, share, step))
    volumes = [
        _litres(unit.atlas, _heart(dataclasses.replace(unit, heart=float(a)), settled), share, step)
        for a in trials
    ]
    # The map goes from patient to atlas: a contraction there is a larger heart here.
    return float(np.interp(litres, volumes, trials))


def girth(radius: F32, scale: NDArray[np.float64]) -> float:
    """Mean length in mm of a tape round the outlines, (slices, ANGLES) mm of the atlas."""
    angle = (np.arange(ANGLES) + 0.5) / ANGLES * 2 * math.pi - math.pi
    y, x = radius * np.sin(angle) * scale[1], radius * np.cos(angle) * scale[2]
    seen_from = angle[: ANGLES // 2]
    across = y[..., None] * np.sin(seen_from) + x[..., None] * np.cos(seen_from)
    # Cauchy: a convex outline is as long as pi times its mean width.
    return float(np.ptp(across, axis=1).mean() * math.pi)


def _narrowed(atlas: Atlas, scale: NDArray[np.float64], girth_mm: float) -> NDArray[np.float64]:
    """Longer and narrower lungs of the same volume where the leanest wall is still too wide.

    Rib cages grow wider, and lungs lower, with body-mass index: doi:10.1378/chest.119.2.376. By
    how much at most is an assumption.
    """
    first, last = atlas.girth_slices
    core, skin = atlas.core_mm[first:last], atlas.skin_mm[first:last]
    least = girth(thicken(skin, core, FAT_RANGE[0]), scale)
    narrower = min(1.0, max(_NARROWEST, girth_mm / least))
    return np.asarray(scale * np.array([narrower**-2, narrower, narrower]))


def _fat_factor(atlas: Atlas, girth_mm: float, scale: NDArray[np.float64]) -> float:
    """Thickness factor that gives the chest this girth where it is measured (bisection)."""
    first, last = atlas.girth_slices
    core, skin = atlas.core_mm[first:last], atlas.skin_mm[first:last]

    def tape(fat: float) -> float:
        factor, rim = (table(atlas, fat)[first:last] for table in (fat_table, rim_table))
        return girth(thicken(skin, core, factor, rim), scale)

    low, high = FAT_RANGE
    for _ in range(30):
        middle = (low + high) / 2
        low, high = (middle, high) if tape(middle) < girth_mm else (low, middle)
    return (low + high) / 2
