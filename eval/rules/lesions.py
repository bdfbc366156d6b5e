"""Where lesions lie, how they are measured, which are targets; metastases against M."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from eval.reference import (
    EXTRATHORACIC_SITES,
    MEASURABLE_MM,
    MEASURABLE_NODE_MM,
    METASTATIC_SITES,
    NODE_SITES,
)
from eval.rules.rule import Broken, Rule
from eval.rules.tables import Bools, Ints, Rows, Tables, day_key, diameters, reader

MOST_TARGETS, MOST_PER_ORGAN = 5, 2  # RECIST 1.1, section 3.1.1


def _lobe_side(t: Tables) -> Broken:
    rows = t["lesions"]
    right, left = rows.among("lobe", ["RUL", "RML", "RLL"]), rows.among("lobe", ["LUL", "LLL"])
    wrong = (right & ~rows.among("side", ["right"])) | (left & ~rows.among("side", ["left"]))
    return [(rows, wrong)]


def _lobe_lung(t: Tables) -> Broken:
    rows = t["lesions"]
    return [(rows, rows.known("lobe") != rows.among("site", ["lung"]))]


def _lesion(rows: Rows) -> Ints:
    """(n,) patient and lesion as one number."""
    codes, texts = rows.coded("lesion_id")
    return rows.patient * (len(texts) + 1) + codes


def _place(t: Tables) -> Broken:
    rows = t["lesions"]
    place = np.zeros(len(rows), np.int64)
    for column in ("site", "lobe", "side"):
        codes, texts = rows.coded(column)
        place = place * (len(texts) + 1) + codes + 1
    _, first, lesion = np.unique(_lesion(rows), return_index=True, return_inverse=True)
    return [(rows, place != place[first][lesion])]


def _once(t: Tables) -> Broken:
    rows = t["lesions"]
    codes, texts = rows.coded("lesion_id")
    scan = t.scans.of_lesion
    return [(rows, _repeated(scan * (len(texts) + 1) + codes))]


def _repeated(key: NDArray[Any]) -> Bools:
    _, inverse, counts = np.unique(key, return_inverse=True, return_counts=True)
    return np.asarray(counts[inverse] > 1)


def _five(t: Tables) -> Broken:
    rows = t["lesions"]
    return [(rows, rows.flag("is_target") & (t.scans.targets > MOST_TARGETS)[t.scans.of_lesion])]


def _two(t: Tables) -> Broken:
    rows = t["lesions"]
    codes, texts = rows.coded("site")
    target, broken = rows.flag("is_target"), np.zeros(len(rows), bool)
    group = (t.scans.of_lesion * (len(texts) + 1) + codes)[target]
    broken[target] = np.bincount(group)[group] > MOST_PER_ORGAN
    return [(rows, broken)]


def _measurable(t: Tables) -> Broken:
    """At the first scan at which it is a target."""
    rows = t["lesions"]
    target = np.nonzero(rows.flag("is_target"))[0]
    central = rows.among("assessor", ["central"])
    lesion = (_lesion(rows) * 2 + central)[target]
    day = rows.number("day")[target]
    order = np.lexsort((day, lesion))
    lesion, day = lesion[order], day[order]
    start = np.ones(len(order), bool)
    start[1:] = lesion[1:] != lesion[:-1]
    baseline = day[np.nonzero(start)[0]][np.cumsum(start) - 1] if len(order) else day
    row = target[order[day == baseline]]
    broken = np.zeros(len(rows), bool)
    least = np.where(rows.among("site", NODE_SITES), MEASURABLE_NODE_MM, MEASURABLE_MM)
    broken[row] = ~(diameters(rows)[row] >= least[row])
    return [(rows, broken)]


def _axes(t: Tables) -> Broken:
    rows = t["lesions"]
    return [(rows, rows.number("short_axis_mm") > rows.number("long_axis_mm"))]


def _not_negative(t: Tables) -> Broken:
    rows = t["lesions"]
    return [(rows, (rows.number("long_axis_mm") < 0) | (rows.number("short_axis_mm") < 0))]


def _new_after_baseline(t: Tables) -> Broken:
    rows = t["lesions"]
    return [(rows, rows.flag("is_new") & (rows.number("day") <= 0))]


def _at_index(t: Tables) -> tuple[Rows, Bools]:
    rows = t["lesions"]
    return rows, rows.among("site", METASTATIC_SITES) & (rows.number("day") <= 0)


def _m_category(t: Tables, letter: str) -> Bools:
    patients = t["patients"]
    return t.any_row(patients, patients.lookup("m", lambda m: m.startswith(letter)))


def _m0(t: Tables) -> Broken:
    rows, metastasis = _at_index(t)
    return [(rows, metastasis & _m_category(t, "M0")[rows.patient])]


def _m1(t: Tables) -> Broken:
    rows, metastasis = _at_index(t)
    patients = t["patients"]
    seen = rows.number("day") <= 0
    lung = seen & rows.among("site", ["lung"])
    # Contralateral or several nodules: ask for a second lung lesion of whatever side.
    ids = np.unique(_lesion(rows)[lung], return_index=True)[1]
    nodules = np.bincount(rows.patient[lung][ids], minlength=t.n)
    has_one = t.any_row(rows, metastasis) | (nodules >= 2)
    missing = _m_category(t, "M1") & t.any_row(rows, seen) & ~has_one
    return [(patients, missing[patients.patient])]


def _outside(t: Tables, m: str) -> tuple[Rows, Bools]:
    """Lesions outside the chest at index of patients with this M."""
    rows, metastasis = _at_index(t)
    outside = metastasis & rows.among("site", EXTRATHORACIC_SITES)
    return rows, outside & _m_category(t, m)[rows.patient]


def _m1a(t: Tables) -> Broken:
    return [_outside(t, "M1a")]


def _m1b(t: Tables) -> Broken:
    rows, outside = _outside(t, "M1b")
    first = np.unique(_lesion(rows)[outside], return_index=True)[1]
    count = np.bincount(rows.patient[outside][first], minlength=t.n)
    return [(rows, outside & (count > 1)[rows.patient])]


def _brain(t: Tables) -> Broken:
    rows, visits = t["lesions"], t["visits"]
    scanned = day_key(visits.patient, visits.number("day"))[visits.among("kind", ["brain_scan"])]
    seen = np.isin(day_key(rows.patient, rows.number("day")), scanned)
    return [(rows, rows.among("site", ["brain"]) & ~seen)]


def _sum(t: Tables) -> Broken:
    """Half a tenth of a millimetre is what printing one decimal may lose."""
    rows, scans = t["responses"], t.scans
    key = day_key(reader(rows), rows.number("day"))
    at = np.minimum(np.searchsorted(scans.key, key), max(len(scans.key) - 1, 0))
    if len(scans.key) == 0:
        return [(rows, np.ones(len(rows), bool))]
    same = (scans.key[at] == key) & (np.abs(rows.number("sld_mm") - scans.mm[at]) <= 0.05)
    return [(rows, ~same)]


_LESIONS = ("lesions",)

RULES = (
    Rule("lobe-matches-side", _LESIONS, _lobe_side),
    Rule("lobe-iff-lung", _LESIONS, _lobe_lung),
    Rule("lesion-keeps-its-place", _LESIONS, _place),
    Rule("lesion-once-a-day", _LESIONS, _once),
    Rule("at-most-five-targets", _LESIONS, _five),
    Rule("at-most-two-targets-an-organ", _LESIONS, _two),
    Rule("targets-measurable-at-baseline", _LESIONS, _measurable),
    Rule("short-axis-not-longer", _LESIONS, _axes),
    Rule("diameters-not-negative", _LESIONS, _not_negative),
    Rule("new-lesion-not-at-baseline", _LESIONS, _new_after_baseline),
    Rule("no-metastasis-in-m0", ("lesions", "patients"), _m0),
    Rule("metastasis-in-m1", ("lesions", "patients"), _m1),
    Rule("m1a-stays-in-the-chest", ("lesions", "patients"), _m1a),
    Rule("m1b-is-one-lesion", ("lesions", "patients"), _m1b),
    Rule("brain-lesion-needs-brain-scan", ("lesions", "visits"), _brain),
    Rule("sld-is-the-sum-of-targets", ("responses", "lesions"), _sum),
)
