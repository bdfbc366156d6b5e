"""What a CT report calls dominant, against the other lesions that it measures."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence

from eval.checks.asking import Ask
from eval.checks.notes import CT, Note, of_kind
from eval.readers.facts import Fact
from eval.readers.report import read_report
from eval.result import CheckResult, Tally

_LARGEST = re.compile(r"\bdominant\b", re.IGNORECASE)


def check_largest(notes: Sequence[Note]) -> CheckResult:
    """No lesion of a report is longer than the one that it calls dominant; fluid is no lesion."""
    tally = Tally("text_largest", "no lesion of a CT report is longer than the dominant one")
    for note, text in of_kind(notes, CT):
        for fact, longest in called_largest(text):
            Ask(note).that(
                tally, fact.long_mm == longest, expected=f"{longest:g} mm",
                found=f"{fact.long_mm:g} mm", words=fact.sentence,
                message="another lesion of the report is longer",
            )  # fmt: skip
    return tally.result()


def called_largest(text: str) -> Iterator[tuple[Fact, float]]:
    """The longest lesion of each sentence that says dominant, and the longest of the report, mm."""
    measured = [(f, f.long_mm) for f in read_report(text)
                if f.present and f.long_mm and f.site != "pleura"]  # fmt: skip
    longest = max((mm for _, mm in measured), default=0.0)
    called: dict[str, tuple[Fact, float]] = {}
    for fact, mm in measured:
        if _LARGEST.search(fact.sentence) and mm > called.get(fact.sentence, (fact, 0.0))[1]:
            called[fact.sentence] = fact, mm
    return ((fact, longest) for fact, _ in called.values())
