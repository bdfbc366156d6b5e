"""What the report reader works with: facts, matched phrases and statements."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Fact:
    """One statement about a finding.

    ``site``: as in the lesions table, None where the text names no place; sizes in mm;
    ``present`` False where denied or gone; ``generic``: about a group of lesions, or about
    lesions other than those described.
    """

    site: str | None
    lobe: str | None
    side: str | None
    long_mm: float | None
    short_mm: float | None
    prior_mm: float | None
    change: str | None
    present: bool
    certainty: str
    generic: bool
    section: str
    sentence: str


@dataclass(frozen=True, slots=True)
class Mention:
    """A matched phrase in a sentence, by character."""

    kind: str
    value: str
    start: int
    end: int
    text: str


@dataclass(frozen=True, slots=True)
class Statement:
    """A run of sentences under one label such as "Pleura:"; ``organs`` are the label's."""

    section: str
    text: str
    organs: tuple[str, ...]
