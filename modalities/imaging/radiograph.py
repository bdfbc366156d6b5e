"""Chest radiographs, PA and left lateral: cone-beam projections of the CT study's own volume.

Projector. The source is a point 1.8 m from a flat detector. The volume is cut into planes parallel
to the detector, one voxel apart; a plane at distance d from the detector is seen at one
magnification, 1.8 m / (1.8 m - d), so the line integrals of all rays are the sum of the planes,
each scaled, times 1/cos of the ray's obliquity. Within a plane, attenuation is interpolated
linearly along the rows and by a cubic B-spline along the body. No ray is traced and none missed.

Physics. One effective energy, no scatter (as behind a perfect grid), no beam hardening, a point
focus. Iodine in the CT is in the radiograph too. The noise is that of the detected quanta, on top
of the little that the CT's own noise adds.

True resolution. Detector pixels are 0.6 mm, but nothing finer than the CT's voxels can be seen:
along the body the slice thickness (5 mm by default, a tenth of what a real radiograph resolves),
across it the pixel of the CT (about 1.5 mm). Fine vessels, fissures and cortical lines are missing.

What it cannot show. The scan reaches from just above the apices to the adrenals with the arms
raised, and the beam is collimated to what all its rays cross within the scan: no neck, no shoulders
beyond the CT's field of view, no abdomen. The patient lies supine, at the CT's breath, with no
weight on the shoulders; a real patient stands.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage

from alignment.noise import Noise
from alignment.plan import EncounterPlan
from modalities.imaging.volume import Volume
from ontology.evidence import Parameter

F32 = NDArray[np.float32]
View = Literal["PA", "LL"]
VIEWS: tuple[View, ...] = ("PA", "LL")
"""Posterior-anterior (detector in front of the chest) and left lateral (detector at the left)."""

SOURCE_TO_DETECTOR_MM = 1800.0
SKIN_TO_DETECTOR = Parameter(
    50.0, "mm", "chest stand with a grid", "cover, grid and detector housing", "assumption"
)
PIXEL_MM = 0.6
IN_SHORT = "cone beam at 1.8 m, 60 keV, no scatter; detail limited by the voxels of the CT"
DETECTOR_MM = 430.0
"""Side of the detector: what the shadow has beyond it is not in the image."""
_NIST = "NIST SRD 126, Hubbell and Seltzer, NISTIR 5632, table 4"
WATER_60 = Parameter(0.2059, "cm2/g", "liquid water, 60 keV", _NIST, "secondary")
WATER_80 = Parameter(0.1837, "cm2/g", "liquid water, 80 keV", _NIST, "secondary")
BONE_60 = Parameter(0.3148, "cm2/g", "cortical bone (ICRU-44), 60 keV", _NIST, "secondary")
BONE_80 = Parameter(0.2229, "cm2/g", "cortical bone (ICRU-44), 80 keV", _NIST, "secondary")
BONE_DENSITY = Parameter(1.92, "g/cm3", "cortical bone (ICRU-44)", _NIST, "secondary")
CT_KEV = Parameter(70.0, "keV", "chest CT, 120 kV", "effective energy", "assumption")
RADIOGRAPH_KEV = Parameter(
    60.0, "keV", "chest radiograph, 120 kV",
    "effective energy, half of the peak; NIST tabulates it", "assumption",
)  # fmt: skip
QUANTA = Parameter(
    30_000.0, "1/mm2", "detected per mm2, mean over the body's shadow",
    "about 2 uGy at the detector and half of the quanta detected", "assumption",
)  # fmt: skip
VALUES_PER_UNIT = 400.0
"""Pixel values of one unit of the line integral, ln(I0/I)."""
LARGEST = 4095
_SHADOW = 0.5
"""Line integral from which a ray has passed through the body: some 25 mm of water."""
_SHOWN = (1.0, 99.5)
"""Percentiles of the body's shadow between which the window lies."""
_BODY_HU = -500.0
_LEAST_SHARE = 0.002
"""A plane with less body than this is air and noise."""


@dataclass(frozen=True, eq=False)
class Radiograph:
    """One view as displayed: head up, PA with the patient's left at the right, LL facing left.

    pixels: (rows, columns) uint16, 400 ln(I0/I), so bone is bright and lung dark; square pixels
    of ``PIXEL_MM`` at the detector. window: lowest and highest value to be told apart.
    magnification: of the plane half way through the body.
    """

    view: View
    pixels: NDArray[np.uint16]
    window: tuple[int, int]
    magnification: float


def radiographs(plan: EncounterPlan, volume: Volume) -> tuple[Radiograph, ...]:
    """Both views of one visit, from the HU that its CT images hold."""
    attenuation = linear_attenuation(volume.hu)
    return tuple(_view(plan, volume, attenuation, view) for view in VIEWS)


def _view(plan: EncounterPlan, volume: Volume, attenuation: F32, view: View) -> Radiograph:
    planes, spacing = toward_detector(attenuation, volume.grid.spacing, view)
    inside = toward_detector(volume.hu > _BODY_HU, volume.grid.spacing, view)[0]
    body = np.flatnonzero(inside.mean(axis=(1, 2)) > _LEAST_SHARE)
    first, last = (int(body[0]), int(body[-1])) if len(body) else (0, len(planes) - 1)
    planes = planes[first : last + 1]
    nearest = SKIN_TO_DETECTOR.value + spacing[0] / 2
    integral = project(planes, nearest, spacing)
    noisy = _with_noise(plan, view, integral)
    middle = SKIN_TO_DETECTOR.value + len(planes) * spacing[0] / 2
    pixels = np.clip(np.rint(noisy * VALUES_PER_UNIT), 0, LARGEST).astype(np.uint16)
    return Radiograph(view, pixels, _window(pixels), _magnification(middle))


def _window(pixels: NDArray[np.uint16]) -> tuple[int, int]:
    """From the darkest lung to all but the densest of the body's shadow."""
    shadow = pixels[pixels > _SHADOW * VALUES_PER_UNIT]
    if shadow.size == 0:
        return 0, LARGEST
    low, high = (round(float(q)) for q in np.percentile(shadow, _SHOWN))
    return low, max(high, low + 1)


def linear_attenuation(hu: NDArray[np.int16] | F32) -> F32:
    """Attenuation per mm at the radiograph's energy, of CT numbers.

    Below 0 HU tissue is water of another density; above, water with a part of cortical bone, which
    attenuates more at the lower energy of the radiograph.
    """
    water, bone = (
        _at(RADIOGRAPH_KEV.value, WATER_60, WATER_80),
        _at(RADIOGRAPH_KEV.value, BONE_60, BONE_80) * BONE_DENSITY.value,
    )
    water_ct = _at(CT_KEV.value, WATER_60, WATER_80)
    bone_ct = _at(CT_KEV.value, BONE_60, BONE_80) * BONE_DENSITY.value
    bone_hu = 1000 * (bone_ct / water_ct - 1)
    value = np.asarray(hu, dtype=np.float32)
    slope = np.where(value > 0, np.float32((bone - water) / bone_hu), np.float32(water / 1000))
    return np.asarray((np.float32(water) + value * slope) / np.float32(10), dtype=np.float32)


def _at(kev: float, at_60: Parameter, at_80: Parameter) -> float:
    """Mass attenuation between two tabulated energies, log-log as NIST advises."""
    share = math.log(kev / 60) / math.log(80 / 60)
    return float(math.exp(math.log(at_60.value) * (1 - share) + math.log(at_80.value) * share))


def toward_detector(
    data: NDArray[Any], spacing: NDArray[np.float64], view: View
) -> tuple[NDArray[Any], tuple[float, float, float]]:
    """(planes from the detector on, rows from the head down, columns as displayed); spacing in mm.

    ``data``: (slices up, rows to the back, columns to the left).
    """
    z, y, x = (float(v) for v in spacing)
    if view == "PA":
        return data[::-1].transpose(1, 0, 2), (y, z, x)
    return data[::-1, :, ::-1].transpose(2, 0, 1), (x, z, y)


def _magnification(from_detector_mm: float) -> float:
    return SOURCE_TO_DETECTOR_MM / (SOURCE_TO_DETECTOR_MM - from_detector_mm)


def project(planes: F32, nearest_mm: float, spacing: tuple[float, float, float]) -> F32:
    """Line integrals of attenuation, (rows, columns) float32, about the central ray.

    planes: (depth, height, width), per mm, the first ``nearest_mm`` from the detector; spacing in
    mm. The field is as high as the nearest plane's shadow, so that every ray crosses all planes,
    and as wide as that of the middle plane; at most the detector's size.
    """
    depth, height, width = planes.shape
    step, tall, wide = spacing
    far = nearest_mm + (depth - 1) * step
    shadow = (
        height * tall * _magnification(nearest_mm),
        width * wide * _magnification((nearest_mm + far) / 2),
    )
    rows, columns = (2 * math.floor(min(mm, DETECTOR_MM) / PIXEL_MM / 2) for mm in shadow)
    v, u = (((np.arange(n) - (n - 1) / 2) * PIXEL_MM) for n in (rows, columns))
    smooth = ndimage.spline_filter1d(planes, order=3, axis=1, output=np.float32, mode="mirror")
    total = np.zeros((rows, columns), np.float32)
    part = np.empty_like(total)
    for index in range(depth):
        scale = _magnification(nearest_mm + index * step)
        widened = _stretched(smooth[index], u / scale / wide)
        for taken, weight in _cubic(v / scale / tall + (height - 1) / 2, height):
            np.take(widened, taken, axis=0, out=part, mode="clip")
            part *= weight[:, None]
            total += part
    oblique = np.sqrt(1 + (v[:, None] ** 2 + u**2) / SOURCE_TO_DETECTOR_MM**2)
    return np.asarray(total * (step * oblique), dtype=np.float32)


def _stretched(plane: F32, from_middle: NDArray[np.float64]) -> F32:
    """Columns of a plane at positions in pixels from its middle, linear; 0 outside."""
    count = plane.shape[1]
    padded = np.pad(plane, ((0, 0), (1, 1)))
    at = np.clip(from_middle + (count - 1) / 2 + 1, 0, count + 0.999)
    left = at.astype(np.intp)
    share = (at - left).astype(np.float32)
    return np.asarray(padded[:, left] * (1 - share) + padded[:, left + 1] * share)


def _cubic(at: NDArray[np.float64], count: int) -> list[tuple[NDArray[np.intp], F32]]:
    """The four rows and weights of a cubic B-spline at fractional rows, mirrored at the ends."""
    base = np.floor(at).astype(np.intp)
    t = at - base
    weights = (
        (1 - t) ** 3 / 6,
        (4 - 6 * t**2 + 3 * t**3) / 6,
        (1 + 3 * t + 3 * t**2 - 3 * t**3) / 6,
        t**3 / 6,
    )
    rows = [np.abs(base + offset) for offset in (-1, 0, 1, 2)]
    rows = [np.where(row > count - 1, 2 * (count - 1) - row, row) for row in rows]
    return [(row, w.astype(np.float32)) for row, w in zip(rows, weights, strict=True)]


def _with_noise(plan: EncounterPlan, view: View, integral: F32) -> F32:
    """Line integrals as read off a detector that counts quanta (normal, for there are many)."""
    passed = np.exp(-integral)
    shadow = integral > _SHADOW
    mean = float(passed[shadow].mean()) if shadow.any() else 1.0
    open_beam = QUANTA.value * PIXEL_MM**2 / mean
    draw = Noise(plan.seed, f"imaging.quanta.{view}").generator(plan.patient_index, plan.day)
    normal = draw.standard_normal(integral.shape, dtype=np.float32)
    counted = passed + normal * np.sqrt(passed / np.float32(open_beam))
    return np.asarray(-np.log(np.maximum(counted, np.float32(1 / open_beam))), dtype=np.float32)
