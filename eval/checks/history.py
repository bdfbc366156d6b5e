"""What imaging reports say before their findings, against patients, treatments and scans."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from alignment import identifiers, schemas
from eval.checks.asking import Ask
from eval.checks.clinic_course import drugs_of
from eval.checks.notes import CT, RADIOGRAPH, Note, Rows, index_dates, of_kind, rows_by_patient
from eval.checks.person import check_person
from eval.dataset import Dataset
from eval.readers.history import History, read_history
from eval.readers.person import read_person
from eval.readers.radiograph import header
from eval.result import CheckResult, Tally, results


def check_history(data: Dataset, notes: Sequence[Note]) -> list[CheckResult]:
    """Patient, line of therapy and comparison of CT and radiograph reports."""
    person = Tally("imaging_history", "histories of imaging reports are the patient's so far")
    before = Tally("imaging_comparison", "imaging reports compare with the study before")
    told = [*of_kind(notes, CT), *of_kind(notes, RADIOGRAPH)]
    patients = {note.patient_id for note, _ in told}
    people = rows_by_patient(data, schemas.PATIENTS, patients) or {}
    lines = rows_by_patient(data, schemas.TREATMENTS, patients)
    zero = index_dates(data)
    days: dict[tuple[str, str], list[int]] = {}
    for note, _ in told:
        days.setdefault((note.patient_id, note.kind), []).append(note.day)
    for note, text in told:
        if note.patient_id not in zero:
            person.skip("no such patient")
            continue
        ask, above = Ask(note), header(text)
        said = read_history(above)
        for row in people.get(note.patient_id, []):
            found = read_person(above)
            check_person(person, ask, found, row)
            early = note.day < 0 and not _begun(lines, note)
            for known in (found.histology, found.stage) if early else ():
                ask.that(person, known is None, expected="not known before day 0", found=known,
                         message="known before it was")  # fmt: skip
        if lines is None:
            person.skip("no table treatments")
        else:
            _check_lines(person, ask, said, _begun(lines, note), note.day)
        earlier = max((d for d in days[note.patient_id, note.kind] if d < note.day), default=None)
        last = (
            None if earlier is None else identifiers.calendar_date(zero[note.patient_id], earlier)
        )
        today = identifiers.calendar_date(zero[note.patient_id], note.day)
        compared = [date for date in said.compared if date != today]
        for date in compared:
            ask.that(before, date == last, expected=last, found=date,
                     message="compared with another study")  # fmt: skip
        if said.alone and not compared:
            ask.that(before, last is None, expected=last, found="no comparison",
                     message="the report denies the study before")  # fmt: skip
    return results([person, before])


def _begun(lines: Rows | None, note: Note) -> list[dict[str, Any]]:
    mine = (lines or {}).get(note.patient_id, [])
    return [row for row in mine if row["start_day"] <= note.day]


def _check_lines(
    tally: Tally, ask: Ask, said: History, begun: Sequence[dict[str, Any]], day: int
) -> None:
    """Lines named have begun, and ended or not as told; drugs named are of a line named, or of
    any where none is."""
    lines, drugs = said.lines, said.drugs
    for row in begun:
        stop = row["stop_day"]
        if row["line"] in said.under:
            ask.that(tally, stop is None or stop >= day, expected=f"line {row['line']} ended",
                     found="under way", message="a line that had ended")  # fmt: skip
        if row["line"] in said.ended:
            ask.that(tally, stop is not None and stop <= day, found="ended",
                     expected=f"line {row['line']} under way",
                     message="a line that had not ended")  # fmt: skip
    for line in lines:
        ask.that(tally, any(r["line"] == line for r in begun), found=f"line {line}",
                 expected=", ".join(f"line {r['line']}" for r in begun) or "no treatment so far",
                 message="a line of therapy that has not begun")  # fmt: skip
    held: set[str] = set()
    for row in begun:
        if not lines or row["line"] in lines:
            held |= drugs_of(row)
    if drugs:
        ask.that(tally, drugs <= held, expected=", ".join(sorted(held)) or "no drug",
                 found=", ".join(sorted(drugs)), message="drugs that were not given")  # fmt: skip
