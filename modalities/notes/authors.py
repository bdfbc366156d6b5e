"""Who writes the reports of a run: the grammar, or a language model backed by the grammar."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol

from alignment.plan import EncounterPlan
from alignment.run import NotesOptions
from modalities.notes.compose import write_report
from modalities.notes.report import Written

Visit = tuple[EncounterPlan, EncounterPlan | None]


class Author(Protocol):
    """Writes the notes of many visits together."""

    @property
    def version(self) -> str:
        """Changes with the weights that write; what is half done by another is not gone on with."""

    def check(self) -> None:
        """Raise ConsilienceError where it could not write."""

    def write(self, visits: Sequence[Visit]) -> list[Written]:
        """One note a visit, in order; the same whatever else is in ``visits``."""


@dataclass(frozen=True)
class Grammar:
    """The grammar as author."""

    version = "grammar"

    def check(self) -> None:
        """Needs nothing."""

    def write(self, visits: Sequence[Visit]) -> list[Written]:
        """One report a visit."""
        return [Written(write_report(plan, prior)) for plan, prior in visits]


def choose(options: NotesOptions) -> Author:
    """The author that a run asks for; loads no weights."""
    if options.author == "grammar":
        return Grammar()
    from modalities.notes.lm.author import LanguageModel  # torch: only who needs it waits for it

    return LanguageModel(
        base_model=options.base_model,
        adapter=options.adapter,
        redraws=options.redraws,
        rows=options.batch,
        precision=options.precision,
    )
