"""Reads DICOM segmentations: one binary mask a segment, in the geometry of its CT."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from pydicom.dataset import Dataset as DicomDataset

from eval.readers.dicom import FAULTS, open_dicom, slice_normal, unreadable
from eval.readers.geometry import mask_long_axis, mask_short_axis


@dataclass(frozen=True)
class Segment:
    """One segment.

    ``planes``: {position along the slice normal in mm, rounded to 0.01: (rows, columns) bool};
    ``spacing``: (row, column) mm; ``centroid``: x, y, z in mm, patient coordinates (LPS);
    ``region``: code values of the anatomic region and of its first modifier, "" where absent.
    """

    number: int
    tracking_id: str
    tracking_uid: str
    spacing: tuple[float, float]
    planes: dict[float, NDArray[np.bool_]]
    centroid: tuple[float, float, float]
    region: tuple[str, str] = ("", "")

    @property
    def long_axis_mm(self) -> float:
        """Longest axial diameter, mm."""
        return mask_long_axis(np.stack(list(self.planes.values())), self.spacing)

    @property
    def short_axis_mm(self) -> float:
        """Extent across the long axis, mm."""
        return mask_short_axis(np.stack(list(self.planes.values())), self.spacing)


@dataclass(frozen=True, slots=True)
class _Frame:
    segment: int
    position: NDArray[np.float64]
    orientation: NDArray[np.float64]
    spacing: tuple[float, float]
    pixels: NDArray[np.bool_]

    @property
    def height(self) -> float:
        """Position along the slice normal, mm."""
        return float(self.position @ slice_normal(self.orientation.tolist()))


def read_seg(path: Path) -> tuple[Segment, ...]:
    """The segments of one SEG file, by number; raises ``ConsilienceError`` where unreadable."""
    ds = open_dicom(path)
    try:
        frames = _frames(ds)
        return tuple(
            _segment(item, [f for f in frames if f.segment == int(item.SegmentNumber)])
            for item in ds.SegmentSequence
        )
    except FAULTS as error:
        raise unreadable(path, error) from error


def _frames(ds: DicomDataset) -> list[_Frame]:
    pixels = np.asarray(ds.pixel_array)
    if pixels.ndim == 2:
        pixels = pixels[None]
    shared = ds.SharedFunctionalGroupsSequence[0]
    found = []
    for plane, group in zip(pixels, ds.PerFrameFunctionalGroupsSequence, strict=True):
        measures = _group(shared, group, "PixelMeasuresSequence")
        orientation = _group(shared, group, "PlaneOrientationSequence")
        position = _group(shared, group, "PlanePositionSequence")
        identification = _group(shared, group, "SegmentIdentificationSequence")
        found.append(
            _Frame(
                int(identification.ReferencedSegmentNumber),
                np.array(position.ImagePositionPatient, float),
                np.array(orientation.ImageOrientationPatient, float),
                (float(measures.PixelSpacing[0]), float(measures.PixelSpacing[1])),
                plane > 0,
            )
        )
    return found


def _group(shared: DicomDataset, frame: DicomDataset, name: str) -> Any:
    return (frame if name in frame else shared)[name].value[0]


def _segment(item: DicomDataset, frames: list[_Frame]) -> Segment:
    if not any(frame.pixels.any() for frame in frames):
        raise ValueError(f"segment {item.SegmentNumber} has no pixels")
    planes = {round(frame.height, 2): frame.pixels for frame in frames if frame.pixels.any()}
    return Segment(
        number=int(item.SegmentNumber),
        tracking_id=str(item.get("TrackingID", "")),
        tracking_uid=str(item.get("TrackingUID", "")),
        spacing=frames[0].spacing,
        planes=dict(sorted(planes.items())),
        centroid=_centroid(frames),
        region=_region(item),
    )


def _region(item: DicomDataset) -> tuple[str, str]:
    """Anatomic region and its modifier, PS3.3 table 10-7."""
    regions = item.get("AnatomicRegionSequence")
    if not regions:
        return "", ""
    modifiers = regions[0].get("AnatomicRegionModifierSequence")
    return str(regions[0].CodeValue), str(modifiers[0].CodeValue) if modifiers else ""


def _centroid(frames: list[_Frame]) -> tuple[float, float, float]:
    """Mean position of all pixels of a segment, mm, from the affine of PS3.3 C.7.6.2.1.1."""
    total, count = np.zeros(3), 0
    for frame in frames:
        rows, columns = np.nonzero(frame.pixels)
        along_row, along_column = frame.orientation[:3], frame.orientation[3:]
        total += (
            len(rows) * frame.position
            + columns.sum() * frame.spacing[1] * along_row
            + rows.sum() * frame.spacing[0] * along_column
        )
        count += len(rows)
    x, y, z = (total / count).tolist()
    return x, y, z
