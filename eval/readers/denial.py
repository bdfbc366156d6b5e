"""Which words of a sentence are denied: NegEx (negspacy) over words that a pattern finds.

For clinic notes and molecular reports; chest findings have :mod:`eval.readers.findings`.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from functools import lru_cache

import spacy
from negspacy.negation import Negex
from spacy.language import Language
from spacy.tokens import Span

from eval.readers import lexicon
from eval.readers.wording import load

_SPANS = "words"
_MATCHING = re.compile(
    r"\b(not (?:consistent|compatible|in keeping)|inconsistent|incompatible) with\b", re.IGNORECASE
)
PLAIN, GENES = "denied_here", "denied_gene"
"""The cues of NegEx and the lexicon, and those of lists of genes."""


@lru_cache(maxsize=1)
def _tools() -> tuple[Language, dict[str, Negex]]:
    nlp = spacy.blank("en")
    own = load()["genes"]
    before = [cue for cue in lexicon.NEGATION_BEFORE if cue not in own["dropped"]]
    cues = {
        PLAIN: ([*lexicon.NEGATION_BEFORE, *load()["denied"]], lexicon.NEGATION_AFTER,
                [*lexicon.NEGATION_PSEUDO, *load()["not_denied"]], lexicon.NEGATION_END),
        GENES: ([*before, *own["before"]], own["after"], own["pseudo"], own["end"]),
    }  # fmt: skip
    judges = {name: Negex(nlp, name, _termset(*lists), extension_name=name, span_keys=[_SPANS])
              for name, lists in cues.items()}  # fmt: skip
    return nlp, judges


def _termset(
    before: Sequence[str], after: Sequence[str], pseudo: Sequence[str], end: Sequence[str]
) -> dict[str, list[str]]:
    names = ("preceding_negations", "following_negations", "pseudo_negations", "termination")
    lists = (before, after, pseudo, [*end, ";"])
    return {n: [apart(cue) for cue in cues] for n, cues in zip(names, lists, strict=True)}


def apart(text: str) -> str:
    """Hyphens and slashes between letters or digits as spaces: no character is moved.

    So is the "with" of "not consistent with", which for NegEx would end the denial.
    """
    text = re.sub(r"(?<=\w)[-/–](?=\w)", " ", text)
    return _MATCHING.sub(lambda found: found[1] + " " * (len(found[0]) - len(found[1])), text)


def judged(
    text: str, words: re.Pattern[str], cues: str = PLAIN
) -> Iterator[tuple[re.Match[str], bool]]:
    """Every match of the pattern in one sentence, and whether it is denied."""
    matches = list(words.finditer(text))
    if not matches:
        return
    nlp, judges = _tools()
    doc = nlp(apart(text))
    for token in doc:
        token.is_sent_start = token.i == 0
    spans: list[Span | None] = [
        doc.char_span(m.start(), m.end(), label="WORD", alignment_mode="expand") for m in matches
    ]
    doc.spans[_SPANS] = [span for span in spans if span is not None]
    judges[cues](doc)
    for match, span in zip(matches, spans, strict=True):
        yield match, span is not None and bool(getattr(span._, cues))


def denies(text: str, words: re.Pattern[str]) -> bool:
    """Whether a sentence denies any of the words."""
    return any(denied for _, denied in judged(text, words))


def states(text: str, words: re.Pattern[str]) -> bool:
    """Whether a sentence has any of the words without denying it."""
    return any(not denied for _, denied in judged(text, words))
