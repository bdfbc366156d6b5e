"""One note's questions: compare what it says with what the tables hold."""

from __future__ import annotations

from dataclasses import dataclass

from eval.checks.notes import Note
from eval.result import Tally


@dataclass(frozen=True, slots=True)
class Ask:
    """Counts comparisons about one note."""

    note: Note

    def that(
        self, tally: Tally, holds: bool, *, expected: object, found: object, message: str,
        words: str = "",
    ) -> None:  # fmt: skip
        """One comparison; ``words``: the sentence that it is about."""
        where = f"{self.note.path}: {_quote(words)}" if words else self.note.path
        tally.compare(
            holds, self.note.patient_id, self.note.day, where,
            expected=expected, found=found, message=message,
        )  # fmt: skip

    def same(self, tally: Tally, found: object, expected: object, what: str) -> None:
        """A stated value against the table's; nothing is counted where the note says nothing."""
        if found is None:
            return
        self.that(tally, found == expected, expected=expected, found=found,
                  message=f"{what} differs")  # fmt: skip


def _quote(words: str) -> str:
    return words if len(words) <= 160 else words[:157] + "..."
