"""Reads a chest radiograph report: opacities by side and zone, effusions, what is denied.

Whether a sentence states its finding is judged by :mod:`eval.readers.findings` where that knows the
word; zone, size and change are read here.
"""

from __future__ import annotations

import re
from dataclasses import dataclass

from eval.readers.findings import ChestFinding, read_findings
from eval.readers.prose import plain, sentences, without_dates

SAME = {
    "opacity": ("opacity", "nodule"),
    "effusion": ("effusion", "blunted_angle"),
    "pneumothorax": ("pneumothorax",),
}
"""Findings of findings.yaml that each word here stands for."""
_FILLED = re.compile(r"consolidat|pneumoni|infiltrat|air ?space|alveolar|oedema|edema")
"""Opacities that are no lesion."""
_BEYOND = re.compile(r"\bct\b|more sensitive|may not be (?:shown|seen|visible)")
"""What the study cannot show, or another study does."""
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


def header(text: str) -> str:
    """What stands before the findings: title, history, technique, comparison."""
    start = _FINDINGS.search(text)
    return text[: start.start()] if start else ""


def read_radiograph(text: str) -> tuple[ShadowFact, ...]:
    """Facts of the findings and what follows them, in order."""
    start = _FINDINGS.search(text)
    found = []
    for sentence in sentences(text[start.end() :] if start else text):
        found += _facts(sentence)
    return tuple(found)


def _facts(sentence: str) -> list[ShadowFact]:
    """One fact of each kind that the sentence speaks of."""
    said = plain(without_dates(sentence))
    kinds = [
        what for what, speaks in (
            ("opacity", _OPACITY.search(said)),
            ("effusion", _EFFUSION.search(said) and "obscured" not in said),
            ("pneumothorax", "pneumothora" in said),
        ) if speaks
    ]  # fmt: skip
    side, zone, size = _SIDE.search(said), _ZONE.search(said), _SIZE.search(said)
    change = next((k for k, words in _CHANGES.items() if re.search(words, said)), None)
    return [
        ShadowFact(
            what=what,
            present=_present(sentence, said, what) and change != "gone",
            side=side[1] if side else None,
            zone=zone[1][:3] if zone and what == "opacity" else None,
            size_mm=float(size[1]) * (10 if size[2] == "cm" else 1)
            if size and what == "opacity" else None,
            change=change,
            general=bool(re.search(r"\bfurther\b.*\bopacities\b|\bseveral\b", said)),
            sentence=sentence,
        )
        for what in kinds
    ]  # fmt: skip


def _present(sentence: str, said: str, what: str) -> bool:
    clauses = [c for c in sentence.split(";") if not _BEYOND.search(plain(c))]
    read = read_findings("FINDINGS: " + ";".join(clauses))
    mentions = [f for f in read if f.finding in SAME[what]]
    if mentions:
        return any(f.stated for f in mentions)
    return not _DENIED.search(said)


def unexpected(text: str) -> tuple[ChestFinding, ...]:
    """Findings stated that are neither opacity or nodule nor of the pleural space."""
    known = {finding for same in SAME.values() for finding in same}
    return tuple(
        found
        for found in read_findings(text)
        if found.stated and (found.finding not in known or _FILLED.search(found.words.lower()))
    )


_BONE = re.compile(
    r"\b(?:ribs?|bon[ey]s?|osseous|vertebra\w*|clavicle|scapula|sternum|humer\w+)\b[^.]*?"
    r"\b(?:destruct\w+|destroyed|lytic|sclerotic|metasta\w+|ero(?:sion|ded)|lesions?)\b"
    r"|\b(?:lytic|sclerotic|destructive)\b[^.]*?\b(?:ribs?|bon[ey]|vertebra\w*|clavicle|scapula)\b",
)


def bone_sentences(text: str) -> list[str]:
    """Sentences of the findings that state a destruction of bone."""
    start = _FINDINGS.search(text)
    return [
        sentence
        for sentence in sentences(text[start.end() :] if start else text)
        if _BONE.search(plain(sentence)) and not _DENIED.search(plain(sentence))
    ]
