"""One study re-read from its files, as the numbers that the checks compare."""

from __future__ import annotations

from dataclasses import dataclass

from eval.dataset import StudyFolder
from eval.readers.ct import (
    Header,
    PixelMeasurement,
    Surroundings,
    Volume,
    body_midline_x,
    pixel_long_axis,
    read_ct,
    read_header,
    surroundings,
)
from eval.readers.dicom import unreadable
from eval.readers.seg import Segment, read_seg
from eval.readers.sr import Measurement, read_sr


@dataclass(frozen=True, slots=True)
class SegmentReading:
    """One segment: mask and pixel diameters in mm; ``left_mm``: of its centroid from the body's
    middle to the patient's left (negative: to the right), None without a CT; ``region``: code of
    the anatomic region; ``around``: HU in and around it, None without a CT."""

    tracking_id: str
    tracking_uid: str
    long_axis_mm: float
    pixel: PixelMeasurement | None
    left_mm: float | None
    region: str = ""
    around: Surroundings | None = None
    short_axis_mm: float | None = None


@dataclass(frozen=True, slots=True)
class StudyReading:
    """Everything that was read from one study. ``pixel_mm``: in-plane pixel of the CT or SEG.

    ``measurements`` is None where the study has no SR; ``segments`` is empty where it has no SEG.
    """

    patient_id: str
    day: int
    where: str
    headers: tuple[Header, ...]
    has_ct: bool
    pixel_mm: float | None
    segments: tuple[SegmentReading, ...]
    measurements: tuple[Measurement, ...] | None


def read_study(study: StudyFolder) -> StudyReading:
    """Read CT, SEG and SR of one study; raises ``ConsilienceError`` on an unreadable file."""
    ct, segs, srs = study.series("ct"), study.series("seg"), study.series("sr")
    volume = read_ct(ct) if ct else None
    headers: set[Header] = set(volume.headers) if volume else set()
    headers |= {read_header(path) for path in (*segs, *srs)}
    segments: list[SegmentReading] = []
    pixel_mm = volume.spacing[0] if volume else None
    middle = body_midline_x(volume) if volume and segs else None
    for path in segs:
        for segment in read_seg(path):
            pixel_mm = pixel_mm or segment.spacing[0]
            try:
                segments.append(_measure(segment, volume, middle))
            except ValueError as error:
                raise unreadable(path, error) from error
    measurements = [m for path in srs for m in read_sr(path)]
    return StudyReading(
        patient_id=study.patient_id,
        day=study.day,
        where=f"imaging/{study.patient_id}/{study.path.name}",
        headers=tuple(sorted(headers, key=repr)),
        has_ct=volume is not None,
        pixel_mm=pixel_mm,
        segments=tuple(segments),
        measurements=tuple(measurements) if srs else None,
    )


def _measure(segment: Segment, volume: Volume | None, middle: float | None) -> SegmentReading:
    return SegmentReading(
        tracking_id=segment.tracking_id,
        tracking_uid=segment.tracking_uid,
        long_axis_mm=segment.long_axis_mm,
        pixel=pixel_long_axis(volume, segment) if volume else None,
        left_mm=None if middle is None else segment.centroid[0] - middle,
        region=segment.region,
        around=surroundings(volume, segment) if volume else None,
        short_axis_mm=segment.short_axis_mm,
    )
