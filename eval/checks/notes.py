"""Notes of every kind as files, and what all kinds have in common: their text and their dates."""

from __future__ import annotations

import datetime as dt
from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pandas as pd

from alignment import identifiers, schemas
from eval.dataset import Dataset, strings
from eval.readers.prose import find_dates
from eval.readers.tables import REGENERATE
from eval.result import CheckResult, Tally
from ontology.errors import ConsilienceError

CT, RADIOGRAPH, CLINIC, MOLECULAR = schemas.NOTE_KINDS

Rows = dict[str, list[dict[str, Any]]]
"""Rows of one table by patient, as plain objects; None where null."""


@dataclass(frozen=True, slots=True)
class Note:
    """One note of notes.parquet. ``text``: of the file, None where it is missing."""

    patient_id: str
    day: int
    kind: str
    path: str
    text: str | None
    tabled: str


def read_notes(data: Dataset) -> list[Note]:
    """Every note that notes.parquet lists, by patient and day, with the text of its file."""
    frame = data.table(schemas.NOTES)
    if frame is None:
        return []
    notes = []
    for patient, day, kind, path, tabled in zip(
        *(strings(frame[name]) for name in ("patient_id", "day", "kind", "path", "text")),
        strict=True,
    ):
        file = data.folder / path
        text = _text(file) if file.is_file() else None
        notes.append(Note(patient, int(day), kind, str(path), text, tabled))
    return sorted(notes, key=lambda note: (note.patient_id, note.day, note.kind))


def of_kind(notes: Sequence[Note], kind: str) -> list[tuple[Note, str]]:
    """The notes of a kind whose file is there, with its text."""
    return [(note, note.text) for note in notes if note.kind == kind and note.text is not None]


def _text(path: Path) -> str:
    try:
        return path.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise ConsilienceError(
            "the note cannot be read", where=path, got=error, wanted="UTF-8 text", remedy=REGENERATE
        ) from error


def rows_by_patient(data: Dataset, table: schemas.Table, patients: set[str]) -> Rows | None:
    """Rows of ``patients``; None where the dataset lacks the table."""
    frame = data.table(table)
    if frame is None:
        return None
    frame = frame[frame["patient_id"].isin(patients).to_numpy()]
    plain = frame.astype(object).where(frame.notna(), None)
    found: Rows = defaultdict(list)
    for row in plain.to_dict("records"):
        found[row["patient_id"]].append({str(name): value for name, value in row.items()})
    return found


def check_notes(data: Dataset, notes: Sequence[Note]) -> CheckResult:
    """notes.parquet carries the same text as the files."""
    tally = Tally("notes_table", "notes.parquet holds the text of the note files")
    for note in notes:
        tally.compare(
            note.text == note.tabled,
            note.patient_id,
            note.day,
            note.path,
            expected="the text of notes.parquet",
            found="no file" if note.text is None else "another text",
            message="note file and notes.parquet differ",
        )
    return tally.result()


def index_dates(data: Dataset) -> dict[str, dt.date]:
    """Calendar date of day 0 by patient."""
    frame = data.table(schemas.PATIENTS)
    if frame is None:
        return {}
    days = [pd.Timestamp(day).date() for day in frame["index_date"]]
    return dict(zip(strings(frame["patient_id"]), days, strict=True))


def check_dates(data: Dataset, notes: Sequence[Note]) -> CheckResult:
    """The first date of a note is its own, and no date in it is later."""
    tally = Tally("note_dates", "notes bear their own date, and none names a later day")
    zero = index_dates(data)
    for note in notes:
        if note.text is None or note.patient_id not in zero:
            tally.skip("no file, or no such patient")
            continue
        today = identifiers.calendar_date(zero[note.patient_id], note.day)
        dates = [dated.date for dated in find_dates(note.text)]
        if not dates:
            tally.skip("the note names no date")
            continue
        late = [date for date in dates if date > today]
        tally.compare(
            dates[0] == today and not late,
            note.patient_id,
            note.day,
            note.path,
            expected=f"{today}, and nothing later",
            found=", ".join(map(str, late)) or dates[0],
            message="the note speaks of a later day" if late else "the note bears another date",
        )
    return tally.result()
