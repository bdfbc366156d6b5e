"""The base model without adapter, asked as a chat model: an instruction, an example, the facts."""

from __future__ import annotations

import re
from dataclasses import dataclass
from functools import cached_property

from modalities.notes.lm import base
from modalities.notes.lm.author import BARE, LanguageModel
from modalities.notes.lm.ct_chest import BETWEEN, CtChest
from modalities.notes.outline import Outline, outline
from note import judged, written

VISITS = 24
"""Few, since many of its drafts go on until their room is full."""
EXAMPLE = (1, 3)
"""Seed and index of a visit of the training space, with the report that the grammar wrote."""
_ASKED = (
    "Write the findings and the impression of a chest CT report that states exactly these facts, "
    "in the order in which they stand, and nothing else. Leave an empty line between the two.\n\n"
)
_FACTS = "<<facts>>"
_FINDINGS = re.compile(r"(?i)^\W*findings\W*:\W*")
_IMPRESSION = re.compile(r"(?i)\n\W*impression\W*(?=\w)")


@dataclass(frozen=True)
class Instructed(CtChest):
    """The same reports, asked for in the words of the model's own chat template."""

    @cached_property
    def asked(self) -> tuple[str, str]:
        """What stands before the facts, and after them."""
        plain = CtChest()
        said = plain.sample(*EXAMPLE)
        turns = [
            {"role": "user", "content": _ASKED + plain.prompt(said)},
            {"role": "assistant", "content": plain.pair(said).target},
            {"role": "user", "content": _ASKED + _FACTS},
        ]
        text = base.inspect().tokenizer.apply_chat_template(
            turns, tokenize=False, add_generation_prompt=True
        )
        before, _, after = text.partition(_FACTS)
        return before, after

    def prompt(self, said: Outline) -> str:
        """The facts, and the turn of the model."""
        return super().prompt(said) + self.asked[1]


def sections(text: str) -> list[str]:
    """Findings and impression, at the heading or else the last empty line; one where neither is."""
    text = _FINDINGS.sub("", text.strip())
    if heading := _IMPRESSION.search(text):
        parts = [text[: heading.start()], text[heading.end() :]]
    else:
        parts = text.rsplit("\n\n", 1)
    return [re.sub(r"\n\s*\n", "\n", part.strip()) for part in parts]


def first_drafts() -> tuple[int, int, int]:
    """Drafts that are true by the judge, that can be cut into two sections, all."""
    visits = written.visits(VISITS)
    said = [outline(*visit) for visit in visits]
    kind = Instructed(prefix=Instructed().asked[0])
    model = LanguageModel(adapter=BARE, redraws=0, rows=VISITS, kind=kind)
    reports = true = 0
    for visit, one, (draft, *_) in zip(visits, said, model.drafts(visits, said), strict=True):
        report, _ = CtChest().judge(one, BETWEEN.join(sections(draft.text)), "base")
        reports += report is not None
        true += report is not None and not judged.faults(*visit, report.text)
    return true, reports, len(visits)
