"""Who a note is about, as read by :mod:`eval.readers.person`, against tables/patients."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from alignment import identifiers
from eval.checks.asking import Ask
from eval.checks.notes import Note, index_dates
from eval.dataset import Dataset
from eval.readers.person import Person, foretold
from eval.result import CheckResult, Tally

YEAR = 365.25
LEEWAY = 2
"""Days around a birthday-like anniversary on which both ages hold: leap years."""
PACKS = 0.5
"""Pack-years are told in whole numbers."""


def ages(index_age: int, day: int) -> set[int]:
    """Ages that hold on a day: the index age and the whole years since."""
    return {index_age + max(0, int((day + shift) // YEAR)) for shift in (-LEEWAY, LEEWAY)}


def check_person(
    tally: Tally, ask: Ask, said: Person, row: Mapping[str, Any], required: Sequence[str] = ()
) -> None:
    """What is said of the patient holds, and what is ``required`` is said.

    ``required``: any of age, sex, histology, stage.
    """
    if said.age is not None or "age" in required:
        allowed = {row["age"]} if said.at_diagnosis else ages(row["age"], ask.note.day)
        ask.that(tally, said.age in allowed, expected=" or ".join(map(str, sorted(allowed))),
                 found=said.age, message="the age differs")  # fmt: skip
    if said.sexes or "sex" in required:
        ask.that(tally, said.sexes == {row["sex"]}, expected=row["sex"],
                 found=" and ".join(sorted(said.sexes)) or None,
                 message="the sex differs")  # fmt: skip
    for name in ("histology", "stage"):
        found = getattr(said, name)
        if found is not None or name in required:
            ask.that(tally, found == row[name], expected=row[name], found=found,
                     message=f"the {name} differs")  # fmt: skip
    ask.same(tally, said.smoking, row["smoking_status"], "the smoking status")
    if said.pack_years is not None:
        ask.that(tally, abs(said.pack_years - row["pack_years"]) <= PACKS,
                 expected=row["pack_years"], found=said.pack_years,
                 message="the pack-years differ")  # fmt: skip


def check_foretold(data: Dataset, notes: Sequence[Note]) -> CheckResult:
    """No note tells what is to come, with a date or without."""
    tally = Tally("note_future", "notes do not foretell: no event to come, no later month")
    zero = index_dates(data)
    for note in notes:
        if note.text is None or note.patient_id not in zero:
            tally.skip("no file, or no such patient")
            continue
        today = identifiers.calendar_date(zero[note.patient_id], note.day)
        told = foretold(note.text, today.year, today.month)
        Ask(note).that(tally, not told, expected="nothing of the days to come",
                       found="; ".join(told) or None, message="the note foretells")  # fmt: skip
    return tally.result()
