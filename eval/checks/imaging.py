"""DICOM headers, SR and SEG against the observed tables."""

from __future__ import annotations

import datetime as dt
import math
from collections.abc import Mapping, Sequence
from typing import Any

from alignment import identifiers, schemas
from eval.checks.lookup import Lesion, Scan
from eval.dataset import Dataset, strings
from eval.readers.lobes import LEFT, LOBES, RIGHT
from eval.reading import SegmentReading, StudyReading
from eval.reference import BONE_SHARE, SITE_CODES, SITE_HU, SITE_LUNG
from eval.result import CheckResult, Tally, results

Lesions = Mapping[Scan, Sequence[Lesion]]
READER_SDS = 4.0
"""A mask within this many reader SDs and a pixel of the measurement agrees with it."""


def check_headers(data: Dataset, readings: Sequence[StudyReading]) -> CheckResult:
    """Patient, sex and study date of every DICOM file; one study UID a study."""
    tally = Tally("dicom_header", "DICOM headers agree with patients and dates")
    patients = data.table(schemas.PATIENTS)
    if patients is None:
        return tally.result()
    sexes = dict(zip(patients["patient_id"], strings(patients["sex"]), strict=True))
    dates = dict(zip(patients["patient_id"], patients["index_date"], strict=True))
    for reading in readings:
        if reading.patient_id not in sexes:
            tally.violate(
                reading.patient_id,
                reading.day,
                reading.where,
                expected="a patient of the cohort",
                found=reading.patient_id,
                message="the study's patient is not in tables/patients",
            )
            continue
        date = identifiers.calendar_date(_date(dates[reading.patient_id]), reading.day)
        expected = (
            reading.patient_id,
            sexes[reading.patient_id][:1].upper(),
            identifiers.dicom_date(date),
        )
        for header in reading.headers:
            found = (header.patient_id, header.sex, header.study_date)
            tally.compare(
                found == expected,
                reading.patient_id,
                reading.day,
                f"{reading.where} ({header.modality})",
                expected=" ".join(expected),
                found=" ".join(found),
                message="patient, sex or study date differ from the tables",
            )
        uids = sorted({header.study_uid for header in reading.headers})
        tally.compare(
            len(uids) == 1,
            reading.patient_id,
            reading.day,
            reading.where,
            expected="one study instance UID",
            found=", ".join(uids),
            message="the series are not of one study",
        )
    return tally.result()


def _date(value: Any) -> dt.date:
    return value.date() if hasattr(value, "date") else value  # type: ignore[no-any-return]


def check_sr(readings: Sequence[StudyReading], lesions: Lesions) -> list[CheckResult]:
    """SR measurements equal tables/lesions: none missing or invented, sizes and targets exact."""
    present = Tally("sr_lesions", "the SR lists the measurable lesions, no others")
    sizes = Tally("sr_sizes", "SR diameters are those of tables/lesions, exactly")
    targets = Tally("sr_targets", "the SR's RECIST targets are those of tables/lesions")
    for reading in readings:
        if reading.measurements is None:
            if reading.has_ct:
                count = sum(x.measured for x in lesions.get((reading.patient_id, reading.day), ()))
                present.skip("the study has no SR", count)
            continue
        expected = {
            x.lesion_id: x for x in lesions.get((reading.patient_id, reading.day), ()) if x.measured
        }
        found = {m.tracking_id: m for m in reading.measurements}
        where = f"{reading.where}/sr"
        for name in sorted(set(expected) | set(found)):
            present.compare(
                name in expected and name in found,
                reading.patient_id,
                reading.day,
                where,
                expected=name if name in expected else "no such lesion",
                found=name if name in found else "no measurement",
                message=f"SR and tables/lesions do not both have {name}",
            )
            if name not in expected or name not in found:
                continue
            row, measured = expected[name], found[name]
            if measured.target is None:
                targets.skip("the SR does not say which lesions are targets")
            else:
                targets.compare(
                    measured.target == row.is_target,
                    reading.patient_id,
                    reading.day,
                    where,
                    expected="target" if row.is_target else "non-target",
                    found="target" if measured.target else "non-target",
                    message=f"{name} is not the kind of lesion that the table has",
                )
            pairs = [("long", row.long_mm, measured.long_axis)]
            if row.short_mm is not None or measured.short_axis is not None:
                pairs.append(("short", row.short_mm, measured.short_axis))
            for axis, wanted, got in pairs:
                holds = wanted == got and measured.unit == "mm"
                sizes.compare(
                    holds,
                    reading.patient_id,
                    reading.day,
                    where,
                    expected=wanted,
                    found=f"{got} {measured.unit}",
                    message=f"{axis} axis of {name} differs",
                )
    return results([present, sizes, targets])


def check_seg(
    data: Dataset, readings: Sequence[StudyReading], lesions: Lesions
) -> list[CheckResult]:
    """Segments belong to lesions, keep their tracking UID, lie on the right side, are as large as
    the reader's measurement allows."""
    known = Tally("seg_lesions", "segments are lesions of the table and keep their tracking UID")
    sides = Tally("seg_side", "segments lie on the lesion's side of the body")
    sizes = Tally("seg_sizes", "mask diameters are within reader error of tables/lesions")
    places = Tally("seg_site", "segments name the lesion's site, and the pixels there look like it")
    error = reader_error(data)
    uids: dict[tuple[str, str], str] = {}
    for reading in readings:
        rows = {x.lesion_id: x for x in lesions.get((reading.patient_id, reading.day), ())}
        for segment in reading.segments:
            row = rows.get(segment.tracking_id)
            where = f"{reading.where}/seg {segment.tracking_id}"
            first = uids.setdefault((reading.patient_id, segment.tracking_id), segment.tracking_uid)
            known.compare(
                row is not None and first == segment.tracking_uid,
                reading.patient_id,
                reading.day,
                where,
                expected=f"a lesion of that day, {first}",
                found=f"{segment.tracking_id}, {segment.tracking_uid}",
                message="the segment is no such lesion or changed its tracking UID",
            )
            if row is None:
                continue
            _check_side(sides, reading, where, row, segment)
            fluid = any(x.site == "pleura" and not x.gone for x in rows.values())
            _check_site(places, reading, where, row, segment, fluid=fluid)
            if error is None:
                sizes.skip("the manifest declares no reader_error")
            elif row.long_mm is not None:
                _check_size(sizes, reading, where, row.long_mm, segment, error)
    return results([known, sides, sizes, places])


def _check_side(
    tally: Tally, reading: StudyReading, where: str, row: Lesion, segment: SegmentReading
) -> None:
    if segment.left_mm is None or row.side not in ("right", "left"):
        tally.skip(
            "no CT to find the middle"
            if row.side in ("right", "left")
            else "the lesion has no side"
        )
        return
    found = "left" if segment.left_mm > 0 else "right"
    tally.compare(
        found == row.side,
        reading.patient_id,
        reading.day,
        where,
        expected=row.side,
        found=f"{found}, {abs(segment.left_mm):.0f} mm from the middle",
        message="the segment is on the other side",
    )


def _check_site(
    tally: Tally,
    reading: StudyReading,
    where: str,
    row: Lesion,
    segment: SegmentReading,
    *,
    fluid: bool,
) -> None:
    """The coded region and side, and HU in and around the segment; ``fluid``: lung may lie in
    effusion."""
    if not segment.region[0] or row.site not in SITE_CODES:
        tally.skip(
            "the segment names no region" if row.site in SITE_CODES else "no such site in CT"
        )
    else:
        named = _regions(row)
        tally.compare(
            segment.region in named,
            reading.patient_id,
            reading.day,
            where,
            expected=f"{row.site}: {' or '.join(' '.join(pair) for pair in named)}",
            found=" ".join(segment.region),
            message="the segment's region is not the lesion's site, or of the other side",
        )
    found = segment.around
    if found is None or row.site not in SITE_HU:
        tally.skip("no CT to look at" if found is None else "no such site in CT")
        return
    low, high = SITE_HU[row.site]
    least, most = SITE_LUNG.get(row.site, (0.0, 1.0))
    least = 0.0 if fluid else least
    holds = low <= found.inside <= high and least <= found.shell <= most
    wanted = f"median {low:g} to {high:g} HU, {least:.0%} to {most:.0%} lung around"
    if row.site == "bone":
        holds &= found.bone >= BONE_SHARE
        wanted += f", at least {BONE_SHARE:.0%} bone"
    tally.compare(
        holds,
        reading.patient_id,
        reading.day,
        where,
        expected=f"{row.site}: {wanted}",
        found=f"median {found.inside:.0f} HU, {found.shell:.0%} lung, {found.bone:.0%} bone around",
        message="the pixels there do not look like the lesion's site",
    )


def _regions(row: Lesion) -> list[tuple[str, str]]:
    """Codes of region and side that name a lesion's site; of the lobes, only its own."""
    side = {"right": RIGHT, "left": LEFT}.get(row.side or "", "")
    own = [pair for pair, lobe in LOBES.items() if lobe == row.lobe]
    others = {code for code, _ in LOBES} if own else set()
    return own + [(code, side) for code in SITE_CODES[row.site] if code not in others]


def _check_size(
    tally: Tally,
    reading: StudyReading,
    where: str,
    measured: float,
    segment: SegmentReading,
    error: tuple[float, float],
) -> None:
    limit = READER_SDS * reader_sd(segment.long_axis_mm, error) + (reading.pixel_mm or 0.0)
    holds = abs(segment.long_axis_mm - measured) <= limit
    tally.compare(
        holds,
        reading.patient_id,
        reading.day,
        where,
        expected=f"{measured:g} mm, at most {limit:.1f} mm off",
        found=f"{segment.long_axis_mm:.1f} mm",
        message="mask and measurement differ by more than a reader would",
    )


def reader_error(data: Dataset) -> tuple[float, float] | None:
    """(sd_mm, sd_share) that the manifest declares, or None."""
    declared = data.manifest.get("reader_error") or data.config.get("reader_error")
    if not isinstance(declared, dict):
        return None
    return float(declared.get("sd_mm", 0.0)), float(declared.get("sd_share", 0.0))


def reader_sd(latent_mm: float, error: tuple[float, float]) -> float:
    """SD in mm of one whole-mm reading: additive, proportional and rounding variance added."""
    return math.sqrt(error[0] ** 2 + (error[1] * latent_mm) ** 2 + 1 / 12)
