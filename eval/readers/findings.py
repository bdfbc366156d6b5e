"""Which of the common chest findings a report states, denies or suspects.

For any chest report, radiograph or CT; lesions and sizes are :mod:`eval.readers.report`'s. Sections
are split off first; :mod:`eval.readers.mentions` finds the mentions; negspacy's NegEx says how far
a cue reaches, once each for denied, gone, possible, probable and past. Our cues, those of negspacy
and what possible explanations are worth: rows of benchmarks/notes_reader.py, on real reports.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import lru_cache

import spacy
from negspacy.negation import Negex
from spacy.language import Language
from spacy.matcher import PhraseMatcher
from spacy.tokens import Doc, Span
from spacy.util import filter_spans

from eval.readers import lexicon
from eval.readers.mentions import Dictionary, load, spaced
from eval.readers.report import statements

_SPANS = "findings"
_JUDGEMENTS = ("denied", "gone", "possible", "probable", "past")
_SIDES = ("right", "left", "bilateral")


@dataclass(frozen=True, slots=True)
class ChestFinding:
    """One mention of a finding; ``finding``: a key of findings.yaml.

    ``present``: False where denied or gone; ``certainty``: definite, probable or possible;
    ``past``: told as history; ``side``: right, left, bilateral, or None where the text has none.
    """

    finding: str
    present: bool
    certainty: str
    past: bool
    side: str | None
    section: str
    sentence: str
    words: str = ""

    @property
    def stated(self) -> bool:
        """Whether the report says that this study shows it; possible explanations do not."""
        return self.present and not self.past and self.certainty != "possible"


@dataclass(frozen=True)
class _Tools:
    nlp: Language
    dictionary: Dictionary
    judges: dict[str, Negex]
    sides: PhraseMatcher


@lru_cache(maxsize=1)
def _tools() -> _Tools:
    nlp = spacy.blank("en")
    nlp.add_pipe("sentencizer")
    sides = PhraseMatcher(nlp.vocab, attr="LOWER")
    for side in _SIDES:
        # RUL, "left lower lobe", "lingula" say the side too.
        lobes = [lobe for lobe in lexicon.LOBES if lobe[0] == side[0].upper()]
        phrases = [*lexicon.SIDES[side], *(p for lobe in lobes for p in lexicon.LOBES[lobe])]
        sides.add(side, [nlp.make_doc(spaced(phrase)) for phrase in phrases])
    judges = {
        name: Negex(nlp, name, _termset(name), extension_name=name, span_keys=[_SPANS])
        for name in _JUDGEMENTS
    }
    return _Tools(nlp, Dictionary(nlp), judges, sides)


def _termset(judgement: str) -> dict[str, list[str]]:
    """Cues of one judgement in the form that negspacy takes."""
    own = load()["cues"][judgement]
    before, after, pseudo = (list(own.get(key, ())) for key in ("before", "after", "pseudo"))
    if judgement == "denied":
        before += lexicon.NEGATION_BEFORE
        after += lexicon.NEGATION_AFTER
        pseudo += lexicon.NEGATION_PSEUDO
    elif judgement == "gone":
        after += lexicon.CHANGES["resolved"]
    elif judgement in lexicon.UNCERTAIN:
        dropped = own.get("dropped", ())
        before += [cue for cue in lexicon.UNCERTAIN[judgement] if cue not in dropped]
    # A terminator within a cue would cut it: "may be compatible with", "could be secondary to".
    ends = [e for e in lexicon.NEGATION_END if not any(cue.endswith(f" {e}") for cue in before)]
    return {
        "preceding_negations": [spaced(cue) for cue in before],
        "following_negations": [spaced(cue) for cue in after],
        "pseudo_negations": [spaced(cue) for cue in pseudo],
        "termination": [*ends, ";"],
    }


def read_findings(text: str) -> tuple[ChestFinding, ...]:
    """Every mention in findings and impression, in order."""
    return tuple(found for section, doc in _documents(text) for found in _judged(section, doc))


def stated_findings(text: str) -> frozenset[str]:
    """Findings that at least one sentence states."""
    return frozenset(found.finding for found in read_findings(text) if found.stated)


def words_stated(text: str, words: re.Pattern[str]) -> list[bool]:
    """Of every match in one sentence of :func:`prose.plain` text: whether it is stated, that is
    neither denied nor gone, possible or past."""
    tools = _tools()
    doc = tools.nlp(spaced(text))
    spans = [
        doc.char_span(m.start(), m.end(), label="word", alignment_mode="expand")
        for m in words.finditer(doc.text)
    ]
    doc.spans[_SPANS] = [span for span in spans if span is not None]
    for judge in tools.judges.values():
        judge(doc)
    against = ("denied", "gone", "possible", "past")
    return [
        not any(getattr(span._, name) for name in against) for span in spans if span is not None
    ]


def _documents(text: str) -> Iterator[tuple[str, Doc]]:
    """Section and statement, its mentions marked as spans."""
    tools = _tools()
    for statement in statements(text):
        doc = tools.nlp(spaced(statement.text))
        doc.spans[_SPANS] = [
            Span(doc, mention.start, mention.end, label=mention.finding)
            for sentence in doc.sents
            for mention in tools.dictionary.mentions(sentence)
        ]
        yield statement.section, doc


def _judged(section: str, doc: Doc) -> Iterator[ChestFinding]:
    tools = _tools()
    spans = list(doc.spans[_SPANS])
    if not spans:
        return
    for judge in tools.judges.values():
        judge(doc)
    sides = filter_spans(tools.sides(doc, as_spans=True))
    for span in spans:
        sentence = span.sent
        possible, probable = span._.possible, span._.probable
        yield ChestFinding(
            finding=span.label_,
            present=not (span._.denied or span._.gone),
            certainty="possible" if possible else "probable" if probable else "definite",
            past=span._.past,
            side=_side(span, [s for s in sides if _inside(s, sentence)]),
            section=section,
            sentence=sentence.text,
            words=span.text,
        )


def _inside(span: Span, sentence: Span) -> bool:
    return bool(sentence.start <= span.start < sentence.end)


def _side(span: Span, sides: Sequence[Span]) -> str | None:
    """The nearest side of those named in the sentence; of two as near, the one before."""
    nearest = min(
        sides,
        key=lambda s: (max(span.start - s.end, s.start - span.end), s.start),
        default=None,
    )
    return nearest.label_ if nearest is not None else None
