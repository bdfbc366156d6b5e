"""A kind of note, as the language model's author needs it; another kind is one more such module."""

from __future__ import annotations

from typing import Any, Protocol

from alignment.plan import EncounterPlan
from modalities.notes.lm.pairs import Pair
from modalities.notes.readback import Fault
from modalities.notes.report import Report


class Kind(Protocol):
    """Facts to prompt, grammar to target text, and the reading back of a draft."""

    @property
    def name(self) -> str:
        """As ``notes.parquet`` names it: ``ct_chest_report``."""

    @property
    def prefix(self) -> str:
        """Opens every prompt; its keys and values are computed once."""

    def outline(self, plan: EncounterPlan, prior: EncounterPlan | None) -> Any:
        """What the note says, from this visit and its prior alone."""

    def prompt(self, said: Any) -> str:
        """The prompt after the prefix."""

    def pair(self, said: Any) -> Pair:
        """Prefix and prompt, and what the grammar writes: an example to learn from."""

    def by_grammar(self, said: Any) -> Report:
        """The note in the grammar's words."""

    def judge(self, said: Any, draft: str, author: str) -> tuple[Report | None, tuple[Fault, ...]]:
        """A draft as a whole note, read back; None where it is not a note at all."""

    def sample(self, seed: int, index: int, *, held: bool = False) -> Any:
        """The outline of sample ``index`` of the space of facts; ``held``: never trained on."""
