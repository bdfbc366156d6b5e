"""Where lesions outside the lungs lie, in the patient's reference anatomy, for life.

A node lies beside trachea, bronchi, aorta or superior vena cava on the side named; a liver lesion
inside the liver, an adrenal one at the adrenal, a bone lesion in a vertebra or a rib: each inside
the deformed label of the atlas, as far as the scan covers it.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage
from scipy.signal import fftconvolve

from alignment.noise import Noise
from alignment.plan import Finding
from modalities.imaging import organs
from modalities.imaging.atlas import BODY, LUNG_LABELS

Mask = NDArray[np.bool_]
Taken = list[tuple[NDArray[np.float64], float]]
_TRACHEA, _HEART, _OESOPHAGUS = 16, 51, 15
_BESIDE = (_TRACHEA, 52, 53, 54, 62)
"""Trachea, aorta, pulmonary vein, brachiocephalic trunk, superior vena cava."""
_LUNG_COST = 0.3
_SKIN_COST = 4.0
_BEST = 0.06
"""Of the candidates the share with the least overlap, among which the choice is keyed."""
_APART_MM = 4.0
_ABOVE_CARINA_MM, _BELOW_CARINA_MM = 60.0, 35.0
_FRONT_MM, _BACK_MM = 25.0, 30.0
"""How far in front of and behind the trachea the middle of a node may lie."""
_MEDIASTINUM_MM = 20.0
"""Soft tissue within this of great vessels, heart, airway or oesophagus is mediastinum."""
_OFF_MIDLINE_MM = 10.0
BONE_MM = (12.0, 22.0)
"""Long axis of a bone lesion, which the plan leaves open (assumption)."""
VERTEBRA_SHARE, LYTIC_SHARE = 0.7, 0.75
"""Vertebra against rib; lytic against sclerotic, as lung cancer mostly is (assumptions)."""


@dataclass(frozen=True, eq=False)
class Map:
    """The reference anatomy over the scan: labels and HU, (z, y, x), voxel 0 at origin, mm."""

    labels: NDArray[np.uint8]
    hu: NDArray[np.float32]
    origin: NDArray[np.float64]
    spacing: NDArray[np.float64]

    def mm(self, voxel: NDArray[np.int64]) -> NDArray[np.float64]:
        """Coordinates of a voxel, mm."""
        return np.asarray(self.origin + voxel * self.spacing)


@dataclass(frozen=True, slots=True)
class Bone:
    """What a bone lesion is: ``lytic`` or ``sclerotic``, and its long axis in mm."""

    kind: str
    long_mm: float


def bone_of(seed: int, patient: int, finding_id: str) -> Bone:
    """The kind and size of one bone lesion, keyed, for life."""
    u = Noise(seed, f"imaging.bone.{finding_id}").generator(patient).uniform(size=2)
    kind = "lytic" if u[0] < LYTIC_SHARE else "sclerotic"
    return Bone(kind, round(BONE_MM[0] + (BONE_MM[1] - BONE_MM[0]) * float(u[1]), 1))


def place(
    finding: Finding, radius: float, space: Map, taken: Taken, seed: int, patient: int
) -> NDArray[np.float64] | str:
    """(3,) centre in mm, or why there is none."""
    noise = Noise(seed, f"imaging.place.{finding.finding_id}")
    u = noise.uniform(patient, 4)
    if finding.site == "mediastinal_node":
        cost = _node_cost(finding, 1.2 * radius, space)
    elif finding.site == "adrenal":
        cost = _adrenal_cost(finding, radius, space)
    elif finding.site == "liver":
        cost = _room_cost(space.labels == organs.LIVER, radius, space)
    else:
        labels = organs.VERTEBRAE if u[1] < VERTEBRA_SHARE else organs.RIBS
        there = [k for k in labels if (space.labels == k).sum() * space.spacing.prod() > 1500.0]
        if not there:
            return "no such bone within the scan"
        bone = space.labels == there[int(u[2] * len(there))]
        cost = _room_cost(bone, min(radius, 6.0), space, lenient=True)
    for centre, other in taken:
        apart = _distance(space, centre)
        cost[apart < radius + other + _APART_MM] = np.inf
    fits = np.isfinite(cost)
    if not fits.any():
        side = f"{finding.side} " if finding.side else ""
        return f"no room for it at the {side}{finding.site.replace('_', ' ')} within the scan"
    limit = np.quantile(cost[fits], _BEST)
    best = np.argwhere(fits & (cost <= limit))
    return space.mm(best[int(u[0] * len(best))])


def _distance(space: Map, centre: NDArray[np.float64]) -> NDArray[np.float64]:
    axes = [
        (space.origin[a] + space.spacing[a] * np.arange(n) - centre[a]) ** 2
        for a, n in enumerate(space.labels.shape)
    ]
    return np.asarray(np.sqrt(axes[0][:, None, None] + axes[1][:, None] + axes[2]))


def _overlap(weight: NDArray[np.float64], radius: float, space: Map) -> NDArray[np.float64]:
    """Mean weight within a ball around each voxel; beyond the scan as outside the skin."""
    half = [max(1, math.ceil(radius / s)) for s in space.spacing]
    axes = [(np.arange(-h, h + 1) * s) ** 2 for h, s in zip(half, space.spacing, strict=True)]
    ball = (axes[0][:, None, None] + axes[1][:, None] + axes[2] <= radius**2).astype(float)
    padded = np.pad(weight, [(h, h) for h in half], constant_values=_SKIN_COST)
    return np.asarray(fftconvolve(padded, ball / ball.sum(), mode="valid"))


def _node_cost(finding: Finding, radius: float, space: Map) -> NDArray[np.float64]:
    """Overlap with what a node cannot replace, infinite where no station is."""
    labels, trachea = space.labels, np.argwhere(space.labels == _TRACHEA)
    lung = np.isin(labels, LUNG_LABELS)
    cost = np.full(labels.shape, np.inf)
    if not len(trachea):
        return cost
    carina = trachea[:, 0].min() * space.spacing[0]
    middle = _middle(labels)
    z = (np.arange(labels.shape[0]) * space.spacing[0] - carina)[:, None, None]
    y = ((np.arange(labels.shape[1]) - trachea[:, 1].mean()) * space.spacing[1])[None, :, None]
    x = ((np.arange(labels.shape[2]) - middle) * space.spacing[2])[None, None]
    away = ndimage.distance_transform_edt(~np.isin(labels, _BESIDE), sampling=space.spacing)
    station = (z > -_BELOW_CARINA_MM) & (z < _ABOVE_CARINA_MM) & (away < 6.0 + radius)
    station &= (y > -_FRONT_MM) & (y < _BACK_MM)
    # A large one bulges into the lung, but lies in the mediastinum when it has shrunk.
    station &= ~lung
    off = max(_OFF_MIDLINE_MM, 0.7 * radius)
    if finding.side in ("right", "left"):
        station &= (x < -off) if finding.side == "right" else (x > off)
    weight = organs.forbidden(labels, space.hu).astype(float)
    middle_parts = np.isin(labels, (*_BESIDE, _HEART, _OESOPHAGUS))
    far = ndimage.distance_transform_edt(~middle_parts, sampling=space.spacing) > _MEDIASTINUM_MM
    weight[(labels == BODY) & far] = 1.0
    weight[lung] = _LUNG_COST
    weight[labels == 0] = _SKIN_COST
    overlap = _overlap(weight, radius, space)
    station &= overlap < 0.5
    cost[station] = overlap[station]
    return cost


def _middle(labels: NDArray[np.uint8]) -> float:
    """Column halfway between the body's walls."""
    edges = []
    for plane in labels:
        columns = np.flatnonzero((plane != 0).any(axis=0))
        if len(columns):
            edges.append((columns[0] + columns[-1]) / 2)
    return float(np.median(edges))


def _adrenal_cost(finding: Finding, radius: float, space: Map) -> NDArray[np.float64]:
    keys = [organs.ADRENALS[finding.side]] if finding.side in organs.ADRENALS else [8, 9]
    gland = np.isin(space.labels, keys)
    cost = np.full(gland.shape, np.inf)
    if gland.sum() * space.spacing.prod() < 500.0:
        return cost
    away = ndimage.distance_transform_edt(~gland, sampling=space.spacing)
    weight = organs.forbidden(space.labels, space.hu).astype(float)
    weight[np.isin(space.labels, LUNG_LABELS)] = 1.0
    weight[space.labels == 0] = _SKIN_COST
    overlap = _overlap(weight, radius, space)
    near = (away <= max(4.0, 0.6 * radius)) & (overlap < 0.45)
    cost[near] = overlap[near]
    return cost


def _room_cost(
    organ: Mask, radius: float, space: Map, *, lenient: bool = False
) -> NDArray[np.float64]:
    """0 where a ball fits inside the organ with some to spare, infinite elsewhere."""
    room = ndimage.distance_transform_edt(np.pad(organ, 1), sampling=space.spacing)
    room = room[1:-1, 1:-1, 1:-1]
    deepest = float(room.max())
    fits = room >= min(radius + 3.0, 0.9 * deepest)
    if not lenient and deepest < 0.9 * radius:
        fits &= False
    return np.where(fits, 0.0, np.inf)
