"""Flag against reference interval, CTCAE grade against value."""

from __future__ import annotations

import numpy as np

from eval.checks.clinical import intervals, lab_flag, lab_grade
from eval.reference import ANALYTES, CALCIUM, corrected_calcium
from eval.rules.rule import Broken, Rule
from eval.rules.tables import Bools, Floats, Rows, Tables, day_key

HAEMOGLOBIN, ALBUMIN = "718-7", "1751-7"


def _flags(t: Tables, only_haemoglobin: bool) -> Broken:
    labs = t["labs"]
    male, smoker = _people(t, labs)
    value, broken = labs.number("value"), np.zeros(len(labs), bool)
    codes, texts = labs.coded("loinc")
    flags, names = labs.coded("flag")
    place = {name: i for i, name in enumerate(names)}
    for i, loinc in enumerate(texts):
        if loinc not in ANALYTES or (loinc == HAEMOGLOBIN) != only_haemoglobin:
            continue
        at = np.nonzero(codes == i)[0]
        wanted = lab_flag(value[at], intervals(ANALYTES[loinc], male[at], smoker[at]))
        ids = np.select([wanted == f for f in "LNH"], [place.get(f, -2) for f in "LNH"])
        broken[at] = flags[at] != ids
    return [(labs, broken)]


def _people(t: Tables, rows: Rows) -> tuple[Bools, Bools]:
    """(n,) male, and current smoker, of the patient of each row."""
    patients = t["patients"]
    male = t.any_row(patients, patients.among("sex", ["male"]))
    smoker = t.any_row(patients, patients.among("smoking_status", ["current"]))
    return male[rows.patient], smoker[rows.patient]


def _haemoglobin(t: Tables) -> Broken:
    return _flags(t, True)


def _other_flags(t: Tables) -> Broken:
    return _flags(t, False)


def _grades(t: Tables) -> Broken:
    labs = t["labs"]
    male, smoker = _people(t, labs)
    value, grades = labs.number("value"), labs.number("ctcae_grade")
    codes, texts = labs.coded("loinc")
    broken = np.zeros(len(labs), bool)
    for i, loinc in enumerate(texts):
        if loinc not in ANALYTES:
            continue
        at = np.nonzero(codes == i)[0]
        limits = intervals(ANALYTES[loinc], male[at], smoker[at])
        graded = value[at]
        if loinc == CALCIUM:
            graded = corrected_calcium(graded, _albumin(labs, at))
        broken[at] = grades[at] != lab_grade(ANALYTES[loinc], graded, limits)
    return [(labs, broken)]


def _albumin(labs: Rows, at: np.ndarray[tuple[int], np.dtype[np.int64]]) -> Floats:
    """Albumin of the same patient and day, g/L; NaN where there is none."""
    albumin = labs.among("loinc", [ALBUMIN])
    day = labs.number("day")
    keys = day_key(labs.patient[albumin], day[albumin])
    order = np.argsort(keys)
    mine = day_key(labs.patient[at], day[at])
    if len(keys) == 0:
        return np.full(len(at), np.nan)
    place = order[np.minimum(np.searchsorted(keys, mine, sorter=order), len(keys) - 1)]
    return np.where(keys[place] == mine, labs.number("value")[albumin][place], np.nan)


def _once(t: Tables) -> Broken:
    labs = t["labs"]
    codes, texts = labs.coded("loinc")
    key = day_key(labs.patient, labs.number("day")) * (len(texts) + 1) + codes
    order = np.argsort(key, kind="stable")
    same = key[order][1:] == key[order][:-1]
    broken = np.zeros(len(labs), bool)
    broken[order[1:][same]] = True
    return [(labs, broken)]


RULES = (
    Rule("haemoglobin-flag-by-sex", ("labs", "patients"), _haemoglobin),
    Rule("lab-flag-follows-value", ("labs", "patients"), _other_flags),
    Rule("lab-grade-follows-value", ("labs", "patients"), _grades),
    Rule("analyte-once-a-day", ("labs",), _once),
)
