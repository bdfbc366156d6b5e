"""Reads a chest radiograph report: opacities by side and zone, effusions, what is denied."""

from __future__ import annotations

import re
from dataclasses import dataclass

from eval.readers.prose import plain, sentences, without_dates

_FINDINGS = re.compile(r"^\W*findings\W*$|^\W*findings\s*:", re.IGNORECASE | re.MULTILINE)
_OPACITY = re.compile(r"\b(?:opacit(?:y|ies)|mass(?:es)?|nodules?|lesions?|consolidation)\b")
_EFFUSION = re.compile(r"\beffusions?\b|\bpleural fluid\b|costophrenic angles? are clear")
_SIDE = re.compile(r"\b(right|left|bilateral)\b")
_ZONE = re.compile(r"\b(upper|mid(?:dle)?|lower)\b(?: to \w+)?(?: lung)?(?: zone| lung|$|[ .,])")
_SIZE = re.compile(r"(\d+(?:\.\d+)?)(?: x \d+(?:\.\d+)?)? ?(mm|cm)\b")
_DENIED = re.compile(r"^(?:there is |are )?no (?!longer)|\bwithout (?:a |an |any )|are clear\b")
_CHANGES = {  # the first that is found counts
    "gone": r"no longer|has cleared|have cleared|resolved",
    "stable": r"(?:not clearly|without clear) chang|\bunchanged\b|\bstable\b|\bsimilar\b|persist",
    "new": r"\bnew\b",
    "larger": r"\blarger\b|\bincreas|\bgrown\b",
    "smaller": r"\bsmaller\b|\bdecreas|\bshrunk\b",
}


@dataclass(frozen=True, slots=True)
class ShadowFact:
    """``what``: opacity, effusion or pneumothorax; ``general``: about several at once."""

    what: str
    present: bool
    side: str | None
    zone: str | None
    size_mm: float | None
    change: str | None
    general: bool
    sentence: str


def read_radiograph(text: str) -> tuple[ShadowFact, ...]:
    """Facts of the findings and what follows them, in order."""
    start = _FINDINGS.search(text)
    found = []
    for sentence in sentences(text[start.end() :] if start else text):
        fact = _fact(sentence)
        if fact is not None:
            found.append(fact)
    return tuple(found)


def _fact(sentence: str) -> ShadowFact | None:
    said = plain(without_dates(sentence))
    what = (
        "pneumothorax" if "pneumothorax" in said
        else "effusion" if _EFFUSION.search(said) and "obscured" not in said
        else "opacity" if _OPACITY.search(said)
        else None
    )  # fmt: skip
    if what is None:
        return None
    side, zone, size = _SIDE.search(said), _ZONE.search(said), _SIZE.search(said)
    change = next((k for k, words in _CHANGES.items() if re.search(words, said)), None)
    return ShadowFact(
        what=what,
        present=not _DENIED.search(said) and change != "gone",
        side=side[1] if side else None,
        zone=zone[1][:3] if zone and what == "opacity" else None,
        size_mm=None if size is None else float(size[1]) * (10 if size[2] == "cm" else 1),
        change=change,
        general=bool(re.search(r"\bfurther\b.*\bopacities\b|\bseveral\b", said)),
        sentence=sentence,
    )
