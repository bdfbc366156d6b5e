"""Tables of the tumour: lesions as read and as they are, responses, best responses."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from alignment import arrow, schemas
from cohort import spec
from cohort.frame import Array
from cohort.mechanisms.lesions import SITE_CODES
from cohort.model import CausalModel, Draw
from cohort.tables.lines import Lines
from cohort.tables.person import ids

UNSIZED_SITES = ("pleura", "bone")
CONFIRMED_AFTER_D = 28
STABLE_FROM_D = 35
"""RECIST 1.1: a response is confirmed at least four weeks later; stable disease needs a protocol
minimum from the start: a scan of week 6, which may be taken up to a week early."""


def _kinds(model: CausalModel, kind: type) -> dict[str, str]:
    return {
        v.assessor: name
        for name, v in model.disease.variables.items()
        if isinstance(v, kind) and isinstance(v, spec.Recist | spec.Measurement)
    }


def _seen(draw: Draw) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """(scan, slot) of every lesion that a scan shows, by scan and slot."""
    scan, slot = np.nonzero(draw.scans["lesion_seen"].T)
    return scan, slot


def _keys(draw: Draw, scan: Array, slot: Array) -> dict[str, Any]:
    scans = draw.scans
    # Slots fill in the order of first sight, so the running count names a lesion for good. Lesions
    # that local therapy removed have names of their own.
    number = np.cumsum(scans["lesion_present"], axis=0)[slot, scan] - 1
    slots = len(scans["lesion_present"])
    names = [f"{prefix}{i + 1:02d}" for prefix in "LD" for i in range(slots)]
    removed = (scans["step"] == 0) & (scans["line"] == 0)
    return {
        "patient_id": ids(draw, scans["patient"][scan]),
        "day": scans["scan_day"][scan].astype(np.int32),
        "lesion_id": arrow.coded(number + slots * removed[scan], names),
    }


def lesions(model: CausalModel, draw: Draw) -> dict[str, Any]:
    """Columns of ``tables/lesions``: what each reader wrote down."""
    scans = draw.scans
    readers = _kinds(model, spec.Measurement)
    once, at = _seen(draw)
    scan, slot = np.repeat(once, len(readers)), np.repeat(at, len(readers))
    baseline = next(v for v in model.disease.variables.values() if isinstance(v, spec.Lesions))
    axes = [
        np.stack([scans[name][axis, at, once] for name in readers.values()], axis=1).ravel()
        for axis in range(2)
    ]
    codes = [schemas.ASSESSORS.index(assessor) for assessor in readers]
    return {
        **_keys(draw, scan, slot),
        "assessor": arrow.coded(np.tile(codes, len(once)), schemas.ASSESSORS),
        "site": arrow.coded(scans["lesion_site"][slot, scan], schemas.SITES),
        "lobe": arrow.coded(scans["lesion_lobe"][slot, scan], schemas.LOBES),
        "side": arrow.coded(scans["lesion_side"][slot, scan], schemas.SIDES),
        "long_axis_mm": axes[0],
        "short_axis_mm": axes[1],
        "is_target": scans["lesion_target"][slot, scan],
        "is_new": slot >= len(baseline.lesions),
    }


def truth_lesions(draw: Draw) -> dict[str, Any]:
    """Columns of ``truth/lesions``: as rendered."""
    scans, (scan, slot) = draw.scans, _seen(draw)
    sized = ~np.isin(scans["lesion_site"][slot, scan], [SITE_CODES[s] for s in UNSIZED_SITES])
    long, short = (scans["lesions"][axis, slot, scan] for axis in range(2))
    return {
        **_keys(draw, scan, slot),
        "long_axis_mm": np.where(sized, long, np.nan),
        "short_axis_mm": np.where(sized, short, np.nan),
    }


def responses(model: CausalModel, draw: Draw) -> dict[str, Any]:
    """Columns of ``tables/responses``: every assessment under treatment, by reader."""
    scans = draw.scans
    readers = _kinds(model, spec.Recist)
    rows = np.flatnonzero(~scans["opens"])

    def column(by_reader: list[Array]) -> Array:
        return np.stack(by_reader, axis=1).ravel()

    gone, unchanged, worse, none = 0, 1, 2, 4
    nontarget = []
    for assessor in readers:
        code = np.where(scans["nontarget_progression"][rows], worse, unchanged)
        code = np.where(scans[f"nontarget_gone_{assessor}"][rows], gone, code)
        nontarget.append(np.where(scans["nontarget_present"][rows], code, none))
    sums = [scans[f"sld_measured_{assessor}"][rows] for assessor in readers]
    target = [scans[f"target_response_{assessor}"][rows] - 1 for assessor in readers]
    overall = [scans[name][rows] - 1 for name in readers.values()]
    codes = [schemas.ASSESSORS.index(assessor) for assessor in readers]
    repeated = np.repeat(rows, len(readers))
    return {
        "patient_id": ids(draw, scans["patient"][repeated]),
        "day": scans["scan_day"][repeated].astype(np.int32),
        "sld_mm": column(sums),
        "target_response": arrow.coded(column(target), schemas.RESPONSES),
        "nontarget_response": arrow.coded(column(nontarget), schemas.NONTARGET_RESPONSES),
        "new_lesion": scans["new_lesion"][repeated],
        "overall_response": arrow.coded(column(overall), schemas.RESPONSES),
        "assessor": arrow.coded(np.tile(codes, len(rows)), schemas.ASSESSORS),
    }


def best_responses(model: CausalModel, draw: Draw, lines: Lines) -> dict[str, Any]:
    """Columns of ``tables/best_responses``: one row a line and reader."""
    readers = _kinds(model, spec.Recist)
    found = [best(draw, name, lines, assessor) for assessor, name in readers.items()]
    count = len(readers)
    codes = [schemas.ASSESSORS.index(assessor) for assessor in readers]
    return {
        "patient_id": ids(draw, np.repeat(lines.patient, count)),
        "line": np.repeat(lines.line, count).astype(np.int8),
        "assessor": arrow.coded(np.tile(codes, len(lines.line)), schemas.ASSESSORS),
        "best_response": arrow.coded(
            np.stack([b for b, _ in found], axis=1).ravel(), schemas.RESPONSES
        ),
        "confirmed_response": arrow.coded(
            np.stack([c for _, c in found], axis=1).ravel(), schemas.RESPONSES
        ),
    }


def best(draw: Draw, name: str, lines: Lines, assessor: str) -> tuple[Array, Array]:
    """(lines,) codes of best overall response, unconfirmed and confirmed."""
    scans = draw.scans
    width = int(lines.line.max(initial=1)) + 1
    place = np.full((draw.n, width), -1)
    place[lines.patient, lines.line] = np.arange(len(lines.line))
    at = place[scans["patient"], np.minimum(scans["line_at_visit"].astype(np.int64), width - 1)]
    day, response = scans["scan_day"], scans[name]
    progressed = lines.progression[assessor].day
    until = np.append(progressed, np.nan)[at]  # -1, no line, is the last
    counts = (at >= 0) & (response > 0) & ~(day > until)
    complete, partial, stable, progressive, none = range(5)
    codes = response - 1

    def span(which: Array) -> tuple[Array, Array]:
        first, last = np.full(len(lines.line), np.inf), np.full(len(lines.line), -np.inf)
        rows = np.flatnonzero(counts & which)
        np.minimum.at(first, at[rows], day[rows])
        np.maximum.at(last, at[rows], day[rows])
        return first, last

    complete_first, complete_last = span(codes == complete)
    any_first, any_last = span(codes <= partial)
    _, stable_last = span(codes <= stable)
    base = np.where(~np.isnan(progressed), progressive, none)
    base = np.where(stable_last >= lines.start + STABLE_FROM_D, stable, base)
    unconfirmed = np.where(np.isfinite(any_first), partial, base)
    unconfirmed = np.where(np.isfinite(complete_first), complete, unconfirmed)
    confirmed = np.where(any_last - any_first >= CONFIRMED_AFTER_D, partial, base)
    confirmed = np.where(complete_last - complete_first >= CONFIRMED_AFTER_D, complete, confirmed)
    return unconfirmed, confirmed
