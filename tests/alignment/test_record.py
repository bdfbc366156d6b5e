"""A record as it stood: nothing that is recorded later reaches an earlier plan."""

from __future__ import annotations

import random
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from alignment import schemas
from alignment.clinic_planner import clinic_days, plan_clinic
from alignment.lexicon import Lexicon
from alignment.molecular import plan_molecular, specimen_days
from alignment.plan import EncounterPlan, Protocol
from alignment.planner import CONCEPTS, plan_patients
from alignment.record import BEGINS, Record, records
from cohort.codebook import Codebook
from cohort.model import CausalModel
from cohort.tables import CohortTables
from modalities import labs

PROPERTY = settings(max_examples=60, deadline=None,
                    suppress_health_check=[HealthCheck.too_slow])  # fmt: skip


@pytest.fixture(scope="session")
def cohort(advanced: CausalModel, codebook: Codebook) -> list[Record]:
    """Sixty patients with advanced disease, and their laboratory values."""
    made = CohortTables(advanced, codebook, advanced.sample(60, 3))
    tables = made.tables()
    tables[schemas.LABS.path], _ = labs.report(made.panel())
    return list(records(tables))


def plans(record: Record, until: int, lexicon: Lexicon) -> list[str]:
    """The JSON of every plan of a day up to ``until``, with the days that have one."""
    made = [plan_clinic(record, d, lexicon, seed=1, model="m").json for d in clinic_days(record)
            if d <= until]  # fmt: skip
    return made + [plan_molecular(record, d, lexicon, seed=1, model="m").json
                   for d in specimen_days(record) if d <= until]  # fmt: skip


def scrambled(row: dict[str, Any], after: str, rng: random.Random) -> dict[str, Any]:
    """A row with other values: numbers moved, words swapped, its own day kept."""
    changed = dict(row)
    for name, value in row.items():
        if name in ("patient_id", after, "assessor", "kind"):
            continue
        if isinstance(value, bool):
            changed[name] = not value
        elif isinstance(value, int | float):
            changed[name] = type(value)(value + rng.randint(1, 9))
        elif name in ("overall_response", "stop_reason", "category"):
            changed[name] = {"overall_response": "PD", "stop_reason": "toxicity",
                             "category": "recurrence"}[name]  # fmt: skip
    return changed


def with_another_future(record: Record, day: int, rng: random.Random) -> Record:
    """The same up to ``day``; afterwards rows are changed, lost and added, lines end otherwise."""
    made = {}
    for table, column in BEGINS.items():
        rows: list[dict[str, Any]] = []
        for row in record.of(table):
            if row[column] <= day:
                rows.append(_other_end(table, row, day, rng))
            elif rng.random() < 0.6:
                rows.append(scrambled(row, column, rng))
                if rng.random() < 0.3:
                    rows.append(scrambled(row, column, rng) | {column: row[column] + 1})
        made[table.path] = tuple(rows)
    return Record(record.person, made)


def _other_end(
    table: schemas.Table, row: dict[str, Any], day: int, rng: random.Random
) -> dict[str, Any]:
    """A row of the past, with another fate."""
    open_line = table is schemas.TREATMENTS and (row["stop_day"] is None or row["stop_day"] > day)
    if open_line:
        stop = rng.choice([None, day + 1, day + 40])
        return row | {"stop_day": stop, "stop_reason": "toxicity" if stop else "ongoing"}
    if table is schemas.EVENTS and row["category"] == "adverse_event":
        return row | {"grade": rng.randint(1, 5), "end_day": rng.choice([None, day + 3])}
    return row


@PROPERTY
@given(data=st.data())
def test_a_changed_future_changes_no_byte_of_an_earlier_plan(
    cohort: list[Record], codebook: Codebook, data: st.DataObject
) -> None:
    record = data.draw(st.sampled_from(cohort), label="patient")
    days = clinic_days(record)
    day = data.draw(st.sampled_from(days), label="day")
    rng = random.Random(data.draw(st.integers(0, 10**6), label="future"))
    other = with_another_future(record, day, rng)
    assert plans(other, day, codebook.lexicon) == plans(record, day, codebook.lexicon)
    assert plans(record, day, codebook.lexicon)


def test_the_scrambling_reaches_later_plans(cohort: list[Record], codebook: Codebook) -> None:
    """The property above would hold of plans that look at nothing: these do look."""
    rng, changed, lexicon = random.Random(0), 0, codebook.lexicon
    for record in cohort:
        other = with_another_future(record, 0, rng)
        changed += plans(other, 9999, lexicon) != plans(record, 9999, lexicon)
    assert changed > 30


@pytest.fixture(scope="session")
def operated(nsclc: CausalModel, codebook: Codebook) -> dict[str, pa.Table]:
    """Patients of all stages: some are operated or irradiated, and some of them relapse."""
    return CohortTables(nsclc, codebook, nsclc.sample(150, 4)).tables()


def _scans(tables: dict[str, pa.Table], until: int | None = None) -> list[EncounterPlan]:
    """Plans of all scans, from tables as they stood at the end of a day where one is given."""
    if until is not None:
        tables = {path: _until(table, path, until) for path, table in tables.items()}
    seen = dict.fromkeys(CONCEPTS.values(), ("CT",))
    return plan_patients(tables, seed=1, model="m", protocol=Protocol(), visible_in=seen)


def _until(table: pa.Table, path: str, day: int) -> pa.Table:
    """Rows of a day and before; what stops later has not stopped."""
    column = "start_day" if path == schemas.TREATMENTS.path else "day"
    if column not in table.column_names:
        return table
    kept = table.filter(pc.less_equal(table.column(column), day))
    if path != schemas.TREATMENTS.path:
        return kept
    stop = kept.column("stop_day")
    known = pc.if_else(pc.less_equal(stop, day), stop, pa.scalar(None, pa.int32()))
    return kept.set_column(kept.column_names.index("stop_day"), "stop_day", known)


@pytest.mark.parametrize("day", [-1, 0, 60, 200, 400])
def test_scans_are_planned_without_their_future(operated: dict[str, pa.Table], day: int) -> None:
    whole = [plan.json for plan in _scans(operated) if plan.day <= day]
    assert whole == [plan.json for plan in _scans(operated, day)]
    assert whole


def test_a_scan_is_asked_for_by_what_is_known_that_day(operated: dict[str, pa.Table]) -> None:
    lines = operated[schemas.TREATMENTS.path].to_pylist()
    events = operated[schemas.EVENTS.path].to_pylist()
    found, treated_again = set(), 0
    for plan in _scans(operated):
        mine = [r for r in lines if r["patient_id"] == plan.patient_id]
        begun = [r for r in mine if r["start_day"] < plan.day]
        recurred = [e["day"] for e in events if e["patient_id"] == plan.patient_id
                    and e["category"] == "recurrence"]  # fmt: skip
        found.add(plan.purpose)
        assert plan.confirmed == (plan.day >= 0)
        assert plan.recurred == any(d < plan.day for d in recurred)
        treated_again += plan.recurred and plan.purpose == "response"
        if plan.purpose == "staging":
            assert not [r for r in begun if r["line"] > 0 or r["regimen"] in ("surgery", "sbrt")]
        elif plan.purpose in ("surveillance", "recurrence"):
            assert plan.local in [r["regimen"] for r in begun]
            assert (plan.purpose == "recurrence") == any(d < plan.day for d in recurred)
        else:
            assert plan.line in [r["line"] for r in begun]
            supported = any(r["intent"] == "supportive" for r in begun if r["line"] == plan.line)
            assert (plan.purpose == "supportive") == supported
    assert {"staging", "surveillance", "response", "supportive"} <= found
    assert treated_again


def test_a_stop_is_known_from_its_day_on(cohort: list[Record]) -> None:
    stopped = [(r, t) for r in cohort for t in r.of(schemas.TREATMENTS) if t["stop_day"]]
    assert stopped
    for record, row in stopped:
        for day, held in ((row["stop_day"] - 1, None), (row["stop_day"], row["stop_day"])):
            known = record.until(day).of(schemas.TREATMENTS)
            mine = [t for t in known if t["line"] == row["line"]]
            if row["start_day"] <= day:
                assert [t["stop_day"] for t in mine] == [held]
                assert (mine[0]["stop_reason"] == "ongoing") == (held is None)


def test_the_worst_grade_of_an_episode_is_not_in_the_record(cohort: list[Record]) -> None:
    """tables/events gives the worst grade of an episode at its first day."""
    for record in cohort:
        known = record.until(60).of(schemas.EVENTS)
        assert "adverse_event" not in {row["category"] for row in known}


def test_notes_are_few(cohort: list[Record]) -> None:
    """A note at the start, at new lines and after scans: fewer than visits, at least one."""
    for record in cohort:
        days, visits = clinic_days(record), record.of(schemas.VISITS)
        assert 1 <= len(days) <= len({row["day"] for row in visits})
        seen = {row["day"] for row in visits}
        starts = {t["start_day"] for t in record.of(schemas.TREATMENTS)} & seen
        assert days[0] == 0
        assert starts <= set(days)
