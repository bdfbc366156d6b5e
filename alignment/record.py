"""One patient's record as a clinician could read it on a given day.

Every note is planned from :meth:`Record.until`, so what is recorded later cannot reach it.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc

from alignment import identifiers, schemas

Rows = tuple[dict[str, Any], ...]

BEGINS = {
    schemas.VISITS: "day",
    schemas.VITALS: "day",
    schemas.SYMPTOMS: "day",
    schemas.TOXICITIES: "day",
    schemas.RESPONSES_TABLE: "day",
    schemas.LABS: "day",
    schemas.VARIANTS: "day",
    schemas.DOSES: "day",
    schemas.EVENTS: "day",
    schemas.TREATMENTS: "start_day",
}
"""The tables that notes are made of, and the column that says since when a row is known."""

TOGETHER = 512
"""Patients whose rows are taken out of the tables at once: bounds memory, changes nothing."""

READER = "investigator"
"""Whose assessments the clinic acts on."""


@dataclass(frozen=True)
class Record:
    """One patient: ``person`` is the row of tables/patients, ``rows`` the others by table path.

    A table that the dataset lacks has no entry.
    """

    person: Mapping[str, Any]
    rows: Mapping[str, Rows] = field(default_factory=dict)

    def of(self, table: schemas.Table) -> Rows:
        """The patient's rows of a table; none where the dataset lacks it."""
        return self.rows.get(table.path, ())

    def holds(self, table: schemas.Table) -> bool:
        """Whether the dataset has the table at all."""
        return table.path in self.rows

    def date(self, day: int) -> dt.date:
        """Calendar date of a study day."""
        return identifiers.calendar_date(self.person["index_date"], day)

    def until(self, day: int) -> Record:
        """The record as it stood at the end of ``day``: later rows gone, later stops unknown.

        Adverse events are left out: their row has the worst grade of the whole episode, which is
        known only at its end. What was seen of them visit by visit is in tables/toxicities.
        """
        kept: dict[str, Rows] = {}
        for table, column in BEGINS.items():
            if self.holds(table):
                known = (row for row in self.of(table) if row[column] <= day)
                kept[table.path] = tuple(_as_known(table, row, day) for row in known)
        if self.holds(schemas.EVENTS):
            told = kept[schemas.EVENTS.path]
            kept[schemas.EVENTS.path] = tuple(r for r in told if r["category"] != "adverse_event")
        return Record(self.person, kept)


def _as_known(table: schemas.Table, row: dict[str, Any], day: int) -> dict[str, Any]:
    """A row without what only a later day decides."""
    if table is schemas.TREATMENTS and (row["stop_day"] is None or row["stop_day"] > day):
        return {**row, "stop_day": None, "stop_reason": "ongoing"}
    if table is schemas.EVENTS:
        return {**row, "end_day": None}
    return row


def records(tables: Mapping[str, pa.Table]) -> Iterator[Record]:
    """The patients of ``tables`` (by path), in the order of tables/patients."""
    people = tables[schemas.PATIENTS.path]
    for first in range(0, len(people), TOGETHER):
        yield from _records(people.slice(first, TOGETHER), tables)


def _records(people: pa.Table, tables: Mapping[str, pa.Table]) -> Iterator[Record]:
    wanted = people.column("patient_id").cast(pa.string()).combine_chunks()
    grouped: dict[str, dict[str, list[dict[str, Any]]]] = {}
    for table in BEGINS:
        if table.path not in tables:
            continue
        by_patient = grouped.setdefault(table.path, {})
        whole = tables[table.path]
        mine = pc.is_in(whole.column("patient_id").cast(pa.string()), value_set=wanted)
        for row in whole.filter(mine).to_pylist():
            by_patient.setdefault(row["patient_id"], []).append(row)
    for person in people.to_pylist():
        name = person["patient_id"]
        yield Record(person, {path: tuple(rows.get(name, ())) for path, rows in grouped.items()})
