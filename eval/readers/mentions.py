"""Where a sentence names a chest finding: phrases, and places with a word that describes them.

The dictionary is findings.yaml; spaCy tokenises and matches. Nothing here judges a mention: whether
it is denied, hedged or past is :mod:`eval.readers.findings`'.
"""

from __future__ import annotations

import importlib.resources
import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import yaml
from spacy.language import Language
from spacy.matcher import PhraseMatcher
from spacy.tokens import Span
from spacy.util import filter_spans

_BREAKS = (";", "but", "however", "whereas")
_BARRIERS = (",", "and", "or", "with")
_BARRIER_WORDS = 4
"""A comma or conjunction between a describing word and its place counts as so many words more."""
_REACH = 12
"""Words between a describing word and its place, at most."""


@dataclass(frozen=True, slots=True)
class Mention:
    """A finding named in a text; ``start``, ``end``: tokens of the word that carries it."""

    finding: str
    start: int
    end: int


def load() -> dict[str, Any]:
    """The dictionary as in the file."""
    source = importlib.resources.files("eval.readers").joinpath("findings.yaml")
    data: dict[str, Any] = yaml.safe_load(source.read_text(encoding="utf-8"))
    return data


def spaced(text: str) -> str:
    """A hyphen or slash within a word as a space ("air-space"); one full stop for several.

    "CANNOT" in small letters, in which alone spaCy splits it.
    """
    text = re.sub("cannot", "cannot", text, flags=re.IGNORECASE)
    return re.sub(r"(?<=[^\W\d])[-/](?=[^\W\d])", " ", re.sub(r"\.(?:\s*\.)+", ". ", text))


def plurals(phrases: Iterable[str]) -> list[str]:
    """Each phrase, and with its last word in the plural."""
    both = []
    for phrase in phrases:
        ending = {"y": phrase[:-1] + "ies", "s": phrase + "es", "h": phrase + "es"}
        both += [phrase, ending.get(phrase[-1], phrase + "s")]
    return both


class Dictionary:
    """The phrases of findings.yaml as matchers over one vocabulary."""

    def __init__(self, nlp: Language) -> None:
        data = load()
        findings: dict[str, Any] = data["findings"]
        self.names = tuple(findings)
        self._nlp = nlp
        phrases = {name: plurals(entry.get("phrases", ())) for name, entry in findings.items()}
        self._phrases = self._matcher(phrases | {"nothing": plurals(data["nothing"])})
        self._words = self._matcher(data["groups"])
        self._anchors = frozenset(data["anchors"])
        self._outside = {name: frozenset(e.get("outside", ())) for name, e in findings.items()}
        self._pairs = [
            (name, place, word)
            for name, e in findings.items()
            for place, word in e.get("pairs", ())
        ]

    def _matcher(self, phrases: Mapping[str, Sequence[str]]) -> PhraseMatcher:
        matcher = PhraseMatcher(self._nlp.vocab, attr="LOWER")
        for name, values in phrases.items():
            matcher.add(name, [self._nlp.make_doc(spaced(value)) for value in values])
        return matcher

    def mentions(self, sentence: Span) -> list[Mention]:
        """Findings that a sentence names, denied or not."""
        spans: list[Span] = self._phrases(sentence, as_spans=True)
        nothing = [s for s in spans if s.label_ == "nothing"]
        words = [s for s in self._words(sentence, as_spans=True) if not _within(s, nothing)]
        places = [w for w in words if w.label_ in self._anchors]
        longest = {(p.start, p.end) for p in filter_spans(places)}
        places = [p for p in places if (p.start, p.end) in longest]
        found = set(self._paired(words, places))
        for name in {s.label_ for s in spans} - {"nothing"}:
            for span in filter_spans([s for s in spans if s.label_ == name]):
                if _within(span, nothing) or _elsewhere(span, places, self._outside[name]):
                    continue
                found.add(Mention(name, span.start, span.end))
        return sorted(found, key=lambda m: (m.start, m.end, m.finding))

    def _paired(self, words: Sequence[Span], places: Sequence[Span]) -> Iterator[Mention]:
        """Mentions made of a place and a describing word that belongs to it."""
        groups: dict[str, list[Span]] = {}
        for span in words:
            groups.setdefault(span.label_, []).append(span)
        named = {place.label_ for place in places}
        for finding, place, word in self._pairs:
            if place not in named or word not in groups:
                continue
            for described in filter_spans(groups[word]):
                for owner in _owners(described, places):
                    if owner.label_ == place:
                        late = max(owner, described, key=lambda s: s.start)
                        yield Mention(finding, late.start, late.end)


def _within(span: Span, covers: Sequence[Span]) -> bool:
    return any(c.start <= span.start and span.end <= c.end for c in covers)


def _elsewhere(span: Span, places: Sequence[Span], outside: frozenset[str]) -> bool:
    """Whether all places near it are places in which the words mean something else."""
    near = {p.label_ for p in places if not _within(p, [span]) and _gap(p, span) is not None}
    return bool(near) and near <= outside


def _owners(described: Span, places: Sequence[Span]) -> list[Span]:
    """The places that a word describes: the nearest, and those coordinated with it."""
    apart = [p for p in places if p.end <= described.start or described.end <= p.start]
    near = [(gap, p) for p in apart if (gap := _gap(p, described)) is not None]
    least = min((gap for gap, _ in near), default=0)
    nearest = [p for gap, p in near if gap == least]
    return [p for _, p in near if p in nearest or any(_coordinated(p, n) for n in nearest)]


def _gap(a: Span, b: Span) -> int | None:
    """Words between two spans; None across a clause or too far."""
    first, second = (a, b) if a.start <= b.start else (b, a)
    if second.start - first.end > _REACH:
        return None
    between = [t.lower_ for t in first.doc[first.end : second.start]]
    if any(word in _BREAKS for word in between):
        return None
    return len(between) + _BARRIER_WORDS * sum(word in _BARRIERS for word in between)


def _coordinated(a: Span, b: Span) -> bool:
    first, second = (a, b) if a.start <= b.start else (b, a)
    between = [t.lower_ for t in first.doc[first.end : second.start]]
    return 0 < len(between) <= 3 and set(between) <= {"and", "or", ",", "the", "&"}
