"""RECIST and survival, recomputed from lesions, treatments and events."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd

from alignment import schemas
from eval.checks.files import death_days
from eval.dataset import Dataset, strings
from eval.recist import assess, overall_response
from eval.result import CheckResult, Tally, results

SLD_TOLERANCE_MM = 0.05
"""Sums of whole millimetres; half of the last printed digit."""


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
    expected = assess(lesions, treatments)
    frame = recorded.assign(
        patient_id=strings(recorded["patient_id"]),
        day=recorded["day"].astype("int64"),
        recorded=True,
    )
    for name in ("target_response", "nontarget_response", "overall_response"):
        frame[name] = strings(frame[name])
    both = frame.merge(
        expected, on=["patient_id", "day"], how="outer", suffixes=("", "_expected")
    ).sort_values(["patient_id", "day"], ignore_index=True)
    _unmatched(sums, both)
    both = both[both["recorded"].notna() & both["targets"].notna()].reset_index(drop=True)
    close = (both["sld_mm"] - both["sld_mm_expected"]).abs() <= SLD_TOLERANCE_MM
    _compare(
        sums,
        both,
        close,
        both["sld_mm_expected"],
        both["sld_mm"],
        "the sum of target diameters is not that of tables/lesions",
    )
    later = both[~both["is_baseline"].astype(bool)].reset_index(drop=True)
    usable = later[later["has_baseline"].astype(bool)].reset_index(drop=True)
    target.skip("no scan before the line's start to compare with", len(later) - len(usable))
    _compare(
        target,
        usable,
        (usable["target_response"] == usable["target_response_expected"]).to_numpy(),
        usable["target_response_expected"],
        usable["target_response"],
        "the target response does not follow from the sums",
    )
    _check_nontarget(other, later)
    _check_overall(overall, later)
    return results(tallies)


def _unmatched(tally: Tally, both: pd.DataFrame) -> None:
    """Assessments without lesions, and scans under treatment without an assessment."""
    no_lesions = both["targets"].isna()
    no_record = both["recorded"].isna() & (both["is_baseline"] == False)  # noqa: E712
    for lost, message in (
        (no_lesions, "an assessment without lesion measurements"),
        (no_record, "a scan under treatment without an assessment"),
    ):
        rows = both[lost.to_numpy(bool)]
        for patient, day in zip(rows["patient_id"], rows["day"].tolist(), strict=True):
            tally.violate(
                str(patient),
                day,
                "tables/responses.parquet",
                expected="lesions and an assessment on the same day",
                found=message,
                message=message,
            )


def _compare(
    tally: Tally, frame: pd.DataFrame, holds: Any, expected: Any, found: Any, message: str
) -> None:
    holds = np.asarray(holds, bool)
    tally.agree(int(holds.sum()))
    for i in np.nonzero(~holds)[0]:
        tally.violate(
            str(frame["patient_id"].iloc[i]),
            int(frame["day"].iloc[i]),
            "tables/responses.parquet",
            expected=np.asarray(expected)[i],
            found=np.asarray(found)[i],
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
    wanted = np.where(none, "NA", np.where(gone, "CR", "NON-CR/NON-PD or PD"))
    _compare(
        tally,
        frame,
        holds,
        wanted,
        found,
        "the non-target response does not follow from the non-target lesions",
    )
    new = frame["new_lesion_expected"].to_numpy(bool)
    _compare(
        tally,
        frame,
        frame["new_lesion"].to_numpy(bool) == new,
        new,
        frame["new_lesion"],
        "new_lesion does not follow from the lesions first seen that day",
    )


def _check_overall(tally: Tally, frame: pd.DataFrame) -> None:
    expected = overall_response(
        frame["target_response"].to_numpy(object),
        frame["nontarget_response"].to_numpy(object),
        frame["new_lesion"].to_numpy(bool),
    )
    _compare(
        tally,
        frame,
        expected == frame["overall_response"].to_numpy(object),
        expected,
        frame["overall_response"],
        "the overall response does not follow from its parts",
    )


def check_survival(data: Dataset) -> list[CheckResult]:
    """Overall and progression-free survival from treatments, responses and events.

    Progression-free survival: first progression of the line, or death before the next line
    starts; else censored, no later than overall survival and no earlier than the line's last
    assessment without progression.
    """
    tally = Tally("survival", "survival follows from treatments, responses and events")
    frame, treatments = data.table(schemas.SURVIVAL), data.table(schemas.TREATMENTS)
    responses = data.table(schemas.RESPONSES_TABLE)
    if frame is None or treatments is None or responses is None:
        return [tally.result()]
    rows = _survival_inputs(frame, treatments, responses, death_days(data))
    origin = rows["origin_day"].to_numpy(float)
    death = rows["death_day"].to_numpy(float)
    progression = rows["pd_day"].to_numpy(float)
    dies = np.isfinite(death)
    in_line = dies & ~(rows["next_start"].to_numpy(float) <= death)
    last_on_line = rows["last_day"].to_numpy(float)
    event = np.isfinite(progression) | in_line
    when = np.where(np.isfinite(progression), progression, death) - origin
    pfs, os_days = rows["pfs_days"].to_numpy(float), rows["os_days"].to_numpy(float)
    found_event = rows["pfs_event"].to_numpy(bool)
    censored = (pfs <= os_days) & (pfs >= np.nan_to_num(last_on_line - origin, nan=0.0))
    parts = (
        (
            origin == rows["start_day"].to_numpy(float),
            rows["start_day"],
            rows["origin_day"],
            "time zero is not the start of the line",
        ),
        (
            rows["os_event"].to_numpy(bool) == dies,
            dies,
            rows["os_event"],
            "the death event does not follow from tables/events",
        ),
        (
            ~dies | (os_days == death - origin),
            death - origin,
            os_days,
            "overall survival is not the time to death",
        ),
        (
            found_event == event,
            event,
            found_event,
            "the progression event does not follow from responses and deaths",
        ),
        (
            np.where(event, pfs == when, censored),
            np.where(event, when, last_on_line - origin),
            pfs,
            "progression-free survival is not the time to progression or death",
        ),
        (
            _cause_holds(rows, progression, in_line),
            _cause(rows, progression, in_line),
            rows["pfs_cause"],
            "the cause of the progression event does not follow",
        ),
    )
    for holds, expected, found, message in parts:
        tally.agree(int(np.asarray(holds, bool).sum()))
        for i in np.nonzero(~np.asarray(holds, bool))[0]:
            tally.violate(
                str(rows["patient_id"].iloc[i]),
                None,
                f"tables/survival.parquet:line {rows['line'].iloc[i]}",
                expected=np.asarray(expected)[i],
                found=np.asarray(found)[i],
                message=message,
            )
    return [tally.result()]


def _survival_inputs(
    frame: pd.DataFrame,
    treatments: pd.DataFrame,
    responses: pd.DataFrame,
    deaths: dict[str, float],
) -> pd.DataFrame:
    """Survival rows with start of the line and of the next, first progression, last assessment."""
    rows = frame.assign(
        patient_id=strings(frame["patient_id"]),
        pfs_cause=strings(frame["pfs_cause"]),
        line=frame["line"].astype("int64"),
    )
    lines = treatments.assign(
        patient_id=strings(treatments["patient_id"]),
        line=treatments["line"].astype("int64"),
        start_day=treatments["start_day"].astype("int64"),
    )
    lines = lines.sort_values(["patient_id", "line"])
    lines["next_start"] = lines.groupby("patient_id")["start_day"].shift(-1)
    seen = responses.assign(
        patient_id=strings(responses["patient_id"]), day=responses["day"].astype("int64")
    )
    for name in ("overall_response", "target_response", "nontarget_response"):
        seen[name] = strings(seen[name])
    seen = pd.merge_asof(
        seen.sort_values("day"),
        lines[["patient_id", "line", "start_day"]].sort_values("start_day"),
        left_on="day",
        right_on="start_day",
        by="patient_id",
        allow_exact_matches=False,
    )
    seen = seen[seen["line"].notna()].astype({"line": "int64"}).sort_values(["patient_id", "day"])
    key = ["patient_id", "line"]
    first = (
        seen[seen["overall_response"] == "PD"]
        .drop_duplicates(key)
        .rename(columns={"day": "pd_day"})
    )
    last = seen.groupby(key)["day"].max().rename("last_day").reset_index()
    kept = [*key, "pd_day", "target_response", "nontarget_response", "new_lesion"]
    rows = rows.merge(lines[[*key, "start_day", "next_start"]], on=key, how="left")
    rows = rows.merge(first[kept], on=key, how="left").merge(last, on=key, how="left")
    rows["death_day"] = rows["patient_id"].map(deaths).astype(float)
    return rows


def _cause(rows: pd.DataFrame, progression: Any, in_line: Any) -> Any:
    target = rows["target_response"].to_numpy(object) == "PD"
    other = rows["nontarget_response"].to_numpy(object) == "PD"
    new = (rows["new_lesion"] == True).to_numpy(bool)  # noqa: E712  missing counts as not
    names = np.array(
        [
            " or ".join(
                n for n, on in zip(("target", "nontarget", "new_lesion"), flags, strict=True) if on
            )
            for flags in zip(target, other, new, strict=True)
        ],
        dtype=object,
    )
    return np.where(np.isfinite(progression), names, np.where(in_line, "death", "none"))


def _cause_holds(rows: pd.DataFrame, progression: Any, in_line: Any) -> Any:
    """Where several parts progressed on one day, each of them is a fair cause."""
    possible = _cause(rows, progression, in_line)
    found = rows["pfs_cause"].to_numpy(object)
    return np.array([f in str(p).split(" or ") for f, p in zip(found, possible, strict=True)], bool)
