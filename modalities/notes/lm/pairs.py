"""Pairs of prompt and note to learn from, as token ids and in batches."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True, slots=True)
class Pair:
    """What the model is told (with the prefix) and what it must write."""

    prompt: str
    target: str


@dataclass(frozen=True, slots=True)
class Tokens:
    """A pair as token ids; ``target`` ends with the end token."""

    prompt: tuple[int, ...]
    target: tuple[int, ...]

    @property
    def length(self) -> int:
        """Tokens in all."""
        return len(self.prompt) + len(self.target)


def tokens(pair: Pair, tokenizer: Any, end: int) -> Tokens:
    """Prompt and target apart, so that both are cut alike in training and in writing."""
    asked = tokenizer(pair.prompt, add_special_tokens=False)["input_ids"]
    told = tokenizer(pair.target, add_special_tokens=False)["input_ids"]
    return Tokens(tuple(asked), (*told, end))


def vocabulary(written: Sequence[Tokens]) -> tuple[int, ...]:
    """The token ids that occur in targets, in order: all that the model need ever write."""
    return tuple(sorted({token for pair in written for token in pair.target}))


def micro_batches(pairs: Sequence[Tokens], budget: int) -> list[list[Tokens]]:
    """Pairs of like length together, each group at most ``budget`` tokens with its padding."""
    groups: list[list[Tokens]] = []
    for pair in sorted(pairs, key=lambda p: (p.length, p.prompt, p.target)):
        if groups and (len(groups[-1]) + 1) * pair.length <= budget:
            groups[-1].append(pair)
        else:
            groups.append([pair])
    return groups
