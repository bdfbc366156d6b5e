"""Reads CT series and measures lesions from the pixels alone.

Method (:func:`pixel_long_axis`). Only a lesion's approximate place is taken from elsewhere. Around
it, soft tissue is separated from lung at a fixed threshold; an opening, whose radius is a share of
the lesion's own thickness there up to that of a peripheral vessel, cuts off vessels; the connected
component around the seed is the lesion. On each axial slice its outline is traced at sub-pixel
precision half way between the lesion's own density and that of the lung around it, and the longest
diameter is taken.

Limit: where the component runs on into chest wall, mediastinum or diaphragm, or along a vessel as
thick as the opening lets pass, density alone cannot say where the lesion ends. The search is then
limited to the lesion's segmentation mask and one pixel around it, and the result says so
(``limited``). What is larger than its mask all around, or ends soon, is no vessel: it is measured.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from pydicom.dataset import Dataset as DicomDataset
from scipy import ndimage

from eval.readers.dicom import FAULTS, open_dicom, slice_normal, unreadable
from eval.readers.geometry import feret, outlines
from eval.readers.seg import Segment

SOFT_TISSUE_HU = -400.0
"""Half way between aerated lung (about -850 HU) and soft tissue (about +40 HU)."""
WINDOW_MARGIN_MM = 15.0
"""How far beyond the mask's box the search window reaches: enough to notice a run-on."""
OPENING_SHARE = 0.45
"""Opening radius as a share of the lesion's largest in-plane inscribed radius."""
OPENING_CAP_MM = 4.0
"""No wider than this: what is thicker than 8 mm is no peripheral vessel, and a wide opening would
round off the narrow ends of a large lesion."""
REGROW_SHARE = 0.25
"""After opening, ends grow back by this share of its radius where soft tissue goes on."""
RIM_PX = 2
SHELL_PX = 3
LUNG_HU, BONE_HU = -500.0, 100.0
"""Lighter than the first is lung, denser than the second bone, spongy bone of the old included."""
SMALLEST_PX = 5.0
"""Below this many pixels partial volume leaves too little of a lesion to measure, and a vessel that
adds one pixel counts for as much as two diameters may differ."""
LIMIT_PX = 1.0
"""How far beyond the mask a run-on component may reach."""

VESSEL_BORDER = 0.5
"""A vessel touches at most this share of the border of a lesion's mask, on every slice ..."""
VESSEL_GOES_ON_MM = 8.0
"""... and goes on in soft tissue to at least this far from it."""


@dataclass(frozen=True, slots=True)
class Header:
    """What the DICOM header says about patient and study."""

    patient_id: str
    sex: str
    study_date: str
    modality: str
    study_uid: str
    sop_class: str


@dataclass(frozen=True)
class Volume:
    """One CT series.

    ``hu``: (slices, rows, columns) float32, sorted by position along the slice normal;
    ``heights``: (slices,) mm along the normal; ``spacing``: (row, column) mm; ``origin``: x, y, z
    of the first pixel of the first slice, mm (LPS); ``orientation``: six direction cosines;
    ``headers``: the distinct patient and study attributes of its files (one, if they agree).
    """

    hu: NDArray[np.float32]
    heights: NDArray[np.float64]
    spacing: tuple[float, float]
    origin: tuple[float, float, float]
    orientation: tuple[float, ...]
    headers: frozenset[Header]

    @property
    def slice_mm(self) -> float:
        """Median distance between neighbouring slices, mm."""
        return float(np.median(np.diff(self.heights))) if len(self.heights) > 1 else 1.0

    def mask(self, segment: Segment) -> NDArray[np.bool_]:
        """``(slices, rows, columns)`` mask of a segment, matched to slices by position.

        Raises ``ValueError`` where a frame lies on no slice of this series.
        """
        mask = np.zeros(self.hu.shape, dtype=bool)
        for height, plane in segment.planes.items():
            nearest = int(np.argmin(np.abs(self.heights - height)))
            if abs(self.heights[nearest] - height) > 0.05 or plane.shape != mask.shape[1:]:
                raise ValueError(
                    f"segment {segment.number} has a frame at {height} mm that is on no CT slice"
                )
            mask[nearest] = plane
        return mask


@dataclass(frozen=True, slots=True)
class PixelMeasurement:
    """Long axis in mm from the pixels; ``limited``: the mask was needed to end the search."""

    long_axis_mm: float
    limited: bool


def read_header(path: Path) -> Header:
    """Patient and study attributes of one DICOM file."""
    return _header(open_dicom(path))


def _header(ds: DicomDataset) -> Header:
    return Header(
        patient_id=str(ds.get("PatientID", "")),
        sex=str(ds.get("PatientSex", "")),
        study_date=str(ds.get("StudyDate", "")),
        modality=str(ds.get("Modality", "")),
        study_uid=str(ds.get("StudyInstanceUID", "")),
        sop_class=str(ds.get("SOPClassUID", "")),
    )


def read_ct(paths: Sequence[Path]) -> Volume:
    """The series' HU, sorted by position; raises ``ConsilienceError`` where unreadable."""
    slices: list[tuple[float, NDArray[np.float32], Any]] = []
    for path in paths:
        ds = open_dicom(path)
        try:
            normal = slice_normal([float(v) for v in ds.ImageOrientationPatient])
            position = np.array(ds.ImagePositionPatient, float)
            hu = ds.pixel_array * float(ds.RescaleSlope) + float(ds.RescaleIntercept)
            slices.append((float(position @ normal), hu.astype(np.float32), ds))
        except FAULTS as error:
            raise unreadable(path, error) from error
    slices.sort(key=lambda item: item[0])
    first = slices[0][2]
    x, y, z = (float(v) for v in first.ImagePositionPatient)
    try:
        volume = np.stack([hu for _, hu, _ in slices])
    except ValueError as error:
        raise unreadable(paths[0].parent, error) from error
    return Volume(
        hu=volume,
        heights=np.array([height for height, _, _ in slices]),
        spacing=(float(first.PixelSpacing[0]), float(first.PixelSpacing[1])),
        origin=(x, y, z),
        orientation=tuple(float(v) for v in first.ImageOrientationPatient),
        headers=frozenset(_header(ds) for _, _, ds in slices),
    )


def body_midline_x(volume: Volume) -> float:
    """x (mm, LPS: growing to the patient's left) of the middle between both body walls.

    The body is what is denser than lung; its centre is taken per slice between the outermost
    columns of the largest component and then as the median over slices, which a table or an arm
    does not move.
    """
    centres = []
    for plane in volume.hu[:: max(1, len(volume.hu) // 12)]:
        labels, count = ndimage.label(plane > SOFT_TISSUE_HU)
        if count:
            sizes = np.bincount(labels.ravel())[1:]
            columns = np.nonzero((labels == 1 + int(np.argmax(sizes))).any(axis=0))[0]
            centres.append((columns[0] + columns[-1]) / 2)
    column = float(np.median(centres)) if centres else (volume.hu.shape[2] - 1) / 2
    return volume.origin[0] + column * volume.spacing[1] * volume.orientation[0]


@dataclass(frozen=True, slots=True)
class Surroundings:
    """HU of a segment and around it: ``inside``: median of the mask; ``shell``, ``bone``: share of
    the ``SHELL_PX`` around it that is as light as lung, or as dense as bone."""

    inside: float
    shell: float
    bone: float


def surroundings(volume: Volume, segment: Segment) -> Surroundings:
    """What the pixels show in and around a segment; in-plane, on the slices that it has."""
    mask = volume.mask(segment)
    box = _window(mask, volume)
    near, hu = mask[box], volume.hu[box]
    ring = np.zeros_like(near)
    for i, plane in enumerate(near):
        if plane.any():
            ring[i] = ndimage.binary_dilation(plane, iterations=SHELL_PX) & ~plane
    shell = hu[ring] if ring.any() else np.zeros(1)
    return Surroundings(
        inside=float(np.median(hu[near])),
        shell=float((shell < LUNG_HU).mean()),
        bone=float((shell > BONE_HU).mean()),
    )


def _ground_glass(hu: NDArray[np.float64], near: NDArray[np.bool_]) -> bool:
    """Whether the outer part of the widest section is too light for a border in soft tissue."""
    widest = int(near.sum(axis=(1, 2)).argmax())
    plane = near[widest]
    core = ndimage.binary_erosion(plane, iterations=RIM_PX)
    rim = plane & ~core
    return bool(np.median(hu[widest][rim]) < SOFT_TISSUE_HU)


def pixel_long_axis(volume: Volume, segment: Segment) -> PixelMeasurement | None:
    """Long axis of the lesion at a segment's place, from pixels; None where none is found.

    None too for lesions of fewer than ``SMALLEST_PX`` pixels, and for those with a rim of ground
    glass, whose soft tissue is smaller than the lesion.
    """
    mask = volume.mask(segment)
    if segment.long_axis_mm < SMALLEST_PX * volume.spacing[0]:
        return None
    window = _window(mask, volume)
    hu, near = volume.hu[window].astype(float), mask[window]
    if _ground_glass(hu, near):
        return None
    soft = hu > SOFT_TISSUE_HU
    component = _component(soft, near, volume.spacing)
    if component is None:
        return None
    everywhere = np.ones_like(near)
    reach = _dilate(near, LIMIT_PX * max(volume.spacing), volume.spacing)
    found = _longest(hu, component, everywhere, volume.spacing)
    runs_on = _runs_on(component)
    if not runs_on and not _has_vessel(component, soft, reach, volume.spacing):
        return PixelMeasurement(found, limited=False) if found > 0 else None
    component = _component(soft & reach, near, volume.spacing)
    if component is None:
        return None
    within = _longest(hu, component, reach, volume.spacing)
    if not runs_on and found - within <= max(volume.spacing):
        return PixelMeasurement(found, limited=False)  # the vessel adds no more than a pixel
    return PixelMeasurement(within, limited=True) if within > 0 else None


def _longest(
    hu: NDArray[np.float64],
    component: NDArray[np.bool_],
    within: NDArray[np.bool_],
    spacing: tuple[float, float],
) -> float:
    """Longest diameter in mm over the slices of a component; 0 where it has no outline."""
    planes = zip(hu, component, within, strict=True)
    diameters = (_outline_diameter(h, c, w, spacing) for h, c, w in planes if c.any())
    return max(diameters, default=0.0)


def _window(mask: NDArray[np.bool_], volume: Volume) -> tuple[slice, slice, slice]:
    """Box around the mask with a margin, clipped to the volume."""
    steps = (volume.slice_mm, *volume.spacing)
    box = []
    for axis, step in enumerate(steps):
        inside = np.nonzero(mask.any(axis=tuple(a for a in range(3) if a != axis)))[0]
        margin = int(np.ceil(WINDOW_MARGIN_MM / step))
        stop = min(mask.shape[axis], inside[-1] + margin + 1)
        box.append(slice(max(0, inside[0] - margin), stop))
    return box[0], box[1], box[2]


def _component(
    soft: NDArray[np.bool_], near: NDArray[np.bool_], spacing: tuple[float, float]
) -> NDArray[np.bool_] | None:
    """Connected soft tissue around the mask's centre after cutting off what is thin.

    In-plane, slice by slice, since slices are several pixels thick.
    """
    depth = np.zeros(soft.shape)
    for i, plane in enumerate(soft):
        if near[i].any():
            depth[i] = ndimage.distance_transform_edt(plane, sampling=spacing)
    thickness = float(depth[near].max(initial=0.0))
    if thickness <= 0:
        return None
    radius = min(OPENING_SHARE * thickness, OPENING_CAP_MM)
    opened = np.stack([_open(plane, radius, spacing) for plane in soft])
    centre = np.array(ndimage.center_of_mass(near))
    labels, count = ndimage.label(opened)
    if not count:
        return None
    overlap = np.bincount(labels[near], minlength=count + 1)[1:]
    if not overlap.any():
        return None
    at_centre = int(labels[tuple(np.round(centre).astype(int))])
    return np.asarray(labels == (at_centre or 1 + int(np.argmax(overlap))))


def _open(
    plane: NDArray[np.bool_], radius: float, spacing: tuple[float, float]
) -> NDArray[np.bool_]:
    """Opening by a disc of ``radius`` mm through distance transforms."""
    if not plane.any():
        return plane
    core = np.asarray(ndimage.distance_transform_edt(plane, sampling=spacing) > radius)
    if not core.any():
        return core
    reach = radius * (1 + REGROW_SHARE)
    back = ndimage.distance_transform_edt(~core, sampling=spacing) < reach
    return np.asarray(back & plane)


def _dilate(
    mask: NDArray[np.bool_], reach: float, spacing: tuple[float, float]
) -> NDArray[np.bool_]:
    """In-plane dilation by ``reach`` mm; planes without mask stay empty."""
    grown = np.zeros_like(mask)
    for i, plane in enumerate(mask):
        if plane.any():
            grown[i] = ndimage.distance_transform_edt(~plane, sampling=spacing) <= reach
    return grown


def _runs_on(component: NDArray[np.bool_]) -> bool:
    """Whether a component leaves the window: then it is lesion and body in one."""
    sides = (component[:, 0], component[:, -1], component[:, :, 0], component[:, :, -1])
    return any(bool(side.any()) for side in sides)


def _has_vessel(
    component: NDArray[np.bool_],
    soft: NDArray[np.bool_],
    reach: NDArray[np.bool_],
    spacing: tuple[float, float],
) -> bool:
    """Whether what a component has beyond ``reach`` is narrow where it begins, and goes on far.

    With the pixel around the component, in which its outline lies.
    """
    beyond = ndimage.binary_dilation(component, np.ones((1, 3, 3))) & soft & ~reach
    for plane, extra in zip(reach, beyond, strict=True):
        border = ndimage.binary_dilation(plane) & ~plane
        if plane.any() and (extra & border).sum() > VESSEL_BORDER * border.sum():
            return False
    labels, _ = ndimage.label(soft & ~reach)
    there = np.setdiff1d(labels[beyond], [0])
    flat = reach.any(axis=0)
    away = ndimage.distance_transform_edt(~flat, sampling=spacing)
    return bool((np.isin(labels, there) & (away > VESSEL_GOES_ON_MM)).any())


def _outline_diameter(
    plane: NDArray[np.float64],
    region: NDArray[np.bool_],
    within: NDArray[np.bool_],
    spacing: tuple[float, float],
) -> float:
    """Diameter in mm of one slice's outline at half height between lesion and lung.

    ``region``: the lesion's component; ``within``: where its edge may lie at all.
    """
    core = ndimage.binary_erosion(region)
    inside = float(np.median(plane[core if core.any() else region]))
    around = ndimage.binary_dilation(region, iterations=4) & ~ndimage.binary_dilation(
        region, iterations=2
    )
    lung = plane[around & (plane < SOFT_TISSUE_HU)]
    outside = float(np.median(lung)) if lung.size else -850.0
    # Outside the component's own edge pixels everything counts as lung: cut vessels stay cut.
    kept = np.where(ndimage.binary_dilation(region) & within, plane, outside)
    padded = np.pad(np.minimum(kept, inside), 1, constant_values=outside)
    found = outlines(padded, (inside + outside) / 2)
    return max((feret(outline * np.array(spacing)) for outline in found), default=0.0)
