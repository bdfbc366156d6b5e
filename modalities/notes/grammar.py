"""A small attributed grammar that writes text and remembers where each fact stands in it.

An alternative of a rule is written as text with four notations:

``<rule>``        expand another rule
``{slot}``        the value of a slot, of the type that the grammar declares for it
``[kind ...]``    what stands inside states a fact of that kind
``@a``            "a" or "an", by the sound of what follows

A guard limits an alternative to scopes with certain features: ``"short !prior unit=mm|cm"`` wants
``short`` non-empty, ``prior`` empty or missing, and ``unit`` one of two values. Among the
alternatives that pass, one is drawn with probability proportional to its weight. The grammar has
no recursion, so every derivation ends and the derivations of a scope can be counted.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, NamedTuple

import numpy as np

from modalities.notes.report import FactKind, FactSpan
from ontology.errors import ConsilienceError, nearest

OPEN, CLOSE = "\ue000", "\ue001"  # private-use characters: no clinical text holds them
_MARKS = f"[{OPEN}{CLOSE}]*"
_TOKEN = re.compile(r"<([a-z_]+)>|\{([a-z_]+)\}|\[([a-z_]+) |(\])|([^<{\[\]]+)")
_ARTICLE = re.compile(rf"@a([\s{OPEN}{CLOSE}]+)([\w.]+)")
# Said with a vowel first: eight, eleven, eighteen, eighty; the letters R and L of a lobe; a-o, un-.
_VOWEL_SOUND = re.compile(r"(8\d?(\.|$)|1[18](\.|$)|[RL][UML]L\b|[aeioAEIO]|[uU](?!ni[^nm]|se|su))")


class Tag(NamedTuple):
    """A fact without its place: whose, of which kind, and its value in the plan's words."""

    finding_id: str
    kind: FactKind
    value: str


@dataclass(frozen=True, slots=True)
class Phrase:
    """Text with a pair of marks around every stated fact; ``tags`` in order of opening."""

    marked: str
    tags: tuple[Tag, ...] = ()

    def __post_init__(self) -> None:
        counts = self.marked.count(OPEN), self.marked.count(CLOSE), len(self.tags)
        if len(set(counts)) != 1:
            raise ConsilienceError("marks and facts of a phrase differ in number", got=counts)

    @property
    def text(self) -> str:
        """The text without marks."""
        return self.marked.replace(OPEN, "").replace(CLOSE, "")

    def tagged(self, tags: Iterable[Tag]) -> Phrase:
        """The same text, stating each of ``tags`` as a whole."""
        outer = tuple(tags)
        marked = OPEN * len(outer) + self.marked + CLOSE * len(outer)
        return Phrase(marked, outer + self.tags)

    def spans(self) -> tuple[FactSpan, ...]:
        """Where each fact stands in :attr:`text`; in order of start, outer before inner."""
        found: list[FactSpan | None] = []
        opened: list[tuple[int, int]] = []
        place = 0
        for character in self.marked:
            if character == OPEN:
                opened.append((len(found), place))
                found.append(None)
            elif character == CLOSE:
                index, start = opened.pop()
                found[index] = FactSpan(*self.tags[index], start, place)
            else:
                place += 1
        return tuple(span for span in found if span is not None)


def join(phrases: Iterable[Phrase], between: str = "") -> Phrase:
    """The phrases one after the other."""
    parts = list(phrases)
    return Phrase(
        between.join(part.marked for part in parts),
        tuple(tag for part in parts for tag in part.tags),
    )


def polish(phrase: Phrase) -> Phrase:
    """Settle the articles and take out the spaces that empty expansions leave behind."""
    text = _ARTICLE.sub(_article, phrase.marked)
    text = re.sub(rf" +(?={_MARKS}[ ,.;:)])", "", text)
    text = re.sub(rf"((?:^|(?<=[( ])){_MARKS}) +", r"\1", text)
    return Phrase(text.strip(" "), phrase.tags)


def sentence(phrase: Phrase, end: str = ".") -> Phrase:
    """A polished phrase with a capital at its start and ``end`` at its end."""
    done = polish(phrase)
    text = re.sub(rf"^{_MARKS}[a-z]", lambda found: found[0].upper(), done.marked)
    return Phrase(text + end, done.tags)


def _article(found: re.Match[str]) -> str:
    article = "an" if _VOWEL_SOUND.match(found[2]) else "a"
    return f"{article}{found[1]}{found[2]}"


@dataclass(frozen=True, slots=True)
class Scope:
    """What is known where a rule is expanded.

    ``features`` steer the guards; ``slots`` fill ``{slot}``; ``facts`` are what ``[kind ...]``
    states, none, one or (a shared "no") several.
    """

    features: Mapping[str, str] = field(default_factory=dict)
    slots: Mapping[str, object] = field(default_factory=dict)
    facts: Mapping[str, tuple[Tag, ...]] = field(default_factory=dict)

    def with_features(self, **features: str) -> Scope:
        """The same scope with some features set."""
        return Scope({**self.features, **features}, self.slots, self.facts)


@dataclass(frozen=True, slots=True)
class _Guard:
    feature: str
    values: frozenset[str]  # empty: any non-empty value
    negated: bool

    @classmethod
    def parse(cls, word: str) -> _Guard:
        name, _, values = word.removeprefix("!").partition("=")
        return cls(name, frozenset(filter(None, values.split("|"))), word.startswith("!"))

    def holds(self, features: Mapping[str, str]) -> bool:
        value = features.get(self.feature, "")
        return (value in self.values if self.values else bool(value)) != self.negated


class _Node(NamedTuple):
    """A piece of an alternative: what it is, its name or text, and what a fact encloses."""

    kind: str  # text, rule, slot, fact
    name: str
    inside: tuple[_Node, ...] = ()


class Alternative:
    """One way to write a rule: its text, how often, and in which scopes."""

    __slots__ = ("guards", "nodes", "text", "weight")

    def __init__(self, text: str, when: str = "", weight: float = 1.0) -> None:
        if not weight > 0:
            raise ConsilienceError("weight of an alternative", where=repr(text), got=weight,
                                   wanted="a number above 0")  # fmt: skip
        self.text = text
        self.weight = weight
        self.guards = tuple(_Guard.parse(word) for word in when.split())
        self.nodes = _parse(text)

    def allows(self, features: Mapping[str, str]) -> bool:
        """Whether every guard holds."""
        return all(guard.holds(features) for guard in self.guards)


def _parse(text: str) -> tuple[_Node, ...]:
    stack: list[tuple[str, list[_Node]]] = [("", [])]
    place = 0
    while place < len(text):
        found = _TOKEN.match(text, place)
        if found is None:
            raise ConsilienceError("unreadable notation", where=repr(text), got=text[place:])
        place = found.end()
        rule, slot, opened, closed, literal = found.groups()
        if opened:
            stack.append((opened, []))
        elif closed:
            if len(stack) == 1:
                raise ConsilienceError("']' without '['", where=repr(text))
            kind, inside = stack.pop()
            stack[-1][1].append(_Node("fact", kind, tuple(inside)))
        else:
            named = ("rule", rule) if rule else ("slot", slot) if slot else ("text", literal)
            stack[-1][1].append(_Node(*named))
    if len(stack) > 1:
        raise ConsilienceError("'[' without ']'", where=repr(text), got=stack[-1][0])
    return tuple(stack[0][1])


class Grammar:
    """Rules, and the slots and features that they may use; valid once constructed.

    ``slots``: the type of each slot. ``writers``: how a value of a type is written, given the
    features; ``str`` and :class:`Phrase` need none. Raises ConsilienceError that lists every
    unknown or unused name, every type without a writer and every recursion.
    """

    def __init__(
        self,
        name: str,
        rules: Mapping[str, Sequence[Alternative]],
        *,
        starts: Sequence[str],
        slots: Mapping[str, type],
        features: Iterable[str],
        writers: Mapping[type, Callable[[Any, Mapping[str, str]], str]],
    ) -> None:
        self.name = name
        self.rules = {rule: tuple(alternatives) for rule, alternatives in rules.items()}
        self.slots = dict(slots)
        self.features = frozenset(features)
        self.writers = dict(writers)
        self._check(starts)

    def expand(self, rule: str, scope: Scope, rng: np.random.Generator) -> Phrase:
        """One drawn derivation of ``rule``.

        Raises ConsilienceError where no alternative fits the scope, or a slot or fact is missing.
        """
        return self._write(self._draw(rule, scope, rng).nodes, scope, rng, rule)

    def count(self, rule: str, scope: Scope) -> int:
        """How many derivations ``rule`` has in ``scope`` (distinct texts may be fewer)."""
        total = 0
        for alternative in self._fitting(rule, scope):
            ways = 1
            for node in _walk(alternative.nodes):
                if node.kind == "rule":
                    ways *= self.count(node.name, scope)
            total += ways
        return total

    def _fitting(self, rule: str, scope: Scope) -> tuple[Alternative, ...]:
        if rule not in self.rules:
            raise ConsilienceError(
                "unknown rule", where=self.name, got=rule, wanted=nearest(rule, self.rules)
            )
        return tuple(alt for alt in self.rules[rule] if alt.allows(scope.features))

    def _draw(self, rule: str, scope: Scope, rng: np.random.Generator) -> Alternative:
        fitting = self._fitting(rule, scope)
        if not fitting:
            raise ConsilienceError(
                "no alternative fits",
                where=f"{self.name}, rule '{rule}'",
                got={name: value for name, value in scope.features.items() if value},
            )
        mark = rng.random() * sum(alt.weight for alt in fitting)
        for alternative in fitting:
            mark -= alternative.weight
            if mark < 0:
                return alternative
        return fitting[-1]

    def _write(
        self, nodes: Sequence[_Node], scope: Scope, rng: np.random.Generator, rule: str
    ) -> Phrase:
        parts: list[Phrase] = []
        for node in nodes:
            if node.kind == "text":
                parts.append(Phrase(node.name))
            elif node.kind == "rule":
                parts.append(self.expand(node.name, scope, rng))
            elif node.kind == "slot":
                parts.append(self._fill(node.name, scope, rule))
            elif node.name not in scope.facts:
                raise self._missing("fact", node.name, rule, scope.facts)
            else:
                inside = self._write(node.inside, scope, rng, rule)
                parts.append(inside.tagged(scope.facts[node.name]))
        return join(parts)

    def _fill(self, slot: str, scope: Scope, rule: str) -> Phrase:
        if slot not in scope.slots:
            raise self._missing("slot", slot, rule, scope.slots)
        value, wanted = scope.slots[slot], self.slots[slot]
        if not isinstance(value, wanted):
            raise ConsilienceError(
                f"slot '{slot}' has the wrong type",
                where=f"{self.name}, rule '{rule}'",
                got=repr(value),
                wanted=wanted.__name__,
            )
        if isinstance(value, Phrase):
            return value
        written = value if isinstance(value, str) else self.writers[wanted](value, scope.features)
        if OPEN in written or CLOSE in written:
            raise ConsilienceError(f"slot '{slot}' holds a mark", got=repr(written))
        return Phrase(written)

    def _missing(
        self, what: str, name: str, rule: str, known: Mapping[str, object]
    ) -> ConsilienceError:
        return ConsilienceError(
            f"{what} '{name}' is not in the scope",
            where=f"{self.name}, rule '{rule}'",
            wanted=", ".join(sorted(known)) or "none",
        )

    def _check(self, starts: Sequence[str]) -> None:
        faults: list[str] = []
        used: dict[str, set[str]] = {"rule": set(starts), "slot": set(), "feature": set()}
        for rule, alternatives in self.rules.items():
            if not alternatives:
                faults.append(f"rule '{rule}' has no alternative")
            for alternative in alternatives:
                used["feature"] |= {guard.feature for guard in alternative.guards}
                for node in _walk(alternative.nodes):
                    if node.kind in used:
                        used[node.kind].add(node.name)
        known = {"rule": set(self.rules), "slot": set(self.slots), "feature": set(self.features)}
        for what, names in used.items():
            faults += [
                f"{what} '{name}' is used but not declared: {nearest(name, known[what])}"
                for name in sorted(names - known[what])
            ]
            faults += [
                f"{what} '{name}' is declared but not used" for name in sorted(known[what] - names)
            ]
        faults += [
            f"slot '{slot}' is of type {kind.__name__}, which has no writer"
            for slot, kind in self.slots.items()
            if kind not in (str, Phrase) and kind not in self.writers
        ]
        faults += self._recursions()
        if faults:
            raise ConsilienceError(
                "the grammar does not hold together", where=self.name, got="; ".join(faults)
            )

    def _recursions(self) -> list[str]:
        faults: list[str] = []
        done: set[str] = set()

        def visit(rule: str, path: tuple[str, ...]) -> None:
            if rule in path:
                faults.append("recursion: " + " > ".join((*path[path.index(rule) :], rule)))
            elif rule not in done and rule in self.rules:
                for alternative in self.rules[rule]:
                    for node in _walk(alternative.nodes):
                        if node.kind == "rule":
                            visit(node.name, (*path, rule))
                done.add(rule)

        for rule in self.rules:
            visit(rule, ())
        return faults


def _walk(nodes: Sequence[_Node]) -> Iterator[_Node]:
    for node in nodes:
        yield node
        yield from _walk(node.inside)
