"""RECIST 1.1 recomputed from measured lesions, without looking at the recorded responses.

Eisenhauer et al., Eur J Cancer 2009;45:228, doi:10.1016/j.ejca.2008.10.026. Conventions: each
reader is judged alone; each line of therapy has its own baseline, the last scan on or before its
start; the nadir is the smallest sum since then, baseline included; a target of which the scan holds
no measurement makes the sum not evaluable. A lesion that is first seen under treatment is new. One
that a scan does not cover is not gone. What was last seen before the baseline of line 1 was removed
by local therapy and counts no more.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from eval.reference import (
    CONFIRMED_AFTER_D,
    NODE_NORMAL_MM,
    NODE_SITES,
    PD_INCREASE_MM,
    PD_RATIO,
    PR_RATIO,
    STABLE_FROM_D,
)

TOLERANCE = 1e-9
READER = ["patient_id", "assessor"]


def target_response(
    baseline: NDArray[np.float64],
    nadir: NDArray[np.float64],
    now: NDArray[np.float64],
    gone: NDArray[np.bool_],
    evaluable: NDArray[np.bool_],
) -> NDArray[Any]:
    """(n,) target response. Sums in mm; ``gone``: every target 0 and every node normal."""
    grown = now - nadir
    progressed = (grown >= PD_INCREASE_MM - TOLERANCE) & (
        now * PD_RATIO[1] >= nadir * PD_RATIO[0] - TOLERANCE
    )
    shrunk = now * PR_RATIO[1] <= baseline * PR_RATIO[0] + TOLERANCE
    answers = [gone & evaluable, progressed, ~evaluable, shrunk]
    return np.select(answers, ["CR", "PD", "NE", "PR"], default="SD")


def overall_response(
    target: NDArray[Any], nontarget: NDArray[Any], new_lesion: NDArray[np.bool_]
) -> NDArray[Any]:
    """(n,) overall response, table 1 of the paper. "NA" non-target means there were none."""
    clear = np.isin(nontarget, ["CR", "NA"])
    answers = [
        new_lesion | (target == "PD") | (nontarget == "PD"),
        (target == "CR") & clear,
        np.isin(target, ["CR", "PR"]),
        target == "SD",
    ]
    return np.select(answers, ["PD", "CR", "PR", "SD"], default="NE")


def line_starts(treatments: pd.DataFrame) -> pd.DataFrame:
    """patient_id, line, start_day: one row a line from 1 on, at the first of its treatments."""
    rows = treatments[["patient_id", "line", "start_day"]].copy()
    rows["patient_id"] = rows["patient_id"].astype(object)
    rows = rows.astype({"line": "int64", "start_day": "int64"})
    rows = rows[rows["line"] > 0].sort_values(["patient_id", "line", "start_day"])
    return rows.drop_duplicates(["patient_id", "line"]).reset_index(drop=True)


def with_line(scans: pd.DataFrame, starts: pd.DataFrame) -> pd.DataFrame:
    """``scans`` (patient_id, day) with the line that each assesses: the last begun before its day.

    NaN where none had: such a scan opens advanced disease. Sorted by day.
    """
    return pd.merge_asof(
        scans.astype({"day": "int64"}).sort_values("day", kind="stable"),
        starts[["patient_id", "line", "start_day"]].sort_values("start_day"),
        left_on="day",
        right_on="start_day",
        by="patient_id",
        allow_exact_matches=False,
    )


def sightings(lesions: pd.DataFrame, starts: pd.DataFrame) -> pd.DataFrame:
    """Rows of tables/lesions with line, first (day of first sight), of_course, fresh.

    ``of_course``: seen on or after the baseline of line 1; ``fresh``: first seen under treatment.
    """
    rows = lesions[[*READER, "lesion_id", "site", "is_target", "is_new"]].copy()
    for name in (*READER, "lesion_id", "site"):
        rows[name] = rows[name].astype(object)
    rows["day"] = lesions["day"].to_numpy("int64")
    for name in ("long_axis_mm", "short_axis_mm"):
        rows[name] = lesions[name].to_numpy(float)
    scans = with_line(rows[["patient_id", "day"]].drop_duplicates(), starts)
    opening = _baselines(starts[starts["line"] == 1], scans[["patient_id", "day"]], ["patient_id"])
    begins = opening.set_index("patient_id")["baseline_day"]
    rows = rows.merge(scans[["patient_id", "day", "line"]], on=["patient_id", "day"])
    days = rows.groupby([*READER, "lesion_id"], sort=False)["day"]
    rows["first"] = days.transform("min")
    begin = rows["patient_id"].map(begins).fillna(-np.inf).to_numpy(float)
    rows["of_course"] = days.transform("max").to_numpy(float) >= begin
    rows["fresh"] = (rows["day"] == rows["first"]) & rows["line"].notna()
    return rows


def assess(lesions: pd.DataFrame, treatments: pd.DataFrame) -> pd.DataFrame:
    """One row a scan and reader: patient_id, assessor, day, line, is_baseline, has_baseline,
    targets, sld_mm, target_response, new_lesion, nontargets, nontargets_gone.

    ``lesions``, ``treatments``: rows of the tables. A scan on the day a line starts assesses the
    line before and is the baseline of the new one.
    """
    starts = line_starts(treatments)
    rows = sightings(lesions, starts)
    node = rows["site"].isin(NODE_SITES).to_numpy()
    target = rows["is_target"].to_numpy(bool)
    size = np.where(node, rows["short_axis_mm"], rows["long_axis_mm"])
    gone = rows["long_axis_mm"].to_numpy() == 0
    normal = np.where(node, (size < NODE_NORMAL_MM) | gone, size == 0)
    rows["mm"] = np.where(target, size, np.nan)
    rows["read"] = target & ~np.isnan(size)
    rows["remains"] = target & ~normal
    rows["new"] = rows["fresh"] & ~gone
    # A new lesion ends its line; from the next scan on, the next line's, it is non-target disease.
    other = ~target & ~rows["fresh"].to_numpy(bool)
    rows["other"], rows["other_remains"] = other, other & ~normal
    counts = rows["of_course"] & (rows["day"] == rows["first"])
    rows["target_from"] = counts & target
    rows["other_from"] = counts & ~target
    rows["other_fresh"] = counts & ~target & rows["fresh"]
    scans = rows.groupby([*READER, "day"], as_index=False).agg(
        line=("line", "first"),
        sld_mm=("mm", "sum"),
        read=("read", "sum"),
        remains=("remains", "any"),
        new_lesion=("new", "any"),
        others_seen=("other", "sum"),
        other_remains=("other_remains", "any"),
        target_from=("target_from", "sum"),
        other_from=("other_from", "sum"),
        other_fresh=("other_fresh", "sum"),
    )
    so_far = scans.groupby(READER)[["target_from", "other_from"]].cumsum()
    scans["targets"] = so_far["target_from"]
    scans["missing"] = scans["read"] < scans["targets"]
    scans["nontargets"] = so_far["other_from"] - scans["other_fresh"]
    uncovered = scans["others_seen"] < scans["nontargets"]
    scans["nontargets_gone"] = ~(scans["other_remains"] | uncovered)
    return _responses(scans, starts)


def _baselines(starts: pd.DataFrame, scans: pd.DataFrame, by: list[str]) -> pd.DataFrame:
    """``starts`` with the columns of the last scan on or before each, named ``baseline_...``."""
    named = {name: f"baseline_{name}" for name in scans.columns if name not in by}
    return pd.merge_asof(
        starts.sort_values("start_day"),
        scans.rename(columns=named).sort_values("baseline_day"),
        left_on="start_day",
        right_on="baseline_day",
        by=by,
    )


def _responses(scans: pd.DataFrame, starts: pd.DataFrame) -> pd.DataFrame:
    """Add baseline, nadir and target response to the sums of each scan."""
    readers = pd.DataFrame({"assessor": scans["assessor"].unique()}, dtype=object)
    sums = scans[[*READER, "day", "sld_mm", "missing"]]
    lines = starts.astype({"line": float}).merge(readers, how="cross")
    baselines = _baselines(lines, sums, READER)
    merged = scans.merge(baselines, on=[*READER, "line"], how="left")
    merged = merged.sort_values([*READER, "day"], ignore_index=True)
    merged["is_baseline"] = merged["line"].isna()
    merged["has_baseline"] = merged["baseline_day"].notna()
    keys = [merged["patient_id"], merged["assessor"], merged["line"].fillna(-1)]
    usable = merged["sld_mm"].where(~merged["missing"])
    before = usable.groupby(keys).cummin().groupby(keys).shift()
    nadir = np.fmin(before.groupby(keys).ffill().to_numpy(float), merged["baseline_sld_mm"])
    merged["target_response"] = target_response(
        merged["baseline_sld_mm"].to_numpy(float),
        np.asarray(nadir, float),
        merged["sld_mm"].to_numpy(float),
        (~merged["remains"]).to_numpy(bool),
        (~merged["missing"] & (merged["targets"] > 0)).to_numpy(bool),
    )
    return merged


def best_responses(
    responses: pd.DataFrame, starts: pd.DataFrame, assessors: Sequence[str]
) -> pd.DataFrame:
    """One row a line and each of the ``assessors``: patient_id, line, assessor, best, confirmed.

    From the rows up to the reader's first progression in the line. A response is confirmed when it
    is still one 28 days after it was first seen; stable disease is some response or stability at
    least 42 days from the start of the line.
    """
    seen = responses[[*READER, "day", "overall_response"]].copy()
    for name in (*READER, "overall_response"):
        seen[name] = seen[name].astype(object)
    key = ["patient_id", "line", "assessor"]
    seen = with_line(seen, starts).dropna(subset="line").astype({"line": "int64"})
    answer = seen["overall_response"]
    first_pd = seen["day"].where(answer == "PD").groupby([seen[k] for k in key]).transform("min")
    seen = seen[~(seen["day"] > first_pd)]
    readers = pd.DataFrame({"assessor": list(assessors)}, dtype=object)
    found = starts.merge(readers, how="cross")
    for name, answers in (("cr", ["CR"]), ("pr", ["CR", "PR"]), ("sd", ["CR", "PR", "SD"])):
        days = seen[seen["overall_response"].isin(answers)].groupby(key)["day"]
        for end in ("first", "last"):
            ends = days.min() if end == "first" else days.max()
            found = found.merge(ends.rename(f"{name}_{end}").reset_index(), on=key, how="left")
    progressed = seen[seen["overall_response"] == "PD"][key].drop_duplicates()
    found = found.merge(progressed.assign(progressed=True), on=key, how="left")
    stable = found["sd_last"] >= found["start_day"] + STABLE_FROM_D
    base = np.select([stable, found["progressed"].notna()], ["SD", "PD"], default="NE")
    any_response = [found["cr_first"].notna(), found["pr_first"].notna()]
    lasting = [found[f"{x}_last"] - found[f"{x}_first"] >= CONFIRMED_AFTER_D for x in ("cr", "pr")]
    found["best"] = np.where(any_response[1], np.where(any_response[0], "CR", "PR"), base)
    found["confirmed"] = np.select(lasting, ["CR", "PR"], default=base)
    return found[[*key, "best", "confirmed"]]
