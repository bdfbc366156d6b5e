"""One study re-read from its files, as the numbers that the checks compare."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

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
from eval.readers.dx import heart_left_mm, read_dx
from eval.readers.lobes import LobesReading, read_lobes
from eval.readers.projection import Match, match
from eval.readers.seg import Segment, read_seg
from eval.readers.shadow import shadow
from eval.readers.sr import Measurement, read_sr
from eval.reference import SITE_CODES


@dataclass(frozen=True, slots=True)
class SegmentReading:
    """One segment: mask and pixel diameters in mm; ``left_mm``: of its centroid from the body's
    middle to the patient's left (negative: to the right), None without a CT; ``region``: codes of
    the anatomic region and of its side, "" where absent; ``around``: HU in and around it and
    ``volume_ml`` of the mask, None without a CT."""

    tracking_id: str
    tracking_uid: str
    long_axis_mm: float
    pixel: PixelMeasurement | None
    left_mm: float | None
    region: tuple[str, str] = ("", "")
    around: Surroundings | None = None
    short_axis_mm: float | None = None
    volume_ml: float | None = None


@dataclass(frozen=True, slots=True)
class RadiographReading:
    """One radiograph: its match with the CT, None without a CT or for another than an upright view;
    ``heart_left_mm``: how much further the heart's shadow reaches to the left than to the right;
    ``lesion``: tracking id of the largest lung lesion, "" without one, and ``shadow``: the share of
    its shadow that the radiograph shows, None where that cannot be told."""

    name: str
    view: str
    match: Match | None
    heart_left_mm: float | None
    lesion: str = ""
    shadow: float | None = None


@dataclass(frozen=True, slots=True)
class StudyReading:
    """Everything that was read from one study. ``pixel_mm``: in-plane pixel of the CT or SEG.

    ``measurements`` is None where the study has no SR; ``segments`` is empty where it has no SEG;
    ``lobes`` is None where it has no CT or no SEG of the lobes.
    """

    patient_id: str
    day: int
    where: str
    headers: tuple[Header, ...]
    has_ct: bool
    pixel_mm: float | None
    segments: tuple[SegmentReading, ...]
    measurements: tuple[Measurement, ...] | None
    lobes: LobesReading | None = None
    radiographs: tuple[RadiographReading, ...] = ()


def read_study(study: StudyFolder) -> StudyReading:
    """Read all series of one study; raises ``ConsilienceError`` on an unreadable file."""
    ct, segs, srs = study.series("ct"), study.series("seg"), study.series("sr")
    lobes, shots = study.series("lobes"), study.series("dx")
    volume = read_ct(ct) if ct else None
    headers: set[Header] = set(volume.headers) if volume else set()
    headers |= {read_header(path) for path in (*segs, *srs, *lobes, *shots)}
    lesions = {path: read_seg(path) for path in segs}
    pixel_mm = volume.spacing[0] if volume else None
    middle = body_midline_x(volume) if volume and (segs or lobes) else None
    segments: list[SegmentReading] = []
    for path, found in lesions.items():
        for segment in found:
            pixel_mm = pixel_mm or segment.spacing[0]
            try:
                segments.append(_measure(segment, volume, middle))
            except ValueError as error:
                raise unreadable(path, error) from error
    measurements = [m for path in srs for m in read_sr(path)]
    every = [segment for found in lesions.values() for segment in found]
    largest = _largest_in_lung(every)
    return StudyReading(
        patient_id=study.patient_id,
        day=study.day,
        where=f"imaging/{study.patient_id}/{study.path.name}",
        headers=tuple(sorted(headers, key=repr)),
        has_ct=volume is not None,
        pixel_mm=pixel_mm,
        segments=tuple(segments),
        measurements=tuple(measurements) if srs else None,
        lobes=_lobes(volume, lobes, every, middle),
        radiographs=tuple(_radiograph(path, volume, largest) for path in shots),
    )


def _lobes(
    volume: Volume | None, paths: Sequence[Path], lesions: Sequence[Segment], middle: float | None
) -> LobesReading | None:
    if volume is None or middle is None or not paths:
        return None
    try:
        segments = [segment for path in paths for segment in read_seg(path)]
        return read_lobes(volume, segments, lesions, middle)
    except ValueError as error:
        raise unreadable(paths[0], error) from error


def _largest_in_lung(segments: Sequence[Segment]) -> Segment | None:
    lung = [s for s in segments if s.region[0] in SITE_CODES["lung"]]
    return max(lung, key=lambda s: s.long_axis_mm, default=None)


def _radiograph(path: Path, volume: Volume | None, lesion: Segment | None) -> RadiographReading:
    shot = read_dx(path)
    cast = None
    if volume is not None and lesion is not None:
        cast = shadow(shot, volume, volume.mask(lesion))
    return RadiographReading(
        name=path.name,
        view=shot.view,
        match=None if volume is None else match(shot, volume),
        heart_left_mm=heart_left_mm(shot),
        lesion="" if lesion is None else lesion.tracking_id,
        shadow=cast,
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
        volume_ml=None if volume is None else _millilitres(segment, volume),
    )


def _millilitres(segment: Segment, volume: Volume) -> float:
    pixels = sum(int(plane.sum()) for plane in segment.planes.values())
    return pixels * segment.spacing[0] * segment.spacing[1] * volume.slice_mm / 1000
