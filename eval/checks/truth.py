"""The truth tier: files against what the simulator says that it rendered."""

from __future__ import annotations

import hashlib
import json
import math
from collections.abc import Sequence
from typing import Any

import numpy as np
import pandas as pd
from scipy import stats

from alignment import identifiers, schemas
from eval.checks.imaging import Lesions, reader_error
from eval.checks.lookup import Scan
from eval.dataset import Dataset, strings
from eval.reading import SegmentReading, StudyReading
from eval.result import CheckResult, Tally, results

PIXEL_TOLERANCE_PX = 1.5
PIXEL_TOLERANCE_SHARE = 0.05
MASK_TOLERANCE_PX = 0.5
LUNG_AROUND = 0.5
"""Of the surroundings: a lesion in soft tissue has no edge that HU alone would show."""
ERROR_FLOOR_MM = 10.0
"""Below this, readings pile up at "gone" and "too small to measure" and are no normal error."""
ERROR_ALPHA = 1e-3
"""Of the interval of the SD ratio; a sound dataset fails once in a thousand."""


def check_rendered_sizes(data: Dataset, readings: Sequence[StudyReading]) -> list[CheckResult]:
    """Mask and pixel diameters against truth/lesions."""
    masks = Tally("mask_truth", "mask diameters are the latent ones, within half a pixel", "truth")
    pixels = Tally(
        "pixel_truth", "pixel diameters are the latent ones, within 1.5 px + 5 %", "truth"
    )
    latent = _latent(data, {(r.patient_id, r.day) for r in readings})
    if latent is None:
        return results([masks, pixels])
    errors = []
    for reading in readings:
        for segment in reading.segments:
            name = segment.tracking_id
            truth = latent.get((reading.patient_id, reading.day, name))
            if truth is None:
                masks.violate(
                    reading.patient_id,
                    reading.day,
                    f"{reading.where}/seg {name}",
                    expected="a latent lesion",
                    found="none",
                    message="the segment is not in truth/lesions",
                )
                continue
            pixel = reading.pixel_mm or 0.0
            if math.isnan(truth):
                masks.skip("no latent size: effusion and bone are not measured")
                continue
            masks.compare(
                abs(segment.long_axis_mm - truth) <= MASK_TOLERANCE_PX * pixel,
                reading.patient_id,
                reading.day,
                f"{reading.where}/seg {name}",
                expected=f"{truth:.2f} mm",
                found=f"{segment.long_axis_mm:.2f} mm",
                message=f"off by more than half a pixel of {pixel:.2f} mm",
            )
            found = _compare_pixels(pixels, reading, segment, truth)
            if found is not None:
                errors.append(found - truth)
    if errors:
        pixels.title += f" (median error {np.median(errors):+.2f} mm)"
    return results([masks, pixels])


def _compare_pixels(
    tally: Tally, reading: StudyReading, segment: SegmentReading, truth: float
) -> float | None:
    """Compare the diameter in the pixels with the truth; return it, or None where there is none."""
    if segment.around is not None and segment.around.shell < LUNG_AROUND:
        tally.skip("too little lung around it for an edge in the pixels")
        return None
    if segment.pixel is None:
        tally.skip(
            "no solid lesion found in the pixels, or too few of them" if reading.has_ct else "no CT"
        )
        return None
    found = segment.pixel.long_axis_mm
    limit = PIXEL_TOLERANCE_PX * (reading.pixel_mm or 0.0) + PIXEL_TOLERANCE_SHARE * truth
    tally.compare(
        abs(found - truth) <= limit,
        reading.patient_id,
        reading.day,
        f"{reading.where}/ct {segment.tracking_id}",
        expected=f"{truth:.2f} mm",
        found=f"{found:.2f} mm" + (" (limited by the mask)" if segment.pixel.limited else ""),
        message=f"off by more than {limit:.2f} mm",
    )
    return found


def _latent(data: Dataset, scans: set[Scan]) -> dict[tuple[str, int, str], float] | None:
    frame = data.table(schemas.TRUTH_LESIONS)
    if frame is None:
        return None
    frame = frame[frame["patient_id"].isin({p for p, _ in scans})]
    keys = zip(
        strings(frame["patient_id"]),
        frame["day"].astype(int),
        strings(frame["lesion_id"]),
        strict=True,
    )
    return dict(zip(keys, frame["long_axis_mm"].astype(float), strict=True))


def planned_scans(data: Dataset) -> set[Scan]:
    """(patient_id, day) of every plan."""
    frame = data.table(schemas.TRUTH_PLANS)
    if frame is None:
        return set()
    return set(zip(strings(frame["patient_id"]), frame["day"].astype(int).tolist(), strict=True))


def check_rendering(data: Dataset, readings: Sequence[StudyReading]) -> CheckResult:
    """truth/rendering against the SEG: what it says was rendered has a segment, and only that."""
    tally = Tally(
        "rendering", "what truth/rendering calls rendered has a segment, and only that", "truth"
    )
    frame = data.table(schemas.TRUTH_RENDERING)
    if frame is None:
        return tally.result()
    columns = ("patient_id", "day", "finding_id", "modality", "rendered", "reason")
    segments = {(r.patient_id, r.day): {s.tracking_id for s in r.segments} for r in readings}
    listed: set[tuple[str, int, str]] = set()
    for patient, day, name, modality, rendered, reason in zip(
        *(strings(frame[c]) for c in columns), strict=True
    ):
        if modality != "ct" or (patient, day) not in segments:
            continue
        listed.add((patient, int(day), name))
        has = name in segments[patient, day]
        if not rendered and not has:
            tally.skip(str(reason))
            continue
        tally.compare(
            bool(rendered) == has,
            patient,
            int(day),
            "truth/rendering.parquet",
            expected="a segment" if rendered else "no segment",
            found="a segment" if has else "no segment",
            message=f"{name} is not rendered as the truth says",
        )
    for (patient, day), names in segments.items():
        for name in sorted(n for n in names if (patient, day, n) not in listed):
            tally.violate(
                patient,
                day,
                "truth/rendering.parquet",
                expected="a row",
                found="none",
                message=f"segment {name} is not in truth/rendering",
            )
    return tally.result()


def check_reader_error(data: Dataset) -> CheckResult:
    """Measured minus latent follows the declared error: mean 0 within 3 SE, SD ratio near 1."""
    tally = Tally(
        "reader_error", "measured minus latent follows the declared reader error", "truth"
    )
    measured, latent = data.table(schemas.LESIONS), data.table(schemas.TRUTH_LESIONS)
    error = reader_error(data)
    if measured is None or latent is None:
        return tally.result()
    if error is None:
        tally.skip("the manifest declares no reader_error", len(latent))
        return tally.result()
    keys = ["patient_id", "day", "lesion_id"]
    columns = [*keys, "assessor", "long_axis_mm"]
    left = measured[columns].astype(dict.fromkeys(columns[:-1], object))
    right = latent[[*keys, "long_axis_mm"]].astype(dict.fromkeys(keys, object))
    both = left.merge(right, on=keys, suffixes=("", "_latent")).dropna()
    for reader, part in both.groupby("assessor"):
        _check_reader(tally, str(reader), part, error)
    return tally.result()


def _check_reader(
    tally: Tally, reader: str, rows: pd.DataFrame, error: tuple[float, float]
) -> None:
    size = rows["long_axis_mm_latent"].to_numpy(float)
    kept = size >= ERROR_FLOOR_MM
    tally.skip(f"latent below {ERROR_FLOOR_MM:g} mm", int((~kept).sum()))
    size, found = size[kept], rows["long_axis_mm"].to_numpy(float)[kept]
    if len(size) < 2:
        return
    sd = np.sqrt(error[0] ** 2 + (error[1] * size) ** 2 + 1 / 12)
    z = (found - size) / sd
    mean, bound = float(z.mean()), 3 / math.sqrt(len(z))
    tally.compare(
        abs(mean) <= bound,
        "",
        None,
        "tables/lesions.parquet",
        expected=f"mean within {bound:.4f} SD of 0",
        found=f"{mean:+.4f} SD",
        message=f"the {reader} is biased over {len(z)} measurements",
    )
    low, high = (
        math.sqrt(stats.chi2.ppf(q, len(z)) / len(z))
        for q in (ERROR_ALPHA / 2, 1 - ERROR_ALPHA / 2)
    )
    ratio = float(np.sqrt((z**2).mean()))
    tally.compare(
        low <= ratio <= high,
        "",
        None,
        "tables/lesions.parquet",
        expected=f"SD ratio {low:.3f} to {high:.3f}",
        found=f"{ratio:.3f}",
        message=f"the {reader}'s spread is not the declared one over {len(z)} measurements",
    )


def check_plans(data: Dataset, lesions: Lesions) -> CheckResult:
    """truth/plans: its digest, date and measured sizes against the tables."""
    tally = Tally("plans", "encounter plans agree with the tables", "truth")
    frame, patients = data.table(schemas.TRUTH_PLANS), data.table(schemas.PATIENTS)
    if frame is None or patients is None:
        return tally.result()
    dates = dict(zip(patients["patient_id"], patients["index_date"], strict=True))
    for patient, day, digest, text in zip(
        strings(frame["patient_id"]),
        frame["day"].astype(int),
        strings(frame["digest"]),
        frame["plan"],
        strict=True,
    ):
        found = hashlib.sha256(text.encode()).hexdigest()
        where = "truth/plans.parquet"
        tally.compare(
            found == digest,
            patient,
            day,
            where,
            expected=digest,
            found=found,
            message="the digest is not the plan's",
        )
        try:
            plan: dict[str, Any] = json.loads(text)
        except json.JSONDecodeError as error:
            tally.violate(
                patient, day, where, expected="JSON", found=error, message="the plan cannot be read"
            )
            continue
        date = identifiers.calendar_date(dates[patient], day)
        expected = (patient, day, f"{date:%Y-%m-%d}")
        got = (plan.get("patient_id"), plan.get("day"), plan.get("date"))
        tally.compare(
            got == expected,
            patient,
            day,
            where,
            expected=expected,
            found=got,
            message="patient, day or date of the plan differ",
        )
        _check_findings(tally, patient, day, plan, lesions)
    return tally.result()


def _check_findings(
    tally: Tally, patient: str, day: int, plan: dict[str, Any], lesions: Lesions
) -> None:
    rows = {x.lesion_id: x for x in lesions.get((patient, day), ())}
    planned = {f["finding_id"]: f for f in plan.get("findings", [])}
    for name, row in rows.items():
        finding = planned.get(name)
        if finding is None:
            if row.covered and not row.gone:
                tally.violate(
                    patient,
                    day,
                    "truth/plans.parquet",
                    expected=name,
                    found="no finding",
                    message="the plan leaves out a lesion",
                )
            continue
        expected = (row.site, row.lobe, row.side, row.long_mm or 0, row.short_mm or 0)
        found = (
            finding["site"],
            finding["lobe"],
            finding["side"],
            finding["measured_long_mm"] or 0,
            finding["measured_short_mm"] or 0,
        )
        tally.compare(
            found == expected,
            patient,
            day,
            "truth/plans.parquet",
            expected=expected,
            found=found,
            message=f"the plan's {name} is not that of tables/lesions",
        )
