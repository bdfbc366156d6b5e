"""What the authors of notes share: keyed draws, weighted picks, lists, the writing of rules."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Mapping, Sequence
from typing import TypeVar

import numpy as np

from alignment.noise import Noise
from modalities.notes.grammar import Grammar, Phrase, Scope, Tag, join, sentence
from modalities.notes.report import FactKind

Choices = tuple[tuple[str, float], ...]
"""Names and their weights."""
DATES: dict[str, Choices] = {
    "uk": (("iso", 0.3), ("day_first", 0.7)),
    "us": (("iso", 0.3), ("month_first", 0.7)),
}
"""Forms of dates by spelling."""

Name = TypeVar("Name", bound=str)
Draw = Callable[[str], np.random.Generator]
"""A generator of its own for each part of a note."""


def keyed(seed: int, stream: str, patient_index: int, day: int) -> Draw:
    """Draws keyed by (seed, stream, patient, day, part)."""
    noise = Noise(seed, stream)

    def draw(part: str) -> np.random.Generator:
        slot = int.from_bytes(hashlib.sha256(part.encode()).digest()[:6], "big")
        return noise.generator(patient_index, step=day, slot=slot)

    return draw


def pick(rng: np.random.Generator, choices: Sequence[tuple[Name, float]]) -> Name:
    """One of the names, with probability proportional to its weight."""
    mark = rng.random() * sum(weight for _, weight in choices)
    for name, weight in choices:
        mark -= weight
        if mark < 0:
            return name
    return choices[-1][0]


def styled(rng: np.random.Generator, choices: Mapping[str, Choices]) -> dict[str, str]:
    """One of each style, in order, and a form of dates that goes with the spelling."""
    style = {name: pick(rng, weighted) for name, weighted in choices.items()}
    return {**style, "dates": pick(rng, DATES[style["spelling"]])}


def listed(parts: Sequence[Phrase], word: str = "and") -> Phrase:
    """``a, b and c``."""
    if len(parts) == 1:
        return parts[0]
    return join([join(parts[:-1], ", "), parts[-1]], f" {word} ")


def flag(value: object) -> str:
    """A feature that is there or not."""
    return "yes" if value else ""


def tags(of: str, **values: object) -> dict[str, tuple[Tag, ...]]:
    """Tags of the values that are there, all about ``of``; their names are kinds of facts."""
    found: dict[str, tuple[Tag, ...]] = {}
    for kind, value in values.items():
        if value is not None and value != "":
            named: FactKind = kind  # type: ignore[assignment]
            found[kind] = (Tag(of, named, str(value)),)
    return found


class Writer:
    """A note in the making: its grammar, its style, and draws of its own for each rule."""

    def __init__(self, grammar: Grammar, style: Mapping[str, str], draw: Draw) -> None:
        self.grammar, self.style, self.draw = grammar, style, draw

    def expand(self, rule: str, scope: Scope, part: str = "") -> Phrase:
        """One rule; ``part`` tells its uses apart."""
        return self.grammar.expand(rule, scope, self.draw(f"{rule} {part}"))

    def line(self, rule: str, scope: Scope, part: str = "") -> Phrase:
        """The same as a sentence."""
        return sentence(self.expand(rule, scope, part))
