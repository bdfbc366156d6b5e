"""The patient at index: stage, smoking, biomarkers, physique; what one sex cannot have."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from eval.reference import (
    FEMALE_ONLY,
    MALE_ONLY,
    WEIGHT_KG,
    stage_group,
    summary_stage,
)
from eval.rules.rule import Broken, Rule
from eval.rules.tables import Bools, Rows, Tables


def _outside(rows: Rows, column: str, low: float, high: float) -> Bools:
    values = rows.number(column)
    return (values < low) | (values > high)


def _by_tnm(t: Tables, column: str, group: Callable[[str, str, str], str | None]) -> Broken:
    """Compare a column with what a function of (T, N, M) gives, once a combination."""
    rows = t["patients"]
    codes = [rows.coded(name) for name in ("t", "n", "m", column)]
    grid = np.column_stack([code for code, _ in codes])
    combinations, place = np.unique(grid, axis=0, return_inverse=True)
    wrong = []
    for combination in combinations:
        texts = [
            names[i] if i >= 0 else "" for i, (_, names) in zip(combination, codes, strict=True)
        ]
        wrong.append(group(*texts[:3]) != texts[3])
    return [(rows, np.array([*wrong, False], dtype=bool)[place.ravel()])]


def _stage(t: Tables) -> Broken:
    return _by_tnm(t, "stage", stage_group)


def _summary(t: Tables) -> Broken:
    return _by_tnm(t, "summary_stage", summary_stage)


def _smoking(t: Tables) -> Broken:
    rows = t["patients"]
    return [(rows, rows.among("smoking_status", ["never"]) != (rows.number("pack_years") == 0))]


def _pdl1(t: Tables) -> Broken:
    return [(t["patients"], _outside(t["patients"], "pdl1_tps", 0, 100))]


def _vaf(t: Tables) -> Broken:
    rows = t["variants"]
    vaf = rows.number("vaf")
    return [(rows, ~((vaf > 0) & (vaf < 1)))]


def _ecog(t: Tables) -> Broken:
    return [(t[name], _outside(t[name], "ecog", 0, 4)) for name in ("patients", "vitals")]


def _weight(t: Tables) -> Broken:
    return [
        (t[name], _outside(t[name], "weight_kg", *WEIGHT_KG)) for name in ("patients", "vitals")
    ]


def _vitals(t: Tables) -> Broken:
    rows = t["vitals"]
    wrong = _outside(rows, "spo2", 0, 100) | _outside(rows, "temperature", 25, 45)
    return [(rows, wrong | _outside(rows, "heart_rate", 20, 250))]


def _sex(t: Tables) -> Broken:
    events, patients = t["events"], t["patients"]
    male = t.any_row(patients, patients.among("sex", ["male"]))[events.patient]
    female = t.any_row(patients, patients.among("sex", ["female"]))[events.patient]
    hers = events.lookup("name", lambda name: FEMALE_ONLY.search(name) is not None)
    his = events.lookup("name", lambda name: MALE_ONLY.search(name) is not None)
    return [(events, (male & hers) | (female & his))]


def _ctdna(t: Tables) -> Broken:
    rows = t["ctdna"]
    share = rows.number("tumour_fraction")
    return [(rows, ~((share >= 0) & (share <= 1)) | (rows.flag("detected") != (share > 0)))]


RULES = (
    Rule("stage-follows-tnm", ("patients",), _stage),
    Rule("summary-stage-follows-tnm", ("patients",), _summary),
    Rule("pack-years-iff-ever-smoker", ("patients",), _smoking),
    Rule("pdl1-is-a-percentage", ("patients",), _pdl1),
    Rule("vaf-between-none-and-all", ("variants",), _vaf),
    Rule("ecog-0-to-4", ("patients", "vitals"), _ecog),
    Rule("weight-possible", ("patients", "vitals"), _weight),
    Rule("vital-signs-possible", ("vitals",), _vitals),
    Rule("sex-specific-events", ("events", "patients"), _sex),
    Rule("ctdna-detected-iff-present", ("ctdna",), _ctdna),
)
