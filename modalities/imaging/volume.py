"""The CT volume of one visit: the deformed atlas, with the visit's lesions in it."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage

from alignment.noise import Noise
from alignment.plan import EncounterPlan, Finding
from modalities.imaging import shapes, warp
from modalities.imaging.placement import Place
from modalities.imaging.warp import Anatomy, Pose

F32 = NDArray[np.float32]
_BELOW_MM, _ABOVE_MM = 25.0, 12.0
"""How far the scan goes beyond the lungs: to the adrenals, and just above the apex."""
_MARGIN_MM = 8.0
_MAX_FIELD_MM = 500.0
_NODE_PX = 4
_NOISE_HU = 7.0
"""Noise of the visit, on top of what the atlas keeps of its own after averaging."""
_TISSUE_NOISE_HU = 10.0
_SUB = 4
"""Sub-pixels a side when a lesion's edge is averaged."""
_PSF_PX = 0.45
SMALLEST_MM = 3.0
_GOOD_PX = 0.4
_NUDGES = (0.0, *(s * n / 8 for n in range(1, 8) for s in (-1, 1)))
"""Changes of size in pixels that are tried, the smallest first."""
_ENOUGH_PX = 0.45
_HALF_PX = 0.5
_SHIFTS = ((0.0, 0.0), *((y, x) for y in (-0.25, 0.25) for x in (-0.25, 0.25)), (0.5, 0.0),
           (0.0, 0.5), (0.5, 0.5))  # fmt: skip
"""Changes of place in pixels (y, x) that are tried where no change of size is near enough."""
_OUTSIDE_SHARE = 0.002


@dataclass(frozen=True, eq=False)
class Grid:
    """Voxels of a scan: shape (slices, rows, columns); origin and spacing in mm, (z, y, x)."""

    shape: tuple[int, int, int]
    origin: NDArray[np.float64]
    spacing: NDArray[np.float64]

    def axis(self, number: int) -> NDArray[np.float64]:
        """Coordinates of the voxel centres along one axis, mm."""
        return np.asarray(
            self.origin[number] + self.spacing[number] * np.arange(self.shape[number])
        )


@dataclass(frozen=True, eq=False)
class Drawn:
    """One lesion in the voxels: ``mask`` (slices, rows, columns) bool within ``box``."""

    finding: Finding
    mask: NDArray[np.bool_]
    box: tuple[slice, slice, slice]


@dataclass(frozen=True, eq=False)
class Volume:
    """hu: (slices, rows, columns) int16, lowest slice first. missing: finding id to reason."""

    grid: Grid
    hu: NDArray[np.int16]
    drawn: tuple[Drawn, ...]
    missing: dict[str, str]


def grid_of(anatomy: Anatomy, matrix: int, slice_mm: float) -> Grid:
    """The field of view of one patient: whole lungs, and the skin below the shoulders."""
    atlas = anatomy.atlas
    first, last = atlas.lung_slices
    low, high = ((i - atlas.centre[0]) * atlas.spacing[0] * anatomy.scale[0] for i in (first, last))
    first, last = atlas.chest_slices
    core, skin = atlas.core_mm[first:last], atlas.skin_mm[first:last]
    radius = warp.thicken(skin, core, anatomy.fat).astype(np.float64)
    angle = (np.arange(radius.shape[1]) + 0.5) / radius.shape[1] * 2 * math.pi - math.pi
    y, x = radius * np.sin(angle) * anatomy.scale[1], radius * np.cos(angle) * anatomy.scale[2]
    middle = np.array([(v.min() + v.max()) / 2 for v in (y, x)])
    field = max(float(np.ptp(v)) for v in (y, x)) + 2 * _MARGIN_MM
    field = min(math.ceil(field / 10) * 10.0, _MAX_FIELD_MM)
    pixel = field / matrix
    slices = math.ceil((high + _ABOVE_MM - low + _BELOW_MM) / slice_mm)
    corner = np.round(middle - field / 2 + pixel / 2, 1)
    return Grid(
        (slices, matrix, matrix),
        np.array([round(low - _BELOW_MM, 1), *corner]),
        np.array([slice_mm, pixel, pixel]),
    )


def sample(
    anatomy: Anatomy,
    pose: Pose,
    grid: Grid,
    data: NDArray[np.int16] | NDArray[np.uint8],
    order: int,
) -> F32:
    """Atlas data seen on a grid, (slices, rows, columns) float32, averaged over slice thickness.

    The map is evaluated at nodes a few pixels apart and interpolated linearly in between. Labels
    (``order`` 0) are taken at slice centres only.
    """
    per_slice = 1 if order == 0 else max(1, round(float(grid.spacing[0]) / 2.5))
    rows = np.minimum(np.arange(0, grid.shape[1] + _NODE_PX, _NODE_PX), grid.shape[1] - 1)
    columns = np.minimum(np.arange(0, grid.shape[2] + _NODE_PX, _NODE_PX), grid.shape[2] - 1)
    rows, columns = np.unique(rows), np.unique(columns)
    offsets = ((np.arange(per_slice) + 0.5) / per_slice - 0.5) * grid.spacing[0]
    heights = np.arange(grid.axis(0)[0] - grid.spacing[0], grid.axis(0)[-1] + 15, 10.0)
    axes = (heights, grid.axis(1)[rows], grid.axis(2)[columns])
    nodes = np.stack(np.meshgrid(*(a.astype(np.float32) for a in axes), indexing="ij"))
    mapped = anatomy.atlas.voxels(warp.to_atlas(anatomy, pose, nodes))
    row_at, column_at = _between(rows, grid.shape[1]), _between(columns, grid.shape[2])
    seen = np.zeros(grid.shape, np.float32)
    for index, z in enumerate(grid.axis(0)):
        for offset in offsets:
            at = (z + offset - heights[0]) / 10.0
            below = int(at)
            share = np.float32(at - below)
            plane = mapped[:, below] * (1 - share) + mapped[:, below + 1] * share
            points = _lerp(_lerp(plane, row_at, 1), column_at, 2)
            seen[index] += ndimage.map_coordinates(
                data, points, output=np.float32, order=order, mode="constant",
                cval=float(data[0, 0, 0]),
            )  # fmt: skip
    return seen / np.float32(len(offsets))


def _between(nodes: NDArray[np.int64], count: int) -> tuple[NDArray[np.int64], F32]:
    places = np.arange(count)
    left = np.clip(np.searchsorted(nodes, places, side="right") - 1, 0, len(nodes) - 2)
    share = (places - nodes[left]) / (nodes[left + 1] - nodes[left])
    return left, share.astype(np.float32)


def _lerp(values: F32, at: tuple[NDArray[np.int64], F32], axis: int) -> F32:
    left, share = at
    shape = [1] * values.ndim
    shape[axis] = -1
    weight = share.reshape(shape)
    return np.asarray(values.take(left, axis) * (1 - weight) + values.take(left + 1, axis) * weight)


def render(
    plan: EncounterPlan, anatomy: Anatomy, grid: Grid, places: dict[str, Place | str]
) -> Volume:
    """The volume of one visit; ``places``: where each lesion lies, or why it has no place."""
    pose = warp.pose_of(plan)
    hu = sample(anatomy, pose, grid, anatomy.atlas.ct, 1)
    drawn: list[Drawn] = []
    missing: dict[str, str] = {}
    taken = np.zeros(grid.shape, dtype=bool)
    for finding in plan.lesions("ct"):
        if finding.site != "lung":
            continue
        place = places[finding.finding_id]
        if isinstance(place, str):
            missing[finding.finding_id] = place
            continue
        reason = _draw(plan, finding, place, (anatomy, pose, grid), (hu, taken), drawn)
        if reason is not None:
            missing[finding.finding_id] = reason
    noise = _noise(Noise(plan.seed, "imaging.noise").generator(plan.patient_index, plan.day), hu)
    noisy = np.clip(np.rint(hu + noise), -1024, 3071).astype(np.int16)
    return Volume(grid, noisy, tuple(drawn), missing)


def _draw(
    plan: EncounterPlan,
    finding: Finding,
    place: Place,
    space: tuple[Anatomy, Pose, Grid],
    canvas: tuple[F32, NDArray[np.bool_]],
    drawn: list[Drawn],
) -> str | None:
    """Draw one lesion into the voxels and note it; or leave all as it is and say why."""
    anatomy, pose, grid = space
    hu, taken = canvas
    long, short = finding.latent_long_mm or 0.0, finding.latent_short_mm or 0.0
    if long < SMALLEST_MM:
        return f"smaller than {SMALLEST_MM:g} mm"
    centre = pose.from_reference(place.centre_mm)
    # The widest section lies on a slice, so that no diameter is lost between slices.
    slices = round((centre[0] - grid.origin[0]) / grid.spacing[0])
    centre[0] = grid.origin[0] + slices * grid.spacing[0]
    sized, centre, miss = fitted(place.shape, long, short or long, centre, grid)
    box = _box(centre, sized.reach_mm, grid)
    if box is None:
        return "larger than the field of view leaves room for at its place"
    mask = sized.inside(_offsets(box, centre, grid)) > 0
    if not mask.any():
        return "smaller than a pixel"
    if miss > _HALF_PX:
        return "the grid cannot show its size within half a pixel"
    outside = _share_outside(anatomy, pose, grid, mask, box)
    if outside > _OUTSIDE_SHARE:
        return "larger than the body leaves room for at its place"
    if (taken[box] & ndimage.binary_dilation(mask, iterations=1)).any():
        return "grown into another lesion"
    taken[box] |= mask
    density = _density(sized, box, centre, grid)
    tissue = _tissue(plan, finding, mask.shape, grid)
    hu[box] = hu[box] * (1 - density) + tissue * density
    drawn.append(Drawn(finding, mask, box))
    return None


def fitted(
    shape: shapes.Shape, long: float, short: float, centre: NDArray[np.float64], grid: Grid
) -> tuple[shapes.Sized, NDArray[np.float64], float]:
    """The shape at its size and its centre, and by how many pixels its pixels' long axis misses.

    The long axis of pixels is the largest distance between pixel centres of one slice plus one
    pixel. Where the grid makes that miss ``long`` by more than ``_GOOD_PX``, the size gives way by
    a part of the pixel, and then the place too.
    """
    pixel = float(grid.spacing[1])
    exact = best = shapes.resize(shape, long, short)
    nearest, place = math.inf, centre
    for shift in _SHIFTS:
        if nearest < _ENOUGH_PX:
            break
        there = centre + pixel * np.array([0.0, *shift])
        for part in _NUDGES:
            sized = exact.scaled(max(1 + part * pixel / long, 0.5))
            off = _miss(sized, there, grid, long)
            if off is None:
                break
            if abs(off) < nearest:
                nearest, best, place = abs(off), sized, there
            if nearest < _GOOD_PX:
                break
    return best, place, nearest


def _miss(
    sized: shapes.Sized, centre: NDArray[np.float64], grid: Grid, long: float
) -> float | None:
    """Pixels by which the mask's long axis exceeds ``long``; None where the grid ends before."""
    box = _box(centre, sized.reach_mm, grid)
    if box is None:
        return None
    mask = sized.inside(_offsets(box, centre, grid)) > 0
    return max(pixel_diameter(plane) for plane in mask) - long / float(grid.spacing[1])


def pixel_diameter(plane: NDArray[np.bool_]) -> float:
    """Largest distance between centres of set pixels, plus one pixel; pixels; 0 if none."""
    edge = plane & ~ndimage.binary_erosion(plane)
    points = np.argwhere(edge).astype(float)
    if len(points) == 0:
        return 0.0
    apart = points[:, None] - points[None]
    return math.sqrt(float((apart**2).sum(axis=-1).max())) + 1.0


def _box(
    centre: NDArray[np.float64], reach: NDArray[np.float64], grid: Grid
) -> tuple[slice, slice, slice] | None:
    """Voxels within reach with two to spare; None if the grid ends before."""
    pad = np.array([1.0, 2.0, 2.0])
    at = (centre - grid.origin) / grid.spacing
    low = np.floor(at - reach / grid.spacing - pad).astype(int)
    high = np.ceil(at + reach / grid.spacing + pad).astype(int) + 1
    if (low < 0).any() or (high > np.array(grid.shape)).any():
        return None
    return (slice(low[0], high[0]), slice(low[1], high[1]), slice(low[2], high[2]))


def _offsets(
    box: tuple[slice, slice, slice], centre: NDArray[np.float64], grid: Grid, sub: int = 1
) -> F32:
    """(3, slices, rows, columns) mm from the centre to (sub-)pixel centres."""
    axes = [grid.axis(0)[box[0]] - centre[0]]
    part = ((np.arange(sub) + 0.5) / sub - 0.5)[None]
    for number in (1, 2):
        places = grid.axis(number)[box[number]] - centre[number]
        axes.append((places[:, None] + part * grid.spacing[number]).ravel())
    return np.stack(np.meshgrid(*(a.astype(np.float32) for a in axes), indexing="ij"))


def _density(
    sized: shapes.Sized,
    box: tuple[slice, slice, slice],
    centre: NDArray[np.float64],
    grid: Grid,
) -> F32:
    """Share of tissue in each voxel: partial volume in the plane, and the scanner's blur."""
    fine = (sized.inside(_offsets(box, centre, grid, _SUB)) > 0).astype(np.float32)
    slices, rows, columns = fine.shape
    blocks = fine.reshape(slices, rows // _SUB, _SUB, columns // _SUB, _SUB)
    return np.asarray(
        ndimage.gaussian_filter(blocks.mean(axis=(2, 4)), (0, _PSF_PX, _PSF_PX)), dtype=np.float32
    )


def _share_outside(
    anatomy: Anatomy,
    pose: Pose,
    grid: Grid,
    mask: NDArray[np.bool_],
    box: tuple[slice, slice, slice],
) -> float:
    """Share of a lesion's voxels that lie outside the skin."""
    corner = np.array([b.start for b in box])
    points = (np.argwhere(mask) + corner) * grid.spacing + grid.origin
    at = anatomy.atlas.voxels(warp.to_atlas(anatomy, pose, points.T.astype(np.float32)))
    seen = ndimage.map_coordinates(anatomy.atlas.labels, at, order=0, mode="constant", cval=0)
    return float((seen == 0).mean())


def _tissue(plan: EncounterPlan, finding: Finding, shape: tuple[int, ...], grid: Grid) -> F32:
    """HU of solid tumour: its own mean, patches a few mm wide, fine noise as in muscle."""
    keyed = Noise(plan.seed, f"imaging.tissue.{finding.finding_id}")
    own = keyed.generator(plan.patient_index)
    low, high = (35.0, 65.0) if plan.protocol.contrast else (20.0, 40.0)
    mean = np.float32(own.uniform(low, high))
    patches = own.standard_normal(shape, dtype=np.float32)
    width = 3.0 / grid.spacing
    smooth = ndimage.gaussian_filter(patches, width)
    smooth -= smooth.mean()
    smooth *= np.float32(8.0 / max(float(smooth.std()), 1e-6))
    fine = keyed.generator(plan.patient_index, plan.day).standard_normal(shape, dtype=np.float32)
    fine = ndimage.gaussian_filter(fine, (0, 0.5, 0.5))
    fine *= np.float32(_TISSUE_NOISE_HU / max(float(fine.std()), 1e-6))
    return np.asarray(mean + smooth + fine, dtype=np.float32)


def _noise(generator: np.random.Generator, hu: F32) -> F32:
    """Fresh noise of one scan: fine-grained, the same SD everywhere."""
    white = generator.standard_normal(hu.shape, dtype=np.float32)
    grain = ndimage.gaussian_filter(white, (0, 0.5, 0.5), truncate=2.5)
    return np.asarray(grain * np.float32(_NOISE_HU / 0.66), dtype=np.float32)
