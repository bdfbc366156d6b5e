"""What happened between visits: events, and what was measured only where the patient was seen."""

from __future__ import annotations

import numpy as np
import pandas as pd

from alignment import schemas
from eval.checks.ends import death_days
from eval.checks.rows import among, compare_rows, plain
from eval.dataset import Dataset, strings
from eval.recist import line_starts, with_line
from eval.result import CheckResult, Tally

SCAN = ["patient_id", "day"]
AT_VISITS = (
    schemas.LABS,
    schemas.VITALS,
    schemas.SYMPTOMS,
    schemas.TOXICITIES,
    schemas.DOSES,
    schemas.CTDNA,
)


def check_events(data: Dataset) -> CheckResult:
    """Progression is the investigator's first of each line; one recurrence, one death."""
    tally = Tally("events", "progressions, recurrences and deaths are those of the other tables")
    events, responses = data.table(schemas.EVENTS), data.table(schemas.RESPONSES_TABLE)
    treatments = data.table(schemas.TREATMENTS)
    if events is None or responses is None or treatments is None:
        return tally.result()
    told = plain(events)
    told["day"] = told["day"].astype("int64")
    starts = line_starts(treatments)
    seen = with_line(plain(responses), starts).dropna(subset="line")
    seen = seen[(seen["assessor"] == "investigator") & (seen["overall_response"] == "PD")]
    seen = seen.drop_duplicates(["patient_id", "line"])
    progressed = told[told["category"] == "progression"]
    for part, other, expected, message in (
        (progressed, seen, "an assessment of PD", "a progression that no assessment shows"),
        (seen, progressed, "an event", "a progression that tables/events lacks"),
    ):
        compare_rows(
            tally,
            part,
            among(part, other, SCAN),
            schemas.EVENTS.path,
            expected=expected,
            found="none",
            message=message,
        )
    recurred = told[told["category"] == "recurrence"]
    first = starts[starts["line"] == 1].rename(columns={"start_day": "day"})
    local = set(treatments.loc[treatments["line"] == 0, "patient_id"])
    again = first[first["patient_id"].isin(local)]
    for part, message in (
        (recurred[~recurred["patient_id"].isin(local)], "a recurrence without local therapy"),
        (again[~again["patient_id"].isin(recurred["patient_id"])], "a line 1 without recurrence"),
        (told[told.duplicated(["patient_id", "category"]) & (told["category"] == "death")],
         "a second death"),
    ):  # fmt: skip
        compare_rows(
            tally,
            part,
            np.zeros(len(part), bool),
            schemas.EVENTS.path,
            expected="local therapy, then one recurrence; one death",
            found=message,
            message=message,
        )
    tally.agree(len(recurred) + len(death_days(data)))
    return tally.result()


def _planned(doses: pd.DataFrame) -> pd.DataFrame:
    """Doses on the day of their visit, without those omitted because nobody came."""
    came = strings(doses["reason"]) != "visit missed"
    return doses[came.to_numpy()].assign(day=lambda rows: rows["day"] - rows["delay_days"])


def check_at_visits(data: Dataset) -> CheckResult:
    """Labs, vitals, symptoms, doses and ctDNA only on days of a visit."""
    tally = Tally("at_visits", "what was measured or given was so at a visit")
    visits = data.table(schemas.VISITS)
    if visits is None:
        return tally.result()
    for table in AT_VISITS:
        frame = data.table(table)
        if frame is None:
            tally.skip(f"no table {table.name}")
            continue
        if table is schemas.DOSES:
            frame = _planned(frame)
        days = plain(frame[SCAN].drop_duplicates()).reset_index(drop=True)
        compare_rows(
            tally,
            days,
            among(days, visits, SCAN),
            table.path,
            expected="a visit on that day",
            found="none",
            message=f"{table.name} without a visit",
        )
    return tally.result()


def check_toxicities(data: Dataset) -> CheckResult:
    """Each entry lies within an event of tables/events whose grade is no lower."""
    tally = Tally("toxicities", "adverse events at visits are those of tables/events")
    frame, events = data.table(schemas.TOXICITIES), data.table(schemas.EVENTS)
    if frame is None or events is None:
        tally.skip("no table of toxicities or events")
        return tally.result()
    seen, told = plain(frame).reset_index(drop=True), plain(events)
    told = told[told["category"] == "adverse_event"]
    pairs = seen.reset_index().merge(told, on=["patient_id", "code"], suffixes=("", "_event"))
    within = (pairs["day_event"] <= pairs["day"]) & ~(pairs["end_day"] < pairs["day"])
    held = pairs[within & (pairs["grade"] <= pairs["grade_event"])]["index"]
    compare_rows(
        tally,
        seen,
        seen.index.isin(held),
        schemas.TOXICITIES.path,
        expected="an event that lasts then, of that grade or worse",
        found=seen["name"] + " grade " + seen["grade"].astype(str),
        message="an adverse event at a visit that tables/events lacks",
    )
    return tally.result()


def check_ctdna(data: Dataset) -> CheckResult:
    """Detected exactly where the fraction is above 0, and a share."""
    tally = Tally("ctdna", "tumour fractions are shares, and above 0 where detected")
    frame = data.table(schemas.CTDNA)
    if frame is None:
        tally.skip("no table of ctDNA")
        return tally.result()
    fraction = frame["tumour_fraction"].to_numpy(float)
    compare_rows(
        tally,
        frame,
        (frame["detected"].to_numpy(bool) == (fraction > 0)) & (fraction >= 0) & (fraction <= 1),
        schemas.CTDNA.path,
        expected="0 to 1, above 0 where detected",
        found=fraction,
        message="the tumour fraction does not fit its detection",
    )
    return tally.result()
