"""A patient rule: its IRI and the predicate that finds the rows which break it."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from eval.rules.tables import Bools, Rows, Tables

BASE = "https://consilience.dev/rule/"

Broken = list[tuple[Rows, Bools]]
"""Rows of a table and which of them break the rule."""


@dataclass(frozen=True, slots=True)
class Rule:
    """One rule. ``reads``: tables it looks at; ``check``: the rows that break it.

    ``tolerance``: share of patients that may break it; above 0 the rule is one of the cohort,
    and in a single patient a warning.
    """

    name: str
    reads: tuple[str, ...]
    check: Callable[[Tables], Broken]
    tolerance: float = 0.0

    @property
    def iri(self) -> str:
        """The IRI under which ontology/graph/rules.ttl states the same rule in SHACL."""
        return BASE + self.name
