"""RECIST 1.1 recomputed from measured lesions, without looking at the recorded responses.

Eisenhauer et al., Eur J Cancer 2009;45:228, doi:10.1016/j.ejca.2008.10.026. Conventions: each
line of therapy has its own baseline, the last scan on or before its start; the nadir is the
smallest sum since then, baseline included; a target of which the scan holds no measurement makes
the sum not evaluable.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from eval.reference import (
    NODE_NORMAL_MM,
    NODE_SITES,
    PD_INCREASE_MM,
    PD_RATIO,
    PR_RATIO,
)

TOLERANCE = 1e-9


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


def assess(lesions: pd.DataFrame, starts: pd.DataFrame) -> pd.DataFrame:
    """One row a scan: patient_id, day, line, is_baseline, has_baseline, targets, sld_mm,
    target_response, new_lesion, nontargets, nontargets_gone.

    ``lesions``: rows of tables/lesions; ``starts``: patient_id, line, start_day. A scan on the day
    a line starts assesses the line before and is the baseline of the new one.
    """
    rows = lesions[["patient_id", "day", "lesion_id"]].copy()
    rows["node"] = lesions["site"].isin(NODE_SITES).to_numpy()
    rows["target"] = lesions["is_target"].to_numpy(bool)
    size = np.where(rows["node"], lesions["short_axis_mm"], lesions["long_axis_mm"]).astype(float)
    gone_now = lesions["long_axis_mm"].to_numpy(float) == 0
    rows["mm"] = np.where(rows["target"], size, np.nan)
    rows["missing"] = rows["target"] & np.isnan(size)
    normal = np.where(rows["node"], (size < NODE_NORMAL_MM) | gone_now, size == 0)
    rows["remains"] = rows["target"] & ~normal
    first = rows.groupby(["patient_id", "lesion_id"], observed=True)["day"].transform("min")
    rows["new"] = lesions["is_new"].to_numpy(bool) & (rows["day"] == first) & ~gone_now
    # A new lesion ends its line; from the next scan on, the next line's, it is non-target disease.
    other = ~rows["target"] & ~rows["new"]
    rows["other"] = other
    rows["other_remains"] = other & ~np.where(rows["node"], normal, gone_now)
    scans = rows.groupby(["patient_id", "day"], observed=True, sort=True).agg(
        targets=("target", "sum"),
        sld_mm=("mm", "sum"),
        missing=("missing", "any"),
        remains=("remains", "any"),
        new_lesion=("new", "any"),
        nontargets=("other", "sum"),
        other_remains=("other_remains", "any"),
    )
    return _responses(scans.reset_index(), starts)


def _responses(scans: pd.DataFrame, starts: pd.DataFrame) -> pd.DataFrame:
    """Add line, baseline, nadir and target response to the sums of each scan."""
    scans["patient_id"] = scans["patient_id"].astype(object)
    lines = starts[["patient_id", "line", "start_day"]].copy()
    lines["patient_id"] = lines["patient_id"].astype(object)
    lines["start_day"] = lines["start_day"].astype("int64")
    scans["day"] = scans["day"].astype("int64")
    baselines = pd.merge_asof(
        lines.sort_values("start_day"),
        scans[["patient_id", "day", "sld_mm", "missing"]]
        .rename(
            columns={"day": "baseline_day", "sld_mm": "baseline_mm", "missing": "baseline_missing"}
        )
        .sort_values("baseline_day"),
        left_on="start_day",
        right_on="baseline_day",
        by="patient_id",
    )
    merged = pd.merge_asof(
        scans.sort_values("day"),
        baselines.sort_values("start_day"),
        left_on="day",
        right_on="start_day",
        by="patient_id",
        allow_exact_matches=False,
    ).sort_values(["patient_id", "day"], ignore_index=True)
    merged["is_baseline"] = merged["line"].isna()
    merged["has_baseline"] = merged["baseline_day"].notna()
    keys = [merged["patient_id"], merged["line"].fillna(-1)]
    usable = merged["sld_mm"].where(~merged["missing"])
    before = usable.groupby(keys).cummin().groupby(keys).shift()
    nadir = np.fmin(before.groupby(keys).ffill().to_numpy(float), merged["baseline_mm"])
    merged["target_response"] = target_response(
        merged["baseline_mm"].to_numpy(float),
        np.asarray(nadir, float),
        merged["sld_mm"].to_numpy(float),
        (~merged["remains"]).to_numpy(bool),
        (~merged["missing"] & (merged["targets"] > 0)).to_numpy(bool),
    )
    merged["nontargets_gone"] = ~merged["other_remains"].astype(bool)
    return merged
