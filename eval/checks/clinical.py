"""Labs, stage and splits against the evaluator's own clinical constants."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from alignment import schemas
from eval.checks.rows import compare_rows, plain
from eval.dataset import Dataset, mapped, strings
from eval.reference import (
    ANALYTES,
    CALCIUM,
    Analyte,
    corrected_calcium,
    stage_group,
    summary_stage,
)
from eval.result import CheckResult, Tally, results

ALBUMIN = "1751-7"


def check_labs(data: Dataset) -> list[CheckResult]:
    """Unit, flag and CTCAE grade of every lab value, recomputed from the value."""
    units = Tally("lab_units", "labs are known analytes in their unit")
    flags = Tally("lab_flags", "lab flags follow from value and reference interval")
    grades = Tally("lab_grades", "CTCAE v5 grades follow from the value")
    labs, patients = data.table(schemas.LABS), data.table(schemas.PATIENTS)
    if labs is None or patients is None:
        return results([units, flags, grades])
    male = mapped(labs["patient_id"], _which(patients, "sex", "male")) == 1
    smoker = mapped(labs["patient_id"], _which(patients, "smoking_status", "current")) == 1
    for loinc in labs["loinc"].unique():
        rows = np.nonzero((labs["loinc"] == loinc).to_numpy())[0]
        analyte = ANALYTES.get(str(loinc))
        part = labs.iloc[rows]
        if analyte is None:
            units.skip(f"no reference interval for LOINC {loinc}", len(rows))
            continue
        _lab_rows(
            units,
            part,
            (part["unit"] == analyte.unit).to_numpy(),
            np.full(len(rows), analyte.unit),
            part["unit"],
            "the unit is not the analyte's",
        )
        value = part["value"].to_numpy(float)
        limits = intervals(analyte, male[rows], smoker[rows])
        flag = lab_flag(value, limits)
        graded = value
        if loinc == CALCIUM:
            graded = corrected_calcium(value, _albumin_then(labs, rows))
        grade = lab_grade(analyte, graded, limits)
        _lab_rows(
            flags,
            part,
            strings(part["flag"]).to_numpy() == flag,
            flag,
            part["flag"],
            "the flag does not follow from value and interval",
        )
        _lab_rows(
            grades,
            part,
            part["ctcae_grade"].to_numpy() == grade,
            grade,
            part["ctcae_grade"],
            "the grade does not follow from the value",
        )
    return results([units, flags, grades])


def _albumin_then(labs: pd.DataFrame, rows: NDArray[Any]) -> NDArray[np.float64]:
    """Albumin of the same patient and day, g/L; NaN where there is none."""
    key = ["patient_id", "day"]
    albumin = labs.loc[(labs["loinc"] == ALBUMIN).to_numpy(), [*key, "value"]]
    first = albumin.drop_duplicates(key)
    found = labs.iloc[rows][key].merge(first, on=key, how="left")
    return found["value"].to_numpy(float)


def _which(patients: pd.DataFrame, column: str, level: str) -> dict[str, float]:
    """1.0 for the patients at a level of a column, 0.0 for the others."""
    at_level = (strings(patients[column]) == level).astype(float)
    return dict(zip(patients["patient_id"], at_level, strict=True))


Limits = tuple[NDArray[np.float64], NDArray[np.float64]]


def intervals(analyte: Analyte, male: NDArray[np.bool_], smoker: NDArray[np.bool_]) -> Limits:
    """(n,) lower and upper reference limits by sex and current smoking."""
    low = np.where(male, analyte.male.low, analyte.female.low)
    high = np.where(male, analyte.male.high, analyte.female.high)
    if analyte.smoker is not None:
        low = np.where(smoker, analyte.smoker.low, low)
        high = np.where(smoker, analyte.smoker.high, high)
    return low, high


def lab_flag(value: NDArray[np.float64], limits: Limits) -> NDArray[Any]:
    """(n,) L, N or H; a value on the limit is normal."""
    low, high = limits
    return np.select([value < low, value > high], ["L", "H"], default="N").astype(object)


def lab_grade(analyte: Analyte, value: NDArray[np.float64], limits: Limits) -> NDArray[np.int64]:
    """(n,) CTCAE v5 grade; 0 where none applies."""
    low, high = limits
    grade = np.zeros(len(value), dtype=np.int64)
    if analyte.grades.low:
        grade += value < low
        for limit in analyte.grades.low:
            grade += value < limit
    if analyte.grades.high:
        grade += value > high
        for times in analyte.grades.high:
            # 1.5 x 1.2 is 1.7999...: the limit itself still belongs to the lower grade.
            grade += value > times * high + 1e-9
    if analyte.grades.above:
        grade += value > high
        for limit in analyte.grades.above:
            grade += value > limit
    return grade


def _lab_rows(
    tally: Tally,
    part: pd.DataFrame,
    holds: NDArray[np.bool_],
    expected: Any,
    found: Any,
    message: str,
) -> None:
    tally.agree(int(holds.sum()))
    for i in np.nonzero(~holds)[0]:
        row: Any = part.iloc[i]
        tally.violate(
            str(row["patient_id"]),
            int(row["day"]),
            f"tables/labs.parquet: {row['name']} {row['value']:g} {row['unit']}",
            expected=np.asarray(expected)[i],
            found=np.asarray(found)[i],
            message=message,
        )


def check_stage(data: Dataset) -> list[CheckResult]:
    """Stage group of T, N, M by TNM 8, and SEER summary stage."""
    stage = Tally("stage", "stage follows from T, N and M (TNM 8)")
    summary = Tally("summary_stage", "SEER summary stage follows from T, N and M")
    patients = data.table(schemas.PATIENTS)
    if patients is None:
        return results([stage, summary])
    frame = plain(patients[["patient_id", "t", "n", "m", "stage", "summary_stage"]])
    tnm = list(zip(frame["t"], frame["n"], frame["m"], strict=True))
    for tally, column, rule in (
        (stage, "stage", stage_group),
        (summary, "summary_stage", summary_stage),
    ):
        known: dict[tuple[str, str, str], str | None] = {key: rule(*key) for key in set(tnm)}
        expected = np.array([known[key] for key in tnm], dtype=object)
        compare_rows(
            tally,
            frame,
            expected == frame[column].to_numpy(object),
            f"tables/patients.parquet:{column}",
            expected=[x or "a TNM 8 combination" for x in expected],
            found=frame[column],
            message=f"not the {column.replace('_', ' ')} of its T, N and M",
        )
    return results([stage, summary])


def check_splits(data: Dataset) -> CheckResult:
    """Every patient in exactly one split."""
    tally = Tally("splits", "each patient is in exactly one split")
    patients, splits = data.table(schemas.PATIENTS), data.table(schemas.SPLITS_TABLE)
    if patients is None or splits is None:
        return tally.result()
    counts = strings(splits["patient_id"]).value_counts()
    times = strings(patients["patient_id"]).map(counts).fillna(0).to_numpy()
    tally.agree(int((times == 1).sum()))
    for i in np.nonzero(times != 1)[0]:
        tally.violate(
            str(patients["patient_id"].iloc[i]),
            None,
            "splits.parquet",
            expected=1,
            found=int(times[i]),
            message="the patient is not in exactly one split",
        )
    return tally.result()
