"""Survival and censoring, recomputed from treatments, responses and events, by reader."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd

from alignment import schemas
from eval.checks.ends import death_days
from eval.checks.rows import compare_rows, plain
from eval.dataset import Dataset
from eval.recist import line_starts, with_line
from eval.result import CheckResult, Tally, results

WHERE = schemas.SURVIVAL.path
KEY = ["patient_id", "line", "assessor"]


def check_survival(data: Dataset) -> list[CheckResult]:
    """Overall and progression-free survival, and how follow-up ended.

    Progression-free survival of a line: its reader's first progression; or death, where neither
    that reader nor the investigator called progression and no next line began; else censored at
    the line's last scan. Of line 0 (after local therapy): recurrence or death, else the end of
    follow-up.
    """
    tally = Tally("survival", "survival follows from treatments, responses and events")
    censoring = Tally("censoring", "death, its cause and censoring are told the same by all rows")
    frame, treatments = data.table(schemas.SURVIVAL), data.table(schemas.TREATMENTS)
    responses, events = data.table(schemas.RESPONSES_TABLE), data.table(schemas.EVENTS)
    if frame is None or treatments is None or responses is None or events is None:
        return results([tally, censoring])
    rows = _inputs(plain(frame), plain(treatments), plain(responses), plain(events), data)
    _check_times(tally, rows)
    _check_ends(censoring, rows, data)
    return results([tally, censoring])


def _inputs(
    frame: pd.DataFrame,
    treatments: pd.DataFrame,
    responses: pd.DataFrame,
    events: pd.DataFrame,
    data: Dataset,
) -> pd.DataFrame:
    """Survival rows with start, next_begins, pd_day and its parts, last_day, stopped, death_day."""
    rows = frame.astype({"line": "int64"})
    starts = line_starts(treatments)
    local = treatments.loc[treatments["line"] == 0, ["patient_id", "line", "start_day"]]
    local = local.sort_values("start_day").drop_duplicates("patient_id")
    lines = pd.concat([local.astype({"line": "int64"}), starts], ignore_index=True)
    seen = with_line(responses, starts).dropna(subset="line").astype({"line": "int64"})
    progressed = seen[seen["overall_response"] == "PD"].drop_duplicates(KEY)
    parts = ["day", "target_response", "nontarget_response", "new_lesion"]
    rows = rows.merge(lines, on=["patient_id", "line"], how="outer", indicator="told")
    rows = rows.merge(
        progressed[[*KEY, *parts]].rename(columns={"day": "pd_day"}), on=KEY, how="left"
    )
    by_site = progressed[progressed["assessor"] == "investigator"]
    by_site = by_site[["patient_id", "line", "day"]].rename(columns={"day": "investigator_pd"})
    rows = rows.merge(by_site, on=["patient_id", "line"], how="left")
    last = seen.groupby(KEY)["day"].max().rename("last_day").reset_index()
    rows = rows.merge(last, on=KEY, how="left")
    begun = set(zip(starts["patient_id"], starts["line"], strict=True))
    following = zip(rows["patient_id"], rows["line"] + 1, strict=True)
    rows["next_begins"] = [pair in begun for pair in following]
    rows["death_day"] = rows["patient_id"].map(death_days(data)).astype(float)
    recurred = events[events["category"] == "recurrence"].groupby("patient_id")["day"].min()
    zero = rows["line"] == 0
    rows["recurrence"] = rows["patient_id"].map(recurred).astype(float).where(zero)
    return rows


def _check_times(tally: Tally, rows: pd.DataFrame) -> None:
    told = (rows["told"] == "both").to_numpy()
    compare_rows(
        tally,
        rows,
        told,
        WHERE,
        expected="a line of treatment and its survival",
        found=rows["told"].map({"left_only": "no treatment", "right_only": "no survival"}),
        message="survival and treatments do not have the same lines",
    )
    rows = rows[told].reset_index(drop=True)
    origin, death = rows["origin_day"].to_numpy(float), rows["death_day"].to_numpy(float)
    pfs, os_days = rows["pfs_days"].to_numpy(float), rows["os_days"].to_numpy(float)
    dies = np.isfinite(death)
    progression = np.where(rows["line"] == 0, rows["recurrence"], rows["pd_day"]).astype(float)
    fatal = dies & ~np.isfinite(progression) & ~rows["next_begins"].to_numpy(bool)
    fatal &= rows["investigator_pd"].isna().to_numpy()
    fatal |= dies & ~np.isfinite(progression) & (rows["line"] == 0).to_numpy()
    event = np.isfinite(progression) | fatal
    # Without an event: the line's last scan, or its start; after local therapy, the end.
    last = np.fmax(rows["last_day"].to_numpy(float), origin)
    last = np.where(rows["line"] == 0, origin + os_days, last)
    when = np.select([np.isfinite(progression), fatal], [progression, death], default=last)
    cause = _cause(rows, progression, fatal)
    found_cause = rows["pfs_cause"].to_numpy(object)
    # Where several parts progressed on one day, each of them is a fair cause.
    fair = [f in c.split(" or ") for f, c in zip(found_cause, cause, strict=True)]
    for holds, expected, found, message in (
        (
            origin == rows["start_day"],
            rows["start_day"],
            origin,
            "time zero is not the line's start",
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
            rows["pfs_event"].to_numpy(bool) == event,
            event,
            rows["pfs_event"],
            "the progression event does not follow from responses, recurrence and deaths",
        ),
        (
            pfs == when - origin,
            when - origin,
            pfs,
            "progression-free survival is not the time to progression, death or the last scan",
        ),
        (fair, cause, found_cause, "the cause of the progression event does not follow"),
    ):
        compare_rows(tally, rows, holds, WHERE, expected=expected, found=found, message=message)


def _cause(rows: pd.DataFrame, progression: Any, fatal: Any) -> list[str]:
    causes = []
    for line, progressed, dead, target, other, new in zip(
        rows["line"],
        np.isfinite(progression),
        fatal,
        rows["target_response"] == "PD",
        rows["nontarget_response"] == "PD",
        rows["new_lesion"] == True,  # noqa: E712  missing counts as not
        strict=True,
    ):
        if not progressed:
            causes.append("death" if dead else "none")
            continue
        flags = {"target": target, "nontarget": other, "new_lesion": new or line == 0}
        causes.append(" or ".join(name for name, on in flags.items() if on))
    return causes


def _check_ends(tally: Tally, rows: pd.DataFrame, data: Dataset) -> None:
    """All rows of a patient tell one end; a cause only of deaths, a reason only of censoring."""
    rows = rows[rows["told"] == "both"].reset_index(drop=True)
    dies = rows["os_event"].to_numpy(bool)
    cause, reason = rows["cause_of_death"], rows["censor_reason"]
    compare_rows(
        tally,
        rows,
        (cause != "none").to_numpy() == dies,
        WHERE,
        expected=np.where(dies, "cancer or other", "none"),
        found=cause,
        message="a cause of death without death, or death without a cause",
    )
    compare_rows(
        tally,
        rows,
        (reason == "none").to_numpy() == dies,
        WHERE,
        expected=np.where(dies, "none", "a reason"),
        found=reason,
        message="censored without a reason, or a reason with death",
    )
    rows["end"] = rows["origin_day"] + rows["os_days"]
    for name in ("end", "os_event", "cause_of_death", "censor_reason"):
        first = rows.groupby("patient_id")[name].transform("first")
        compare_rows(
            tally,
            rows,
            rows[name] == first,
            WHERE,
            expected=first,
            found=rows[name],
            message=f"rows of one patient differ in {name}",
        )
    _check_cutoff(tally, rows, data)


def _check_cutoff(tally: Tally, rows: pd.DataFrame, data: Dataset) -> None:
    """Administrative censoring is at one date, the data cutoff; nothing is known after it."""
    patients = data.table(schemas.PATIENTS)
    if patients is None:
        return
    index = pd.Series(
        pd.to_datetime(patients["index_date"]).to_numpy(),
        index=patients["patient_id"].astype(object),
    )
    date = rows["patient_id"].map(index) + pd.to_timedelta(rows["end"], unit="D")
    administrative = (rows["censor_reason"] == "administrative").to_numpy()
    if not administrative.any():
        tally.skip("nobody is censored at the data cutoff", len(rows))
        return
    cutoff = date[administrative].mode().iloc[0]
    compare_rows(
        tally,
        rows,
        np.where(administrative, date == cutoff, date <= cutoff),
        WHERE,
        expected=f"{cutoff:%Y-%m-%d}, the data cutoff, or before",
        found=date.dt.strftime("%Y-%m-%d"),
        message="the end of follow-up does not fit the data cutoff",
    )
