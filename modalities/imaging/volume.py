"""The CT volume of one visit: the deformed atlas, with the visit's lesions in it."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage

from alignment.plan import EncounterPlan
from modalities.imaging import drawing, physics, texture, warp
from modalities.imaging.drawing import Drawn
from modalities.imaging.fit import Grid
from modalities.imaging.placement import Place
from modalities.imaging.warp import Anatomy, Pose

F32 = NDArray[np.float32]
_BELOW_MM, _ABOVE_MM = 25.0, 12.0
"""How far the scan goes beyond the lungs: to the adrenals, and just above the apex."""
_MARGIN_MM = 8.0
_MAX_FIELD_MM = 500.0
_NODE_PX = 4


@dataclass(frozen=True, eq=False)
class Volume:
    """hu: (slices, rows, columns) int16, lowest slice first. missing: finding id to reason.

    labels: uint8, same shape, of the atlas. lesion: float32, same shape: share of lesion in each
    voxel, as dense as solid tissue; ground glass, spicules and halo count with what they hold of
    it, fluid as 1.
    """

    grid: Grid
    hu: NDArray[np.int16]
    labels: NDArray[np.uint8]
    lesion: F32
    drawn: tuple[Drawn, ...]
    missing: dict[str, str]


def grid_of(anatomy: Anatomy, matrix: int, slice_mm: float) -> Grid:
    """The field of view of one patient: whole lungs, and the skin below the shoulders."""
    atlas = anatomy.atlas
    first, last = atlas.lung_slices
    low, high = ((i - atlas.centre[0]) * atlas.spacing[0] * anatomy.scale[0] for i in (first, last))
    first, last = atlas.chest_slices
    core, skin = atlas.core_mm[first:last], atlas.skin_mm[first:last]
    factor, rim = (
        table(atlas, anatomy.fat)[first:last] for table in (warp.fat_table, warp.rim_table)
    )
    radius = warp.thicken(skin, core, factor, rim).astype(np.float64)
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
    labels = label_map(plan, anatomy, grid)
    hu = sample(anatomy, pose, grid, anatomy.atlas.ct, 1)
    if not plan.protocol.contrast:
        hu = physics.without_contrast(plan, hu, labels)
    scene = drawing.Scene(hu, np.zeros(grid.shape, np.float32), grid, labels)
    drawing.draw(plan, pose, scene, places)
    texture.render(plan, scene)
    return finish(plan, scene)


def label_map(plan: EncounterPlan, anatomy: Anatomy, grid: Grid) -> NDArray[np.uint8]:
    """Atlas label of each voxel of the visit's CT, (slices, rows, columns)."""
    labels = sample(anatomy, warp.pose_of(plan), grid, anatomy.atlas.labels, order=0)
    return labels.astype(np.uint8)


def finish(plan: EncounterPlan, scene: drawing.Scene) -> Volume:
    """What the scan shows of the scene, in whole HU."""
    seen = physics.acquire(plan, scene.hu, scene.grid.spacing)
    whole = np.clip(np.rint(seen), -1024, 3071).astype(np.int16)
    return Volume(scene.grid, whole, scene.labels, scene.share, tuple(scene.drawn),
                  dict(scene.missing))  # fmt: skip
