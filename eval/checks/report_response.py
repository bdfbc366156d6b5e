"""The response that a CT report names, against tables/responses."""

from __future__ import annotations

from collections.abc import Sequence

from alignment import schemas
from eval.checks.asking import Ask
from eval.checks.lookup import INVESTIGATOR
from eval.checks.notes import CT, Note, of_kind, rows_by_patient
from eval.dataset import Dataset
from eval.readers.report import statements
from eval.readers.responses import named_responses
from eval.result import CheckResult, Tally


def check_report_response(data: Dataset, notes: Sequence[Note]) -> CheckResult:
    """A report names no other response than the investigator's of its day, if it names one."""
    tally = Tally("text_response", "CT reports name the response of tables/responses")
    told = of_kind(notes, CT)
    rows = rows_by_patient(data, schemas.RESPONSES_TABLE, {note.patient_id for note, _ in told})
    if rows is None:
        tally.skip("no table of responses", len(told))
        return tally.result()
    for note, text in told:
        held = next((r["overall_response"] for r in rows.get(note.patient_id, [])
                     if r["day"] == note.day and r["assessor"] == INVESTIGATOR), None)  # fmt: skip
        check_named(tally, Ask(note), text, held)
    return tally.result()


def check_named(tally: Tally, ask: Ask, text: str, held: str | None) -> None:
    """One report; ``held``: the response of the day, None where nothing was assessed."""
    named = [n for part in statements(text) for n in named_responses(part.text)]
    for response, sentence in named:
        ask.that(tally, response == held, expected=held or "no assessment", found=response,
                 words=sentence, message="another response than the table's")  # fmt: skip
