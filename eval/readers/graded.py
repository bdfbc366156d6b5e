"""Reads adverse events and symptoms with their CTCAE grades from one sentence."""

from __future__ import annotations

import re
from collections.abc import Collection
from dataclasses import dataclass

from eval.readers.prose import plain
from eval.readers.wording import digits, phrases

_ROMAN = {"I": 1, "II": 2, "III": 3, "IV": 4, "V": 5}
GRADE = re.compile(
    r"\(?\b(?:(?:NCI[- ])?CTC(?:AE)?(?: v\.? ?\d(?:\.\d)?)?,?[ -])?"
    r"(?:(?:at |of |to )?(?:[Gg]rade|GRADE|[Gg]r\.?)[ -]?|G)([1-5]|IV|I{1,3}|V)\b\)?"
    r"|\(?\bCTC(?:AE)? ([1-5])\b(?!\.\d)\)?"
)
SEVERITIES = ("mild", "moderate", "severe")
NOTICED = "weight loss noticed by the patient"
"""A symptom, which scales may not confirm."""
_NOTICED = re.compile(rf"\b({'|'.join(SEVERITIES)}) weight loss", re.IGNORECASE)
_CHANGED = re.compile(
    r"(?:from|previously|was|initially) (?:a )?(?:grade |G)[1-5],?\s*(?:to|now|is now|->|→) "
    r"(?:grade |G)?(?=[1-5])",
)
_LEAD = re.compile(
    r"^.*?(?::(?! ?(?:grade |G)[1-5])| by |\breports |\bcomplains of |\bpresents with |\bincluded? "
    r"|\bdescribes |\bsuffer(?:s|ing) from |\bdeveloped |\bexperienc(?:es|ed|ing) |\bwith "
    r"|\bhas (?:had )?(?:a |an |some |ongoing |persistent )?)",
    re.IGNORECASE,
)
_ITEMS = re.compile(r",\s+|;\s+|\band\b|\bplus\b|\bas well as\b|\balong with\b|\btogether with\b")
_SYMPTOM = re.compile(r"\b(?:symptoms?|sx|reports|complains of|presents with)\b")
_SHARED = re.compile(r"\b(?:both|each|all|either)\b", re.IGNORECASE)
_STOP = frozenset(
    (
        "a",
        "an",
        "the",
        "of",
        "at",
        "to",
        "is",
        "was",
        "were",
        "are",
        "has",
        "have",
        "had",
        "with",
        "persistent",
        "ongoing",
        "some",
        "now",
        "still",
        "only",
        "her",
        "his",
        "both",
        "all",
        "each",
        "settled",
        "remains",
        "by",
    )
)


@dataclass(frozen=True, slots=True)
class GradedFact:
    """An adverse event or symptom with its CTCAE grade, in one spelling."""

    name: str
    grade: int
    symptom: bool
    earlier: bool
    sentence: str


def grade_of(match: re.Match[str]) -> int:
    """The number that a match of GRADE states."""
    written = match[1] or match[2]
    return _ROMAN.get(written) or int(written)


def read_graded(sentence: str, vocabulary: Collection[str]) -> list[GradedFact]:
    """Every "grade 2 nausea", "nausea (grade 2)" or "G2 nausea" of an enumeration."""
    if noticed := _NOTICED.search(sentence):
        severity = SEVERITIES.index(noticed[1].lower()) + 1
        return [GradedFact(NOTICED, severity, True, False, sentence)]
    text = _CHANGED.sub("grade ", digits(sentence))
    if not GRADE.search(text):
        return []
    said = plain(sentence)
    earlier = bool(phrases("earlier").search(said)) and text == digits(sentence)
    found: list[tuple[str, int]] = []
    lead = _LEAD.match(text)
    body = text[lead.end() :] if lead and GRADE.search(text, lead.end()) else text
    if lead and body is not text and _known(text[: lead.end()], vocabulary):
        body = text  # "Anaemia: grade 2", "Nausea has been grade 1"
    waiting: list[str] = []
    for item in _ITEMS.split(body):
        grade = GRADE.search(item)
        if grade is None:
            waiting.append(item)
            continue
        found += [(name, grade_of(grade)) for name in _names(item, grade, waiting, vocabulary)]
        waiting = []
    symptom = _is_symptom(said, [name for name, _ in found])
    return [GradedFact(name, g, symptom, earlier, sentence) for name, g in found]


def _names(
    item: str, grade: re.Match[str], waiting: list[str], vocabulary: Collection[str]
) -> list[str]:
    """What a grade is of: the rest of its item, or items before it that have none."""
    before = plain(item[: grade.start()])
    if phrases("bounded").search(before[-16:] or " ") or re.match(
        r"\W*(?:or (?:higher|above|worse|more)|toxicit|adverse|side eff)", item[grade.end() :]
    ):
        return []
    rest = f"{item[: grade.start()]} {item[grade.end() :]}"
    if own := _known(rest, vocabulary):
        if _SHARED.search(item):
            return [*filter(None, (_known(w, vocabulary) for w in waiting)), own]
        return [own]
    if _SHARED.search(rest):
        return [name for name in (_known(w, vocabulary) for w in waiting) if name]
    bare = plain(rest).rpartition(":")[2].strip(" .()-")
    words = [w for w in bare.split() if w not in _STOP]
    if not words and waiting:
        last = plain(waiting[-1]).strip(" .()-")
        return [_known(waiting[-1], vocabulary) or " ".join(last.split()[-4:])]
    return [" ".join(words[-4:])]


def _known(text: str, vocabulary: Collection[str]) -> str:
    said = plain(text)
    known = [name for name in vocabulary if re.search(rf"\b{re.escape(name)}\b", said)]
    return max(known, key=len, default="")


def _is_symptom(said: str, names: list[str]) -> bool:
    if _SYMPTOM.search(said):
        return True
    if phrases("event_words").search(said):
        return False
    if phrases("symptom_words").search(said):
        return True
    return bool(names) and all(phrases("disease_symptoms").search(name) for name in names)
