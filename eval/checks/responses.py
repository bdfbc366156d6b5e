"""RECIST recomputed from lesions: sums, responses and best responses, of each reader."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd

from alignment import schemas
from eval.checks.rows import compare_rows, plain
from eval.dataset import Dataset, strings
from eval.recist import READER, assess, best_responses, line_starts, overall_response
from eval.result import CheckResult, Tally, results

SLD_TOLERANCE_MM = 0.05
"""Sums of whole millimetres; half of the last printed digit."""
WHERE = schemas.RESPONSES_TABLE.path


def check_responses(data: Dataset) -> list[CheckResult]:
    """Sums and responses in tables/responses against tables/lesions."""
    sums = Tally("recist_sum", "sum of target diameters is that of the lesions")
    target = Tally("recist_target", "target response follows from the lesions (RECIST 1.1)")
    other = Tally("recist_nontarget", "non-target response and new lesions follow from the lesions")
    overall = Tally("recist_overall", "overall response follows from its parts (RECIST 1.1)")
    tallies = [sums, target, other, overall]
    recorded, lesions = data.table(schemas.RESPONSES_TABLE), data.table(schemas.LESIONS)
    treatments = data.table(schemas.TREATMENTS)
    if recorded is None or lesions is None or treatments is None:
        return results(tallies)
    frame = plain(recorded).astype({"day": "int64"}).assign(recorded=True)
    both = frame.merge(
        assess(lesions, treatments),
        on=[*READER, "day"],
        how="outer",
        suffixes=("", "_expected"),
    ).sort_values([*READER, "day"], ignore_index=True)
    _unmatched(sums, both)
    both = both[both["recorded"].notna() & both["targets"].notna()].reset_index(drop=True)
    compare_rows(
        sums,
        both,
        (both["sld_mm"] - both["sld_mm_expected"]).abs() <= SLD_TOLERANCE_MM,
        WHERE,
        expected=both["sld_mm_expected"],
        found=both["sld_mm"],
        message="the sum of target diameters is not that of tables/lesions",
    )
    later = both[~both["is_baseline"].astype(bool)].reset_index(drop=True)
    usable = later[later["has_baseline"].astype(bool)].reset_index(drop=True)
    target.skip("no scan before the line's start to compare with", len(later) - len(usable))
    compare_rows(
        target,
        usable,
        usable["target_response"] == usable["target_response_expected"],
        WHERE,
        expected=usable["target_response_expected"],
        found=usable["target_response"],
        message="the target response does not follow from the sums",
    )
    _check_nontarget(other, later)
    _check_overall(overall, later)
    return results(tallies)


def _unmatched(tally: Tally, both: pd.DataFrame) -> None:
    """Assessments without lesions, of scans before treatment, and scans without an assessment."""
    opening = both["is_baseline"] == True  # noqa: E712  missing counts as not
    for lost, message in (
        (both["targets"].isna(), "an assessment without lesion measurements"),
        (both["recorded"].isna() & ~opening, "a scan under treatment without an assessment"),
        (both["recorded"].notna() & opening, "an assessment of a scan before treatment"),
    ):
        rows = both[lost.to_numpy(bool)]
        compare_rows(
            tally,
            rows,
            np.zeros(len(rows), bool),
            WHERE,
            expected="lesions and an assessment on each day of a scan under treatment",
            found=message,
            message=message,
        )


def _check_nontarget(tally: Tally, frame: pd.DataFrame) -> None:
    """Whether worsening is unequivocal is the reader's judgement; the rest follows."""
    none = (frame["nontargets"] == 0).to_numpy(bool)
    gone = frame["nontargets_gone"].to_numpy(bool)
    found = frame["nontarget_response"].to_numpy(object)
    holds = np.where(
        none,
        found == "NA",
        np.where(gone, np.isin(found, ["CR", "NE"]), np.isin(found, ["NON-CR/NON-PD", "PD", "NE"])),
    )
    compare_rows(
        tally,
        frame,
        holds,
        WHERE,
        expected=np.where(none, "NA", np.where(gone, "CR", "NON-CR/NON-PD or PD")),
        found=found,
        message="the non-target response does not follow from the non-target lesions",
    )
    new = frame["new_lesion_expected"].to_numpy(bool)
    compare_rows(
        tally,
        frame,
        frame["new_lesion"].to_numpy(bool) == new,
        WHERE,
        expected=new,
        found=frame["new_lesion"],
        message="new_lesion does not follow from the lesions first seen that day",
    )


def _check_overall(tally: Tally, frame: pd.DataFrame) -> None:
    expected: Any = overall_response(
        frame["target_response"].to_numpy(object),
        frame["nontarget_response"].to_numpy(object),
        frame["new_lesion"].to_numpy(bool),
    )
    compare_rows(
        tally,
        frame,
        expected == frame["overall_response"].to_numpy(object),
        WHERE,
        expected=expected,
        found=frame["overall_response"],
        message="the overall response does not follow from its parts",
    )


def check_best_responses(data: Dataset) -> CheckResult:
    """Best and confirmed response of every line and reader, from tables/responses."""
    tally = Tally("best_responses", "best and confirmed responses follow from the responses")
    recorded, responses = data.table(schemas.BEST_RESPONSES), data.table(schemas.RESPONSES_TABLE)
    treatments = data.table(schemas.TREATMENTS)
    if responses is None or treatments is None:
        return tally.result()
    if recorded is None:
        tally.skip("no table of best responses")
        return tally.result()
    key = ["patient_id", "line", "assessor"]
    # A reader who assessed nothing has rows, too: not evaluable.
    assessors = sorted({*strings(recorded["assessor"]), *strings(responses["assessor"])})
    both = (
        plain(recorded)
        .astype({"line": "int64"})
        .merge(best_responses(responses, line_starts(treatments), assessors), on=key, how="outer")
        .sort_values(key, ignore_index=True)
    )
    for column, expected in (("best_response", "best"), ("confirmed_response", "confirmed")):
        compare_rows(
            tally,
            both,
            both[column] == both[expected],
            schemas.BEST_RESPONSES.path,
            expected=both[expected],
            found=both[column],
            message=f"the {column.replace('_', ' ')} does not follow from tables/responses",
        )
    return tally.result()
