"""CT chest reports for the language model: prompt, example, reading back.

The model writes findings and impression, which are all that states a fact of the patient; title,
indication, technique and comparison follow from request and protocol.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

from alignment.plan import EncounterPlan
from modalities.notes.compose import by_grammar, findings_section, frame, impression_section
from modalities.notes.grammar import Phrase
from modalities.notes.lm import prompt, space
from modalities.notes.lm.pairs import Pair
from modalities.notes.outline import Outline, outline
from modalities.notes.readback import Fault, read_back
from modalities.notes.report import Report

BETWEEN = "\n\n"
"""Between findings and impression."""


@dataclass(frozen=True)
class CtChest:
    """The kind ``ct_chest_report``."""

    name: str = "ct_chest_report"
    prefix: str = "CT chest report\n"

    def outline(self, plan: EncounterPlan, prior: EncounterPlan | None) -> Outline:
        """What the report says, from this visit and its prior alone."""
        return outline(plan, prior)

    def prompt(self, said: Outline) -> str:
        """Style, comparison, a line a fact, what is absent."""
        return prompt.prompt(said)

    def pair(self, said: Outline) -> Pair:
        """An example of the grammar."""
        text = findings_section(said).text + BETWEEN + impression_section(said).text
        return Pair(self.prefix + self.prompt(said), text)

    def by_grammar(self, said: Outline) -> Report:
        """The report in the grammar's words."""
        return by_grammar(said)

    def judge(
        self, said: Outline, draft: str, author: str
    ) -> tuple[Report | None, tuple[Fault, ...]]:
        """A draft as a whole report, read back; faults give their characters of the draft."""
        parts = draft.split(BETWEEN)
        if len(parts) != 2 or not all(part.strip() for part in parts):
            return None, (Fault("contradicts", "sections", f"{len(parts)} sections, not 2"),)
        whole = frame(said, *(Phrase(part.strip()) for part in parts))
        reading = read_back(said, whole.phrase.text, whole.sections)
        places = [len(parts[0]) - len(parts[0].lstrip()),
                  len(draft) - len(parts[1].lstrip())]  # fmt: skip
        return Report(whole.phrase.text, author, reading.facts), tuple(
            replace(fault, at=_in_draft(fault.at, whole.sections, places))
            for fault in reading.faults
        )

    def sample(self, seed: int, index: int, *, held: bool = False) -> Outline:
        """Of the sampled space of findings."""
        return outline(*space.case(seed, index, held=held))


def _in_draft(at: int, sections: Sequence[tuple[str, int, int]], places: Sequence[int]) -> int:
    """A character of the report as one of the draft, whose two sections begin at ``places``."""
    found = 0
    for (_, start, _), place in zip(sections, places, strict=True):
        if at >= start:
            found = place + at - start
    return found
