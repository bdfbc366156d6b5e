"""What the tables hold of one patient up to the day of a note."""

from __future__ import annotations

import datetime as dt
from collections.abc import Mapping, Sequence
from typing import Any

from alignment import identifiers, schemas
from eval.checks.clinic_course import Course
from eval.checks.notes import Note, Rows
from eval.result import Tally

TABLES = (
    schemas.PATIENTS, schemas.VARIANTS, schemas.TREATMENTS, schemas.DOSES, schemas.TOXICITIES,
    schemas.SYMPTOMS, schemas.LABS, schemas.VITALS, schemas.RESPONSES_TABLE, schemas.EVENTS,
    schemas.VISITS,
)  # fmt: skip


class Known:
    """What the tables hold of one patient up to one day."""

    def __init__(
        self, tables: Mapping[str, Rows | None], note: Note, zero: dt.date, reported: Sequence[int]
    ) -> None:
        self.tables, self.note, self.zero, self.reported = tables, note, zero, reported

    def rows(self, table: schemas.Table) -> list[dict[str, Any]]:
        """Of the patient, up to the note's day."""
        found = self.tables[table.path]
        day = "start_day" if table is schemas.TREATMENTS else "day"
        mine = (found or {}).get(self.note.patient_id, [])
        return [row for row in mine if day not in row or row[day] <= self.note.day]

    def today(self, table: schemas.Table) -> list[dict[str, Any]]:
        """Of the note's day."""
        return [row for row in self.rows(table) if row["day"] == self.note.day]

    def variants(self) -> list[dict[str, Any]]:
        """Variants whose report is out: the first molecular report from the specimen on."""
        return [
            row for row in self.rows(schemas.VARIANTS)
            if min((d for d in self.reported if d >= row["day"]), default=row["day"])
            <= self.note.day
        ]  # fmt: skip

    def has(self, table: schemas.Table, *tallies: Tally) -> bool:
        """Whether the dataset has the table; where not, the tallies say why they skip."""
        there = self.tables[table.path] is not None
        for tally in () if there else tallies:
            tally.skip(f"no table {table.name}")
        return there

    def course(self) -> Course:
        """Treatment so far."""
        return Course.of(
            self.rows(schemas.TREATMENTS), self.rows(schemas.DOSES), self.note.day, self.zero
        )

    def date(self, day: int) -> dt.date:
        """Calendar date of a study day."""
        return identifiers.calendar_date(self.zero, int(day))
