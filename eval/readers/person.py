"""Reads who a note is about: age, sex, histology, smoking, stage; what it says of the days to come.

For notes of every kind. Words by meaning, not by place: a letter may say "he" and never "man".
"""

from __future__ import annotations

import re
from dataclasses import dataclass

from eval.readers.prose import MONTHS, plain, sentences, without_dates

_NUMBER_WORD = r"(\d{1,3})"
_AGE = re.compile(
    rf"\b{_NUMBER_WORD}[- ](?:year|yr)s?[- ]old\b|\bage[d:]?:? {_NUMBER_WORD}\b"
    rf"|\b{_NUMBER_WORD} years of age\b|\b{_NUMBER_WORD} ?y/?o\b|\b(\d{{2}})(?-i:[MF])\b",
    re.IGNORECASE,
)
_AT_DIAGNOSIS = re.compile(r"^[^.;,]{0,30}\b(?:at|when) (?:first )?diagnos", re.IGNORECASE)
_SEXES = {
    "male": re.compile(r"\b(?:man|male|gentleman|mr|he|his|him|himself)\b", re.IGNORECASE),
    "female": re.compile(r"\b(?:woman|female|lady|mrs|ms|she|her|hers|herself)\b", re.IGNORECASE),
}
_SHORT_SEX = re.compile(r"\b\d{2,3}[- ]?(?:year[- ]old |yo )?([MF])\b")
_HISTOLOGIES = {  # the first that is found counts
    "adenosquamous": r"adenosquamous",
    "adenocarcinoma": r"adenocarcinoma|\badenoca\b",
    "squamous": r"(?<!non)(?<!non-)\bsquamous|\bscc\b|\bsqcc\b",
    "large_cell": r"large[- ]cell",
    "nos": r"non[- ]?small[- ]cell|\bnsclc\b",
}
_SMOKING = {  # the first that is found counts
    "never": r"never[- ]?(?:a )?smok|non[- ]?smok|(?:has )?never smoked|lifelong non",
    "former": r"(?:former|ex|previous|past)[- ]?smok|\bquit\b|stopped smoking|gave up smoking",
    "current": r"(?:current|active|continuing)(?:ly)?[- ]?smok|\bsmoker\b|still smok|smokes",
}
_PACKS = re.compile(r"(\d+(?:\.\d+)?)[- ]?(?:pack[- ]years?|py\b)", re.IGNORECASE)
_STAGE = re.compile(r"\b(?i:stage):? (0|I{1,3}V?|IV)([ABC]?\d?)\b")
_FORETOLD = re.compile(
    r"\b(?:will|shall|is going to|are going to|is due to|is bound to) (?:\w+ )?"
    r"(?:start|begin|switch|change|progress|relapse|recur|die|stop|discontinue|develop|respond)"
    r"|\b(?:progression|progressive disease|recurrence|relapse|death|response) "
    r"(?:\w+ )?(?:is |was |are )?(?:expected|anticipated|foreseen|predicted|imminent)"
    r"|\bgoes on to |\bwent on to (?:progress|relapse|die)|\bexpected to (?:progress|relapse|die)"
)
_MONTH = re.compile(
    rf"\b({'|'.join(MONTHS)})(?:uary|ruary|ch|il|e|y|ust|t|tember|ober|ember)?\b(?: (\d{{4}}))?",
    re.IGNORECASE,
)


@dataclass(frozen=True, slots=True)
class Person:
    """What a note says of its patient; None or empty where it says nothing.

    ``at_diagnosis``: the age is that of the diagnosis; ``sexes``: every one that a word implies.
    """

    age: int | None
    at_diagnosis: bool
    sexes: frozenset[str]
    histology: str | None
    smoking: str | None
    pack_years: float | None
    stage: str | None


def read_person(text: str) -> Person:
    """The patient, as the whole text describes them; the first statement of each kind counts."""
    age = _AGE.search(text)
    said = plain(text)
    sexes = {sex for sex, words in _SEXES.items() if words.search(text)}
    if short := _SHORT_SEX.search(text):
        sexes.add("male" if short[1] == "M" else "female")
    packs, stage = _PACKS.search(text), _STAGE.search(text)
    return Person(
        age=int(next(n for n in age.groups() if n)) if age else None,
        at_diagnosis=bool(age and _AT_DIAGNOSIS.search(text[age.end() :])),
        sexes=frozenset(sexes),
        histology=next((k for k, w in _HISTOLOGIES.items() if re.search(w, said)), None),
        smoking=next((k for k, w in _SMOKING.items() if re.search(w, said)), None),
        pack_years=float(packs[1]) if packs else None,
        stage=stage[1] + stage[2] if stage else None,
    )


def foretold(text: str, year: int, month: int) -> list[str]:
    """Sentences that tell what is to come, or name a month after the given one."""
    found = []
    for sentence in sentences(text):
        bare = without_dates(sentence)
        later = [
            m for m in _MONTH.finditer(bare)
            if m[2] and (int(m[2]), MONTHS.index(m[1].lower()) + 1) > (year, month)
        ]  # fmt: skip
        if later or _FORETOLD.search(plain(bare)):
            found.append(sentence)
    return found
