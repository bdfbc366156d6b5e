"""Which of the common chest findings a report states, denies or suspects.

Any chest report, radiograph or CT; sizes and lesions are :mod:`eval.readers.report`'s. Sections are
split off first, spaCy splits sentences and matches the phrases of findings.yaml. A mention is denied
where a NegEx cue reaches it, historical where the sentence tells the past, possible or probable
where it hedges. Measured on 3,955 real reports: benchmarks/notes_reader.py.
"""

from __future__ import annotations

import importlib.resources
import re
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from functools import lru_cache
from itertools import pairwise

import spacy
import yaml
from spacy.language import Language
from spacy.matcher import PhraseMatcher
from spacy.tokens import Doc, Span
from spacy.util import filter_spans

from eval.readers import lexicon
from eval.readers.report import statements

_CUES: dict[str, tuple[str, ...]] = {
    "neg_before": lexicon.NEGATION_BEFORE,
    "neg_after": lexicon.NEGATION_AFTER,
    "pseudo": lexicon.NEGATION_PSEUDO,
    "neg_end": lexicon.NEGATION_END,
    "possible": lexicon.UNCERTAIN["possible"] + lexicon.POSSIBLE_BEFORE,
    "probable": lexicon.UNCERTAIN["probable"] + lexicon.PROBABLE_BEFORE,
    "possible_after": lexicon.POSSIBLE_AFTER,
    "past": lexicon.PAST,
    "gone": lexicon.CHANGES["resolved"] + lexicon.GONE,
    "right": lexicon.SIDES["right"],
    "left": lexicon.SIDES["left"],
    "bilateral": lexicon.SIDES["bilateral"],
}
_BREAK = re.compile(r";|\bbut\b|\bhowever\b|\bwhereas\b")
_COMMA_TOKENS = 4
"""A comma or conjunction between a describing word and its place counts as so many words."""
_REACH = 12
"""Words between a describing word and its place, at most."""


@dataclass(frozen=True, slots=True)
class ChestFinding:
    """One mention of a finding; ``finding``: a key of findings.yaml.

    ``present``: False where denied or gone; ``historical``: told as past, so not part of this
    study; ``certainty``: definite, probable, possible; ``side``: None where the text has none.
    """

    finding: str
    present: bool
    certainty: str
    historical: bool
    side: str | None
    section: str
    sentence: str

    @property
    def counts(self) -> bool:
        """Whether the report says that this study shows it; possible explanations do not."""
        return self.present and not self.historical and self.certainty != "possible"


def read_findings(text: str) -> tuple[ChestFinding, ...]:
    """Every mention in findings and impression, in order."""
    return tuple(
        _judged(mention, sentence, section)
        for section, sentence in _sentences(text)
        for mention in mentions(sentence)
    )


def present_findings(text: str) -> frozenset[str]:
    """Findings that at least one sentence states or suspects."""
    return frozenset(f.finding for f in read_findings(text) if f.counts)


def _sentences(text: str) -> Iterator[tuple[str, Span]]:
    nlp = _dictionary().nlp
    for statement in statements(text):
        for sentence in nlp(_spaced(statement.text)).sents:
            yield statement.section, sentence


@dataclass(frozen=True, slots=True)
class Mention:
    """A finding named in a sentence; ``start``, ``end``: tokens of the word that carries it."""

    finding: str
    start: int
    end: int


@dataclass(frozen=True)
class _Dictionary:
    nlp: Language
    findings: PhraseMatcher
    groups: PhraseMatcher
    cues: PhraseMatcher
    anchors: frozenset[str]
    pairs: dict[str, list[tuple[str, str]]]


@lru_cache(maxsize=1)
def _dictionary() -> _Dictionary:
    source = importlib.resources.files("eval.readers").joinpath("findings.yaml")
    data = yaml.safe_load(source.read_text(encoding="utf-8"))
    nlp = spacy.blank("en")
    nlp.add_pipe("sentencizer")
    phrases = {name: _plurals(entry.get("phrases", ())) for name, entry in data["findings"].items()}
    phrases["nothing"] = _plurals(data["nothing"])
    return _Dictionary(
        nlp,
        _matcher(nlp, phrases),
        _matcher(nlp, data["groups"]),
        _matcher(nlp, _CUES),
        frozenset(data["anchors"]),
        {
            name: [(anchor, word) for anchor, word in entry.get("pairs", ())]
            for name, entry in data["findings"].items()
        },
    )


def _matcher(nlp: Language, phrases: dict[str, Sequence[str]]) -> PhraseMatcher:
    matcher = PhraseMatcher(nlp.vocab, attr="LOWER")
    for name, values in phrases.items():
        matcher.add(name, [nlp.make_doc(_spaced(value)) for value in values])
    return matcher


def _plurals(phrases: Iterable[str]) -> list[str]:
    """Each phrase, and with its last word in the plural."""
    both = []
    for phrase in phrases:
        ending = {"y": phrase[:-1] + "ies", "s": phrase + "es", "h": phrase + "es"}
        both += [phrase, ending.get(phrase[-1], phrase + "s")]
    return both


def _spaced(text: str) -> str:
    """A hyphen or slash within a word as a space ("air-space"); one full stop for several."""
    return re.sub(r"(?<=[^\W\d])[-/](?=[^\W\d])", " ", re.sub(r"\.(?:\s*\.)+", ". ", text))


def mentions(sentence: Span) -> list[Mention]:
    """Findings that a sentence names, denied or not, by phrase or by place and describing word."""
    words = _dictionary()
    spans = words.findings(sentence, as_spans=True)
    nothing = [s for s in spans if s.label_ == "nothing"]
    found = []
    for name in {s.label_ for s in spans} - {"nothing"}:
        for span in filter_spans([s for s in spans if s.label_ == name]):
            if not any(n.start <= span.start and span.end <= n.end for n in nothing):
                found.append(Mention(name, span.start, span.end))
    found += _paired(sentence, nothing)
    return sorted(set(found), key=lambda m: (m.start, m.end, m.finding))


def _paired(sentence: Span, nothing: Sequence[Span]) -> Iterator[Mention]:
    """Mentions made of a place and a describing word that belongs to it."""
    words = _dictionary()
    spans = words.groups(sentence, as_spans=True)
    spans = [s for s in spans if not any(n.start <= s.start and s.end <= n.end for n in nothing)]
    anchors = filter_spans([s for s in spans if s.label_ in words.anchors])
    same = {(a.start, a.end) for a in anchors}
    anchors = [s for s in spans if s.label_ in words.anchors and (s.start, s.end) in same]
    for finding, pairs in words.pairs.items():
        for place, word in pairs:
            for described in filter_spans([s for s in spans if s.label_ == word]):
                for anchor in _belonging(described, anchors):
                    if anchor.label_ == place:
                        late = max(anchor, described, key=lambda s: s.start)
                        yield Mention(finding, late.start, late.end)


def _belonging(described: Span, anchors: Sequence[Span]) -> list[Span]:
    """The places that a word describes: the nearest, and those coordinated with it."""
    apart = [a for a in anchors if a.end <= described.start or described.end <= a.start]
    near = [(gap, a) for a in apart if (gap := _gap(a, described)) is not None]
    if not near:
        return []
    least = min(gap for gap, _ in near)
    nearest = [a for gap, a in near if gap == least]
    joined = [
        a for _, a in near if any(_coordinated(a, other) for other in nearest) and a not in nearest
    ]
    return nearest + joined


def _gap(a: Span, b: Span) -> int | None:
    """Words between two spans; None across a clause or too far."""
    first, second = (a, b) if a.start <= b.start else (b, a)
    between = first.doc[first.end : second.start]
    if len(between) > _REACH or _BREAK.search(between.text.lower()):
        return None
    return len(between) + _COMMA_TOKENS * sum(t.lower_ in (",", "and", "or", "with") for t in between)


def _coordinated(a: Span, b: Span) -> bool:
    first, second = (a, b) if a.start <= b.start else (b, a)
    between = [t.lower_ for t in first.doc[first.end : second.start]]
    return 0 < len(between) <= 3 and set(between) <= {"and", "or", ",", "the", "&"}


def _judged(mention: Mention, sentence: Span, section: str) -> ChestFinding:
    cues = _cues(sentence)
    denied = any(
        c.label_ in ("neg_before", "neg_after") and _reaches(c, mention, cues) for c in cues
    )
    gone = any(c.label_ == "gone" and _in_clause(c, mention, sentence) for c in cues)
    past = any(c.label_ == "past" and c.end <= mention.start for c in cues)
    sides = {c.label_ for c in cues if c.label_ in ("right", "left", "bilateral")}
    return ChestFinding(
        finding=mention.finding,
        present=not denied and not gone,
        certainty=_certainty(mention, cues),
        historical=past,
        side=sides.pop() if len(sides) == 1 else None,
        section=section,
        sentence=sentence.text,
    )


def _cues(sentence: Span) -> list[Span]:
    spans = _dictionary().cues(sentence, as_spans=True)
    kept: list[Span] = []
    for label in {s.label_ for s in spans}:
        kept += filter_spans([s for s in spans if s.label_ == label])
    pseudo = [s for s in kept if s.label_ == "pseudo"]
    return [
        s
        for s in kept
        if s.label_ not in ("neg_before", "neg_after")
        or not any(p.start <= s.start and s.end <= p.end for p in pseudo)
    ]


_BACKWARD = ("neg_after", "possible_after")


def _reaches(cue: Span, mention: Mention, cues: Sequence[Span]) -> bool:
    """NegEx: forward from a cue to a terminator, or backward from one that follows the mention."""
    if cue.label_ in _BACKWARD and mention.end <= cue.start:
        start, end = mention.end, cue.start
    elif cue.label_ not in _BACKWARD and cue.end <= mention.start:
        start, end = cue.end, mention.start
    else:
        return False
    return not any(c.label_ == "neg_end" and start <= c.start < end for c in cues)


def _certainty(mention: Mention, cues: Sequence[Span]) -> str:
    hedges = {c.label_ for c in cues if c.label_ != "neg_end" and _reaches(c, mention, cues)}
    if hedges & {"possible", "possible_after"}:
        return "possible"
    return "probable" if "probable" in hedges else "definite"


def _in_clause(cue: Span, mention: Mention, sentence: Span) -> bool:
    start, end = sorted((cue.start, mention.start))
    between: Doc = sentence.doc
    return _BREAK.search(between[start:end].text.lower()) is None
