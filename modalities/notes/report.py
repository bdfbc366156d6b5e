"""What an author of reports returns: the text, who wrote it, and where each fact stands in it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal, get_args

from ontology.errors import ConsilienceError

FactKind = Literal[
    "finding", "side", "lobe", "size", "prior_size", "change", "negation", "certainty",
    "zone", "obscured",
    "stage", "histology", "driver", "tps", "tmb", "recurrence",
    "line", "regimen", "start", "stop", "stop_reason", "cycles", "dose", "step",
    "toxicity", "grade", "symptom", "none", "ecog", "weight", "weight_change",
    "lab", "prior_lab", "trend", "response", "scan", "sum", "new_lesion",
    "gene", "hgvs_c", "hgvs_p", "vaf", "not_detected",
]  # fmt: skip
"""First what images show, then a radiograph's own, then what clinic notes and molecular reports
say."""
KINDS: tuple[str, ...] = get_args(FactKind)


@dataclass(frozen=True, slots=True)
class FactSpan:
    """One fact of the plan and the characters ``text[start:end]`` that state it.

    ``value`` is the plan's own word: the concept (``finding``, ``negation``), ``right`` (``side``),
    ``RUL`` (``lobe``), ``24x18`` or ``24`` in whole mm, long axis first (``size``,
    ``prior_size``), ``larger`` (``change``), ``probable`` (``certainty``). Facts may share or nest
    their characters: ``RUL`` states side and lobe.
    """

    finding_id: str
    kind: FactKind
    value: str
    start: int
    end: int

    def __post_init__(self) -> None:
        if self.kind not in KINDS:
            raise ConsilienceError(
                "unknown kind of fact", where=self.finding_id, got=self.kind, wanted=KINDS
            )
        if not 0 <= self.start < self.end:
            raise ConsilienceError(
                "empty span of a fact",
                where=f"{self.finding_id} {self.kind}",
                got=f"{self.start} to {self.end}",
                wanted="0 <= start < end",
            )


@dataclass(frozen=True, slots=True)
class Report:
    """One report. ``author``: ``grammar`` or the language model's name; ``facts`` in text order."""

    text: str
    author: str
    facts: tuple[FactSpan, ...]

    def __post_init__(self) -> None:
        if not self.text.strip() or not self.author:
            raise ConsilienceError(
                "a report needs a text and an author", got=(self.text[:20], self.author)
            )
        outside = [fact for fact in self.facts if fact.end > len(self.text)]
        if outside:
            raise ConsilienceError(
                "facts lie outside the text",
                got=outside,
                wanted=f"ends of at most {len(self.text)} characters",
            )

    def words(self, fact: FactSpan) -> str:
        """The characters that state ``fact``."""
        return self.text[fact.start : fact.end]


@dataclass(frozen=True, slots=True)
class Written:
    """A report and how it came about.

    ``draws``: number of the draft kept, from 1, or of all where none was and the grammar wrote; 0
    where none was asked. ``model``: digests of base and adapter, empty likewise.
    """

    report: Report
    draws: int = 0
    model: str = ""
